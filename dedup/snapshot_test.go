package dedup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/sim/crashfs"
)

// world is a log of documents and what is committed of it.
type world struct {
	make    func(from, to int) []*millrace.Document // fresh ones each time
	n       int
	rows    corpus
	commits []committed
	dir     string
	said    bytes.Buffer
	disk    *durable.Disk
}

// noSync leaves out what takes long and changes nothing here.
type noSync struct{}

func (noSync) Before(s *durable.Step) error {
	if s.Op == durable.OpSync || s.Op == durable.OpSyncDir {
		return durable.ErrSkip
	}
	return nil
}

func (noSync) After(_ *durable.Step, result error) error { return result }

// committed is one commit: everything below next. name is a hash of it and of those before.
type committed struct {
	docs int
	next int64
	name [32]byte
}

func newWorld(t testing.TB, seed uint64, n int) *world {
	rng := rand.New(rand.NewPCG(seed, 3))
	texts := mixture(rng, n)
	no := []millrace.Reason{millrace.RemovedGone, millrace.ConsentNoTrain, millrace.LangUnsure, millrace.QualityAlpha}
	return &world{n: n, dir: t.TempDir(), disk: durable.Watched(noSync{}), make: func(from, to int) (docs []*millrace.Document) {
		for i := from; i < to; i++ {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			v, url := millrace.Verdict{}, fmt.Sprint("u", rng.IntN(1+n/4))
			if rng.IntN(8) == 0 {
				v = millrace.Verdict{Reason: no[rng.IntN(len(no))], Stage: "s"}
			}
			d := visit(i, url, texts[rng.IntN(i+1)], fmt.Sprint(rng.IntN(2)), v)
			if d.UserID = strings.Repeat("u", i%3); rng.IntN(3) == 0 {
				d.Page.Source = "file" // no version of anything
			}
			docs = append(docs, d)
		}
		return docs
	}}
}

// commit names the commit that has the row before an offset.
func (w *world) commit(_ context.Context, offset int64) (string, error) {
	for _, c := range w.commits {
		if c.next >= offset {
			return fmt.Sprintf("%x", c.name), nil
		}
	}
	return "", fmt.Errorf("nothing is committed at %d", offset)
}

func (w *world) newest() (docs int, next int64) {
	if len(w.commits) == 0 {
		return 0, 0
	}
	c := w.commits[len(w.commits)-1]
	return c.docs, c.next
}

func (w *world) options(recipe string) Options {
	return Options{Texts: &w.rows, Rows: &w.rows, Snapshots: Snapshots{Dir: w.dir, Recipe: recipe, Commit: w.commit, Disk: w.disk,
		Log: slog.New(slog.NewTextHandler(&w.said, nil)), every: 12, bytes: 2000}}
}

