package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace"
	"millrace/clean"
	"millrace/crawl"
	"millrace/dedup"
	"millrace/ingest"
	"millrace/ingest/broker"
	"millrace/internal/config"
	"millrace/internal/run"
	"millrace/shards"
)

// The topics of a line. Whole lines need pages alone: their mill cleans. In a line of parts, clean belts bring
// pages to docs, and the mill reads that.
const (
	pagesTopic = "pages"
	docsTopic  = "docs"
)

// line is one run: inputs -> pages -> mill -> shards, and a trainer beside it.
type line struct {
	a     *App
	c     *corpus
	o     runOptions
	topic ingest.Topic // pages
	docs  ingest.Topic
	input ingest.Topic // the mill's

	worker  int // of the crawl
	crawler *crawl.Crawler
	files   *ingest.FileSource
	sink    *shards.Sink
	index   *dedup.Index

	ready      func()       // called by each belt when it begins
	restoring  atomic.Int64 // belts that have not begun
	inputsDone atomic.Bool
	published  atomic.Int64 // documents that this process has put into pages
	taken      atomic.Int64 // documents that the mill has taken
	commits    atomic.Int64
	committed  atomic.Int64 // offset in the mill's input below which everything is committed
	checkpoint atomic.Pointer[millrace.Checkpoint]
	layout     atomic.Int64 // partitions of pages, as far as a mill behind clean belts knows
	stale      stale
	paused     pauses
	shared     sharedLog
}

// runLine starts the log, the belts and the trainer, and waits for all of them.
func (a *App) runLine(ctx context.Context, c *corpus, o runOptions) error {
	l := &line{a: a, c: c, o: o}
	stop, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer stop()
	defer l.index.Close()
	sources, err := l.openInputs(ctx)
	if err != nil {
		return err
	}
	if l.crawler != nil {
		defer l.crawler.Close()
	}
	_, endAtStart, err := l.input.Ends(ctx)
	if err != nil {
		return err
	}
	l.readyAfter(len(sources)+1, map[string]any{"type": "ready", "log": l.topic.Addr, l.input.Name: endAtStart, "committed": l.committed.Load()})
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := errgroup.WithContext(work)
	g.Go(func() error { return l.inputs(gctx, sources, endAtStart) })
	g.Go(func() error {
		err := l.mill(gctx)
		if err == nil {
			cancel() // the mill ends last: what only watches it ends too
		}
		return err
	})
	g.Go(func() error { return l.marks(gctx) })
	g.Go(func() error { return l.watchDisk(gctx) })
	g.Go(func() error { return l.report(gctx) })
	g.Go(func() error { return a.health.observe(gctx, l) })
	archive := l.uploads()
	g.Go(func() error { return archive.run(gctx) })
	trained := l.startTrainer(ctx)
	err = g.Wait()
	l.closeArchive(ctx, archive)
	result, trainErr := trained(err)
	if err == nil {
		err = trainErr
	}
	if ctx.Err() != nil {
		l.tidy(ctx)
	}
	if err != nil {
		return l.explain(err)
	}
	return l.finish(ctx, result)
}

