package simlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
	"millrace/shards"
)

// The kinds of steps. Those on the disk are named by their points.
const (
	stepProduce = "produce"
	stepFetch   = "fetch"
	stepEnds    = "ends"
	stepTrim    = "trim"
	stepCommit  = "shards.commit.link"
)

// gate is where an incarnation waits until the scheduler lets it take its next step.
type gate struct {
	inc    *incarnation
	what   string
	part   millrace.Partition
	do     func()      // the step itself, where the scheduler takes it; steps on the disk are taken by their caller
	idle   func() bool // there is nothing to do here yet
	answer chan error
}

func (g *gate) String() string {
	s := g.inc.String() + " " + g.what
	if g.part.Topic != "" {
		s += " " + g.part.String()
	}
	return s
}

// loses reports whether the answer to a step can be lost, and the step be made all the same.
func (g *gate) loses() bool {
	return g.what == stepProduce || g.what == stepTrim || g.what == stepCommit
}

// late is an append that is on its way.
type late struct {
	due int
	do  func()
	of  string
}

// world is a log, a corpus, and everybody who works on them.
type world struct {
	t     *testing.T
	h     *history
	dir   string
	log   map[millrace.Partition]*topicLog
	book  *ledger
	roles []*role
	incs  []*incarnation

	mu      sync.Mutex // of waiting, dead and problems
	waiting []*gate
	dead    bool
	found   []error

	phase   int
	step    int
	turn    int // the incarnation that moved last
	recipe  recipe
	alone   *incarnation // nobody else moves until it has its answer
	late    []late
	wake    map[*incarnation]int
	trace   []string
	rng     *rand.Rand
	steps   []*gate // as they were taken: what can be tried next time
	version int64   // of the newest commit, as the scheduler last saw it
	changed bool    // the recipe was
	digests map[int64][32]byte
}

func (w *world) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.found) < 10 {
		w.found = append(w.found, fmt.Errorf(format, args...))
	}
}

func (w *world) at(p millrace.Partition) *topicLog {
	l := w.log[p]
	if l == nil {
		panic("no topic " + p.String())
	}
	return l
}

// ask waits for the scheduler, and gives the error that the step ends with.
func (w *world) ask(g *gate) error {
	w.mu.Lock()
	if w.dead {
		w.mu.Unlock()
		return errDead
	}
	g.answer = make(chan error, 1)
	w.waiting = append(w.waiting, g)
	w.mu.Unlock()
	return <-g.answer
}

// start begins a life of r.
func (w *world) start(r *role) *incarnation {
	ctx, cancel := context.WithCancel(context.Background())
	i := &incarnation{w: w, id: len(w.incs), role: r, recipe: w.recipe, cancel: cancel,
		floor: map[millrace.Partition]int64{}, lost: map[millrace.Partition]bool{}}
	for p := range w.log {
		i.floor[p] = w.book.committed(p)
	}
	w.incs = append(w.incs, i)
	r.owner = i
	go func() {
		err := r.run(ctx, i)
		w.mu.Lock()
		defer w.mu.Unlock()
		i.ended, i.err = true, err
	}()
	return i
}

// errand lets somebody do one thing, step by step as everybody else.
func (w *world) errand(name string, do func(context.Context, *incarnation) error) {
	w.start(&role{name: name, run: do, once: true})
}

// ready lists the gates that are open: of those who are awake and have something to do. Their order does not depend on
// how goroutines fall.
func (w *world) ready() []*gate {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*gate
	for _, g := range w.waiting {
		if !g.inc.frozen && (g.idle == nil || !g.idle()) && (w.alone == nil || g.inc == w.alone) {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b *gate) int {
		if a.inc.id != b.inc.id {
			return a.inc.id - b.inc.id
		}
		return strings.Compare(b.what+b.part.String(), a.what+a.part.String())
	})
	return list
}

