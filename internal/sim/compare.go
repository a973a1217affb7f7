package sim

import (
	"context"
	"fmt"
	"slices"

	"millrace/shards"
)

// SameFiles wants the commit logs of two corpora to name the same shard files, and those of got to be what
// their log says. A name carries the first offset and the SHA-256. It gives the number of files.
func SameFiles(ctx context.Context, want, got string) (int, error) {
	a, err := shardNames(want)
	if err != nil {
		return 0, err
	}
	b, err := shardNames(got)
	if err != nil {
		return 0, err
	}
	if len(a) == 0 || !slices.Equal(a, b) {
		return len(a), fmt.Errorf("%d files here, %d there, and they are not the same", len(a), len(b))
	}
	return len(a), Check(ctx, got)
}

func shardNames(dir string) ([]string, error) {
	t, err := shards.Open(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range t.Entries() {
		for _, f := range e.Files {
			names = append(names, "data/"+f.Name)
		}
		for _, f := range e.Rejects {
			names = append(names, "rejects/"+f.Name)
		}
	}
	return names, nil
}

// Inputs counts the rows, kept or not, that are committed.
func Inputs(dir string) (int64, error) {
	t, err := shards.Open(dir)
	if err != nil {
		return 0, err
	}
	return t.Tally().In, nil
}

// Check recomputes a corpus and gives its first problem as an error.
func Check(ctx context.Context, dir string) error {
	r, err := shards.Check(ctx, dir)
	if err != nil {
		return err
	}
	if !r.OK {
		return fmt.Errorf("check finds %d problems, the first: %+v", len(r.Problems), r.Problems[0])
	}
	return nil
}
