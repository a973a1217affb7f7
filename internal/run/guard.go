package run

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"millrace"
)

// MaxBytes is how large a document may be between two stages. The largest inputs are half of it.
const MaxBytes = 64 << 20

// Guard says how a belt is protected from single documents. The zero Guard turns errors and panics into
// verdicts, and nothing else.
type Guard struct {
	// State is the folder of the attempt journal, which is called by Name, and of the crash loops; "" keeps none.
	State, Name string
	// Recipe is what verdicts depend on; under another one every document is tried anew.
	Recipe string
	// Hang is how long a stage may work on one document; 0 is for ever.
	Hang time.Duration
	// Memory is how much the process may hold; 0 is no limit.
	Memory int64
	// Die ends the process at once: when a stage hangs, or memory is above its limit and stays there. nil
	// writes the error to stderr and exits.
	Die func(error)
	// Paused is called when work waits for something that does not answer, and with nil when it goes on.
	Paused func(*Pause)
}

// Pause is work that waits: a stage has met a transient error too often in a row.
type Pause struct {
	Stage    string
	Position millrace.Position
	Err      error
}

// guarded is a Guard at work in one belt.
type guarded struct {
	Guard
	journal *journal // nil where none is kept
	hands   []*hand
	pulse   *Pulse // of the belt; may be nil

	mu     sync.Mutex
	paused int // hands that wait
}

// newGuarded opens the journal.
func newGuarded(g Guard) (*guarded, error) {
	out := &guarded{Guard: g}
	if g.State == "" {
		return out, nil
	}
	var err error
	if out.journal, err = openJournal(g.State, g.Name, g.Recipe); err != nil {
		return nil, fmt.Errorf("open the attempt journal: %w", err)
	}
	return out, nil
}

func (g *guarded) close() {
	if g.journal != nil {
		g.journal.close()
	}
}

// start prepares the hands of one life of the belt: its workers, the line behind them, and one for documents
// that are taken alone.
func (g *guarded) start(at millrace.Checkpoint, workers int) error {
	g.hands = nil
	for n := range workers + 2 {
		g.hands = append(g.hands, &hand{g: g, slot: n})
	}
	g.hands[workers+1].kind = alone
	if g.journal == nil {
		return nil
	}
	return g.journal.start(at.Next, len(g.hands))
}

// behind, instead of a worker's number, is the line behind the workers.
const behind = -1

// hand gives the hand that works on a job.
func (g *guarded) hand(j *job, worker int) *hand {
	switch {
	case j.alone:
		return g.hands[len(g.hands)-1]
	case worker == behind:
		return g.hands[len(g.hands)-2]
	}
	return g.hands[worker]
}

// parts divides a batch so that a document under suspicion stands alone, and marks those that are decided.
func (g *guarded) parts(b millrace.Batch) ([]*job, error) {
	if g.journal == nil {
		return []*job{newJob(b)}, nil
	}
	var out []*job
	from := 0
	cut := func(to int) {
		if to > from {
			out = append(out, newJob(millrace.Batch{Docs: b.Docs[from:to]}))
		}
		from = to
	}
	for i, d := range b.Docs {
		decided, err := g.journal.judge(d)
		if err != nil {
			return nil, err
		}
		if decided || !g.journal.suspect(d.Position) {
			continue
		}
		cut(i)
		cut(i + 1)
		out[len(out)-1].alone = true
	}
	cut(len(b.Docs))
	if len(out) == 0 || out[len(out)-1].alone && !b.Flush.IsZero() {
		out = append(out, newJob(millrace.Batch{}))
	}
	out[len(out)-1].Flush = b.Flush
	return out, nil
}

// acquit notes that the document of a job came through alone.
func (g *guarded) acquit(j *job) error {
	return g.journal.acquit(j.Docs[0].Position, len(g.hands))
}

// die ends the process.
func (g *guarded) die(err error) {
	if g.journal != nil {
		g.journal.last.say(err)
	}
	if g.Die != nil {
		g.Die(err)
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// hand is whoever has documents in work.
type hand struct {
	g    *guarded // nil in tests of one stage
	slot int
	kind string // "" is inWork
	buf  []byte

	mu    sync.Mutex
	doc   *millrace.Document // that a stage has now
	stage string
	ticks int // of the watchdog, since the stage has it
	now   *step
}

// begin says that a stage has d: to the watchdog, and in the journal. What is taken alone is noted for each
// stage, for else nobody could say which one it was.
func (h *hand) begin(d *millrace.Document, stage string, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.doc, h.stage, h.ticks = d, stage, 0
	if h.g != nil {
		h.g.pulse.next(h.now, stage)
	}
	if h.g == nil || h.g.journal == nil || !first && h.kind != alone {
		return
	}
	kind := h.kind
	if kind == "" {
		kind = inWork
	}
	h.buf = h.g.journal.put(h.slot, h.buf, kind, d, stage)
}

// rest says that the hand holds nothing.
func (h *hand) rest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.doc = nil
	if h.g != nil && h.g.journal != nil {
		h.g.journal.clear(h.slot)
	}
}

// process sends each document through the stages until one decides. Observers see it nevertheless. It returns
// only what ends the belt.
func (h *hand) process(ctx context.Context, stages []millrace.Stage, docs []*millrace.Document) error {
	if len(stages) > 0 && len(docs) > 0 {
		defer h.rest()
		if h.g != nil {
			h.now = h.g.pulse.begin("a document in stage " + stages[0].Name())
			defer func() { h.g.pulse.end(h.now) }()
		}
	}
	for _, d := range docs {
		if err := h.one(ctx, stages, d); err != nil {
			return err
		}
	}
	return nil
}

func (h *hand) one(ctx context.Context, stages []millrace.Stage, d *millrace.Document) error {
	first := true
	for _, s := range stages {
		o, observes := s.(millrace.Observer)
		if !d.Verdict.Kept() && !observes {
			continue
		}
		h.begin(d, s.Name(), first)
		first = false
		if !d.Verdict.Kept() {
			o.Observe(d)
		} else if err := h.apply(ctx, s, d); err != nil {
			return fmt.Errorf("%s at %s: %w", s.Name(), d.Position, err)
		}
	}
	return ctx.Err()
}
