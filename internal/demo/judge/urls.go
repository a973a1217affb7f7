package judge

import "fmt"

// URLs counts the rows of each URL, kept or not. A file that cannot be read is an error.
func URLs(dir string) (map[string]int, error) {
	r := Report{Reasons: map[string]int{}}
	t, err := readTable(dir, &r)
	if err != nil {
		return nil, err
	}
	if len(r.Problems) > 0 {
		return nil, fmt.Errorf("read corpus %s: %s", dir, r.Problems[0])
	}
	urls := map[string]int{}
	for u, rows := range t.byURL {
		urls[u] = len(rows)
	}
	return urls, nil
}
