package crashfs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"millrace/internal/durable"
)

// Trial is work that has to come through any crash.
type Trial struct {
	// Life goes on from whatever lies there, as a process does that starts, until nothing is left to do.
	Life func(context.Context, Place) error
	// Judge looks at what the last life has left in dir.
	Judge func(dir string) error
	Seed  uint64
	// Each is how many of the places of a point are tried, of those in an undisturbed life; 0 is all. Nightly all are.
	Each int
	// Own are the points that this trial is about, by their first words; none is all. Of the others,
	// which have trials of their own, Others places are tried, and nightly all.
	Own    []string
	Others int
	// Pairs is how many crashes are followed by a second one, in the life that goes on behind them. Nightly there is
	// a second one at each of the places, for there are some hundred times as many pairs as single crashes.
	Pairs int
}

// Place is where a life is lived.
type Place struct {
	Dir  string
	Disk *durable.Disk
	Seen []Step // before the last crash: what was promised
}

// Promised is the highest place that was acknowledged at a point; -1 is nothing.
func (p *Place) Promised(point string) int64 {
	most := int64(-1)
	for _, s := range p.Seen {
		if s.Point == point && s.Op == durable.OpAck {
			most = max(most, s.Offset)
		}
	}
	return most
}

// Report says what was tried.
type Report struct {
	Points         map[string]int // how often each was passed in an undisturbed life
	Recovery       map[string]int // and in the lives behind a crash
	Singles, Pairs int
	Same           int // of both: crashes that leave what another has left, which need not be tried again
}

// moment is a crash: after so many steps, with a fate.
type moment struct {
	steps int
	fate  string
	seed  uint64
}

// What becomes of what was not synced. A killed process loses nothing at once, but the next one finds things on the
// disk that are not durable.
const (
	fateLost   = "the power goes and nothing else was kept"
	fateAny    = "the power goes and the seed decides what else was kept"
	fateKilled = "the process is killed"
)

func (m moment) of(steps []Step) string {
	where := "at the end"
	if m.steps < len(steps) {
		where = "before " + steps[m.steps].Point
	}
	if m.steps > 0 {
		where += ", after " + steps[m.steps-1].Point
	}
	return fmt.Sprintf("%s (step %d of %d, %s, seed %d)", where, m.steps, len(steps), m.fate, m.seed)
}

// after is what the crash leaves of what r has recorded.
func (m moment) after(r *Recorder) *State {
	s := r.At(m.steps)
	switch m.fate {
	case fateLost:
		s = s.Crash(Lost)
	case fateAny:
		s = s.Crash(Any(m.seed))
	}
	return s
}

// known remembers what was tried.
type known struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]bool
}

// has tells whether a life has begun at s before, with the same promises; what comes of it is known then. What is
// still on its way to the disk counts too.
func (k *known) has(s *State, seen []Step) bool {
	h := sha256.New()
	for _, x := range seen {
		if x.Op == durable.OpAck {
			fmt.Fprintln(h, x.Point, x.Offset)
		}
	}
	s.root.digest(h, map[*node]bool{})
	sum := [sha256.Size]byte(h.Sum(nil))
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[[sha256.Size]byte]bool{}
	}
	defer func() { k.all[sum] = true }()
	return k.all[sum]
}

// Nightly is whether everything is to be tried (MILLRACE_NIGHTLY=1, make nightly).
func Nightly() bool { return os.Getenv("MILLRACE_NIGHTLY") == "1" }

// String tells what was tried, and what was not.
func (r *Report) String() string {
	s := fmt.Sprintf("%d points, %d crashes, and %d behind another one; %d of all leave what another has left", len(r.Points), r.Singles, r.Pairs, r.Same)
	if !Nightly() {
		s += " (every pair, which are tens of thousands of lives: MILLRACE_NIGHTLY=1)"
	}
	return s
}

