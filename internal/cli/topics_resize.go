package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/crawl"
	"millrace/ingest"
	"millrace/internal/lock"
	"millrace/shards"
)

func (a *App) topicsResizeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resize N",
		Short: "Go on with another number of workers, once all of them have stopped",
		Long: `Give a line of several processes another number of crawl and clean workers. First all that was fetched or read is
cleaned and committed; then what the crawl knows is shared out anew, and one commit puts the new number in force.
Nothing is fetched, and nothing twice. Kill it at any moment: the line has the old number or the new one, and the
same command goes on. A line that is one process (millrace run without --belt) stays one.` + exitHelp,
		Example: "  millrace topics resize 4 --dir corpus",
		Args:    exactArgs(1, "the number of workers"),
		RunE:    func(c *cobra.Command, args []string) error { return a.runResize(c.Context(), args[0]) },
	}
}

func (a *App) runResize(ctx context.Context, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxWorkers {
		return &Error{Exit: Usage, Err: fmt.Errorf("resize %s: want a number of workers from 1 to %d", number, maxWorkers), Means: "nothing was changed", Try: "millrace topics resize 4"}
	}
	c, err := a.openCorpus("")
	if err != nil {
		return err
	}
	t, err := shards.Open(c.dir)
	if err != nil {
		return err
	}
	if c.at.Store != nil {
		return &Error{Exit: Usage, Err: errors.New("the workers of a corpus in a store have folders of their own, and no command sees what each of them knows"), Means: "nothing was changed",
			Try: "a line whose processes share one folder"}
	}
	if fedBy(t.Checkpoint()) == pagesTopic {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s is made by a whole line in one process, whose rows are numbered by another topic", c.dir), Means: "nothing was changed",
			Try: "millrace run without --belt, which uses all cores; or a corpus of its own for a line in parts: `dir` and `millrace run --belt mill`, reading this one's archive by `ingest: [{in: '" + filepath.Join(c.dir, "warc", "*.warc.gz") + "'}]`"}
	}
	r := &resizer{line: &line{a: a, c: c, o: runOptions{belt: beltMill}, ready: func() {}}, n: n}
	if _, begun, err := c.remembered(); err != nil || !begun {
		if err == nil {
			err = r.noParts()
		}
		return err
	}
	var held locks
	defer held.release()
	if err := held.take(c.dir, 0); err != nil {
		return err
	}
	if err := a.settleRecipe(ctx, c, runOptions{}); err != nil {
		return err
	}
	stop, err := r.serveLog(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := r.lookAt(ctx); err != nil {
		return err
	}
	if err := held.take(c.dir, r.from.Workers); err != nil {
		return err
	}
	if err := r.run(ctx); err != nil {
		return r.explain(err)
	}
	return r.finish(ctx)
}

// locks are all that a line's processes take.
type locks []*lock.Lock

func (l *locks) release() {
	for _, x := range *l {
		x.Release()
	}
}

