package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"millrace"
	"millrace/internal/sim/crashfs"
)

// world is a process that dies: what its files said at that moment is what the next one finds. Other goroutines
// may go on for a while, but nothing of what they do is seen.
type world struct {
	state  string
	poison map[int64]bool // offsets that end the process in stage mortal
	mark   int64          // offset of a flush mark
	mute   bool           // the dying leave no words
	kills  []int64        // the same from outside, at the nth call of a stage in all lives

	calls atomic.Int64
	dead  atomic.Bool
	left  atomic.Pointer[[]byte] // the journal at death
	end   context.CancelFunc     // of this life
}

func (w *world) journal() string { return filepath.Join(w.state, "attempts-mill") }

func (w *world) die() error {
	if b, err := os.ReadFile(w.journal()); err == nil && w.left.CompareAndSwap(nil, &b) {
		w.dead.Store(true)
		w.end()
	}
	return context.Canceled
}

// mortal dies at its poison, before or behind the order.
type mortal struct{ w *world }

func (mortal) Name() string { return "mortal" }

func (m mortal) Process(ctx context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if n := m.w.calls.Add(1); slices.Contains(m.w.kills, n) || m.w.poison[d.Position.Offset] {
		return millrace.Verdict{}, m.w.die()
	}
	return millrace.Verdict{}, ctx.Err()
}

// ordered is mortal as a stateful stage.
type ordered struct{ mortal }

func (ordered) Name() string                      { return "ordered" }
func (ordered) Load(context.Context, int64) error { return nil }
func (ordered) Save(context.Context, int64) error { return nil }

// grave is a store that takes nothing from the dead.
type grave struct {
	*store
	w *world
}

func (g grave) Write(ctx context.Context, docs []*millrace.Document) error {
	for _, d := range docs {
		if g.w.dead.Load() {
			return context.Canceled
		}
		if err := g.store.Write(ctx, []*millrace.Document{d}); err != nil {
			return err
		}
	}
	return nil
}

func (g grave) Flush(ctx context.Context, at millrace.Position) error {
	if g.w.dead.Load() {
		return context.Canceled
	}
	return g.store.Flush(ctx, at)
}

// live runs one process; died says how it ended.
func (w *world) live(ctx context.Context, b Belt) (died bool, err error) {
	ctx, w.end = context.WithCancel(ctx)
	defer w.end()
	w.dead.Store(false)
	w.left.Store(nil)
	err = b.Run(ctx)
	if left := w.left.Load(); left != nil {
		if !w.mute {
			err = os.WriteFile(w.journal()+".crash", []byte("a bug"), 0o644)
		} else {
			err = nil
		}
		return true, errors.Join(err, os.WriteFile(w.journal(), *left, 0o644))
	}
	return false, err
}

// lives runs processes until one reaches the end, and counts them.
func (w *world) lives(ctx context.Context, b Belt, most int) (int, error) {
	for n := 1; n <= most; n++ {
		if died, err := w.live(ctx, b); !died || err != nil {
			return n, err
		}
	}
	return most, fmt.Errorf("%d lives did not reach the end", most)
}

func temp(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "millrace-run-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// nth drops all but the first two of each residue class: its verdicts depend on the order, and on who was decided before.
type nth struct {
	w    *world
	seen map[int64]int
}

func (*nth) Name() string { return "nth" }

func (s *nth) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if s.seen[d.Position.Offset%10]++; s.seen[d.Position.Offset%10] > 2 {
		return millrace.Verdict{Reason: millrace.DupExact}, nil
	}
	return millrace.Verdict{}, nil
}

func (s *nth) Load(_ context.Context, next int64) error {
	s.seen = map[int64]int{}
	for o := range next {
		if !s.w.poison[o] && o != s.w.mark {
			s.seen[o%10]++
		}
	}
	return nil
}

func (*nth) Save(context.Context, int64) error { return nil }

// condemns is what deaths come to, without them.
type condemns struct{ w *world }

func (condemns) Name() string { return "condemns" }

func (c condemns) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if c.w.poison[d.Position.Offset] {
		return millrace.Verdict{Reason: millrace.FailedCrashLoop}, nil
	}
	return millrace.Verdict{}, nil
}

