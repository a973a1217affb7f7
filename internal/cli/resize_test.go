package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"millrace"
	"millrace/crawl"
	"millrace/ingest"
	"millrace/ingest/broker"
	"millrace/internal/sim/crashfs"
	"millrace/shards"
)

// ofFiles is a line in parts over a folder of texts, with a log of its own that outlives its commands.
type ofFiles struct {
	t         *testing.T
	dir, file string
	addr      string
	whole     string // a corpus that a whole line makes of them
}

func newOfFiles(t *testing.T, docs int, more string) *ofFiles {
	dir := t.TempDir()
	x := &ofFiles{t: t, dir: filepath.Join(dir, "parts"), file: filepath.Join(dir, "parts.yaml"), whole: filepath.Join(dir, "whole")}
	b, err := broker.Start(t.Context(), broker.Options{Dir: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	x.addr = b.Addr()
	someTexts(t, dir, docs)
	yaml := fmt.Sprintf("ingest: [{in: %q}]\nshards: {flush_every: 0}\nworkers: 1\n", filepath.Join(dir, "*.jsonl"))
	for name, text := range map[string]string{x.file: yaml + more + "log: kafka://" + x.addr + "\n", filepath.Join(dir, "whole.yaml"): yaml} {
		text += fmt.Sprintf("dir: %q\n", strings.TrimSuffix(name, ".yaml"))
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if exit := command(t.Context(), t, "run", filepath.Join(dir, "whole.yaml")); exit != Done {
		t.Fatalf("the whole line ended with exit %d", exit)
	}
	return x
}

// part is a process of the line, as it has just started.
func (x *ofFiles) part(belt string) *line {
	x.t.Helper()
	a := &App{Stdout: io.Discard, Stderr: testWriter{x.t}, log: slog.New(slog.DiscardHandler)}
	c, err := a.openCorpus(x.file)
	l := &line{a: a, c: c, o: runOptions{belt: belt}, ready: func() {}}
	if err == nil {
		err = c.disk.Mkdir("test.state", filepath.Join(c.dir, "state"))
	}
	if err == nil {
		err = c.remember()
	}
	if err == nil {
		err = l.topics(x.addr)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	return l
}

// some is the first n documents of a source.
type some struct {
	millrace.Source
	n int
}

func (s *some) Read(ctx context.Context, most int) (millrace.Batch, error) {
	if s.n == 0 {
		return millrace.Batch{}, io.EOF
	}
	b, err := s.Source.Read(ctx, min(most, s.n))
	s.n -= len(b.Docs)
	return b, err
}

// feed lets a feeder over so many partitions put n more documents into pages.
func (x *ofFiles) feed(workers, n int) {
	x.t.Helper()
	l := x.part(beltCrawl)
	l.topic.Partitions = int32(workers)
	if err := errors.Join(l.topic.Ensure(x.t.Context()), l.docs.Ensure(x.t.Context())); err != nil {
		x.t.Fatal(err)
	}
	files, err := l.openFiles(x.t.Context())
	if err == nil {
		err = l.publish(x.t.Context(), "ingest", &some{files, n}, l.topic.Spread(l.newest))
	}
	if err != nil {
		x.t.Fatal(err)
	}
}

// resizer is a process that is about to resize.
func (x *ofFiles) resizer(n int) *resizer {
	x.t.Helper()
	r := &resizer{line: x.part(beltMill), n: n}
	if err := r.lookAt(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	return r
}

// judge runs the line to its end and compares it with a whole one.
func (x *ofFiles) judge(workers int) {
	x.t.Helper()
	runPartsTo(x.t, x.file, workers, Done)
	want, got := rowsOf(x.t, x.whole), rowsOf(x.t, x.dir)
	if len(want) != len(got) {
		x.t.Errorf("%d rows, want %d", len(got), len(want))
	}
	sameButDuplicates(x.t, want, got)
}

// zombie is a feeder, a clean worker and a mill of the old layout that were paused: each has work in its hands.
type zombie struct {
	feeder, cleaner, miller *line
	spread                  *ingest.SpreadSink
	files                   *ingest.FileSource
	pages                   *ingest.TopicSource
	docs                    *ingest.TopicSink
	rows                    []*millrace.Document
}

func (x *ofFiles) zombie(workers int) *zombie {
	x.t.Helper()
	ctx := x.t.Context()
	z := &zombie{feeder: x.part(beltCrawl), cleaner: x.part(beltClean), miller: x.part(beltMill)}
	z.feeder.topic.Partitions = int32(workers)
	z.spread = z.feeder.topic.Spread(z.feeder.newest)
	z.pages = z.cleaner.topic.Source(ingest.SourceOptions{Until: func() bool { return true }})
	z.docs = z.cleaner.docs.Sink(z.cleaner.newest)
	var err error
	if z.files, err = z.feeder.openFiles(ctx); err != nil {
		x.t.Fatal(err)
	}
	for _, p := range []struct {
		from interface {
			Open(context.Context, millrace.Checkpoint) error
		}
		to interface {
			Resume(context.Context) (millrace.Checkpoint, error)
		}
	}{{z.files, z.spread}, {z.pages, z.docs}} {
		at, err := p.to.Resume(ctx)
		if err == nil {
			err = p.from.Open(ctx, at)
		}
		if err != nil {
			x.t.Fatal(err)
		}
	}
	table, err := shards.Open(x.dir)
	if err == nil {
		err = z.miller.openSink(ctx, table)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	at, err := z.miller.sink.Resume(ctx)
	source := z.miller.input.Source(ingest.SourceOptions{})
	if err == nil {
		err = source.Open(ctx, at)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	b, err := source.Read(ctx, 3)
	if err == nil {
		err = z.miller.sink.Write(ctx, b.Docs)
	}
	if z.rows = b.Docs; err != nil || len(z.rows) == 0 {
		x.t.Fatalf("%d rows, %v", len(z.rows), err)
	}
	return z
}

// wake lets the zombie do what it was about to: read more of the files into pages, clean what stands there, commit.
// It counts what has gone into docs.
func (z *zombie) wake(t *testing.T) (written int) {
	t.Helper()
	ctx := t.Context()
	b, err := z.files.Read(ctx, 40)
	if err == nil {
		err = z.spread.Write(ctx, b.Docs)
	}
	if err != nil || len(b.Docs) == 0 {
		t.Fatalf("the feeder that should be dead: %d documents, %v", len(b.Docs), err)
	}
	for {
		b, err := z.pages.Read(ctx, 40)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = z.docs.Write(ctx, b.Docs) // uncleaned: whoever took them would not know the text
		}
		if err != nil {
			t.Fatalf("the clean worker that should be dead: %v", err)
		}
		written += len(b.Docs)
	}
	if err := z.miller.sink.Flush(ctx, millrace.Position{}); !errors.Is(err, millrace.ErrMoved) {
		t.Errorf("the mill that should be dead has committed: %v", err)
	}
	return written
}

// TestResizeOfFiles takes a line from 2 workers to 3 and to 1 while it reads files, with work in every topic, and wants
// the rows of a whole line. Between the commit of the new layout and the end of the old topics, a zombie of each role
// of the old one wakes up.
func TestResizeOfFiles(t *testing.T) {
	t.Parallel()
	x := newOfFiles(t, 400, "")
	x.feed(2, 150)
	if err := x.part(beltMill).drainSome(x, 2); err != nil {
		t.Fatal(err)
	}
	z := x.zombie(2)
	x.feed(2, 20) // which nobody has cleaned
	r := x.resizer(3)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := z.wake(t); n < 20 {
		t.Errorf("the clean worker that should be dead has handed on %d documents", n)
	}
	if err := r.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exit := command(t.Context(), t, "run", x.file, "--belt", "crawl", "--worker", "0/2"); exit != Usage {
		t.Errorf("a worker of the old layout ended with exit %d", exit)
	}
	x.feed(3, 100)
	if exit := command(t.Context(), t, "topics", "resize", "1", "--dir", x.dir); exit != Done {
		t.Errorf("exit %d", exit)
	}
	x.judge(1)
}

// drainSome cleans what stands in the first partition of pages, and leaves it in docs.
func (l *line) drainSome(x *ofFiles, workers int) error {
	r := x.resizer(workers + 1)
	return r.drainPages(x.t.Context(), 0)
}

// TestFeederDuringTheDrain lets a feeder of the old layout write while the line is emptied, when one partition has been
// cleaned already and the next one is about to be. The resize begins anew, and each record stands in one row.
func TestFeederDuringTheDrain(t *testing.T) {
	t.Parallel()
	x := newOfFiles(t, 300, "")
	x.feed(3, 90)
	r := x.resizer(2)
	began := 0 // belts: three that clean, and the mill
	r.ready = func() {
		if began++; began == 2 {
			x.feed(3, 150)
		}
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if began != 8 {
		t.Errorf("%d belts ran, want twice 4", began)
	}
	if err := r.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.judge(2)
}

// TestFeederWithoutEnd: where somebody goes on to write all the time, the resize gives up and has changed nothing.
func TestFeederWithoutEnd(t *testing.T) {
	t.Parallel()
	x := newOfFiles(t, 300, "")
	x.feed(3, 30)
	r := x.resizer(2)
	r.ready = func() { x.feed(3, 10) }
	var e *Error
	if err := r.run(t.Context()); !errors.As(err, &e) || !strings.Contains(e.Error(), "somebody goes on to write") {
		t.Errorf("%v", err)
	}
	if now, err := r.c.layout(); err != nil || now.Workers > 0 {
		t.Errorf("%+v, %v", now, err)
	}
	if homes, err := filepath.Glob(filepath.Join(x.dir, "state", "layout-*")); err != nil || len(homes) > 0 {
		t.Errorf("%q, %v", homes, err)
	}
}

// TestTwoResizes lets two processes resize at once, which no lock keeps apart: one wins, and the other says so.
func TestTwoResizes(t *testing.T) {
	t.Parallel()
	x := newOfFiles(t, 200, "")
	x.feed(2, 120)
	all := []*resizer{x.resizer(3), x.resizer(4)}
	errs := make([]error, len(all))
	var g errgroup.Group
	for i, r := range all {
		g.Go(func() error { errs[i] = r.run(t.Context()); return nil })
	}
	g.Wait()
	now, err := x.part(beltMill).c.layout()
	if err != nil || now.Generation != 2 {
		t.Fatalf("%+v, %v, of %v", now, err, errs)
	}
	won := 0
	for i, r := range all {
		var e *Error
		switch {
		case errs[i] == nil && r.n == now.Workers:
			won++
			if err := r.finish(t.Context()); err != nil {
				t.Error(err)
			}
		case errs[i] == nil, !errors.As(errs[i], &e) || !strings.Contains(e.Error(), "somebody else has made it"):
			t.Errorf("%d workers: %v, and %d are in force", r.n, errs[i], now.Workers)
		}
	}
	if won != 1 {
		t.Fatalf("%d have won: %v", won, errs)
	}
	x.judge(now.Workers)
}

// TestCrashAtResize crashes a resize at each of its steps: the same command once more, and the line has the new layout,
// with a row for each record that was in any topic, the frontiers shared out, and nothing left of the old ones.
func TestCrashAtResize(t *testing.T) {
	t.Parallel()
	x := newOfFiles(t, 40, "crawl: {seeds: ['http://127.0.0.2:1/', 'http://127.0.0.3:1/'], allow_addr: ['127.0.0.0/8:1']}\nagent: {token: millbot}\n")
	x.feed(2, 30)
	if err := x.part(beltMill).drainSome(x, 2); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	calm := filepath.Join(dir, "calm")
	if err := os.CopyFS(calm, os.DirFS(x.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(calm, "log"), os.DirFS(filepath.Join(filepath.Dir(x.dir), "log"))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(x.file)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), "kafka://"+x.addr, "embedded"))
	if err := os.WriteFile(filepath.Join(calm, "pipeline.yaml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	a := &App{Stdout: io.Discard, Stderr: testWriter{t}, log: slog.New(slog.DiscardHandler), dir: calm}
	c, err := a.openCorpus("")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		o := c.crawlOptions(a)
		o.Worker, o.Workers, o.Drain = i, 2, true
		f, err := crawl.Open(t.Context(), o)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.settleWorkers(2); err != nil {
		t.Fatal(err)
	}
	trial := &crashfs.Trial{Seed: 7, Each: 1, Own: []string{"cli.resize", "frontier.retire", "shards.recipe", "broker.delete"}, Others: 8, Pairs: 2}
	trial.Life = func(ctx context.Context, p crashfs.Place) error {
		if exit, out := lineOf(ctx, p.Disk, "topics", "resize", "3", "--dir", p.Dir); exit != Done {
			return fmt.Errorf("resize: exit %d: %s", exit, out)
		}
		return nil
	}
	trial.Judge = func(dir string) error { return resizedWell(t, dir) }
	r, err := trial.Run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	for _, point := range []string{"cli.resize.workers", "frontier.retire", "frontier.retire.folder", "shards.recipe.link", "broker.delete"} {
		if r.Points[point] == 0 {
			t.Errorf("a resize did not pass %s: %v", point, r.Points)
		}
	}
}

// resizedWell judges what a resize from 2 workers to 3 has left of 30 records and 2 seeds.
func resizedWell(t *testing.T, dir string) error {
	if exit, out := lineOf(t.Context(), nil, "check", "--dir", dir); exit != Done {
		return fmt.Errorf("check: exit %d: %s", exit, out)
	}
	table, err := shards.Open(dir)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	err = table.Rows(t.Context(), shards.Select{Kept: true, Rejects: true}, func(r *shards.Row) error { seen[r.UserID()] = true; return nil })
	now, _ := table.Layout()
	if err != nil || table.Tally().In != 30 || len(seen) != 30 || now.Workers != 3 || now.Generation != 2 {
		return fmt.Errorf("%w: %d rows, %d records, layout %+v", err, table.Tally().In, len(seen), now)
	}
	if n, err := crawl.Ledger(homeOf(dir, now)); err != nil || n.Discovered != 2 || n.Waiting != 2 {
		return fmt.Errorf("%w: frontiers %+v", err, n)
	}
	for _, pattern := range []string{"state/frontier*", "state/workers", "log/pages-*", "log/requests-*"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			return fmt.Errorf("%w: %q is left", err, left)
		}
	}
	if homes, err := filepath.Glob(filepath.Join(dir, "state", "layout-*")); err != nil || len(homes) != 1 {
		return fmt.Errorf("%w: frontiers in %q", err, homes)
	}
	return nil
}
