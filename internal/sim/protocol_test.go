package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace"
	"millrace/dedup"
	"millrace/ingest"
	"millrace/ingest/broker"
	"millrace/internal/run"
	"millrace/shards"
)

// The protocol of ARCHITECTURE.md, "Exactly once": several incarnations of the crawl's writer and of the
// mill work on one topic and one table at the same time, as after crashes of which nobody could tell
// whether they were; each is stopped or put to sleep at random moments and some wake up much later. In
// the end every input has exactly one row, with the verdict that a single quiet run would have given.

const inputs = 120

var (
	warcPart  = millrace.Partition{Topic: "warc"}
	pagesPart = millrace.Partition{Topic: "pages"}
)

// input makes the i-th document; one in three repeats an earlier text.
func input(i int64) *millrace.Document {
	text := fmt.Sprintf("text %d", i)
	if i%3 == 2 {
		text = fmt.Sprintf("text %d", i/2-i/2%3)
	}
	url := fmt.Sprintf("http://example.org/%d", i)
	d := &millrace.Document{ID: millrace.NewID(url, [32]byte{byte(i)}), Text: text, URLKey: url,
		Position: millrace.Position{Partition: warcPart, Offset: 10 * i}}
	d.Page.URL, d.Page.FetchedAt = url, time.UnixMicro(1e15+i).UTC()
	return d
}

// crawlSource is the archive: documents with rising, not contiguous, offsets.
type crawlSource struct{ at int64 }

func (s *crawlSource) Open(_ context.Context, c millrace.Checkpoint) error {
	s.at = (c.Next[warcPart] + 9) / 10
	return nil
}

func (s *crawlSource) Read(_ context.Context, most int) (millrace.Batch, error) {
	var b millrace.Batch
	for len(b.Docs) < most && s.at < inputs {
		b.Docs = append(b.Docs, input(s.at))
		s.at++
	}
	if len(b.Docs) == 0 {
		return b, io.EOF
	}
	return b, nil
}

// rowsOf and textsOf let the real duplicate index read the table.
type rowsOf struct{ t *shards.Table }

func (x rowsOf) Rows(ctx context.Context, from, to int64, yield func(dedup.Row) error) error {
	if err := x.t.Refresh(ctx); err != nil || to <= from {
		return err
	}
	return x.t.Rows(ctx, shards.Select{From: from, To: to, Kept: true, Rejects: true}, func(r *shards.Row) error {
		return yield(dedup.Row{Offset: r.Offset, ID: r.MID, UserID: r.UserID(), Version: millrace.VersionKey(r.Source, r.URLKey),
			Kept: r.Kept(), Reason: r.Verdict.Reason, Keys: r.Keys, Cluster: r.Cluster})
	})
}

type textsOf struct{ t *shards.Table }

func (x textsOf) Text(ctx context.Context, offset int64, id millrace.ID) (string, error) {
	if err := x.t.Refresh(ctx); err != nil {
		return "", err
	}
	return x.t.Text(ctx, offset, id)
}

// index opens the real duplicate index over the table of dir.
func index(dir, scratch string) (*dedup.Index, error) {
	t, err := shards.Open(dir)
	if err != nil {
		return nil, err
	}
	return dedup.New(dedup.Options{Rows: rowsOf{t}, Texts: textsOf{t}, Scratch: scratch})
}

// sleepy is a sink that dozes off before it works: the incarnation behind it becomes a zombie.
type sleepy struct {
	millrace.Sink
	rng *rand.Rand
	mu  *sync.Mutex
}

