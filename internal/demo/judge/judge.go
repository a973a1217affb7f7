// Package judge says whether a corpus is what it should be, knowing nothing of how it was made: it
// shares no code with millrace. In come the corpus folder, the website's access log and the list of
// what was planted on the site; out goes a Report. Near-duplicates are decided here by exact Jaccard
// similarity over the text of the rows, not by what was planted.
//
// Read in this order: judge.go (the report and what must hold), table.go (commit log and Parquet),
// ledger.go (law 1), site.go (the access log), twins.go (near-duplicates), planted.go.
package judge

import (
	"fmt"
	"maps"
	"slices"
)

// Score counts what was planted of one kind, and how much of it came out right.
type Score struct {
	Planted int `json:"planted"`
	Right   int `json:"right"`
}

// Report is what the judge found.
type Report struct {
	Commits int            `json:"commits"`
	Rows    int            `json:"rows"`    // kept
	Rejects int            `json:"rejects"` // dropped or failed
	Failed  int            `json:"failed"`
	Reasons map[string]int `json:"reasons"`

	Ledger Ledger           `json:"ledger"`
	Site   Site             `json:"site"`
	Twins  Twins            `json:"twins"`
	Truth  map[string]Score `json:"truth"`

	// Problems names what is wrong, one line each; More counts those beyond the first hundred.
	Problems []string `json:"problems"`
	More     int      `json:"more_problems,omitempty"`
}

const maxProblems = 100

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) == maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// Judge reads the corpus in dir, the access log and the planted list. An error means that they could
// not be read; what is wrong with their content is in the report.
func Judge(dir, accessLog, planted string) (Report, error) {
	r := Report{Reasons: map[string]int{}, Truth: map[string]Score{}, Problems: []string{}}
	t, err := readTable(dir, &r)
	if err != nil {
		return r, err
	}
	log, err := readLog(accessLog)
	if err != nil {
		return r, err
	}
	items, err := readPlanted(planted)
	if err != nil {
		return r, err
	}
	r.countRows(t)
	r.judgeLedger(t, log)
	r.judgeSite(log)
	w := newTwins(t)
	r.judgeTwins(w)
	r.judgePlanted(items, t, log, w)
	return r, nil
}

func (r *Report) countRows(t *table) {
	r.Commits = len(t.entries)
	for _, x := range t.rows {
		if x.kept {
			r.Rows++
			continue
		}
		r.Rejects++
		r.Reasons[x.reason]++
		if x.failed() {
			r.Failed++
		}
	}
}

const (
	spanFactor  = 1.3 // of the time that the slowest host needs
	secondsKill = 3.0 // that a kill and the start after it may cost
	rightShare  = 0.99
)

// Faults says in words what does not hold, for a run that was killed so many times. None is good.
func (r *Report) Faults(kills int) []string {
	var out []string
	none := func(n int, what string) {
		if n != 0 {
			out = append(out, fmt.Sprintf("%d %s", n, what))
		}
	}
	none(r.Ledger.Lost, "input positions without a row")
	none(r.Ledger.Doubled, "input positions with more than one row")
	none(r.Ledger.BadTallies, "commits whose tally is not what their rows say")
	none(r.Ledger.URLsMissing, "fetched URLs without a row")
	none(r.Ledger.URLsDoubled, "URLs with more than one row")
	none(r.Ledger.URLsInvented, "rows whose URL was never asked for")
	none(r.Site.Disallowed, "requests to disallowed paths")
	none(r.Site.ShortGaps, "requests too soon after the last one to the same host")
	none(r.Site.ShortIPGaps, "requests too soon after the last one to the same address")
	none(r.Site.ClosedRequests, "requests while a host had asked for a pause")
	none(r.Twins.FalseNear, "pages dropped as near-duplicates without a kept twin")
	none(r.Twins.FalseExact, "pages dropped as exact copies without a kept twin")
	if limit := r.Site.BoundSeconds + secondsKill*float64(kills); r.Site.Requests > 0 && r.Site.SpanSeconds > limit {
		out = append(out, fmt.Sprintf("the crawl took %.1f s, the limit is %.1f s", r.Site.SpanSeconds, limit))
	}
	for _, k := range slices.Sorted(maps.Keys(r.Truth)) {
		if s := r.Truth[k]; float64(s.Right) < rightShare*float64(s.Planted) {
			out = append(out, fmt.Sprintf("%s: %d of %d right", k, s.Right, s.Planted))
		}
	}
	if len(r.Problems) > 0 && len(out) == 0 {
		out = append(out, r.Problems[0])
	}
	return out
}
