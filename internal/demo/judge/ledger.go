package judge

import (
	"cmp"
	"maps"
	"slices"
)

// Ledger is law 1: each input in exactly one row.
type Ledger struct {
	Positions    int `json:"positions"`
	Lost         int `json:"lost"`
	Doubled      int `json:"doubled"`
	BadTallies   int `json:"bad_tallies"`
	URLsFetched  int `json:"urls_fetched"` // final answers of pages, each URL once
	URLsMissing  int `json:"urls_missing"`
	URLsDoubled  int `json:"urls_doubled"`
	URLsInvented int `json:"urls_invented"`
}

func (r *Report) judgeLedger(t *table, log []request) {
	r.judgePositions(t)
	for _, e := range t.entries {
		if !r.judgeTally(e) {
			r.Ledger.BadTallies++
		}
	}
	r.judgeURLs(t, log)
}

// judgePositions wants every offset between a commit's bounds in exactly one row, or in a gap that the
// commit declares: a flush mark is an offset without a row.
func (r *Report) judgePositions(t *table) {
	seen := map[string]bool{}
	for _, x := range t.rows {
		switch {
		case x.partition == "":
			r.Ledger.Lost++
			r.problem("row %s has no position", x.mid)
		case seen[x.position]:
			r.Ledger.Doubled++
			r.problem("position %s is in more than one row", x.position)
		}
		seen[x.position] = true
	}
	r.Ledger.Positions = len(seen)
	next := int64(-1)
	for _, e := range t.entries {
		if !e.recorded {
			continue
		}
		if next >= 0 && e.from != next {
			r.Ledger.Lost++
			r.problem("commit %d begins at offset %d, the one before ended at %d", e.number, e.from, next)
		}
		next = e.to
		if v, ok := e.txn["pages/0"]; ok && v != e.to {
			r.Ledger.Lost++
			r.problem("commit %d: the stored Position is %d, its rows end at %d", e.number, v, e.to)
		}
		r.judgeRange(e)
	}
}

// judgeRange holds one commit's rows and gaps against its bounds.
func (r *Report) judgeRange(e *entry) {
	covered := make([]gap, 0, len(e.rows)+len(e.gaps))
	for _, x := range e.rows {
		covered = append(covered, gap{x.offset, x.offset + 1})
	}
	covered = append(covered, e.gaps...)
	slices.SortFunc(covered, func(a, b gap) int { return cmp.Compare(a.From, b.From) })
	at := e.from
	for _, g := range covered {
		if g.From != at || g.To <= g.From {
			r.Ledger.Lost++
			r.problem("commit %d: at offset %d, where a row or a gap should begin, the next begins at %d", e.number, at, g.From)
		}
		at = max(at, g.To)
	}
	if at != e.to {
		r.Ledger.Lost++
		r.problem("commit %d: its rows end at offset %d, the commit says %d", e.number, at, e.to)
	}
}

// judgeTally counts a commit's verdicts again.
func (r *Report) judgeTally(e *entry) bool {
	var in, kept int64
	verdicts := map[[2]string]int64{}
	for _, x := range e.rows {
		in++
		if x.kept {
			kept++
		} else {
			verdicts[[2]string{x.stage, x.reason}]++
		}
	}
	told := map[[2]string]int64{}
	flow := e.tally.In
	ok := e.tally.In == in && e.tally.Kept == kept
	for _, s := range e.tally.Stages {
		var n int64
		for reason, c := range s.Reasons {
			told[[2]string{s.Name, reason}] += c
			n += c
		}
		ok = ok && s.In == flow && s.In == s.Kept+s.Dropped+s.Failed && n == s.Dropped+s.Failed
		flow = s.Kept
	}
	maps.DeleteFunc(told, func(_ [2]string, n int64) bool { return n == 0 })
	ok = ok && flow == kept && maps.Equal(told, verdicts)
	if !ok {
		r.problem("commit %d: its tally says in %d, kept %d, %v; its rows say in %d, kept %d, %v", e.number, e.tally.In, e.tally.Kept, told, in, kept, verdicts)
	}
	return ok
}

// judgeURLs holds the rows against the access log: what was answered for good has a row, once.
func (r *Report) judgeURLs(t *table, log []request) {
	asked, settled := map[string]bool{}, map[string]bool{}
	for _, q := range log {
		if q.Kind != "page" {
			continue
		}
		asked[q.url()] = true
		if q.Status != 429 && q.Status < 500 {
			settled[q.url()] = true
		}
	}
	r.Ledger.URLsFetched = len(settled)
	for _, u := range slices.Sorted(maps.Keys(settled)) {
		if len(t.byURL[u]) == 0 {
			r.Ledger.URLsMissing++
			r.problem("%s was fetched and has no row", u)
		}
	}
	for _, u := range slices.Sorted(maps.Keys(t.byURL)) {
		if !asked[u] {
			r.Ledger.URLsInvented++
			r.problem("%s has a row and was never fetched", u)
		}
		if n := len(t.byURL[u]); n > 1 {
			r.Ledger.URLsDoubled++
			r.problem("%s has %d rows", u, n)
		}
	}
}