// pick is whose step is next: everybody's in turn, or as the history's seed says.
func (w *world) pick(list []*gate) *gate {
	if w.rng != nil {
		return list[w.rng.IntN(len(list))]
	}
	for _, g := range list {
		if g.inc.id > w.turn {
			return g
		}
	}
	return list[0]
}

func (w *world) take(g *gate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = slices.DeleteFunc(w.waiting, func(x *gate) bool { return x == g })
}

// The phases of a history: all that is read, all that is cleaned, the mark, the end.
const (
	phaseWork    = iota // writers write
	phaseWritten        // clean workers come to their end
	phaseMark           // the mill is given its mark
	phaseEnd            // and comes to its end
	phaseOver
)

const maxSteps = 6000

// run lives the history to its end.
func (w *world) run() {
	for _, r := range w.roles {
		w.start(r)
	}
	for w.phase < phaseOver {
		synctest.Wait()
		w.look()
		list := w.ready()
		if len(list) == 0 {
			if w.alone != nil { // it pauses, or has ended
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(w.ready()) == 0 {
					w.alone = nil
				}
				continue
			}
			if !w.rest() {
				return
			}
			continue
		}
		if w.step++; w.step > maxSteps {
			w.fault("no end after %d steps; %s", maxSteps, w.who())
			return
		}
		w.act(w.pick(list))
		w.events()
	}
}

// act takes the step of g, or what the history puts in its place.
func (w *world) act(g *gate) {
	w.turn = g.inc.id
	w.steps = append(w.steps, g)
	f := w.h.faultAt(w.step)
	note := ""
	if f != nil {
		note = " <- " + f.kind
	}
	w.trace = append(w.trace, fmt.Sprintf("%d %s%s", w.step, g, note))
	if f == nil {
		w.grant(g, nil)
		return
	}
	switch {
	case f.kind == faultLose && g.loses():
		w.alone = g.inc
		w.grant(g, errCut)
		w.alone = g.inc
	case f.kind == faultLose && g.do != nil: // the question was lost
		w.take(g)
		g.answer <- errCut
	case f.kind == faultLate && g.what == stepProduce:
		w.late = append(w.late, late{due: w.step + f.delay, do: g.do, of: g.String()})
		w.die(g.inc)
	case f.kind == faultTwice && g.what == stepProduce:
		w.late = append(w.late, late{due: w.step + f.delay, do: g.do, of: g.String()})
		w.take(g)
		g.answer <- errCut
	case f.kind == faultZombie:
		w.wake[g.inc] = w.step + f.delay
		w.die(g.inc)
	case f.kind == faultCrash:
		w.die(g.inc)
	case f.kind == faultAll:
		for _, r := range w.roles {
			w.die(r.owner)
		}
	case f.kind == faultRecipe:
		w.changeRecipe(f.delay)
	case f.kind == faultMark:
		w.errand("mark", w.markErrand)
	case f.kind == faultTrim:
		w.errand("trim", w.trimErrand)
	default:
		w.grant(g, nil)
	}
}

// grant takes the step of g and answers with err.
func (w *world) grant(g *gate, err error) {
	w.take(g)
	if w.alone == g.inc {
		w.alone = nil
	}
	if g.do != nil {
		g.do()
	}
	g.answer <- err
}

// die stops an incarnation where it stands; its successor begins at once.
func (w *world) die(i *incarnation) {
	i.frozen = true
	if !i.role.once && i.role.owner == i {
		w.start(i.role)
	}
}

// events lets happen what is due at this step.
func (w *world) events() {
	for i, due := range w.wake {
		if due <= w.step {
			w.awake(i)
		}
	}
	w.late = slices.DeleteFunc(w.late, func(l late) bool {
		if l.due <= w.step {
			w.trace = append(w.trace, "  lands: "+l.of)
			l.do()
			return true
		}
		return false
	})
}

func (w *world) awake(i *incarnation) {
	w.trace = append(w.trace, "  wakes: "+i.String())
	i.frozen = false
	delete(w.wake, i)
}