func (w *world) files(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join(w.dir, "index-*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// owner is somebody who works on the world's documents, or is a zombie.
type owner struct {
	w     *world
	x     *Index
	base  int // commits that he knows
	taken int // documents
	docs  []*millrace.Document
}

// load starts behind the newest commit, and wants the state to be that which rows alone give.
func (o *owner) load(t testing.TB, fatal func(...any)) {
	docs, next := o.w.newest()
	if err := o.x.Load(context.Background(), next); err != nil {
		fatal(err)
	}
	o.base, o.taken, o.docs = len(o.w.commits), docs, nil
	plain := o.x.opt
	plain.Snapshots, plain.Scratch = Snapshots{}, ""
	again := newIndex(t, plain)
	if err := again.Load(context.Background(), next); err != nil {
		fatal(err)
	}
	if again.Digest() != o.x.Digest() {
		fatal("the state after Load at ", next, " differs from that of the rows")
	}
}

func (o *owner) take(t testing.TB, n int) {
	for _, d := range o.w.make(o.taken, min(o.w.n, o.taken+n)) {
		show(t, o.x, d)
		o.docs = append(o.docs, d)
		o.taken++
	}
}

// commit commits all but the last few documents taken, if nobody came first; else he starts again.
func (o *owner) commit(t testing.TB, but int, fatal func(...any)) {
	n := len(o.docs) - but
	switch {
	case o.base != len(o.w.commits):
		o.load(t, fatal)
		return
	case n <= 0:
		return
	}
	before, _ := o.w.newest()
	o.w.rows.commit(o.docs[:n])
	c := committed{docs: before + n, next: o.docs[n-1].Position.Offset + 1}
	h := sha256.New()
	fmt.Fprint(h, o.w.commits, c.next)
	for _, d := range o.docs[:n] {
		fmt.Fprint(h, d.ID)
	}
	h.Sum(c.name[:0])
	o.w.commits = append(o.w.commits, c)
	o.base, o.docs = len(o.w.commits), o.docs[n:]
	if err := o.x.Save(context.Background(), c.next); err != nil {
		fatal(err)
	}
}

// damage does something to a snapshot.
func damage(t testing.TB, rng *rand.Rand, files []string) {
	if len(files) == 0 {
		return
	}
	one := files[rng.IntN(len(files))]
	b, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	switch rng.IntN(4) {
	case 0:
		os.Remove(one)
		return
	case 1:
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
	case 2:
		b = b[:rng.IntN(len(b))]
	case 3:
		one = files[rng.IntN(len(files))] // under another name
	}
	if err := os.WriteFile(one, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Two owners work on one log, as after a pause that nobody has seen the end of, with crashes, damage, and a table that
// is made anew. Whatever snapshots lie there, the state is always that of the committed rows; and so are the verdicts.
func TestSnapshotsOrRows(t *testing.T) {
	loads := 0
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		rng := rand.New(rand.NewPCG(seed, 4))
		w := newWorld(t, seed, 50)
		options := w.options("recipe")
		options.Versions = []string{"newest", "first", "all"}[rng.IntN(3)]
		start := func() *owner {
			loads++
			o := &owner{w: w, x: newIndex(t, options)}
			o.load(t, rt.Fatal)
			return o
		}
		two := []*owner{start(), start()}
		for step := 0; two[0].taken < w.n || two[1].taken < w.n || len(two[0].docs) > 0; step++ {
			i := rng.IntN(2)
			o := two[i]
			switch k := rng.IntN(20); {
			case k < 8:
				o.take(t, rng.IntN(20))
			case k < 16:
				o.commit(t, rng.IntN(3)*rng.IntN(2), rt.Fatal)
			case k < 18:
				two[i] = start()
			case k < 19:
				damage(t, rng, w.files(t))
			case step < 100 && rng.IntN(3) == 0: // made anew: the same documents, without the first ones
				w.rows, w.commits = corpus{}, nil
				make, cut := w.make, rng.IntN(4)
				w.n -= cut
				w.make = func(from, to int) []*millrace.Document {
					docs := make(from+cut, to+cut)
					for i := range docs {
						docs[i].Position.Offset -= int64(3 * cut)
					}
					return docs
				}
				two = []*owner{start(), start()}
			}
		}
		reference := newIndex(t, Options{Versions: options.Versions})
		for i, d := range w.make(0, len(w.rows.rows)) {
			show(t, reference, d)
			if r := w.rows.rows[i]; r.Reason != d.Verdict.Reason || r.Cluster != d.Cluster || r.ID != d.ID {
				rt.Fatalf("row %d is %s of %s, want %s of %s", i, r.Reason, r.Cluster, d.Verdict.Reason, d.Cluster)
			}
		}
	})
	if loads < 200 {
		t.Errorf("%d loads", loads)
	}
}

// A snapshot is not named by a commit: R has seen more documents than the zombie Z, who commits first. What R has kept,
// whenever he was asked to, does not make the document of which only R knows a duplicate of itself.
func TestSnapshotBeforeItsCommit(t *testing.T) {
	w := newWorld(t, 1, 60)
	z, r := &owner{w: w, x: newIndex(t, w.options("r"))}, &owner{w: w, x: newIndex(t, w.options("r"))}
	z.load(t, t.Fatal)
	r.load(t, t.Fatal)
	z.take(t, 20)
	r.take(t, 40)
	if err := r.x.Save(t.Context(), r.docs[39].Position.Offset+1); err == nil {
		t.Error("a snapshot without a commit was taken")
	}
	z.commit(t, 0, t.Fatal)
	r.commit(t, 0, t.Fatal) // he loses, and loads
	if r.taken != 20 {
		t.Fatalf("R goes on behind document %d", r.taken)
	}
	r.take(t, 40)
	reference := newIndex(t, Options{})
	for i, d := range w.make(0, 60) {
		if show(t, reference, d); i >= 20 && !cmp.Equal(d.Verdict, r.docs[i-20].Verdict) {
			t.Errorf("document %d: %s, want %s", i, r.docs[i-20].Verdict, d.Verdict)
		}
	}
}

// filled is a world with all documents committed, with snapshots of most of them.
func filled(t *testing.T) *world {
	w := newWorld(t, 5, 120)
	o := &owner{w: w, x: newIndex(t, w.options("r"))}
	o.load(t, t.Fatal)
	for o.taken < w.n {
		o.take(t, 10)
		o.commit(t, 0, t.Fatal)
		<-o.x.writing // each is to be written
	}
	if len(w.files(t)) < 5 {
		t.Fatalf("%d snapshots", len(w.files(t)))
	}
	return w
}

// What does not count is said, and costs the rows that it stood for; the next start has it again.
func TestSnapshotsThatDoNotCount(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t *testing.T, w *world)
		want string // that is said
		rows int    // most that are read
	}{
		"all there": {func(*testing.T, *world) {}, "", 12},
		"a flipped bit": {func(t *testing.T, w *world) {
			rewrite(t, w.files(t)[2], func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		}, "it is damaged", 40},
		"cut":   {func(t *testing.T, w *world) { rewrite(t, w.files(t)[2], func(b []byte) []byte { return b[:len(b)-9] }) }, "it is damaged", 40},
		"empty": {func(t *testing.T, w *world) { rewrite(t, w.files(t)[0], func(b []byte) []byte { return nil }) }, "no snapshot of this version", 40},
		"an earlier format": {func(t *testing.T, w *world) {
			rewrite(t, w.files(t)[1], func(b []byte) []byte { b[24] = '0'; return b })
		}, "no snapshot of this version", 40},
		"gone": {func(t *testing.T, w *world) { os.Remove(w.files(t)[3]) }, "", 40},
		"another table": {func(t *testing.T, w *world) {
			for i := range w.commits {
				w.commits[i].name[0]++
			}
		}, "of another table", 120},
		"newer than the commit": {func(t *testing.T, w *world) { w.commits = w.commits[:4] }, "newer than the newest commit", 40},
		"under another name":    {func(t *testing.T, w *world) { os.Rename(w.files(t)[1], w.files(t)[0]) }, "it has another name", 60},
	} {
		t.Run(name, func(t *testing.T) {
			w := filled(t)
			c.do(t, w)
			for try := range 2 {
				w.said.Reset()
				o := &owner{w: w, x: newIndex(t, w.options("r"))}
				o.load(t, t.Fatal)
				rows := 0
				_, tail, _ := strings.Cut(w.said.String(), "rows_read=")
				if _, err := fmt.Sscan(tail, &rows); err != nil {
					t.Fatal(err)
				}
				if try == 0 && (!strings.Contains(w.said.String(), c.want) || rows > c.rows) || try == 1 && rows > 12 {
					t.Errorf("start %d reads %d rows and says:\n%s", try, rows, w.said.String())
				}
			}
		})
	}
	t.Run("another recipe", func(t *testing.T) {
		w := filled(t)
		before := w.files(t)
		o := &owner{w: w, x: newIndex(t, w.options("another"))}
		o.load(t, t.Fatal)
		if slices.ContainsFunc(w.files(t), func(f string) bool { return slices.Contains(before, f) }) {
			t.Error("snapshots of the old recipe stay")
		}
	})
}

func rewrite(t *testing.T, file string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, f(b), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Of more steps than may wait for a commit the rows are read again.
func TestTooManySteps(t *testing.T) {
	w := newWorld(t, 6, 100)
	o := &owner{w: w, x: newIndex(t, w.options("r"))}
	o.load(t, t.Fatal)
	o.take(t, 50)
	o.x.steps.buf = append(o.x.steps.buf, make([]byte, maxSteps)...)
	o.take(t, 5)
	if len(o.x.steps.buf) > 1<<20 {
		t.Fatalf("%d bytes of steps wait", len(o.x.steps.buf))
	}
	for o.taken < w.n {
		o.take(t, 5)
	}
	o.commit(t, 0, t.Fatal)
	for range 2 {
		o = &owner{w: w, x: newIndex(t, w.options("r"))}
		o.load(t, t.Fatal)
	}
}

// TestCrashAtSnapshots crashes at each step of a snapshot that is written or removed: the next start has the state.
func TestCrashAtSnapshots(t *testing.T) {
	w := filled(t)
	x := &crashfs.Trial{Seed: 9, Each: 2, Pairs: 15}
	x.Life = func(ctx context.Context, p crashfs.Place) error {
		one := *w
		one.dir, one.disk = filepath.Join(p.Dir, "snapshots"), p.Disk
		for _, recipe := range []string{"old", "r"} { // the second removes what the first has written
			o := one.options(recipe)
			o.MemTexts, o.Snapshots.Log = 0, slog.New(slog.DiscardHandler)
			index, err := New(o)
			if err != nil {
				return err
			}
			if err := index.Load(ctx, w.commits[2].next); err != nil {
				return err
			}
			for i, d := range w.make(w.commits[2].docs, w.n) {
				show(t, index, d)
				if at := slices.IndexFunc(w.commits, func(c committed) bool { return c.docs == w.commits[2].docs+i+1 }); at >= 0 {
					if err := index.Save(ctx, w.commits[at].next); err != nil {
						return err
					}
					<-index.writing
				}
			}
			if err := index.Close(); err != nil {
				return err
			}
		}
		return nil
	}
	x.Judge = func(dir string) error {
		one := *w
		one.dir = filepath.Join(dir, "snapshots")
		var err error
		(&owner{w: &one, x: newIndex(t, one.options("r"))}).load(t, func(v ...any) { err = fmt.Errorf("%v", v) })
		if err == nil && len(one.files(t)) < 5 {
			err = fmt.Errorf("%d snapshots are there", len(one.files(t)))
		}
		return err
	}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if err := r.Passed(".", nil); err != nil {
		t.Error(err)
	}
}

// FuzzSnapshot reads anything as a snapshot; what it takes can be made a state.
func FuzzSnapshot(f *testing.F) {
	x := newIndex(f, Options{Texts: &corpus{}, Rows: &corpus{}})
	x.steps.off = false
	for _, d := range newWorld(f, 2, 30).make(0, 30) {
		show(f, x, d)
	}
	s := &snapshot{to: 90, commit: "c", steps: x.steps.buf}
	whole := s.encode("r")
	f.Add(whole, false)
	f.Add(whole[:len(whole)-sumSize], true)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal {
			b = sealed(b)
		}
		var s snapshot
		if s.decode(b, "r") != nil || s.kept > 0 || s.dups > 0 {
			return
		}
		x := newIndex(t, Options{})
		l := &loader{x: x}
		l.apply(&s)
		l.finish()
		if again := s.encode("r"); !bytes.Equal(again, b) {
			t.Errorf("%x comes back as %x", b, again)
		}
	})
}