// Whatever ends the process, wherever in the belt: those documents are dead letters, all others have the rows
// that they would have had, two kills accuse nobody, and another reading of the log decides alike.
func TestCrashLoops(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 60).Draw(t, "n")
		w := &world{state: temp(t), poison: map[int64]bool{}, mark: rapid.Int64Range(0, 80).Draw(t, "mark"),
			kills: rapid.SliceOfN(rapid.Int64Range(1, 300), 0, 2).Draw(t, "kills")}
		for _, o := range rapid.SliceOfN(rapid.Int64Range(0, n-1), 0, 2).Draw(t, "poison") {
			w.poison[o] = o != w.mark
		}
		source := func() *list { return &list{n: n, marks: map[int64]bool{w.mark: true}} }
		s := &store{every: rapid.IntRange(1, 30).Draw(t, "every"), failAt: -1, moveAt: -1}
		b := Belt{Name: "mill", Source: source(), Sink: grave{s, w}, Input: pages, Guard: Guard{State: w.state, Name: "mill", Recipe: "r"},
			Workers: rapid.IntRange(1, 5).Draw(t, "workers"), Batch: rapid.IntRange(1, 20).Draw(t, "batch")}
		b.Stages = []millrace.Stage{mortal{w}, &nth{w: w}}
		if rapid.Bool().Draw(t, "behind the order") {
			b.Stages = []millrace.Stage{ordered{mortal{w}}, &nth{w: w}}
		}
		if _, err := w.lives(t.Context(), b, 60); err != nil {
			t.Fatal(err)
		}
		want := &store{every: 5, failAt: -1, moveAt: -1}
		quiet := Belt{Source: source(), Sink: want, Input: pages, Stages: []millrace.Stage{condemns{w}, &nth{w: w}}}
		if err := quiet.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.rows, want.rows) {
			t.Fatalf("rows differ:\n got %v\nwant %v", s.rows, want.rows)
		}
		again := &store{every: 7, failAt: -1, moveAt: -1}
		b.Source, b.Sink, b.Batch, b.Workers = source(), grave{again, w}, 3, 2
		w.kills = nil
		if _, err := w.lives(t.Context(), b, 1); err != nil {
			t.Fatalf("the log is read again: %v", err)
		}
		if !slices.Equal(again.rows, want.rows) {
			t.Fatalf("another reading decides otherwise:\n got %v\nwant %v", again.rows, want.rows)
		}
	})
}

// Another recipe, or another document in the same place (a rebuilt log), is tried anew.
func TestCrashLoopIsOfOneDocumentAndRecipe(t *testing.T) {
	for _, c := range []struct {
		name   string
		recipe string
		salt   byte
		lives  int
	}{{"the same", "r", 0, 1}, {"another recipe", "r2", 0, 7}, {"another document", "r", 1, 4}} { // the place is under suspicion already
		t.Run(c.name, func(t *testing.T) {
			w := &world{state: t.TempDir(), poison: map[int64]bool{3: true}, mark: -1}
			for i, want := range []int{7, c.lives} {
				s := &store{every: 100, failAt: -1, moveAt: -1}
				b := Belt{Name: "mill", Source: &list{n: 6}, Sink: grave{s, w}, Input: pages, Stages: []millrace.Stage{mortal{w}},
					Workers: 2, Guard: Guard{State: w.state, Name: "mill", Recipe: "r"}}
				if i == 1 {
					b.Guard.Recipe, b.Source = c.recipe, &list{n: 6, salt: c.salt}
				}
				if lives, err := w.lives(t.Context(), b, 9); err != nil || lives != want {
					t.Fatalf("reading %d: %d lives, want %d: %v", i+1, lives, want, err)
				}
				if want := "3 failed.crash_loop"; s.rows[3] != want {
					t.Fatalf("row %q, want %q", s.rows[3], want)
				}
			}
		})
	}
}