// look takes down what is new in the commit log, collects orphans behind every step that can have made some, and trims
// behind every commit.
func (w *world) look() {
	if err := w.book.read(); err != nil {
		w.fault("9: %w", err)
	}
	if n := len(w.steps); n > 0 && slices.Contains([]string{"shards.name", stepCommit}, w.steps[n-1].what) {
		if _, err := shards.CollectOrphans(nil, w.dir); err != nil {
			w.fault("9: collect: %w", err)
		}
		w.h.mutant.collect(w)
		if err := w.book.live(); err != nil {
			w.fault("9: %w", err)
		}
	}
	if v := int64(len(w.book.entries)); v > w.version {
		w.version = v
		if !w.dead && w.h.trims {
			w.errand("trim", w.trimErrand)
		}
	}
}

// rest is called when nobody has anything to do. It lets time pass, wakes who still sleeps, and goes on to the next
// phase; false says that there is nothing left, or that the line stands.
func (w *world) rest() bool {
	time.Sleep(time.Minute) // pauses behind errors end
	synctest.Wait()
	w.look()
	if len(w.ready()) > 0 {
		return true
	}
	for i := range w.wake {
		w.awake(i)
	}
	for _, l := range w.late {
		w.trace = append(w.trace, "  lands: "+l.of)
		l.do()
	}
	w.late = nil
	if len(w.ready()) > 0 {
		return true
	}
	w.mu.Lock()
	failed := w.failed()
	w.mu.Unlock()
	if failed != nil {
		w.fault("1: %w", failed)
		return false
	}
	for _, r := range w.roles {
		if r.endsIn <= w.phase && !r.owner.ended {
			w.fault("1: the line stands in phase %d; %s", w.phase, w.who())
			return false
		}
	}
	w.phase++
	if w.phase == phaseMark {
		w.errand("mark", w.markErrand)
	}
	return true
}

// failed is the first error that ends somebody who had a right to go on.
func (w *world) failed() error {
	for _, i := range w.incs {
		old := w.changed && i.recipe.full == "r1" && (errors.Is(i.err, shards.ErrRecipe) || errors.Is(i.err, millrace.ErrIntegrity))
		if i.err != nil && !old {
			return fmt.Errorf("%s: %w", i, i.err)
		}
	}
	return nil
}

// who says where everybody stands.
func (w *world) who() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, i := range w.incs {
		fmt.Fprintf(&b, "%s: frozen %v, ended %v, %v; ", i, i.frozen, i.ended, i.err)
	}
	for _, g := range w.waiting {
		fmt.Fprintf(&b, "waits: %s; ", g)
	}
	return b.String()
}

// close ends everybody who is left.
func (w *world) close() {
	w.mu.Lock()
	w.dead = true
	for _, g := range w.waiting {
		g.answer <- errDead
	}
	w.waiting = nil
	w.mu.Unlock()
	for _, i := range w.incs {
		i.cancel()
	}
}

// seeFetch is invariant 8, and the second half of 7: nobody reads what was committed when he began, or goes on after he
// was told that it is trimmed.
func (w *world) seeFetch(i *incarnation, p millrace.Partition, offset int64) {
	if floor := i.floor[p]; offset < floor {
		w.fault("8: %s reads %s from offset %d, and when it began everything below %d was committed", i, p, offset, floor)
	}
	if i.lost[p] {
		w.fault("7: %s reads on at offset %d of %s, and has not started again since that was out of range", i, offset, p)
	}
}

func (w *world) outOfRange(i *incarnation, p millrace.Partition) {
	i.lost[p] = true
	i.floor[p] = w.book.committed(p)
}

// seeTrim is the first half of invariant 7.
func (w *world) seeTrim(p millrace.Partition, before int64) {
	if have := w.book.committed(p); before > have {
		w.fault("7: %s is trimmed up to %d, the newest commit has read up to %d", p, before, have)
	}
}
