package stream

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// momentsOf gives a series in which the mill's memory grows by so many bytes a second besides what its index takes.
func momentsOf(n int, leak, jitter float64) (all []moment) {
	for i := range n {
		m := moment{At: float64(i), Parts: map[string]sight{}, World: map[string]float64{"index_bytes": 1000 * float64(i)}}
		for _, name := range []string{"crawl 0", "clean 0", "clean 1", "log"} {
			m.Parts[name] = sight{RSS: 50e6, Heap: 20e6, Files: 20, Routines: 30}
		}
		m.Parts["mill"] = sight{RSS: 100e6 + (1000+leak)*float64(i) + jitter*float64(i%7), Heap: 40e6 + 1000*float64(i), Files: 20, Routines: 30}
		if i < n/3 { // the warm-up is not looked at
			m.Parts["clean 0"] = sight{RSS: 1e6, Heap: 1e6, Files: 900, Routines: 30}
		}
		all = append(all, m)
	}
	return all
}

func TestDrift(t *testing.T) {
	for _, tt := range []struct {
		name         string
		leak, jitter float64
		want         string
	}{
		{"flat", 0, 0, ""}, {"noise", 0, 1e6, ""}, {"a leak", 30e3, 0, "mill: rss"}, {"a leak in noise", 30e3, 1e6, "mill: rss"},
	} {
		_, faults := driftOf(momentsOf(900, tt.leak, tt.jitter))
		if (tt.want == "") != (len(faults) == 0) || len(faults) > 0 && !strings.HasPrefix(faults[0], tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, faults, tt.want)
		}
	}
	all := momentsOf(900, 0, 0)
	for i := range all {
		all[i].Parts["crawl 0"] = sight{RSS: 50e6, Heap: 20e6, Files: 20 + float64(i/100), Routines: 30}
	}
	if _, faults := driftOf(all); len(faults) != 1 || !strings.HasPrefix(faults[0], "crawl 0: files") {
		t.Errorf("files that stay open: %q", faults)
	}
}

func TestProbe(t *testing.T) {
	ready := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/readyz" {
			w.WriteHeader(ready)
			return
		}
		w.Write([]byte("# HELP x\nmillrace_documents_total{belt=\"a\",reason=\"kept\"} 3\nmillrace_documents_total{belt=\"a\",reason=\"dup\"} 4\nmillrace_log_retries_total 2\ngo_goroutines 1.5e+01\nnonsense\n"))
	}))
	p := probe{strings.TrimPrefix(s.URL, "http://")}
	before := p.read(t.Context())
	if before.docs != 7 || before.retries != 2 || before.routines != 15 || !before.up || !before.ready {
		t.Errorf("%+v", before)
	}
	if by := before.tells(before); by != "" {
		t.Errorf("nothing is wrong: %q", by)
	}
	for _, tt := range []struct {
		now  reading
		want string
	}{
		{reading{}, "it does not answer"},
		{reading{up: true, ready: true, retries: 3}, "millrace_log_retries_total"},
		{reading{up: true, retries: 2}, "/readyz"},
		{reading{up: true, ready: true, retries: 2, produced: 2, took: 1}, "millrace_log_produce_seconds"},
		{reading{up: true, ready: true, retries: 2, produced: 100, took: 1, lag: 11}, "millrace_lag_records"},
		{reading{up: true, ready: true, retries: 2, produced: 100, took: 1, lag: 9}, ""},
	} {
		if got := tt.now.shows(before, 10); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.now, got, tt.want)
		}
	}
	s.Close()
	if p.read(t.Context()).up {
		t.Error("nobody is there")
	}
}
