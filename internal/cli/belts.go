package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace"
	"millrace/ingest"
	"millrace/internal/lock"
)

// A line can be run in parts, on one machine or on several that share the corpus's folder, or a
// store: so many workers that
// crawl, as many that clean, and one mill for all of them. Worker i of each kind has partition i of pages.
const (
	beltCrawl = "crawl" // and files, which worker 0 reads
	beltClean = "clean"
	beltMill  = "mill"
)

const (
	maxWorkers  = 200
	logPatience = 30 * time.Second // with a log that is not served yet
	endPatience = 5 * time.Second  // with workers that have ended before, and may be starting again
)

// beltWorker is --worker: number i of n, from 0.
type beltWorker struct{ i, n int }

// part settles which part of the line this process is.
func (o *runOptions) part() (w beltWorker, err error) {
	w = beltWorker{0, 1}
	switch {
	case o.belt != "" && !slices.Contains([]string{beltCrawl, beltClean, beltMill}, o.belt):
		err = fmt.Errorf("--belt %s: want crawl, clean or mill", o.belt)
	case o.worker != "" && !o.spread():
		err = errors.New("--worker belongs to --belt crawl and --belt clean")
	case o.belt != "" && (o.archive != "" || o.rebuild || o.refill):
		err = errors.New("--archive, --rebuild and --refill are for a whole line, without --belt")
	case o.spread() && o.fromHere:
		err = errors.New("--from-here is for the mill or a whole line: a worker commits nothing")
	case o.worker != "":
		number, of, _ := strings.Cut(o.worker, "/")
		var err2 error
		w.i, err = strconv.Atoi(number)
		w.n, err2 = strconv.Atoi(of)
		if err != nil || err2 != nil || w.i < 0 || w.i >= w.n || w.n > maxWorkers {
			err = fmt.Errorf("--worker %s: want i/N, with i from 0 to N-1 and N at most %d", o.worker, maxWorkers)
		}
	}
	if err != nil {
		err = &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "millrace run --belt mill, and beside it --belt crawl and --belt clean, each as --worker 0/2 and 1/2"}
	}
	return w, err
}

// spread reports whether the part is one of those that several processes share.
func (o *runOptions) spread() bool { return o.belt == beltCrawl || o.belt == beltClean }

// lockPath is what a part locks: a worker itself, everything else the corpus.
func (o *runOptions) lockPath(dir string, w beltWorker) string {
	if o.spread() {
		return filepath.Join(dir, "state", fmt.Sprintf("lock-%s-%d", o.belt, w.i))
	}
	return filepath.Join(dir, "state", "lock")
}

// noLock lets a test run a second owner of a part: one that was paused, say, on a machine that nobody sees any
// more, and goes on. It must do no harm, and it cannot be had with the lock.
const noLock = "MILLRACE_TEST_NO_LOCK"

// lockPart takes the lock of a part.
func (o *runOptions) lockPart(dir string, w beltWorker) (release func(), err error) {
	if os.Getenv(noLock) != "" {
		return func() {}, nil
	}
	l, err := lock.Acquire(o.lockPath(dir, w))
	if err != nil {
		return nil, err
	}
	return func() { l.Release() }, nil
}

func workersPath(dir string) string { return filepath.Join(dir, "state", "workers") }

// crawlWorkers is how many workers crawl a corpus; 0 where that is not settled.
func crawlWorkers(dir string) (int, error) {
	b, err := os.ReadFile(workersPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s does not hold a number of workers: %w", workersPath(dir), millrace.ErrIntegrity)
	}
	return n, nil
}

// settleWorkers makes sure that a corpus is crawled by as many workers as ever: each owns a part of the web.
func (c *corpus) settleWorkers(n int) error {
	if l, err := c.layout(); err != nil || l.Workers > 0 {
		return err // settleLayout has looked at it
	}
	have, err := crawlWorkers(c.dir)
	if err == nil && have == 0 {
		if _, err := os.Stat(filepath.Join(c.dir, "state", "frontier")); err == nil {
			have = 1 // by a whole line
		} else if n > 1 {
			if err := c.disk.Create("cli.workers", workersPath(c.dir), []byte(strconv.Itoa(n)+"\n")); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			have, err = crawlWorkers(c.dir)
			if err != nil {
				return err
			}
		}
	}
	if err != nil || max(have, 1) == n {
		return err
	}
	return c.otherWorkers(have, n)
}

// openLayout tells a wrong number of workers from other errors.
func openLayout(err error) error {
	if !errors.Is(err, ingest.ErrLayout) {
		return err
	}
	return &Error{Exit: Usage, Err: err, Means: "nothing was started; a corpus has as many workers as it began with", Try: "the same number in --worker i/N for every worker; or another one for all of them, while none runs: millrace topics resize N"}
}

// fedBy is the topic that a corpus's rows came from; "" where it has none yet.
func fedBy(at millrace.Checkpoint) string {
	for p := range at.Next {
		return p.Topic
	}
	return ""
}

// settleFeed refuses to go on with a corpus in another way than it was begun: the order of its rows is that of
// one topic, for good.
func (c *corpus) settleFeed(ctx context.Context, parts bool) error {
	newest, err := c.at.Newest(ctx)
	if err != nil {
		return err
	}
	by := ""
	if newest != nil {
		by = fedBy(newest.Checkpoint)
	}
	e := &Error{Exit: Usage, Means: "nothing was started"}
	switch {
	case by == docsTopic && !parts:
		e.Err = fmt.Errorf("%s is made by belts in processes of their own", c.dir)
		e.Try = "millrace run --belt mill, and beside it --belt crawl and --belt clean, with the --worker i/N that they had"
	case by == pagesTopic && parts:
		e.Err = fmt.Errorf("%s is made by a whole line in one process", c.dir)
		e.Try = "millrace run without --belt; or a new corpus: millrace run --archive " + c.dir + " with another dir"
	default:
		return nil
	}
	return e
}
