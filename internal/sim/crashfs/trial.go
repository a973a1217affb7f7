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
	// Each is how many of the places of a point are tried, of those in an undisturbed life; 0 is all. Nightly all are,
	// each with every fate.
	Each int
	// Own are the points that this trial is about, by their first words; none is all. Of the others,
	// which have trials of their own, Others places are tried, and nightly all.
	Own    []string
	Others int
	// Pairs is how many crashes are followed by a second one, in the life that goes on behind them. Nightly these are
	// all pairs of points: one before and after each point, behind one before and after each point. (All pairs of
	// places would be millions of lives.)
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
	Same           int                // of both: crashes that leave what another has left, which need not be tried again
	Behind         map[[2]string]bool // a crash at the second point came behind one at the first
}

func newReport() *Report {
	return &Report{Points: map[string]int{}, Recovery: map[string]int{}, Behind: map[[2]string]bool{}}
}

// add counts what one crash and those behind it have come to.
func (r *Report) add(one *Report) {
	r.Singles, r.Pairs, r.Same = r.Singles+one.Singles, r.Pairs+one.Pairs, r.Same+one.Same
	for p, n := range one.Recovery {
		r.Recovery[p] += n
	}
	maps.Copy(r.Behind, one.Behind)
}

// moment is a crash: after so many steps, with a fate.
type moment struct {
	steps int
	fate  string
	seed  uint64
	pairs int // how many of those in the life behind it are tried: everyPoint, or so many by seed
}

// everyPoint asks for a crash before and after each point.
const everyPoint = -1

// points are those that a crash is at: behind the one and before the other.
func (m moment) points(steps []Step) (names []string) {
	for _, s := range steps[max(0, m.steps-1):min(len(steps), m.steps+1)] {
		names = append(names, s.Point)
	}
	return names
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
	s := fmt.Sprintf("%d points, %d crashes, and %d behind another one (%d pairs of points); %d of all leave what another has left",
		len(r.Points), r.Singles, r.Pairs, len(r.Behind), r.Same)
	if !Nightly() {
		s += " (every pair of points: MILLRACE_NIGHTLY=1)"
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
	rep := newReport()
	steps := first.Steps()
	count(rep.Points, steps)
	var mu sync.Mutex // of rep
	var failed []error
	var tried known
	var number atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, m := range x.first(steps) {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			one := newReport()
			err := x.crash(ctx, filepath.Join(dir, fmt.Sprint("crash-", number.Add(1))), first, m, uint64(i), &tried, one)
			mu.Lock()
			defer mu.Unlock()
			rep.add(one)
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
func (x *Trial) crash(ctx context.Context, dir string, first *Recorder, m moment, salt uint64, tried *known, rep *Report) error {
	defer os.RemoveAll(dir)
	steps := first.Steps()
	seen := steps[:m.steps]
	one := filepath.Join(dir, "one")
	left := m.after(first)
	rep.Singles++
	if tried.has(left, seen) && m.pairs == 0 {
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
	for _, m2 := range x.second(second.Steps(), m.pairs, salt) {
		rep.Pairs++
		for _, a := range m.points(steps) {
			for _, b := range m2.points(second.Steps()) {
				rep.Behind[[2]string{a, b}] = true
			}
		}
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

// first are the crashes to try of an undisturbed life.
func (x *Trial) first(steps []Step) []moment {
	list := x.moments(steps, x.Each)
	if Nightly() {
		return append(list, x.everyPoint(steps, rand.New(rand.NewPCG(x.Seed, 1)))...)
	}
	for i := range list {
		list[i].pairs = x.Pairs*(i+1)/len(list) - x.Pairs*i/len(list)
	}
	return list
}

// second are the crashes to try of a life behind one.
func (x *Trial) second(steps []Step, n int, salt uint64) []moment {
	rng := rand.New(rand.NewPCG(x.Seed, salt))
	if n == everyPoint {
		return x.everyPoint(steps, rng)
	}
	list := x.moments(steps, 0)
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}

// everyPoint are a crash before and one after each point, at a place and with a fate by seed.
func (x *Trial) everyPoint(steps []Step, rng *rand.Rand) (list []moment) {
	places := map[string][]int{}
	for i, s := range steps {
		places[s.Point] = append(places[s.Point], i)
	}
	at := map[int]bool{}
	for _, p := range slices.Sorted(maps.Keys(places)) {
		i := places[p][rng.IntN(len(places[p]))]
		at[i], at[i+1] = true, true
	}
	for _, k := range slices.Sorted(maps.Keys(at)) {
		list = append(list, moment{k, []string{fateLost, fateAny, fateKilled}[rng.IntN(3)], rng.Uint64N(1 << 32), everyPoint})
	}
	return list
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
			list = append(list, moment{k, fate, rng.Uint64N(1 << 32), 0})
		}
	}
	return list
}
