package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace"
	"millrace/clean"
	"millrace/crawl"
	"millrace/ingest"
	"millrace/internal/run"
)

// runWorker is `run --belt crawl` or `run --belt clean`: one worker, which writes to a log that another process
// serves.
func (a *App) runWorker(ctx context.Context, c *corpus, o runOptions, w beltWorker) error {
	l := &line{a: a, c: c, o: o, worker: w.i}
	if err := l.dialLog(ctx, w); err != nil {
		return err
	}
	requests, err := l.topic.Requests(ctx, w.i, w.n)
	if err != nil {
		return openLayout(err)
	}
	defer requests.Close()
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := errgroup.WithContext(work)
	var belts []func(context.Context) error
	if o.belt == beltClean {
		belts = append(belts, func(ctx context.Context) error { return l.clean(ctx, requests, w) })
	} else {
		if belts, err = l.openWriters(ctx, requests, w); err != nil {
			return err
		}
		if l.crawler != nil {
			defer l.crawler.Close()
		}
	}
	l.readyAfter(len(belts), map[string]any{"type": "ready", "belt": o.belt, "worker": w.i, "workers": w.n, "log": l.topic.Addr})
	g.Go(func() error {
		defer cancel() // the belts end last: what only watches them ends too
		all, actx := errgroup.WithContext(gctx)
		for _, b := range belts {
			all.Go(func() error { return b(actx) })
		}
		return all.Wait()
	})
	g.Go(func() error { return l.watchDisk(gctx) })
	g.Go(func() error { return l.report(gctx) })
	g.Go(func() error { return a.health.observe(gctx, l) })
	archive := l.uploads()
	g.Go(func() error { return archive.run(gctx) })
	err = g.Wait()
	l.closeArchive(ctx, archive)
	if err != nil {
		return l.explain(err)
	}
	l.workerEnded(w)
	return nil
}

// workerEnded tells what a worker did.
func (l *line) workerEnded(w beltWorker) {
	s := map[string]any{"type": "summary", "exit": Done, "belt": l.o.belt, "worker": w.i, "workers": w.n, "published": l.published.Load(),
		"seconds": time.Since(l.a.began).Seconds()}
	text := fmt.Sprintf("  worker %d of %d: handed on %d documents", w.i, w.n, l.published.Load())
	if l.crawler != nil {
		n := l.crawler.Counts()
		s["crawl"], s["fetched"] = n, n.Fetched
		text += fmt.Sprintf("; discovered %d = fetched %d + refused %d + failed %d + waiting %d", n.Discovered, n.Fetched, n.Refused, n.Failed, n.Waiting)
	}
	if l.a.json {
		l.a.emitSummary(s)
		return
	}
	fmt.Fprintln(l.a.Stdout, text)
}

// openWriters prepares what fills pages: a share of the web, and in worker 0 the files. Each says that it is at
// work before anybody can believe that all have ended, and says so when it has.
func (l *line) openWriters(ctx context.Context, requests *ingest.Requests, w beltWorker) (belts []func(context.Context) error, err error) {
	if len(l.c.cfg.Ingest) > 0 && w.i == 0 {
		files, err := l.openFiles(ctx)
		if err != nil {
			return nil, err
		}
		if err := requests.Report(ctx, ingest.Standing{Kind: ingest.KindFiles}); err != nil {
			return nil, err
		}
		belts = append(belts, func(ctx context.Context) error {
			defer files.Close()
			if err := l.publish(ctx, "ingest", files, l.topic.Spread(l.newest), parts(w.n)...); err != nil {
				return err
			}
			return requests.Report(ctx, ingest.Standing{Kind: ingest.KindFiles, Ended: true})
		})
	}
	if len(l.c.seeds) == 0 {
		return belts, nil
	}
	x := exchange{requests}
	if err := x.Report(ctx, crawl.Standing{Worker: w.i}); err != nil {
		return nil, err
	}
	opts := l.c.crawlOptions(l.a)
	opts.Worker, opts.Workers, opts.Exchange, opts.Judged = w.i, w.n, x, false
	layout, err := l.c.layout()
	if err != nil {
		return nil, err
	}
	opts.Home = homeOf(l.c.dir, layout)
	if l.crawler, err = crawl.Open(ctx, opts); err != nil {
		return nil, err
	}
	return append(belts, func(ctx context.Context) error {
		to := l.topic
		to.Own = crawl.Partition(w.i)
		if err := l.publish(ctx, beltCrawl, l.crawler, to.Sink(l.newest), to.Partition); err != nil {
			return err
		}
		return x.Report(ctx, l.crawler.Ended())
	}), nil
}

