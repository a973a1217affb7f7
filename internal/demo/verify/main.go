// Command verify holds the end of the demo against what must be true of it, for .ci/demo. What comes in
// are the demo's JSON lines, the last one its summary; what goes out is a line for each thing that is
// wrong, and exit code 1 if there is one. Read in this order: main.go, summary.go, figure.go.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	figures := flag.String("figures", "", "file with the stored number of kept rows")
	write := flag.Bool("write", false, "store this run's number there instead of comparing")
	goSum := flag.String("go-sum", "go.sum", "the go.sum that the demo was built with")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(4)
	}
	if err := run(flag.Arg(0), *figures, *goSum, *write); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run(file, figures, goSum string, write bool) error {
	s, err := lastSummary(file)
	if err != nil {
		return err
	}
	problems := s.check()
	if figures != "" {
		now, err := newFigure(goSum, s.Rows)
		if err != nil {
			return err
		}
		if write {
			if err := now.store(figures); err != nil {
				return err
			}
		} else if err := now.compare(figures); errors.Is(err, errOther) {
			fmt.Println(err)
		} else if err != nil {
			problems = append(problems, err.Error())
		}
	}
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, "verify:", p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d things are wrong with %s", len(problems), file)
	}
	fmt.Printf("demo: %d fetched, %d rows, %d rejects, %d failed, %d kills, %.0f s: as it must be\n",
		s.Fetched, s.Rows, s.Rejects, s.Failed, s.Kills, s.Seconds)
	return nil
}

// lastSummary reads the summary from the last of a file's JSON lines.
func lastSummary(file string) (*summary, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	var last []byte
	for lines.Scan() {
		last = append(last[:0], lines.Bytes()...)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	var s summary
	if err := json.Unmarshal(last, &s); err != nil {
		return nil, fmt.Errorf("last line of %s: %w", file, err)
	}
	if s.Type != "summary" {
		return nil, fmt.Errorf("last line of %s has type %q, want summary", file, s.Type)
	}
	return &s, nil
}