// begin opens the log and the table, and settles what a refill is to settle.
func (l *line) begin(ctx context.Context) (stop func(), err error) {
	table, err := l.c.at.Open(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := table.CollectOrphans(ctx); err != nil {
		return nil, err
	}
	if l.o.refill {
		if err := l.leaveLog(ctx); err != nil {
			return nil, err
		}
	}
	if stop, err = l.openLog(ctx); err != nil {
		return nil, err
	}
	if l.o.refill {
		if err = l.refill(ctx); err == nil {
			table, err = l.c.at.Open(ctx)
		}
	}
	if err == nil {
		err = l.openSink(ctx, table)
	}
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// readyAfter tells that work begins when so many belts have been restored.
func (l *line) readyAfter(belts int, event map[string]any) {
	l.restoring.Store(int64(belts))
	l.ready = func() {
		if l.restoring.Add(-1) == 0 {
			l.a.event(event)
		}
	}
}

// openLog starts the embedded broker or dials Kafka, and makes the topics.
func (l *line) openLog(ctx context.Context) (stop func(), err error) {
	stop, err = l.serveLog(ctx)
	if err == nil {
		err = l.ensureTopics(ctx)
	}
	if err != nil {
		stop()
		return func() {}, err
	}
	return stop, nil
}

// serveLog starts the embedded broker or dials Kafka, and changes nothing there.
func (l *line) serveLog(ctx context.Context) (stop func(), err error) {
	stop = func() {}
	addr, isKafka := strings.CutPrefix(l.c.cfg.Log, "kafka://")
	if !isKafka {
		before, _ := os.ReadFile(logAddrPath(l.c.dir)) // left by a mill that was killed: its workers know it by that address
		o := broker.Options{Dir: filepath.Join(l.c.dir, "log"), Disk: l.c.disk, Addr: string(before), FreeFloor: diskFloor, Log: l.a.log, Synced: l.a.health.synced()}
		b, err := broker.Start(ctx, o)
		if err != nil && o.Addr != "" {
			o.Addr = ""
			b, err = broker.Start(ctx, o)
		}
		if err != nil {
			return stop, fmt.Errorf("start the log: %w", err)
		}
		addr, stop = b.Addr(), func() {
			l.c.disk.Remove("cli.address", logAddrPath(l.c.dir))
			b.Close()
		}
	}
	if err := l.c.disk.Replace("cli.address", logAddrPath(l.c.dir), []byte(addr)); err != nil {
		stop()
		return func() {}, err
	}
	if err = l.topics(addr); err != nil {
		stop()
		return func() {}, err
	}
	return stop, nil
}

// topics says where they are.
func (l *line) topics(addr string) error {
	access, err := l.c.access(l.a)
	if err != nil {
		return err
	}
	layout, err := l.c.layout()
	if err != nil {
		return err
	}
	l.topic = ingest.Topic{Addr: addr, Access: access, Name: topicIn(pagesTopic, layout), Recipe: l.c.hashes.Upstream, Log: l.a.log, Monitor: l.a.health.monitor()}
	l.docs = ingest.Topic{Addr: addr, Access: access, Name: docsTopic, Recipe: l.c.hashes.Cleaned, Log: l.a.log, Monitor: l.a.health.monitor()}
	if l.input = l.topic; l.o.belt == beltMill {
		l.input = l.docs
	}
	return nil
}

// ensureTopics makes those that this process is to make: a mill leaves pages to the workers, which know how
// many they are.
func (l *line) ensureTopics(ctx context.Context) error {
	want := []ingest.Topic{l.topic}
	switch l.o.belt {
	case beltClean:
		want = append(want, l.docs)
	case beltMill:
		want = []ingest.Topic{l.docs}
	}
	for _, t := range want {
		if err := t.Ensure(ctx); err != nil {
			return openLayout(fmt.Errorf("make topic %s: %w", t.Name, err))
		}
	}
	return nil
}

// openSink opens the table for writing and the duplicate index that reads from it.
func (l *line) openSink(ctx context.Context, table *shards.Table) error {
	run.SpareMemory()
	t := table.Another()
	var err error
	l.sink, err = shards.OpenSink(ctx, shards.Options{
		Dir: l.c.dir, Store: l.c.at.Store, Disk: l.c.disk, Recipe: l.c.hashes.Full, RecipeText: string(l.c.text), Signals: l.c.recipe.Signals(),
		Stages: l.c.stageNames(), TargetBytes: int64(l.c.cfg.Shards.TargetBytes), Code: codeVersion(), Log: l.a.log,
		KeepVersions: l.c.cfg.Shards.Versions == dedup.VersionsAll,
		Stale:        time.Duration(l.c.cfg.Shards.MaxStale.Superseded), StaleWithdrawn: time.Duration(l.c.cfg.Shards.MaxStale.Takedown),
		OnCommit: l.onCommit, Table: table,
	})
	if err != nil {
		return err
	}
	l.noteCheckpoint(l.sink.Table().Checkpoint())
	l.stale.look(l.sink.Table())
	scratch := filepath.Join(l.c.dir, "state", "dedup")
	l.index, err = openIndex(t, dedup.Options{Threshold: l.c.cfg.Dedup.Threshold, Versions: l.c.cfg.Shards.Versions, Scratch: scratch, MemTexts: 64 << 20,
		Snapshots: dedup.Snapshots{Dir: scratch, Recipe: l.c.hashes.Full, Disk: l.c.disk, Log: l.a.log}})
	return err
}

// openInputs prepares the belts that fill the topic.
func (l *line) openInputs(ctx context.Context) (map[string]millrace.Source, error) {
	sources := map[string]millrace.Source{}
	if l.o.replay {
		t, err := l.c.at.Open(ctx)
		if err != nil {
			return nil, err
		}
		sources["replay"] = &deadLetterSource{c: l.c, t: t, to: l.committed.Load()}
		return sources, nil
	}
	if l.o.archive != "" {
		sources["archive"] = crawl.OpenArchive(l.o.archive, l.c.policy)
	}
	if l.o.belt == beltMill {
		return sources, nil
	}
	if len(l.c.seeds) > 0 {
		var err error
		if l.crawler, err = crawl.Open(ctx, l.c.crawlOptions(l.a)); err != nil {
			return nil, err
		}
		sources["crawl"] = l.crawler
	}
	if len(l.c.cfg.Ingest) > 0 {
		files, err := l.openFiles(ctx)
		if err != nil {
			return nil, err
		}
		sources["ingest"] = files
	}
	return sources, nil
}

// inputs runs the input belts to their end and writes the mark that closes the last shard.
func (l *line) inputs(ctx context.Context, sources map[string]millrace.Source, endAtStart int64) error {
	g, gctx := errgroup.WithContext(ctx)
	for name, s := range sources {
		g.Go(func() error { return l.publish(gctx, name, s, l.topic.Sink(l.newest), l.topic.Partition) })
	}
	if l.o.belt == beltMill {
		g.Go(func() error { return l.awaitCleaned(gctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if l.o.belt == beltMill { // others have written too
		var err error
		if _, endAtStart, err = l.input.Ends(ctx); err != nil {
			return err
		}
	}
	if l.published.Load() > 0 || endAtStart > l.committed.Load() {
		if _, err := l.input.Mark(ctx); err != nil {
			return fmt.Errorf("write the last mark: %w", err)
		}
	}
	l.inputsDone.Store(true)
	return nil
}

// mill empties its topic into the shards.
func (l *line) mill(ctx context.Context) error {
	stages := l.freeStages()
	defer clean.End(slices.Clone(stages))
	workers, batch := l.atOnce(stages)
	if l.input.Name == docsTopic {
		for i, s := range stages {
			stages[i] = unlessCleaned{s}
		}
	}
	b := run.Belt{
		Name: "mill", Source: l.input.Source(ingest.SourceOptions{Until: l.inputsDone.Load}), Sink: l.sink,
		Stages: append(stages, l.index), Input: l.input.At(), Workers: workers, Batch: batch, Ready: l.ready,
		Accepted: l.accepted, Guard: l.guard("mill"), Pulse: l.a.health.pulse(beltMill),
	}
	return b.Run(ctx)
}

// atOnce is how many documents are cleaned at once, and how many a worker takes.
func (l *line) atOnce(stages []millrace.Stage) (workers, batch int) {
	workers = l.c.cfg.Workers
	if l.o.workers > 0 {
		workers = l.o.workers
	}
	if l.o.batch > 0 { // as it was asked for
		return clean.Begin(stages, workers, handful), l.o.batch
	}
	return atOnce(stages, workers, 16, handful)
}

// accepted is called with documents that the sink has taken, in their order.
func (l *line) accepted(docs []*millrace.Document) {
	l.taken.Add(int64(len(docs)))
	if l.crawler == nil {
		return
	}
	for _, d := range docs {
		if d.Page.Source == "crawl" {
			l.crawler.Judge(d.Page.URL, d.Verdict)
		}
	}
}

// archiveDir is the corpus whose archive the claims speak of.
func (l *line) archiveDir() string {
	if l.o.archive != "" {
		return l.o.archive
	}
	return l.c.dir
}

// onCommit is called by the sink, between two documents, when a commit is durable.
func (l *line) onCommit(e *shards.Entry) {
	next := l.noteCheckpoint(e.Checkpoint)
	l.commits.Add(1)
	l.stale.look(l.sink.Table())
	if err := l.index.Save(context.Background(), next); err != nil {
		l.a.log.Warn("no snapshot of the duplicate index", "error", err)
	}
	l.a.event(map[string]any{"type": "commit", "version": e.Version, "next": next})
}

// noteCheckpoint remembers where the newest commit stands, and gives its offset in the mill's input.
func (l *line) noteCheckpoint(at millrace.Checkpoint) int64 {
	next := at.Next[l.input.At()]
	l.checkpoint.Store(&at)
	l.committed.Store(next)
	return next
}

// diskFloor is how much has to stay free: the broker refuses to write below it, and waits.
const diskFloor = 64 << 20

// watchDisk ends the run when the disk is full. What is committed is safe, and the next start goes on.
func (l *line) watchDisk(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if free, err := freeDisk(l.c.dir); err == nil && free < diskFloor {
			return fmt.Errorf("%s: %d MB are free, a run leaves %d MB: %w", l.c.dir, free>>20, int64(diskFloor>>20), syscall.ENOSPC)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// stale says since when other engines see rows that are no longer in the corpus.
type stale struct{ superseded, withdrawn atomic.Int64 } // in nanoseconds since 1970; 0 where there are none

func (s *stale) look(t *shards.Table) {
	superseded, withdrawn := t.Hidden()
	note := func(since *atomic.Int64, rows int) {
		if rows == 0 {
			since.Store(0)
		} else {
			since.CompareAndSwap(0, time.Now().UnixNano())
		}
	}
	note(&s.superseded, superseded)
	note(&s.withdrawn, withdrawn)
}

// over reports whether they have been seen for longer than the limit and some more.
func (s *stale) over(limit config.MaxStale, more time.Duration) bool {
	late := func(since *atomic.Int64, limit config.Duration) bool {
		n := since.Load()
		return n != 0 && time.Since(time.Unix(0, n)) >= time.Duration(limit)+more
	}
	return late(&s.superseded, limit.Superseded) || late(&s.withdrawn, limit.Takedown)
}

// marks writes a flush mark every flush_every while the mill has something uncommitted, or while the input rests
// and rows wait to be carried out of the table (shards/rewrite.go); and it trims the log.
func (l *line) marks(ctx context.Context) error {
	every := time.Duration(l.c.cfg.Shards.FlushEvery)
	if every == 0 {
		every = time.Hour * 24 * 365
	}
	flush, trim := time.NewTicker(every), time.NewTicker(10*time.Second)
	defer flush.Stop()
	defer trim.Stop()
	var marked int64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-trim.C:
			if err := l.trim(ctx); err != nil && ctx.Err() == nil {
				l.a.log.Warn("the log was not trimmed", "error", err)
			}
		case <-flush.C:
			n, limit := l.published.Load(), l.c.cfg.Shards.MaxStale
			if l.o.belt == beltMill {
				n = l.taken.Load()
			}
			marks := 0
			switch {
			case l.inputsDone.Load():
			case n > marked && l.stale.over(limit, 2*every):
				marks = 2 // the log's time stands still, as after a file from the future: the second mark is a rest
			case n > marked || l.stale.over(limit, 0):
				marks = 1
			}
			for range marks {
				if _, err := l.input.Mark(ctx); err != nil && ctx.Err() == nil {
					return fmt.Errorf("write a flush mark: %w", err)
				}
				marked = n
			}
		}
	}
}

// explain gives an error of the line its exit code and hint.
func (l *line) explain(err error) error {
	switch {
	case errors.Is(err, crawl.ErrNothingAllowed):
		return &Error{Exit: Refused, Err: err, Means: "nothing was fetched", Try: "millrace plan, to see the rule that refused each seed"}
	case errors.Is(err, crawl.ErrSeedsUnreachable):
		return &Error{Exit: Failure, Err: err, Means: "nothing was fetched; the seeds stay in the frontier", Try: "check the network and the addresses, then the same command again"}
	case errors.Is(err, ingest.ErrInputChanged):
		return inputChanged(err)
	case errors.Is(err, ingest.ErrDamaged):
		return l.damagedLog(err)
	}
	return err
}

func inputChanged(err error) error {
	return &Error{Exit: Integrity, Err: err, Means: "the rows made of the file as it was stand; nothing new was written",
		Try: "put the file back as it was; what is new goes into a file of its own"}
}
