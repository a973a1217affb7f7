package millrace

import (
	"fmt"
	"slices"
)

// Tally is the ledger of law 1: what went in, and where it went, by stage and reason.
type Tally struct {
	In     int64        `json:"in"`
	Kept   int64        `json:"kept"`
	Stages []StageTally `json:"stages"`
	// Moved counts kept rows, of this commit or of older ones, that were taken out of the corpus.
	Moved map[Reason]int64 `json:"moved,omitempty"`
}

// StageTally is one stage's part: in = kept + dropped + failed.
type StageTally struct {
	Name    string           `json:"name"`
	In      int64            `json:"in"`
	Kept    int64            `json:"kept"`
	Dropped int64            `json:"dropped"`
	Failed  int64            `json:"failed"`
	Reasons map[Reason]int64 `json:"reasons"`
}

// NewTally prepares a ledger for stages in their order.
func NewTally(stages []string) *Tally {
	t := &Tally{Stages: make([]StageTally, len(stages))}
	for i, s := range stages {
		t.Stages[i] = StageTally{Name: s, Reasons: map[Reason]int64{}}
	}
	return t
}

// Count files one decided document. A stage that the ledger does not know is added at the end.
func (t *Tally) Count(v Verdict) {
	t.In++
	if v.Kept() {
		t.Kept++
	} else {
		s := t.stage(v.Stage)
		s.Reasons[v.Reason]++
		if v.Failed() {
			s.Failed++
		} else {
			s.Dropped++
		}
	}
	t.flow()
}

// Move notes that one kept row was taken out of the corpus.
func (t *Tally) Move(r Reason) {
	if t.Moved == nil {
		t.Moved = map[Reason]int64{}
	}
	t.Moved[r]++
}

// Rows counts the rows of the corpus: what was kept and not moved. Of one commit it can be negative.
func (t *Tally) Rows() int64 {
	n := t.Kept
	for _, moved := range t.Moved {
		n -= moved
	}
	return n
}

// stage finds a stage by name, or adds it.
func (t *Tally) stage(name string) *StageTally {
	i := slices.IndexFunc(t.Stages, func(s StageTally) bool { return s.Name == name })
	if i < 0 {
		i = len(t.Stages)
		t.Stages = append(t.Stages, StageTally{Name: name, Reasons: map[Reason]int64{}})
	}
	return &t.Stages[i]
}

// flow lets the documents run through the stages in order: what one keeps, the next takes in.
func (t *Tally) flow() {
	in := t.In
	for i := range t.Stages {
		s := &t.Stages[i]
		s.In = in
		in -= s.Dropped + s.Failed
		s.Kept = in
	}
}

// Totals sums the verdicts over all stages.
func (t *Tally) Totals() (in, kept, dropped, failed int64) {
	for _, s := range t.Stages {
		dropped += s.Dropped
		failed += s.Failed
	}
	return t.In, t.Kept, dropped, failed
}

// Add joins another ledger to t. Stages are matched by name; t's order holds.
func (t *Tally) Add(o *Tally) {
	t.In += o.In
	t.Kept += o.Kept
	for _, s := range o.Stages {
		x := t.stage(s.Name)
		x.Dropped += s.Dropped
		x.Failed += s.Failed
		for r, n := range s.Reasons {
			x.Reasons[r] += n
		}
	}
	for r, n := range o.Moved {
		if t.Moved == nil {
			t.Moved = map[Reason]int64{}
		}
		t.Moved[r] += n
	}
	t.flow()
}

// Check tells which law the ledger breaks, if any.
func (t *Tally) Check() error {
	in, kept, dropped, failed := t.Totals()
	if in != kept+dropped+failed {
		return fmt.Errorf("ledger: in %d is not kept %d + dropped %d + failed %d: %w", in, kept, dropped, failed, ErrIntegrity)
	}
	for _, s := range t.Stages {
		var n int64
		for _, c := range s.Reasons {
			n += c
		}
		if s.In != s.Kept+s.Dropped+s.Failed || n != s.Dropped+s.Failed {
			return fmt.Errorf("ledger of %s: in %d, kept %d, dropped %d, failed %d, reasons sum to %d: %w",
				s.Name, s.In, s.Kept, s.Dropped, s.Failed, n, ErrIntegrity)
		}
	}
	return nil
}
