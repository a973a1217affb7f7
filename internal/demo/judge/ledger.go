package judge

import (
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
		if !r.judgeTally(t, e) {
			r.Ledger.BadTallies++
		}
	}
	r.judgeURLs(t, log)
}

// judgePositions wants every offset between a commit's bounds in exactly one row, or in a gap that the
// commit declares: a flush mark is an offset without a row.
func (r *Report) judgePositions(t *table) {
	seen := map[string]int{}
	byEntry := make([]map[int64]bool, len(t.entries))
	for _, x := range t.rows {
		if x.partition == "" {
			r.problem("row %s has no position", x.mid)
			r.Ledger.Lost++
			continue
		}
		if seen[x.position]++; seen[x.position] > 1 {
			r.Ledger.Doubled++
			r.problem("position %s is in more than one row", x.position)
		}
		if byEntry[x.entry] == nil {
			byEntry[x.entry] = map[int64]bool{}
		}
		byEntry[x.entry][x.offset] = true
	}
	r.Ledger.Positions = len(seen)
	next := int64(-1)
	for i, e := range t.entries {
		if !e.recorded {
			continue
		}
		if next >= 0 && e.from != next {
			r.problem("commit %d begins at offset %d, the one before ended at %d", e.number, e.from, next)
			r.Ledger.Lost++
		}
		next = e.to
		if v, ok := e.txn["pages/0"]; ok && v != e.to {
			r.problem("commit %d: the stored Position is %d, its rows end at %d", e.number, v, e.to)
			r.Ledger.Lost++
		}
		r.judgeRange(e, byEntry[i])
	}
}

func (r *Report) judgeRange(e entry, have map[int64]bool) {
	for _, g := range e.gaps {
		if g.From < e.from || g.To > e.to || g.From >= g.To {
			r.problem("commit %d: gap from %d to %d", e.number, g.From, g.To)
		}
	}
	in := func(o int64) bool {
		return slices.ContainsFunc(e.gaps, func(g gap) bool { return g.From <= o && o < g.To })
	}
	for o := e.from; o < e.to; o++ {
		if have[o] == in(o) {
			r.Ledger.Lost++
			r.problem("commit %d: offset %d has a row: %v, is in a gap: %v", e.number, o, have[o], in(o))
		}
	}
	for o := range have {
		if o < e.from || o >= e.to {
			r.Ledger.Lost++
			r.problem("commit %d: offset %d is outside of it", e.number, o)
		}
	}
}

// judgeTally counts a commit's verdicts again.
func (r *Report) judgeTally(t *table, e entry) bool {
	var in, kept int64
	verdicts := map[[2]string]int64{}
	for _, x := range t.rows {
		if x.entry != e.number {
			continue
		}
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
