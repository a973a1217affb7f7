package clean

import (
	"context"
	"math"
	"slices"

	"millrace"
)

// stage runs one step of a recipe.
type stage struct {
	step
	columns []int // of the step's signals in Document.Signals
	looks   []int // of the rules' signals; -1 for an expression
	width   int   // of Document.Signals
}

// newStage finds the columns of a step's signals.
func newStage(s step, signals []string) *stage {
	st := &stage{step: s, width: len(signals)}
	for _, m := range s.signals {
		st.columns = append(st.columns, slices.Index(signals, m.name))
	}
	st.rules = slices.Clone(s.rules)
	for i, r := range st.rules {
		st.looks = append(st.looks, slices.Index(signals, r.Signal))
		if r.keep != nil {
			st.rules[i].keep = r.keep.bind(signals)
		}
	}
	return st
}

// Name implements millrace.Stage.
func (s *stage) Name() string { return s.name }

// Process measures all signals of the step, whatever its rules say of the first, and then asks the rules in order.
func (s *stage) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	out := make([]float64, len(s.columns))
	for i := range out {
		out[i] = math.NaN()
	}
	if err := s.run(d, out); err != nil {
		return millrace.Verdict{}, err
	}
	if len(d.Signals) < s.width {
		grown := make(millrace.Signals, s.width)
		for i := range grown {
			grown[i] = float32(math.NaN())
		}
		copy(grown, d.Signals)
		d.Signals = grown
	}
	for i, column := range s.columns {
		d.Signals[column] = float32(out[i])
	}
	for i, rule := range s.rules {
		value := math.NaN()
		if at := s.looks[i]; at >= 0 {
			value = float64(d.Signals[at])
			if j := slices.Index(s.columns, at); j >= 0 {
				value = out[j]
			}
		}
		if v, err := rule.judge(d, value); err != nil || !v.Kept() {
			return v, err
		}
	}
	return millrace.Verdict{}, nil
}

// SignalNames implements millrace.Describer.
func (s *stage) SignalNames() []string {
	var names []string
	for _, m := range s.signals {
		names = append(names, m.name)
	}
	return names
}

// Reasons implements millrace.Describer.
func (s *stage) Reasons() []millrace.Reason {
	var list []millrace.Reason
	for _, r := range s.rules {
		if !slices.Contains(list, r.Reason) {
			list = append(list, r.Reason)
		}
	}
	return list
}
