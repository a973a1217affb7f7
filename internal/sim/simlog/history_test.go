package simlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"millrace"
)

// The kinds of faults.
const (
	faultCrash  = "dies"           // before its step; a successor begins
	faultZombie = "dies and wakes" // the same, and goes on later
	faultAll    = "all die"
	faultLose   = "answer lost"
	faultLate   = "dies, and its append lands later"
	faultTwice  = "append lands later, and is sent again"
	faultMark   = "flush mark"
	faultTrim   = "trim"
	faultRecipe = "another recipe"
)

// fault is what happens at a step of a history, in the place of the step or before it.
type fault struct {
	at    int
	kind  string
	delay int // in steps: of a zombie until it wakes, of an append until it lands; sleeping is until all others rest
}

const sleeping = 1 << 20

func (f fault) String() string { return fmt.Sprintf("step %d: %s (%d)", f.at, f.kind, f.delay) }

// history is all that a run depends on.
type history struct {
	inputs [][]input // by partition
	parts  bool      // pages -> clean -> docs -> mill; else pages -> mill
	batch  int
	fetch  int    // messages an answer
	target int64  // bytes that close a commit
	trims  bool   // behind every commit
	order  uint64 // seed of whose turn it is; 0 is everybody's in turn
	faults []fault
	mutant mutant
}

// feed is what the mill reads.
func (h *history) feed() millrace.Partition {
	if h.parts {
		return docs()
	}
	return pages(0)
}

func (h *history) faultAt(step int) *fault {
	for i := range h.faults {
		if h.faults[i].at == step {
			return &h.faults[i]
		}
	}
	return nil
}

func (h *history) with(f ...fault) *history {
	c := *h
	c.faults = slices.Concat(h.faults, f)
	return &c
}

// words makes a text that resembles no other.
func words(name string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d ", name, i)
	}
	return b.String()
}

const page = "http://example.org/"

// whole is a line in one process: a page, its near-copy, a page that is dropped, a new version of the first, and one
// that says no where it said nothing before.
func whole() *history {
	first := words("a", 60)
	return &history{inputs: [][]input{{
		{url: page + "1", text: first}, {url: page + "2", text: first + "more"}, {url: page + "3", text: words(dropWord, 20)},
		{url: page + "1", text: words("b", 60)}, {url: page + "4", text: words("c", 60)},
		{url: page + "4", verdict: millrace.Verdict{Reason: millrace.ConsentNoTrain, Stage: "consent"}},
	}}, batch: 2, fetch: 3, target: 2600, trims: true}
}

// inParts is a line of several processes over two partitions: twins stand in both, and the second is quiet.
func inParts() *history {
	first := words("a", 60)
	return &history{parts: true, inputs: [][]input{
		{{url: page + "1", text: first}, {url: page + "3", text: words(dropWord, 20)}, {url: page + "1", text: words("b", 60)}},
		{{url: page + "2", text: first + "more"}},
	}, batch: 2, fetch: 3, target: 2000, trims: true}
}

// changed is a history in whose middle another recipe comes into force.
func changed(h *history, sleep int) *history {
	return h.with(fault{at: 40, kind: faultRecipe, delay: sleep})
}

// result is what a history has come to.
type result struct {
	w     *world
	found []error
}

func (r *result) err() error {
	if len(r.found) == 0 {
		return nil
	}
	return fmt.Errorf("%w\nof %d; faults %v, order %d; the last steps:\n%s", r.found[0], len(r.found), r.w.h.faults, r.w.h.order,
		strings.Join(r.w.trace[max(0, len(r.w.trace)-80):], "\n"))
}

// number is the invariant that was broken first, 0 for none.
func (r *result) number() int {
	n := 0
	if len(r.found) > 0 {
		fmt.Sscanf(r.found[0].Error(), "%d:", &n)
	}
	return n
}

// live lives a history and judges it.
func (h *history) live(t *testing.T) *result {
	t.Helper()
	dir, err := os.MkdirTemp(scratch(t), "corpus")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if h.mutant == nil {
		h.mutant = none{}
	}
	w := &world{t: t, h: h, dir: dir, log: map[millrace.Partition]*topicLog{}, book: newLedger(filepath.Clean(dir)), wake: map[*incarnation]int{},
		recipe: recipe{"u1", "c1", "r1"}, turn: -1, digests: map[int64][32]byte{}}
	defer w.book.open.close()
	if h.order != 0 {
		w.rng = rand.New(rand.NewPCG(h.order, 5))
	}
	for p := range h.inputs {
		w.log[pages(p)] = &topicLog{}
		w.roles = append(w.roles, &role{name: fmt.Sprint("writer ", p), run: writer(p), endsIn: phaseWork})
	}
	if h.parts {
		w.log[docs()] = &topicLog{}
		for p := range h.inputs {
			w.roles = append(w.roles, &role{name: fmt.Sprint("clean ", p), run: clean(p), endsIn: phaseWritten})
		}
	}
	w.roles = append(w.roles, &role{name: "mill", run: mill, endsIn: phaseEnd})
	synctest.Test(t, func(*testing.T) {
		w.run()
		w.close()
	})
	w.judge()
	return &result{w: w, found: w.found}
}
