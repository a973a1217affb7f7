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

	"golang.org/x/sync/errgroup"

	"millrace"
	"millrace/crawl"
	"millrace/ingest"
	"millrace/internal/run"
)

// A line can be run in parts, on one machine or on several that share the corpus's folder: so many crawl
// workers, and one mill for all of them.
const (
	beltCrawl = "crawl"
	beltMill  = "mill"
)

const (
	maxCrawlWorkers = 200
	logPatience     = 30 * time.Second // with a mill that has not started its log
	endPatience     = 5 * time.Second  // with workers that have ended before, and may be starting again
)

// crawlWorker is --worker: number i of n, from 0.
type crawlWorker struct{ i, n int }

// part settles which part of the line this process is.
func (o *runOptions) part() (w crawlWorker, err error) {
	w = crawlWorker{0, 1}
	switch {
	case o.belt != "" && o.belt != beltCrawl && o.belt != beltMill:
		err = fmt.Errorf("--belt %s: want crawl or mill", o.belt)
	case o.worker != "" && o.belt != beltCrawl:
		err = errors.New("--worker belongs to --belt crawl")
	case o.belt != "" && (o.archive != "" || o.rebuild):
		err = errors.New("--archive and --rebuild are for a whole line, without --belt")
	case o.belt == beltCrawl && o.fromHere:
		err = errors.New("--from-here is for the mill or a whole line: a crawl worker commits nothing")
	case o.worker != "":
		number, of, _ := strings.Cut(o.worker, "/")
		var err2 error
		w.i, err = strconv.Atoi(number)
		w.n, err2 = strconv.Atoi(of)
		if err != nil || err2 != nil || w.i < 0 || w.i >= w.n || w.n > maxCrawlWorkers {
			err = fmt.Errorf("--worker %s: want i/N, with i from 0 to N-1 and N at most %d", o.worker, maxCrawlWorkers)
		}
	}
	if err != nil {
		err = &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "millrace run --belt mill, and beside it millrace run --belt crawl --worker 0/2 and 1/2"}
	}
	return w, err
}

// lockPath is what a part locks: a worker itself, everything else the corpus.
func (o *runOptions) lockPath(dir string, w crawlWorker) string {
	if o.belt == beltCrawl {
		return filepath.Join(dir, "state", fmt.Sprintf("lock-crawl-%d", w.i))
	}
	return filepath.Join(dir, "state", "lock")
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
	return &Error{Exit: Usage, Err: fmt.Errorf("%s is crawled by %d workers, not by %d: each owns a part of the web", c.dir, have, n),
		Means: "nothing was started", Try: fmt.Sprintf("millrace run --belt crawl --worker 0/%d, and so on, beside millrace run --belt mill", have)}
}

// runWorker is `run --belt crawl`: one worker, which writes to the log that the mill or Kafka serves.
func (a *App) runWorker(ctx context.Context, c *corpus, o runOptions, w crawlWorker) (err error) {
	l := &line{a: a, c: c, o: o, ready: func() {}}
	if err := l.dialLog(ctx); err != nil {
		return err
	}
	requests, err := l.topic.Requests(ctx, w.i, w.n)
	if err != nil {
		return err
	}
	defer requests.Close()
	x := exchange{requests}
	if err := x.Report(ctx, crawl.Standing{Worker: w.i}); err != nil { // before the mill believes that all have ended
		return err
	}
	opts := c.crawlOptions(a)
	opts.Worker, opts.Workers, opts.Exchange, opts.Judged = w.i, w.n, x, false
	if l.crawler, err = crawl.Open(ctx, opts); err != nil {
		return err
	}
	defer l.crawler.Close()
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := errgroup.WithContext(work)
	g.Go(func() error {
		b := run.Belt{Name: beltCrawl, Source: l.crawler, Sink: l.topic.Sink(l.newest), Workers: 1, Batch: o.batch,
			Accepted: func(docs []*millrace.Document) { l.published.Add(int64(len(docs))) }}
		if err := b.Run(gctx); err != nil {
			return err
		}
		defer cancel() // the belt ends last: what only watches it ends too
		return x.Report(gctx, l.crawler.Ended())
	})
	g.Go(func() error { return l.watchDisk(gctx) })
	g.Go(func() error { return l.report(gctx) })
	if err := g.Wait(); err != nil {
		return l.explain(err)
	}
	counts := l.crawler.Counts()
	if a.json {
		a.emitSummary(map[string]any{"type": "summary", "exit": Done, "worker": w.i, "workers": w.n, "crawl": counts, "fetched": counts.Fetched,
			"seconds": time.Since(a.began).Seconds()})
	} else {
		fmt.Fprintf(a.Stdout, "  worker %d of %d: discovered %d = fetched %d + refused %d + failed %d + waiting %d\n", w.i, w.n,
			counts.Discovered, counts.Fetched, counts.Refused, counts.Failed, counts.Waiting)
	}
	return nil
}

// dialLog finds the log that another process serves.
func (l *line) dialLog(ctx context.Context) error {
	addr, isKafka := strings.CutPrefix(l.c.cfg.Log, "kafka://")
	for since := time.Now(); !isKafka; {
		b, err := os.ReadFile(logAddrPath(l.c.dir))
		if err == nil && len(b) > 0 {
			addr = string(b)
			break
		}
		if time.Since(since) > logPatience {
			return &Error{Exit: Failure, Err: errors.New("the log is not served"), Means: "nothing was fetched", Try: "millrace run --belt mill, beside this"}
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return l.openTopic(ctx, addr)
}

// openTopic makes the topic pages.
func (l *line) openTopic(ctx context.Context, addr string) error {
	l.topic = ingest.Topic{Addr: addr, Name: pagesPartition.Topic, Recipe: l.c.hashes.Upstream, Log: l.a.log}
	if err := l.topic.Ensure(ctx); err != nil {
		return fmt.Errorf("make topic pages: %w", err)
	}
	return nil
}

// awaitWorkers returns when all crawl workers have ended.
func (l *line) awaitWorkers(ctx context.Context) error {
	began, n := time.Now(), 0
	for n == 0 {
		var err error
		if n, err = crawlWorkers(l.c.dir); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(l.c.dir, "state", "frontier")); n == 0 && err == nil {
			n = 1
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	requests, err := l.topic.Requests(ctx, -1, n)
	if err != nil {
		return err
	}
	defer requests.Close()
	newest := make([]ingest.Standing, n)
	for next := int64(0); ; {
		all, after, err := requests.Standings(ctx, next)
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.Worker >= 0 && s.Worker < n {
				newest[s.Worker] = s
			}
		}
		running := slices.ContainsFunc(newest, func(s ingest.Standing) bool { return !s.Ended })
		if after == next && !running && time.Since(began) > endPatience {
			return nil
		}
		next = after
	}
}
