package clean

import (
	"math"

	"millrace"
)

// Rule keeps documents whose signal lies between two limits, both included; or those of which an expression is true.
type Rule struct {
	Stage  string // the step that it belongs to
	Signal string
	Min    *float64 // nil: no limit
	Max    *float64
	Reason millrace.Reason
	Source string // where the limit comes from
	Keep   string // the expression; Signal, Min and Max are empty then

	keep *expression
}

// Decide reports whether value keeps a document, and if not, which limit it breaks. NaN, which is not measured, keeps.
//
// It compares in the precision in which signals are stored, so that deciding again from a stored
// signal cannot come out differently.
func (r Rule) Decide(value float64) (limit float64, keep bool) {
	v := float32(value)
	if r.Min != nil && v < float32(*r.Min) {
		return *r.Min, false
	}
	if r.Max != nil && v > float32(*r.Max) {
		return *r.Max, false
	}
	return math.NaN(), true
}

// judge is what the rule says of a document, whose signal has the value.
func (r Rule) judge(d *millrace.Document, value float64) (millrace.Verdict, error) {
	if r.keep == nil {
		return r.verdict(value), nil
	}
	keep, err := r.keep.keeps(d)
	if err != nil || keep {
		return millrace.Verdict{}, err
	}
	return millrace.Verdict{Reason: r.Reason, Stage: r.Stage, Signal: r.Keep, Value: 0, Limit: 1}, nil
}

// verdict is what the rule says of value: the zero Verdict where it keeps.
func (r Rule) verdict(value float64) millrace.Verdict {
	limit, keep := r.Decide(value)
	if keep {
		return millrace.Verdict{}
	}
	return millrace.Verdict{Reason: r.Reason, Stage: r.Stage, Signal: r.Signal, Value: value, Limit: limit}
}
