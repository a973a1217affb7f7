package main

import (
	"fmt"
	"maps"
	"slices"
)

// summary is the last line of `millrace demo --json`.
type summary struct {
	Type    string  `json:"type"`
	Stages  []stage `json:"stages"`
	Rows    int64   `json:"rows"`
	Rejects int64   `json:"rejects"`
	Failed  int64   `json:"failed"`
	Fetched int64   `json:"fetched"`
	Site    struct {
		Requests           int64 `json:"requests"`
		DisallowedRequests int64 `json:"disallowed_requests"`
		ShortGaps          int64 `json:"short_gaps"`
	} `json:"site"`
	Truth map[string]truth `json:"truth"`
	Kills int64            `json:"kills"`
	Train struct {
		Steps     int64   `json:"steps"`
		FirstLoss float64 `json:"first_loss"`
		LastLoss  float64 `json:"last_loss"`
		ValLoss   float64 `json:"val_loss"`
	} `json:"train"`
	Seconds float64 `json:"seconds"`
}

type stage struct {
	Name    string           `json:"name"`
	In      int64            `json:"in"`
	Kept    int64            `json:"kept"`
	Dropped int64            `json:"dropped"`
	Failed  int64            `json:"failed"`
	Reasons map[string]int64 `json:"reasons"`
}

// truth is the judge's count of one planted kind.
type truth struct {
	Planted int64 `json:"planted"`
	Right   int64 `json:"right"`
}

// leastPlanted is what the site holds at 400 pages: with less, a share of 0.99 would show nothing.
var leastPlanted = map[string]int64{"exact": 25, "near": 40, "mojibake": 15, "charset": 15, "noai": 10, "trap": 1}

// wantKills is how often the demo kills its worker.
const wantKills = 2

// check says what is wrong, one line each.
func (s *summary) check() []string {
	var out []string
	wrong := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	s.checkLedger(wrong)
	if s.Site.Requests == 0 || s.Site.DisallowedRequests != 0 || s.Site.ShortGaps != 0 {
		wrong("the site counts %d requests, %d to disallowed paths, %d too soon: want some, 0 and 0",
			s.Site.Requests, s.Site.DisallowedRequests, s.Site.ShortGaps)
	}
	for _, kind := range slices.Sorted(maps.Keys(leastPlanted)) {
		t := s.Truth[kind]
		if t.Planted < leastPlanted[kind] {
			wrong("truth: %d %s planted, want at least %d", t.Planted, kind, leastPlanted[kind])
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(s.Truth)) {
		if t := s.Truth[kind]; float64(t.Right) < 0.99*float64(t.Planted) {
			wrong("truth: %d of %d %s right, want 0.99", t.Right, t.Planted, kind)
		}
	}
	if s.Kills != wantKills {
		wrong("%d kills, want %d", s.Kills, wantKills)
	}
	if s.Train.Steps == 0 || s.Train.LastLoss >= s.Train.FirstLoss {
		wrong("training: %d steps from loss %.3f to %.3f: want it to fall", s.Train.Steps, s.Train.FirstLoss, s.Train.LastLoss)
	}
	return out
}

// checkLedger holds law 1: each stage's in is its kept + dropped + failed, and the next one's in its kept.
func (s *summary) checkLedger(wrong func(string, ...any)) {
	if len(s.Stages) == 0 {
		wrong("ledger: no stages")
		return
	}
	flow := s.Stages[0].In
	var dropped, failed int64
	for _, st := range s.Stages {
		var reasons int64
		for _, n := range st.Reasons {
			reasons += n
		}
		if st.In != flow || st.In != st.Kept+st.Dropped+st.Failed || reasons != st.Dropped+st.Failed {
			wrong("ledger: %s: %d flow in; in %d, kept %d, dropped %d, failed %d, reasons %d", st.Name, flow, st.In, st.Kept, st.Dropped, st.Failed, reasons)
		}
		flow = st.Kept
		dropped += st.Dropped
		failed += st.Failed
	}
	if s.Rows != flow || s.Rejects != dropped+failed || s.Failed != failed {
		wrong("ledger: %d rows, %d rejects, %d failed; the stages say %d, %d, %d", s.Rows, s.Rejects, s.Failed, flow, dropped+failed, failed)
	}
	if s.Rows == 0 || s.Fetched == 0 {
		wrong("%d pages fetched, %d rows: want some", s.Fetched, s.Rows)
	}
}