func (s sleepy) doze(ctx context.Context) {
	s.mu.Lock()
	d := time.Duration(0)
	if s.rng.IntN(6) == 0 {
		d = time.Duration(s.rng.IntN(30)) * time.Millisecond
	}
	s.mu.Unlock()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (s sleepy) Write(ctx context.Context, docs []*millrace.Document) error {
	s.doze(ctx)
	return s.Sink.Write(ctx, docs)
}

func (s sleepy) Flush(ctx context.Context, at millrace.Position) error {
	s.doze(ctx)
	return s.Sink.Flush(ctx, at)
}

// world is one topic and one table, and everybody who works on them.
type world struct {
	t     *testing.T
	dir   string
	topic ingest.Topic
	rng   *rand.Rand
	mu    sync.Mutex // of rng
	wg    sync.WaitGroup
	trims int
}

func (w *world) random(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

func (w *world) newest(context.Context) (millrace.Checkpoint, error) {
	t, err := shards.Open(w.dir)
	if err != nil {
		return millrace.Checkpoint{}, err
	}
	return t.Checkpoint(), nil
}

func (w *world) writer(ctx context.Context) error {
	sink := w.topic.Sink(w.newest)
	defer sink.Close()
	b := run.Belt{Name: "crawl", Source: &crawlSource{}, Sink: sleepy{sink, w.rng, &w.mu}, Workers: 1, Batch: 1 + w.random(9)}
	return b.Run(ctx)
}

func (w *world) mill(ctx context.Context, recipe string, until func() bool) error {
	sink, err := shards.OpenSink(ctx, shards.Options{Dir: w.dir, Recipe: recipe, Stages: []string{"sketch", "dedup"}, TargetBytes: int64(1000 + w.random(9000))})
	if err != nil {
		return err
	}
	defer sink.Close()
	idx, err := index(w.dir, w.t.TempDir())
	if err != nil {
		return err
	}
	defer idx.Close()
	src := w.topic.Source(ingest.SourceOptions{Until: until})
	defer src.Close()
	b := run.Belt{Name: "mill", Source: src, Sink: sleepy{sink, w.rng, &w.mu}, Input: pagesPart,
		Stages: []millrace.Stage{dedup.Sketch(), idx}, Workers: 1 + w.random(3), Batch: 1 + w.random(20)}
	before := sink.Table().Checkpoint().Next[pagesPart]
	err = b.Run(ctx)
	if _, end, e := w.topic.Ends(context.WithoutCancel(ctx)); e == nil {
		// A restart reads what stands behind the newest commit, and nothing before it.
		if c := src.Counts(); c.Taken+c.Marks+c.Redelivered+c.Foreign > end-before {
			w.t.Errorf("a mill read %+v of a topic whose end is %d, from %d on", c, end, before)
		}
	}
	return err
}

// incarnation starts somebody who lives for a while. Nobody tells him that others do the same.
func (w *world) incarnation(ctx context.Context, name string, work func(context.Context) error) {
	life := time.Duration(2+w.random(120)) * time.Millisecond
	w.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, life)
		defer cancel()
		err := work(ctx)
		switch {
		case err == nil, ctx.Err() != nil:
		case strings.HasPrefix(name, "old") && (errors.Is(err, shards.ErrRecipe) || errors.Is(err, millrace.ErrIntegrity)):
			// A zombie of the old recipe may find that it is one: its messages no longer count.
		default:
			w.t.Errorf("%s: %v", name, err)
		}
	})
}

func (w *world) trim(ctx context.Context) {
	w.trims++
	if at, err := w.newest(ctx); err != nil {
		w.t.Error(err)
	} else if err := w.topic.Trim(ctx, at.Next[pagesPart]); err != nil {
		w.t.Errorf("trim: %v", err)
	}
}

func seeds(t *testing.T, n int) int {
	if s := os.Getenv("MILLRACE_SEEDS"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("MILLRACE_SEEDS=%q: %v", s, err)
		}
		return v
	}
	return n
}

func TestExactlyOnceAmongZombies(t *testing.T) {
	for seed := range seeds(t, 6) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, uint64(seed))
			ctx := t.Context()
			for range 25 {
				switch w.random(9) {
				case 0, 1, 2:
					w.incarnation(ctx, "writer", w.writer)
				case 3, 4, 5:
					w.incarnation(ctx, "mill", func(ctx context.Context) error { return w.mill(ctx, "r1", nil) })
				case 6:
					w.trim(ctx)
				case 7:
					if _, err := w.topic.Mark(ctx); err != nil {
						t.Fatalf("mark: %v", err)
					}
				case 8: // whatever no entry names and no later one can name
					if _, err := shards.CollectOrphans(nil, w.dir); err != nil {
						t.Fatalf("collect orphans: %v", err)
					}
				}
				time.Sleep(time.Duration(w.random(8)) * time.Millisecond)
			}
			w.drain(ctx, "r1")
			w.wg.Wait()
			w.check(ctx)
		})
	}
}

