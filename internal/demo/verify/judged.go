package main

import (
	"fmt"
	"maps"

	"millrace/internal/demo/judge"
)

// checkJudge lets the judge read the corpus and the site's own files again, and holds the summary
// against it: what the demo says of itself must be what the files say.
func (s *summary) checkJudge(r judge.Report) []string {
	out := r.Faults(int(s.Kills))
	same := func(what string, got, want int64) {
		if got != want {
			out = append(out, fmt.Sprintf("the summary says %d %s, the judge counts %d", got, what, want))
		}
	}
	same("rows", s.Rows, int64(r.Rows))
	same("rejects", s.Rejects, int64(r.Rejects))
	same("failed", s.Failed, int64(r.Failed))
	same("URLs fetched", s.Fetched, int64(r.Ledger.URLsFetched))
	same("requests", s.Site.Requests, int64(r.Site.Requests))
	same("disallowed requests", s.Site.DisallowedRequests, int64(r.Site.Disallowed))
	same("short gaps", s.Site.ShortGaps, int64(r.Site.ShortGaps))
	reasons := map[string]int{}
	for _, st := range s.Stages {
		for reason, n := range st.Reasons {
			reasons[reason] += int(n)
		}
	}
	if !maps.Equal(reasons, r.Reasons) {
		out = append(out, fmt.Sprintf("the summary's reasons are %v, the judge's %v", reasons, r.Reasons))
	}
	for kind, t := range s.Truth {
		same(kind+" planted", t.Planted, int64(r.Truth[kind].Planted))
		same(kind+" right", t.Right, int64(r.Truth[kind].Right))
	}
	return out
}