// The row says how often, in which stage, and why.
func TestCrashLoopRow(t *testing.T) {
	w := &world{state: t.TempDir(), poison: map[int64]bool{0: true}, mark: -1, mute: true}
	var got *millrace.Document
	b := Belt{Name: "mill", Source: &list{n: 1}, Sink: grave{&store{every: 1, failAt: -1, moveAt: -1}, w}, Input: pages,
		Stages: []millrace.Stage{picky{}, mortal{w}}, Guard: Guard{State: w.state, Name: "mill"},
		Accepted: func(docs []*millrace.Document) { got = docs[0] }}
	if _, err := w.lives(t.Context(), b, 9); err != nil {
		t.Fatal(err)
	}
	if v := got.Verdict; v.Reason != millrace.FailedCrashLoop || v.Stage != "mortal" || got.Attempts != 8 || !strings.Contains(v.Err, "8 times") || !strings.Contains(v.Err, unheard) {
		t.Fatalf("%d attempts, %+v", got.Attempts, v)
	}
}

// someLoops decides on n documents, as far as that is not done.
func someLoops(l *loops, n int64) error {
	for o := range n {
		d := &millrace.Document{Position: millrace.Position{Partition: pages, Offset: o}}
		if _, ok := l.find(d); ok {
			continue
		}
		if err := l.add(d.Position, loop{Position: d.Position.String(), ID: d.ID.String(), Err: "e"}); err != nil {
			return err
		}
	}
	return nil
}

