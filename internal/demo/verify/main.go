// Command verify holds the end of the demo against what must be true of it, for .ci/demo. What comes in
// are the demo's JSON lines, the last one its summary, and the files that it left; what goes out is a line
// for each thing that is wrong, and exit code 1 if there is one.
//
// Read in this order: main.go, summary.go, judged.go, figure.go.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"millrace/internal/demo/judge"
)

// options are the flags.
type options struct {
	corpus  string // the corpus that the demo made
	site    string // where the website left access.log and planted.json
	figures string // the stored number of kept rows
	goSum   string
	write   bool
}

func main() {
	var o options
	flag.StringVar(&o.corpus, "corpus", "", "the demo's corpus, for the judge")
	flag.StringVar(&o.site, "site", "", "folder with the website's access.log and planted.json, for the judge")
	flag.StringVar(&o.figures, "figures", "", "file with the stored number of kept rows")
	flag.StringVar(&o.goSum, "go-sum", "go.sum", "the go.sum that the demo was built with")
	flag.BoolVar(&o.write, "write", false, "store this run's number of kept rows instead of comparing it")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(4)
	}
	if err := run(flag.Arg(0), o); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run(file string, o options) error {
	s, err := lastSummary(file)
	if err != nil {
		return err
	}
	problems := s.check()
	if o.corpus != "" {
		r, err := judge.Judge(o.corpus, filepath.Join(o.site, "access.log"), filepath.Join(o.site, "planted.json"))
		if err != nil {
			return fmt.Errorf("judge: %w", err)
		}
		problems = append(problems, s.checkJudge(r)...)
	}
	if o.figures != "" {
		more, err := checkFigure(s.Rows, o)
		if err != nil {
			return err
		}
		problems = append(problems, more...)
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

// checkFigure compares the number of kept rows with the stored one, or stores it.
func checkFigure(kept int64, o options) ([]string, error) {
	now, err := newFigure(o.goSum, kept)
	if err != nil {
		return nil, err
	}
	if o.write {
		return nil, now.store(o.figures)
	}
	err = now.compare(o.figures)
	if errors.Is(err, errOther) {
		fmt.Println(err)
		return nil, nil
	}
	if err != nil {
		return []string{err.Error()}, nil
	}
	return nil, nil
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
