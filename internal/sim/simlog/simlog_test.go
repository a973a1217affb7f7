package simlog

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"millrace"
	"millrace/shards"
)

// scratch is a folder in memory where there is one: what is tried here is no disk.
func scratch(t *testing.T) string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return t.TempDir()
}

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // thousands of small lives
	os.Exit(m.Run())
}

// warm makes a commit outside any bubble of synctest: what the libraries keep for later is made here.
func warm(t *testing.T) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	s, err := shards.OpenSink(ctx, shards.Options{Dir: dir, Recipe: "r", Stages: []string{"clean"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := &millrace.Document{ID: input{url: page}.id(), Text: "warm", Position: millrace.Position{Partition: docs()}}
	if err := s.Write(ctx, []*millrace.Document{d}); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx, millrace.Position{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Table().Text(ctx, 0, d.ID); err != nil {
		t.Fatal(err)
	}
}

// each is what is tried at every step. Where the recipe changes everybody's predecessor is a zombie anyway.
func each(h *history) []fault {
	few := []fault{{kind: faultCrash}}
	if h.faults == nil {
		few = append(few, fault{kind: faultZombie, delay: 9}, fault{kind: faultAll}, fault{kind: faultLose}, fault{kind: faultLate, delay: 12})
	}
	if !nightly() {
		return few
	}
	return []fault{{kind: faultCrash}, {kind: faultZombie, delay: 9}, {kind: faultZombie, delay: sleeping}, {kind: faultAll},
		{kind: faultLose}, {kind: faultLate, delay: 12}, {kind: faultLate, delay: sleeping}, {kind: faultTwice, delay: 6}}
}

// fits reports whether a fault of a kind can be at a step; elsewhere it would be another one.
func fits(kind string, g *gate) bool {
	switch kind {
	case faultLate, faultTwice:
		return g.what == stepProduce
	case faultLose:
		return g.loses() || g.what == stepFetch
	}
	return true
}

// small are the histories that are tried at every step.
func small() map[string]*history {
	return map[string]*history{"whole": whole(), "parts": inParts(),
		"whole, another recipe": changed(whole(), 0), "parts, another recipe": changed(inParts(), 25)}
}

// TestEveryStep tries each fault at each step of a small history: the owner dies there, and all die; he goes on soon, or
// when everybody else has come to rest; an answer is lost; an append lands when the successor is at work. Nightly a
// second fault comes at each step behind the first one.
func TestEveryStep(t *testing.T) {
	warm(t)
	for name, h := range small() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quiet := h.live(t)
			if err := quiet.err(); err != nil {
				t.Fatal(err)
			}
			want := quiet.outcome()
			n := 0
			for k, g := range quiet.w.steps {
				for _, f := range each(h) {
					if !fits(f.kind, g) || h.faultAt(k+1) != nil {
						continue
					}
					f.at = k + 1
					n++
					r := h.with(f).live(t)
					if err := r.err(); err != nil {
						t.Fatal(err)
					}
					if f.kind == faultLose && (!h.parts || g.part.Topic != "pages") {
						if got := r.outcome(); !slices.Equal(got, want) {
							t.Fatalf("11: %v changes the rows:\n%v\n%v", f, got, want)
						}
					}
					if nightly() {
						n += secondFaults(t, h.with(f), r, k+1)
					}
				}
			}
			t.Logf("%d steps, %d histories", len(quiet.w.steps), n)
		})
	}
}

// secondFaults tries a second fault at each step behind the first one, which is at step k.
func secondFaults(t *testing.T, h *history, first *result, k int) (n int) {
	for l := k; l < len(first.w.steps); l++ {
		for _, f := range each(&history{}) {
			if f.delay == sleeping || !fits(f.kind, first.w.steps[l]) || h.faultAt(l+1) != nil {
				continue
			}
			f.at = l + 1
			n++
			if err := h.with(f).live(t).err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}

// outcome is what became of each input, in the order of the rows. A lost answer may not change it, which is invariant 11:
// offsets may be others, for copies have some, but no row and no verdict. The line waits for the answer meanwhile; of
// several partitions the other ones could else come first, which is another history.
func (r *result) outcome() (list []string) {
	j := &judge{w: r.w, h: r.w.h, entries: r.w.book.entries}
	j.gather()
	for _, x := range j.rows {
		list = append(list, fmt.Sprintf("%s: %q of %q", j.origin(&r.w.at(r.w.h.feed()).records[x.offset]), x.Reason, x.Of))
	}
	return list
}

// TestAnyHistory draws histories: inputs, sizes, whose turn it is, and faults. A case that fails is shrunk and printed
// with its seed.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	warm(t)
	rapid.Check(t, func(rt *rapid.T) {
		h := draw(rt)
		if r := h.live(t); r.err() != nil {
			rt.Log(r.err())
			rt.Fatalf("invariant %d does not hold", r.number()) // a case is shrunk as long as it says the same
		}
	})
}

func draw(rt *rapid.T) *history {
	h := &history{parts: rapid.Bool().Draw(rt, "parts"), batch: rapid.IntRange(1, 3).Draw(rt, "batch"), fetch: rapid.IntRange(1, 4).Draw(rt, "fetch"),
		target: rapid.SampledFrom([]int64{600, 2000, 1 << 20}).Draw(rt, "target"), trims: rapid.Bool().Draw(rt, "trims"),
		order: uint64(rapid.IntRange(0, 1000).Draw(rt, "order"))}
	partitions := 1
	if h.parts {
		partitions = 2
	}
	for p := range partitions {
		h.inputs = append(h.inputs, drawInputs(rt, p))
	}
	if len(slices.Concat(h.inputs...)) == 0 {
		h.inputs[0] = []input{{url: page, text: words("x", 20)}}
	}
	kinds := []string{faultCrash, faultZombie, faultAll, faultLose, faultLate, faultTwice, faultMark, faultTrim, faultRecipe}
	for range rapid.IntRange(0, 4).Draw(rt, "faults") {
		h.faults = append(h.faults, fault{at: rapid.IntRange(1, 90).Draw(rt, "at"), kind: rapid.SampledFrom(kinds).Draw(rt, "kind"),
			delay: rapid.SampledFrom([]int{0, 3, 9, 25, sleeping}).Draw(rt, "delay")})
	}
	return h
}

// drawInputs makes up to three documents of partition p: a text of its own, a copy or near-copy of one that stands in
// every partition, one that is dropped, a new version of a page, or its withdrawal.
func drawInputs(rt *rapid.T, p int) (list []input) {
	common := words("common", 40)
	for i := range rapid.IntRange(0, 3).Draw(rt, "inputs") {
		url := fmt.Sprintf("%s%d/%d", page, p, i)
		own := words(fmt.Sprintf("own%d-%d-", p, i), 40)
		in := input{url: url, text: own}
		switch rapid.SampledFrom([]string{"own", "copy", "near copy", "spam", "version", "withdrawn"}).Draw(rt, "input") {
		case "copy":
			in.text = common
		case "near copy":
			in.text = common + "more"
		case "spam":
			in.text = words(dropWord, 20)
		case "version":
			in.url = fmt.Sprintf("%s%d/0", page, p)
		case "withdrawn":
			in = input{url: fmt.Sprintf("%s%d/0", page, p), verdict: millrace.Verdict{Reason: millrace.RemovedGone, Stage: "fetch"}}
		}
		list = append(list, in)
	}
	return list
}