// take takes every lock of a line of so many workers, and of all that there have ever been. Whoever holds one is named.
func (l *locks) take(dir string, workers int) error {
	if os.Getenv(noLock) != "" {
		return nil
	}
	state := filepath.Join(dir, "state")
	paths := []string{filepath.Join(state, "lock"), filepath.Join(state, "lock-replay")}
	if workers > 0 { // those of before are held
		paths = nil
	}
	for _, belt := range []string{beltCrawl, beltClean} {
		known, err := filepath.Glob(filepath.Join(state, "lock-"+belt+"-*"))
		if err != nil {
			return err
		}
		known = slices.DeleteFunc(known, func(p string) bool { return strings.HasSuffix(p, ".holder") })
		if workers > 0 {
			had := known
			known = nil
			for i := range workers {
				if p := filepath.Join(state, fmt.Sprintf("lock-%s-%d", belt, i)); !slices.Contains(had, p) {
					known = append(known, p)
				}
			}
		}
		paths = append(paths, known...)
	}
	var others []error
	var pids []string
	for _, p := range paths {
		x, err := lock.Acquire(p)
		var by *lock.HeldError
		if errors.As(err, &by) {
			others, pids = append(others, err), append(pids, strconv.Itoa(by.PID))
		} else if err != nil {
			return err
		} else {
			*l = append(*l, x)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return &Error{Exit: Locked, Err: errors.Join(others...), Means: "nothing was changed", Try: "stop them all first: kill " + strings.Join(pids, " ")}
}

// resizer takes a line to another layout.
type resizer struct {
	*line
	from shards.Layout // with the number of workers
	n    int
}

// closedMark is the mark of a partition that nothing is taken from any more: whatever somebody says to have read
// there counts as taken.
const closedMark = int64(1) << 62

// resizeTries is how often it begins anew because somebody writes, who is not seen by his lock.
const resizeTries = 5

// lookAt finds the layout in force.
func (r *resizer) lookAt(ctx context.Context) (err error) {
	if r.from, err = r.c.layout(); err != nil || r.from.Workers > 0 {
		return err
	}
	if r.from.Workers, err = r.topic.Layout(ctx); err != nil {
		return err
	}
	docs, err := r.docs.Layout(ctx)
	if err == nil && (docs == 0 || r.from.Workers == 0) {
		return r.noParts()
	}
	return err
}

// noParts is the error where there is nothing to divide anew.
func (r *resizer) noParts() error {
	return &Error{Exit: Usage, Err: fmt.Errorf("%s is no line in parts yet", r.c.dir), Means: "nothing was changed",
		Try: fmt.Sprintf("millrace run --belt mill, and beside it --belt crawl and --belt clean, each as --worker 0/%d and so on", r.n)}
}

// run puts the new layout in force, unless it is. Whoever is overtaken begins anew: with new frontiers too, in a
// folder of a name of their own.
func (r *resizer) run(ctx context.Context) error {
	if r.from.Workers == r.n {
		return nil
	}
	table, err := r.c.at.Open(ctx)
	if err != nil {
		return err
	}
	if err := r.openSink(ctx, table); err != nil {
		return err
	}
	defer r.index.Close()
	t := r.topic
	t.Partitions = int32(r.from.Workers) // nobody may have come since the last resize
	if err := t.Ensure(ctx); err != nil {
		return openLayout(err)
	}
	for try := 1; ; try++ {
		err := r.once(ctx)
		if !errors.Is(err, millrace.ErrMoved) {
			return err
		}
		if now, err := r.c.layout(); err != nil {
			return err
		} else if now.Generation != r.from.Generation {
			return &Error{Exit: Failure, Err: fmt.Errorf("somebody else has made it %d workers meanwhile", now.Workers), Means: "everything committed is safe", Try: fmt.Sprintf("millrace topics resize %d again, if it is to be so", r.n)}
		}
		if try == resizeTries {
			return &Error{Exit: Failure, Err: fmt.Errorf("somebody goes on to write: %w", err), Means: "nothing was changed; everything committed is safe", Try: "stop every process of this line, on every machine, then the same command again"}
		}
	}
}

// once empties the line, shares the frontiers out anew, and commits. Nothing has changed before the commit.
func (r *resizer) once(ctx context.Context) error {
	upTo, err := r.drain(ctx)
	if err != nil {
		return err
	}
	at, err := r.newest(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(at.Next) == 0:
		return &Error{Exit: Usage, Err: errors.New("nothing is committed yet"), Means: "nothing was changed", Try: "let the line run until its first commit"}
	case ingest.FilesUpTo(at) != upTo:
		// Some of its records may have gone to a partition that was empty already.
		return fmt.Errorf("files were read up to %d and beyond: %w", upTo, millrace.ErrMoved)
	}
	var salt [4]byte
	rand.Read(salt[:])
	to := shards.Layout{Workers: r.n, Generation: r.from.Generation + 1}
	to.Frontiers = fmt.Sprintf("layout-%d-%s", to.Generation, hex.EncodeToString(salt[:]))
	if old := (crawl.Frontiers{Home: homeOf(r.c.dir, r.from), Workers: r.from.Workers}); old.Exist() {
		if err := crawl.Resplit(ctx, r.c.disk, r.c.dir, old, crawl.Frontiers{Home: homeOf(r.c.dir, to), Workers: r.n}); err != nil {
			return err
		}
	}
	return shards.Resize(ctx, r.c.disk, r.c.dir, to, at, r.after(at, upTo))
}

// drain brings to the table all that the archives and the topics hold. It gives the offset up to which files were
// read: their records are written in their order, so all below stand in pages, and none above.
func (r *resizer) drain(ctx context.Context) (upTo int64, err error) {
	n := r.from.Workers
	old := crawl.Frontiers{Home: homeOf(r.c.dir, r.from), Workers: n}
	if len(r.c.seeds) > 0 || old.Exist() {
		for i := range n {
			if err := r.drainArchive(ctx, old, i); err != nil {
				return 0, err
			}
		}
	}
	t := r.topic
	t.Partitions = int32(n)
	spread := t.Spread(r.newest)
	defer spread.Close()
	files, err := spread.Resume(ctx)
	if err != nil {
		return 0, err
	}
	upTo = -1
	for _, next := range files.Next {
		upTo = next - 1
	}
	for i := range n {
		if err := r.drainPages(ctx, i); err != nil {
			return 0, err
		}
	}
	_, end, err := r.input.Ends(ctx)
	if err == nil && end > r.committed.Load() {
		_, err = r.input.Mark(ctx) // so that the same log makes the same shards
	}
	if err != nil {
		return 0, err
	}
	r.inputsDone.Store(true)
	return upTo, r.mill(ctx)
}

// drainArchive publishes what the archive of a crawl worker holds beyond the marks.
func (r *resizer) drainArchive(ctx context.Context, of crawl.Frontiers, i int) error {
	opts := r.c.crawlOptions(r.a)
	opts.Home, opts.Worker, opts.Workers, opts.Drain, opts.Judged = of.Home, i, of.Workers, true, false
	crawler, err := crawl.Open(ctx, opts)
	if err != nil {
		return err
	}
	t := r.topic
	t.Partition = int32(i)
	sink := t.Sink(r.newest)
	err = r.publish(ctx, beltCrawl, crawler, sink)
	return errors.Join(err, crawler.Close(), sink.Close())
}

// drainPages cleans what stands in a partition of pages.
func (r *resizer) drainPages(ctx context.Context, i int) error {
	t := r.topic
	t.Partition = int32(i)
	source := t.Source(ingest.SourceOptions{Until: func() bool { return true }})
	sink := r.docs.Sink(r.newest)
	err := r.cleanBelt(source, sink, i).Run(ctx)
	return errors.Join(err, source.Close(), sink.Close())
}

// after is the checkpoint of the new layout. What the old topics hold, or ever will, counts as taken: all that is not
// in a row by now is read or published anew by those who write to the new ones.
func (r *resizer) after(at millrace.Checkpoint, upTo int64) millrace.Checkpoint {
	to := at.Clone()
	for p := range r.from.Workers {
		to.Marks[millrace.Partition{Topic: r.topic.Name, Index: int32(p)}] = closedMark
	}
	ingest.Respread(to, r.n, upTo)
	return to
}

// finish removes what belongs to earlier layouts, and tells.
func (r *resizer) finish(ctx context.Context) error {
	now, err := r.c.layout()
	if err != nil {
		return err
	}
	if now.Workers > 0 { // it may be there of a process that was killed before it was durable
		if err := shards.SyncLog(r.c.disk, r.c.dir); err != nil {
			return err
		}
		if err := r.retire(ctx, now); err != nil && ctx.Err() != nil {
			return err
		} else if err != nil {
			r.a.log.Warn("something of an earlier layout is left, and in nobody's way", "error", err)
		}
	}
	if r.a.json {
		r.a.emitSummary(map[string]any{"type": "summary", "exit": Done, "workers": r.n, "before": r.from.Workers, "topic": topicIn(pagesTopic, now), "taken": r.taken.Load()})
		return nil
	}
	if r.from.Workers == r.n {
		fmt.Fprintf(r.a.Stdout, "  %s has %d workers of each kind already\n", r.c.dir, r.n)
		return nil
	}
	fmt.Fprintf(r.a.Stdout, "  %d workers of each kind from now on, before: %d. Go on with: millrace run --belt mill, and beside it --belt crawl and --belt clean, each as --worker 0/%d to %d/%d\n",
		r.n, r.from.Workers, r.n, r.n-1, r.n)
	return nil
}

// retire deletes the topics and the frontiers of all layouts before now.
func (r *resizer) retire(ctx context.Context, now shards.Layout) error {
	var errs []error
	for g := 1; g < now.Generation; g++ {
		for _, topic := range []string{pagesTopic, ingest.RequestsTopic} {
			t := r.topic
			t.Name = topicIn(topic, shards.Layout{Generation: g})
			errs = append(errs, t.Delete(ctx))
		}
	}
	all, err := filepath.Glob(filepath.Join(r.c.dir, "state", "layout-*"))
	errs = append(errs, err)
	var old []string
	for _, folder := range all {
		var g int
		if _, err := fmt.Sscanf(filepath.Base(folder), "layout-%d-", &g); err == nil && g <= now.Generation && filepath.Base(folder) != now.Frontiers {
			old = append(old, folder) // one of the next generation is somebody's who works on it
		}
	}
	errs = append(errs, crawl.RemoveFrontiers(r.c.disk, r.c.dir, old))
	if err := r.c.disk.Remove("cli.resize.workers", workersPath(r.c.dir)); !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
