package judge

import (
	"strings"
	"testing"
)

// FuzzEntry reads commits of any content: the judge may find fault, and must end.
func FuzzEntry(f *testing.F) {
	f.Add(`{"commitInfo":{"from":0,"to":9223372036854775807,"gaps":[{"from":1,"to":0}],"tally":{"in":1,"stages":[{"reasons":{"a":1}}]},"rejects":[{"path":"../x","rows":1}]}}`)
	f.Add(`{"add":{"path":"a","stats":"{\"numRecords\":1}"}}` + "\n" + `{"txn":{"appId":"pages/0","version":3}}`)
	f.Add(`{"remove":{}}`)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		r := Report{Reasons: map[string]int{}, Truth: map[string]Score{}}
		tab := &table{}
		if err := tab.readEntry(strings.NewReader(text), 0, dir, &r); err != nil {
			return
		}
		r.judgeLedger(tab, nil)
		if len(r.Problems) > maxProblems {
			t.Fatal("more problems than the bound")
		}
	})
}

func FuzzLog(f *testing.F) {
	f.Add(`{"t_ns":1,"done_ns":2,"host":"h","path":"/","kind":"page","status":200,"delay_ms":200}` + "\n{")
	f.Fuzz(func(t *testing.T, text string) {
		log, err := parseLog(strings.NewReader(text))
		if err != nil {
			return
		}
		r := Report{Reasons: map[string]int{}, Truth: map[string]Score{}}
		r.judgeSite(log)
		if r.Site.Requests != len(log) {
			t.Fatalf("%d requests of %d", r.Site.Requests, len(log))
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("Don't STOP\u00ad, 春眠\xff")
	f.Fuzz(func(t *testing.T, text string) {
		ws := words(text)
		if got := words(strings.Join(ws, " ")); strings.Join(got, " ") != strings.Join(ws, " ") {
			t.Fatalf("words of words: %q, %q", ws, got)
		}
	})
}