// A recipe change with zombies of the old recipe of each role: nothing of theirs gets in, nothing is lost.
func TestRecipeChangeAmongZombies(t *testing.T) {
	for seed := range seeds(t, 3) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, 1000+uint64(seed))
			ctx := t.Context()
			old := *w.fork("u1")
			for range 10 {
				w.incarnation(ctx, "old writer", old.writer)
				w.incarnation(ctx, "old mill", func(ctx context.Context) error { return old.mill(ctx, "r1", nil) })
				time.Sleep(time.Duration(w.random(12)) * time.Millisecond)
			}
			before, err := w.newest(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(before.Next) == 0 { // nothing was committed: the first commit brings the recipe
				old.drain(ctx, "r1")
			}
			if err := shards.FromHere(ctx, nil, w.dir, "r2", "two"); err != nil {
				t.Fatal(err)
			}
			now := *w.fork("u2")
			for range 10 {
				w.incarnation(ctx, "old writer", old.writer)
				w.incarnation(ctx, "old mill", func(ctx context.Context) error { return old.mill(ctx, "r1", nil) })
				w.incarnation(ctx, "writer", now.writer)
				w.incarnation(ctx, "mill", func(ctx context.Context) error { return now.mill(ctx, "r2", nil) })
				time.Sleep(time.Duration(w.random(12)) * time.Millisecond)
			}
			now.drain(ctx, "r2")
			w.wg.Wait()
			w.trims++ // what the old recipe committed is not in the new one's part of the topic
			w.check(ctx)
		})
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, dir: t.TempDir(), rng: rand.New(rand.NewPCG(seed, 7))}
	b, err := broker.Start(t.Context(), broker.Options{Dir: t.TempDir(), SegmentBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	w.topic = ingest.Topic{Addr: b.Addr(), Name: pagesPart.Topic, Recipe: "u1"}
	if err := w.topic.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// fork is the same world seen by those who work by another upstream recipe.
func (w *world) fork(recipe string) *world {
	f := &world{t: w.t, dir: w.dir, topic: w.topic, rng: rand.New(rand.NewPCG(uint64(w.random(1<<30)), 9))}
	f.topic.Recipe = recipe
	return f
}

// drain runs one quiet incarnation of each to the end, zombies or not.
func (w *world) drain(ctx context.Context, recipe string) {
	w.t.Helper()
	if err := w.writer(ctx); err != nil {
		w.t.Fatalf("drain the writer: %v", err)
	}
	if _, err := w.topic.Mark(ctx); err != nil {
		w.t.Fatalf("mark: %v", err)
	}
	if err := w.mill(ctx, recipe, func() bool { return true }); err != nil {
		w.t.Fatalf("drain the mill: %v", err)
	}
}

// check holds the finished table against a fold of its own rows.
func (w *world) check(ctx context.Context) {
	t := w.t
	t.Helper()
	table, err := shards.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	seen, kept := map[millrace.ID]int{}, map[string]millrace.ID{}
	last := int64(-1)
	err = table.Rows(ctx, shards.Select{Kept: true, Rejects: true}, func(r *shards.Row) error {
		seen[r.MID]++
		if r.Offset <= last {
			t.Errorf("row at %d stands behind the one at %d", r.Offset, last)
		}
		last = r.Offset
		of, dup := kept[r.Text]
		switch {
		case r.Kept() && dup:
			t.Errorf("%s is kept, and so is its twin %s", r.URL, of)
		case !r.Kept() && (!dup || r.Verdict.Of != of):
			t.Errorf("%s is dropped as a copy of %s, the kept twin is %s", r.URL, r.Verdict.Of, of)
		case r.Kept():
			kept[r.Text] = r.MID
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(inputs) {
		if n := seen[input(i).ID]; n != 1 {
			t.Errorf("input %d has %d rows, want 1", i, n)
		}
	}
	if len(seen) != inputs {
		t.Errorf("%d different rows for %d inputs", len(seen), inputs)
	}
	w.checkLog(ctx, table)
	w.checkState(ctx, last+1)
	if w.trims == 0 {
		w.checkTopic(ctx)
	}
}

// checkState: the index that is rebuilt from the rows is the one that has seen the documents.
func (w *world) checkState(ctx context.Context, next int64) {
	t := w.t
	t.Helper()
	rebuilt, err := index(w.dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer rebuilt.Close()
	if err := rebuilt.Load(ctx, next); err != nil {
		t.Fatal(err)
	}
	live, err := dedup.New(dedup.Options{Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	if err := live.Load(ctx, 0); err != nil {
		t.Fatal(err)
	}
	table, err := shards.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	sketch := dedup.Sketch()
	err = table.Rows(ctx, shards.Select{Kept: true, Rejects: true}, func(r *shards.Row) error {
		d := &millrace.Document{ID: r.MID, Text: r.Text, Position: r.Position}
		if _, err := sketch.Process(ctx, d); err != nil {
			return err
		}
		v, err := live.Process(ctx, d)
		if err == nil && v.Kept() != r.Kept() {
			t.Errorf("%s: the row says %q, a run from the start says %q", r.URL, r.Verdict, v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if rebuilt.Digest() != live.Digest() {
		t.Error("the state that is rebuilt from the rows is not the one that has seen the documents")
	}
}

// checkTopic: a receiver that begins with nothing takes each input once, in order, and sees no gap.
func (w *world) checkTopic(ctx context.Context) {
	t := w.t
	t.Helper()
	src := w.topic.Source(ingest.SourceOptions{Until: func() bool { return true }})
	defer src.Close()
	if err := src.Open(ctx, millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	for i := int64(0); ; {
		b, err := src.Read(ctx, 50)
		if errors.Is(err, io.EOF) {
			if i != inputs {
				t.Errorf("the topic holds %d of %d inputs", i, inputs)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range b.Docs {
			if d.Via.Offset != 10*i {
				t.Fatalf("input %s where %d was to come", d.Via, 10*i)
			}
			i++
		}
	}
}

// checkLog: Positions and marks never go down, and everything is as committed.
func (w *world) checkLog(ctx context.Context, table *shards.Table) {
	t := w.t
	t.Helper()
	next, mark := int64(0), int64(-1)
	for _, e := range table.Entries() {
		n, m := e.Checkpoint.Next[pagesPart], e.Checkpoint.Marks[warcPart]
		if n < next || m < mark {
			t.Errorf("commit %d goes back: next %d after %d, mark %d after %d", e.Version, n, next, m, mark)
		}
		next, mark = n, m
	}
	if mark != 10*(inputs-1) {
		t.Errorf("the last mark is %d, want %d", mark, 10*(inputs-1))
	}
	r, err := shards.Check(ctx, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Errorf("check: %+v", p)
	}
}