// Run lives undisturbed in dir/calm, which may hold something already, and then once more for each crash, in folders
// beside it. It ends with the first few cases that fail.
func (x *Trial) Run(ctx context.Context, dir string) (*Report, error) {
	calm := filepath.Join(dir, "calm")
	if err := os.MkdirAll(calm, 0o755); err != nil {
		return nil, err
	}
	first, err := Record(calm)
	if err != nil {
		return nil, err
	}
	if err := x.Life(ctx, Place{Dir: calm, Disk: first.Disk()}); err != nil {
		return nil, fmt.Errorf("undisturbed: %w", err)
	}
	if err := x.Judge(calm); err != nil {
		return nil, fmt.Errorf("undisturbed: %w", err)
	}
	rep := &Report{Points: map[string]int{}, Recovery: map[string]int{}}
	steps := first.Steps()
	count(rep.Points, steps)
	var mu sync.Mutex // of rep
	var failed []error
	var tried known
	var number atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	moments := x.moments(steps, x.Each)
	for i, m := range moments {
		pairs := x.Pairs*(i+1)/len(moments) - x.Pairs*i/len(moments)
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			one := &Report{Points: map[string]int{}, Recovery: map[string]int{}}
			err := x.crash(ctx, filepath.Join(dir, fmt.Sprint("crash-", number.Add(1))), first, m, pairs, uint64(i), &tried, one)
			mu.Lock()
			defer mu.Unlock()
			rep.Singles, rep.Pairs, rep.Same = rep.Singles+one.Singles, rep.Pairs+one.Pairs, rep.Same+one.Same
			for p, n := range one.Recovery {
				rep.Recovery[p] += n
			}
			if err != nil && ctx.Err() == nil {
				if failed = append(failed, err); len(failed) >= 5 {
					return errors.Join(failed...)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return rep, err
	}
	return rep, errors.Join(failed...)
}

func count(to map[string]int, steps []Step) {
	for _, s := range steps {
		to[s.Point]++
	}
}

// crash lives on behind the crash m of a life that first has recorded, and behind second crashes.
func (x *Trial) crash(ctx context.Context, dir string, first *Recorder, m moment, pairs int, salt uint64, tried *known, rep *Report) error {
	defer os.RemoveAll(dir)
	steps := first.Steps()
	seen := steps[:m.steps]
	one := filepath.Join(dir, "one")
	left := m.after(first)
	rep.Singles++
	if tried.has(left, seen) && (pairs == 0 || Nightly()) {
		rep.Same++
		return nil
	}
	second, err := left.Record(one)
	if err == nil {
		err = x.live(ctx, one, second, seen)
	}
	if err != nil {
		return fmt.Errorf("a crash %s: %w", m.of(steps), err)
	}
	count(rep.Recovery, second.Steps())
	again := x.moments(second.Steps(), 0)
	if rng := rand.New(rand.NewPCG(x.Seed, salt)); !Nightly() {
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		again = again[:min(pairs, len(again))]
	}
	for _, m2 := range again {
		rep.Pairs++
		seen := slices.Concat(seen, second.Steps()[:m2.steps])
		left := m2.after(second)
		if tried.has(left, seen) {
			rep.Same++
			continue
		}
		two := filepath.Join(dir, "two")
		third, err := left.Record(two)
		if err == nil {
			err = x.live(ctx, two, third, seen)
		}
		if err != nil {
			return fmt.Errorf("a crash %s, and behind it one %s: %w", m.of(steps), m2.of(second.Steps()), err)
		}
		count(rep.Recovery, third.Steps())
		if err := os.RemoveAll(two); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (x *Trial) live(ctx context.Context, dir string, r *Recorder, seen []Step) error {
	if err := x.Life(ctx, Place{dir, r.Disk(), seen}); err != nil {
		return err
	}
	return x.Judge(dir)
}

// moments are the crashes to try: before and after each step, or of each point's steps the first, the last and
// others by seed, up to each.
func (x *Trial) moments(steps []Step, each int) (list []moment) {
	rng := rand.New(rand.NewPCG(x.Seed, uint64(len(steps))))
	places := map[string][]int{}
	for i, s := range steps {
		places[s.Point] = append(places[s.Point], i)
	}
	at := map[int]bool{0: true, len(steps): true}
	var others []int
	for _, p := range slices.Sorted(maps.Keys(places)) {
		of := places[p]
		own := func(words string) bool { return strings.HasPrefix(p+".", words+".") }
		if len(x.Own) > 0 && !slices.ContainsFunc(x.Own, own) && !Nightly() {
			others = append(others, of...)
			continue
		}
		if each > 0 && len(of) > each && !Nightly() {
			middle := of[1 : len(of)-1]
			rng.Shuffle(len(middle), func(i, j int) { middle[i], middle[j] = middle[j], middle[i] })
			of = append([]int{of[0], of[len(of)-1]}, middle...)[:each]
		}
		for _, i := range of {
			at[i], at[i+1] = true, true
		}
	}
	rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	for _, i := range others[:min(x.Others, len(others))] {
		at[i] = true
	}
	for _, k := range slices.Sorted(maps.Keys(at)) {
		fates := []string{fateLost, fateAny, fateKilled}
		switch {
		case Nightly():
		case len(x.Own) > 0:
			fates = fates[rng.IntN(3):][:1]
		case k > 0 && steps[k-1].Op == durable.OpWrite: // it may be torn
			fates = fates[:2]
		default:
			fates = []string{fateLost, fates[1+rng.IntN(2)]}
		}
		for _, fate := range fates {
			list = append(list, moment{k, fate, rng.Uint64N(1 << 32)})
		}
	}
	return list
}