// Damage is seen, wherever it is: these lines are part of what rows are made of.
func TestDamagedCrashLoops(t *testing.T) {
	dir := t.TempDir()
	l, err := openLoops(nil, dir, "mill", "r")
	if err == nil {
		err = someLoops(l, 2)
	}
	if err != nil {
		t.Fatal(err)
	}
	open := func(b []byte) (*loops, error) {
		if err := os.WriteFile(l.path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return openLoops(nil, dir, "clean-0", "r") // others' decisions count too
	}
	if got, err := open(l.lines); err != nil || len(got.known) != 2 || len(got.lines) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	second := bytes.IndexByte(l.lines, '\n') + 1
	for i := range l.lines {
		if got, err := open(l.lines[:i]); i == 0 || i == second {
			if err != nil || len(got.known) != boolInt(i == second) {
				t.Fatalf("cut at %d: %+v, %v", i, got, err)
			}
		} else if !errors.Is(err, millrace.ErrIntegrity) {
			t.Fatalf("cut at %d: %v", i, err)
		}
		flipped := bytes.Clone(l.lines)
		flipped[i] ^= 1 << (i % 7)
		if _, err := open(flipped); !errors.Is(err, millrace.ErrIntegrity) {
			t.Fatalf("a flipped bit at %d: %v", i, err)
		}
	}
}

// A crash at any step loses no decision that a document has gone on with.
func TestCrashWhileDeciding(t *testing.T) {
	x := &crashfs.Trial{Seed: 1, Pairs: 20,
		Life: func(_ context.Context, p crashfs.Place) error {
			l, err := openLoops(p.Disk, p.Dir, "mill", "r")
			if err != nil {
				return err
			}
			if promised := p.Promised("run.decided"); int64(len(l.lines)) < promised {
				return fmt.Errorf("%d bytes of decisions, %d were told of", len(l.lines), promised)
			}
			return someLoops(l, 4)
		},
		Judge: func(dir string) error {
			l, err := openLoops(nil, dir, "mill", "r")
			if err == nil && len(l.known) != 4 {
				err = fmt.Errorf("%d decisions, want 4", len(l.known))
			}
			return err
		},
	}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if t.Log(r); r.Singles < 20 {
		t.Fatal("too few")
	}
}

// A journal that is damaged anywhere says less, and never something else.
func FuzzJournal(f *testing.F) {
	j := &journal{recipe: hashed("r"), path: filepath.Join(f.TempDir(), "a"), deaths: map[millrace.Position]*death{}}
	p := millrace.Position{Partition: pages, Offset: 7}
	j.deaths[p] = &death{Position: p.String(), Deaths: 2, Alone: 1, ID: millrace.ID{}.String()}
	if err := j.write(2); err != nil {
		f.Fatal(err)
	}
	other := millrace.Position{Partition: pages, Offset: 9}
	j.put(0, nil, inWork, &millrace.Document{Position: other}, "stage")
	j.put(1, nil, alone, &millrace.Document{Position: p}, "stage")
	whole, err := os.ReadFile(j.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, byte(0), len(whole))
	f.Add(headSize+12, byte(1), len(whole))
	f.Add(headSize+2*slotSize+20, byte(4), len(whole)-3)
	f.Fuzz(func(t *testing.T, at int, flip byte, end int) {
		b := append([]byte{}, whole[:max(0, min(end, len(whole)))]...)
		if at >= 0 && at < len(b) {
			b[at] ^= flip
		}
		got := &journal{recipe: hashed("r"), deaths: map[millrace.Position]*death{}}
		got.read(string(b), unheard)
		for q, d := range got.deaths {
			switch {
			case q == p && d.Deaths <= 3 && d.Alone <= 2:
			case q == other && d.Deaths == 1 && d.Alone <= 1:
			default:
				t.Fatalf("byte %d with %#x, %d bytes: %+v", at, flip, end, d)
			}
		}
	})
}

// Files that are anything at all.
func FuzzFiles(f *testing.F) {
	f.Add(seal(nil, journal1+" 99999999999999 "+hashed("r")))
	f.Add(append(seal(nil, journal1+" 0 "+hashed("r")), seal(make([]byte, headSize), `{"position":"pages/0/-1"}`)...))
	f.Add(seal(nil, `{"position":"pages/0/1","id":"x","recipe":"r"}`))
	dir := f.TempDir()
	path := filepath.Join(dir, "crash-loops-mill")
	f.Fuzz(func(t *testing.T, b []byte) {
		j := &journal{recipe: hashed("r"), deaths: map[millrace.Position]*death{}}
		j.read(string(b), unheard)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if l, err := openLoops(nil, dir, "mill", "r"); err != nil && !errors.Is(err, millrace.ErrIntegrity) {
			t.Fatal(err)
		} else if err == nil && len(l.known) > bytes.Count(b, []byte("\n")) {
			t.Fatalf("%d decisions in %q", len(l.known), b)
		}
	})
}

// What a stage pays for the journal, a document.
func BenchmarkNote(b *testing.B) {
	j := &journal{recipe: hashed("r"), path: filepath.Join(b.TempDir(), "a"), deaths: map[millrace.Position]*death{}}
	if err := j.write(4); err != nil {
		b.Fatal(err)
	}
	h := &hand{g: &guarded{journal: j}, slot: 1}
	d := &millrace.Document{Position: millrace.Position{Partition: pages, Offset: 123456789}}
	for b.Loop() {
		h.begin(d, "extract", true)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Two documents that kill, one at once and one slowly, are never in work at the same deaths: whoever is suspected stays so
// while the other goes on killing, and both are found out.
func TestSuspectsWaitForTheirTurn(t *testing.T) {
	dir := t.TempDir()
	at := func(offset int64) *millrace.Document {
		return &millrace.Document{ID: millrace.ID{byte(offset)}, Position: millrace.Position{Partition: millrace.Partition{Topic: "pages"}, Offset: offset}}
	}
	slow, fast := at(1), at(2)
	for life := 1; ; life++ {
		j, err := openJournal(nil, dir, "mill", "r")
		if err == nil {
			err = j.start(nil, 2)
		}
		if err != nil {
			t.Fatal(err)
		}
		condemned := map[*millrace.Document]bool{}
		for _, d := range []*millrace.Document{fast, slow} {
			if condemned[d], err = j.judge(d); err != nil {
				t.Fatal(err)
			}
		}
		if condemned[fast] && condemned[slow] {
			j.close()
			break
		}
		if life > 2*(suspicious+silent) {
			t.Fatalf("after %d lives: %v", life, j.deaths)
		}
		// The slow one comes first, and alone where it is suspected; then a suspect has his turn.
		switch {
		case !condemned[slow] && j.suspect(slow.Position):
			j.put(0, nil, alone, slow, "s")
		case !condemned[fast] && !j.suspect(fast.Position):
			j.put(1, nil, inWork, fast, "s") // before the slow one has begun
		case !condemned[slow]:
			j.put(0, nil, inWork, slow, "s")
		default:
			j.put(1, nil, alone, fast, "s")
		}
		j.last.close()
		if err := j.release(); err != nil {
			t.Fatal(err)
		}
	}
}