// publish is a belt that fills pages. It waits while too much waits in these partitions.
func (l *line) publish(ctx context.Context, name string, from millrace.Source, to millrace.Sink, partitions ...int32) error {
	pulse := l.a.health.pulse(name)
	b := run.Belt{Name: name, Source: from, Sink: l.held(name, pulse, to, partitions), Workers: 1, Batch: l.o.batch, Ready: l.ready, Pulse: pulse,
		Accepted: func(docs []*millrace.Document) { l.published.Add(int64(len(docs))) }}
	return b.Run(ctx)
}

// clean is the belt from this worker's partition of pages to docs: all stages that look at one document.
func (l *line) clean(ctx context.Context, requests *ingest.Requests, w beltWorker) error {
	var ended atomic.Bool
	ctx, cancel := context.WithCancel(ctx)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		r := rollCall{requests: requests, writers: l.writers(w.n)}
		if err := r.await(gctx, nil); err != nil {
			return err
		}
		ended.Store(true)
		return nil
	})
	source := l.topic.Source(ingest.SourceOptions{Until: ended.Load})
	defer source.Close()
	g.Go(func() error {
		defer cancel()
		belt := l.cleanBelt(source, l.docs.Sink(l.newest), w.i)
		defer clean.End(belt.Stages)
		if err := belt.Run(gctx); err != nil {
			return err
		}
		return requests.Report(gctx, ingest.Standing{Kind: ingest.KindClean, Worker: w.i, Next: source.Next()})
	})
	err := g.Wait()
	if errors.Is(err, context.Canceled) && ended.Load() {
		return nil
	}
	return err
}

// cleanBelt is the belt of a clean worker.
func (l *line) cleanBelt(from millrace.Source, to millrace.Sink, worker int) *run.Belt {
	stages := l.freeStages()
	workers, batch := l.atOnce(stages)
	return &run.Belt{Name: beltClean, Source: from, Stages: append(stages, cleanedStage{}), Sink: to,
		Workers: workers, Batch: batch, Ready: l.ready, Pulse: l.a.health.pulse(beltClean),
		Accepted: func(docs []*millrace.Document) { l.published.Add(int64(len(docs))) }, Guard: l.guard(fmt.Sprintf("clean-%d", worker))}
}

// freeStages are those of the mill that look at one document and nothing else.
func (l *line) freeStages() []millrace.Stage {
	return append([]millrace.Stage{consentStage{l.c.policy}, l.loader()}, l.c.stages()...)
}

// cleanedStage is the last of a clean belt.
type cleanedStage struct{}

func (cleanedStage) Name() string { return "cleaned" }

func (cleanedStage) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	d.Cleaned = true
	return millrace.Verdict{}, nil
}

// unlessCleaned is a stage of the mill behind clean belts. Only what was too long for a message comes uncleaned.
type unlessCleaned struct{ millrace.Stage }

func (s unlessCleaned) Process(ctx context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if d.Cleaned {
		return millrace.Verdict{}, nil
	}
	return s.Stage.Process(ctx, d)
}

// dialLog finds the log that another process serves, and makes the topics.
func (l *line) dialLog(ctx context.Context, w beltWorker) error {
	addr, err := l.findLog(ctx, logPatience)
	if err != nil {
		return err
	}
	if err := l.topics(addr); err != nil {
		return err
	}
	l.topic.Partition, l.topic.Partitions = int32(w.i), int32(w.n)
	l.topic.Carry = l.carrier()
	return l.ensureTopics(ctx)
}

// findLog is the address of Kafka, or of the log that another process serves, for which it waits a while.
func (l *line) findLog(ctx context.Context, patience time.Duration) (string, error) {
	if addr, isKafka := strings.CutPrefix(l.c.cfg.Log, "kafka://"); isKafka {
		return addr, nil
	}
	for since := time.Now(); ; {
		b, err := os.ReadFile(logAddrPath(l.c.dir))
		if err == nil && len(b) > 0 {
			return string(b), nil
		}
		if time.Since(since) > patience {
			return "", &Error{Exit: Failure, Err: errors.New("the log is not served"), Means: "nothing was done", Try: "millrace run --belt mill, beside this"}
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
