package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/internal/demo/judge"
)

const good = `{"type":"progress"}
{"type":"summary","stages":[
{"name":"fetch","in":400,"kept":350,"dropped":49,"failed":1,"reasons":{"fetch.status":49,"failed.fetch":1}},
{"name":"dedup","in":350,"kept":250,"dropped":100,"failed":0,"reasons":{"dup.near":60,"dup.exact":40}}],
"rows":250,"rejects":150,"failed":1,"fetched":390,"site":{"requests":500,"disallowed_requests":0,"short_gaps":0},
"truth":{"exact":{"planted":40,"right":40},"near":{"planted":60,"right":60},"mojibake":{"planted":15,"right":15},
"charset":{"planted":20,"right":20},"noai":{"planted":10,"right":10},"trap":{"planted":1,"right":1}},
"kills":2,"train":{"steps":400,"first_loss":5.5,"last_loss":2.4,"val_loss":2.5},"seconds":60}`

func file(t *testing.T, summary string) string {
	t.Helper()
	first, rest, _ := strings.Cut(summary, "\n")
	name := filepath.Join(t.TempDir(), "out.jsonl")
	if err := os.WriteFile(name, []byte(first+"\n"+strings.ReplaceAll(rest, "\n", "")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestVerify(t *testing.T) {
	if err := run(file(t, good), options{}); err != nil {
		t.Errorf("a good demo is refused: %v", err)
	}
	for name, edit := range map[string][2]string{
		"lost row":              {`"rows":250`, `"rows":249`},
		"unbalanced stage":      {`"kept":350`, `"kept":351`},
		"reasons do not sum":    {`"dup.near":60`, `"dup.near":59`},
		"hidden failure":        {`"failed":1,"fetched"`, `"failed":0,"fetched"`},
		"disallowed request":    {`"disallowed_requests":0`, `"disallowed_requests":1`},
		"short gap":             {`"short_gaps":0`, `"short_gaps":1`},
		"wrong verdicts":        {`"near":{"planted":60,"right":60}`, `"near":{"planted":60,"right":59}`},
		"too few planted":       {`"noai":{"planted":10,"right":10}`, `"noai":{"planted":9,"right":9}`},
		"kind not judged":       {`"trap":{"planted":1,"right":1}`, `"other":{"planted":1,"right":1}`},
		"a kill too few":        {`"kills":2`, `"kills":1`},
		"loss does not fall":    {`"last_loss":2.4`, `"last_loss":5.6`},
		"no summary at the end": {`"type":"summary"`, `"type":"progress"`},
	} {
		wrong := strings.Replace(good, edit[0], edit[1], 1)
		if wrong == good {
			t.Fatalf("%s: %s is not in the summary", name, edit[0])
		}
		if err := run(file(t, wrong), options{}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestSummaryIsWhatTheJudgeCounts(t *testing.T) {
	s, err := lastSummary(file(t, good))
	if err != nil {
		t.Fatal(err)
	}
	r := judge.Report{Rows: 250, Rejects: 150, Failed: 1, Truth: map[string]judge.Score{},
		Reasons: map[string]int{"fetch.status": 49, "failed.fetch": 1, "dup.near": 60, "dup.exact": 40},
		Ledger:  judge.Ledger{URLsFetched: 390}, Site: judge.Site{Requests: 500, BoundSeconds: 60, SpanSeconds: 50}}
	for kind, x := range s.Truth {
		r.Truth[kind] = judge.Score{Planted: int(x.Planted), Right: int(x.Right)}
	}
	if got := s.checkJudge(r); len(got) != 0 {
		t.Errorf("equal counts are refused: %v", got)
	}
	for name, change := range map[string]func(*judge.Report){
		"rows":    func(r *judge.Report) { r.Rows++ },
		"fetched": func(r *judge.Report) { r.Ledger.URLsFetched-- },
		"reasons": func(r *judge.Report) { r.Reasons = map[string]int{"dup.near": 150} },
		"lost":    func(r *judge.Report) { r.Ledger.Lost = 1 },
		"truth":   func(r *judge.Report) { r.Truth = map[string]judge.Score{"near": {Planted: 60, Right: 60}} },
		"span":    func(r *judge.Report) { r.Site.SpanSeconds = 67 },
	} {
		other := r
		change(&other)
		if len(s.checkJudge(other)) == 0 {
			t.Errorf("%s: a difference is not seen", name)
		}
	}
}

func TestFigure(t *testing.T) {
	stored := filepath.Join(t.TempDir(), "demo.json")
	now, err := newFigure("verify_test.go", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := now.store(stored); err != nil {
		t.Fatal(err)
	}
	for kept, ok := range map[int64]bool{1000: true, 980: true, 1020: true, 979: false, 1021: false} {
		now.Kept = kept
		if err := now.compare(stored); (err == nil) != ok {
			t.Errorf("%d of 1000: %v, want ok %v", kept, err, ok)
		}
	}
	other := figure{Go: "go1.0", GoSum: now.GoSum, Kept: 1}
	if err := other.compare(stored); !errors.Is(err, errOther) {
		t.Errorf("another Go is compared: %v", err)
	}
	raw, err := os.ReadFile(stored)
	if err != nil || !json.Valid(raw) {
		t.Errorf("stored %q, %v", raw, err)
	}
}
