package obs

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace"
)

func testMetrics() *Metrics {
	return New("v1", Labels{Stages: []string{"fetch", "extract"}, Reasons: []string{"fetch.status", "failed.extract", "failed.stage"}})
}

func one(*millrace.Document) int64 { return 1 }

// exercise gives each metric a value.
func exercise(m *Metrics) {
	m.Documents("mill", []*millrace.Document{{}, {Verdict: millrace.Verdict{Stage: "extract", Reason: "failed.extract"}}}, one)
	m.Retried()
	m.Produced(time.Millisecond)
	m.Synced(time.Millisecond)
	m.Commits(3)
	m.Lag("pages", "0", 7)
	m.Frontier(Frontier{URLs: map[string]int64{"waiting": 1}, Hosts: map[string]int64{"ready": 1}, Requests: 1, Bytes: 1})
	m.Free(1)
	m.answers(true, true)
}

// The page about metrics names those that there are, with their kinds and labels, and no other.
func TestDocumented(t *testing.T) {
	m := testMetrics()
	exercise(m)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "millrace_") {
			continue
		}
		if f.GetHelp() == "" {
			t.Errorf("%s says nothing about itself", f.GetName())
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		have = append(have, fmt.Sprintf("%s %s %s", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", ")))
	}
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(millrace_[a-z_]+)` \\| (\\w+) \\| (.*?) ?\\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		said = append(said, fmt.Sprintf("%s %s %s", row[1], row[2], row[3]))
	}
	if !slices.Equal(have, said) {
		t.Errorf("there are\n%s\nthe page says\n%s", strings.Join(have, "\n"), strings.Join(said, "\n"))
	}
}

// Whatever a verdict holds, its labels are registered words.
func TestHostileTextIsNoLabel(t *testing.T) {
	known := map[string]bool{"": true, "kept": true, "other": true, "fetch": true, "extract": true, "fetch.status": true, "failed.extract": true, "failed.stage": true}
	rapid.Check(t, func(t *rapid.T) {
		m := testMetrics()
		word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "fetch", "fetch.status", "failed.", "failed.x\ny=\"1\"", "failed.extract", "kept"}))
		for range 5 {
			d := &millrace.Document{Verdict: millrace.Verdict{Stage: word.Draw(t, "stage"), Reason: millrace.Reason(word.Draw(t, "reason"))}}
			m.Documents("mill", []*millrace.Document{d}, one)
		}
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != "millrace_documents_total" {
				continue
			}
			var sum float64
			for _, x := range f.GetMetric() {
				sum += x.GetCounter().GetValue()
				for _, l := range x.GetLabel() {
					if l.GetName() != "belt" && !known[l.GetValue()] {
						t.Errorf("label %s=%q", l.GetName(), l.GetValue())
					}
				}
			}
			if sum != 5 {
				t.Errorf("%v documents were counted, want 5", sum)
			}
		}
	})
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	o.Metrics, o.Log, o.Refresh = testMetrics(), slog.New(slog.DiscardHandler), func() {}
	for port := 26000 + os.Getpid()%2000; ; port++ {
		o.Addr = fmt.Sprintf("127.0.0.1:%d", port)
		s, err := Start(t.Context(), o)
		if err == nil {
			t.Cleanup(func() { s.Close() })
			return s
		}
		if port > 32000 {
			t.Fatal(err)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestAnswers(t *testing.T) {
	var problems []Problem
	s := start(t, Options{Alive: func() []Problem { return nil }, Ready: func() []Problem { return problems }})
	url := "http://" + s.Addr()
	if code, body := get(t, url+"/livez"); code != 200 || body != `{"ok":true,"problems":[]}`+"\n" {
		t.Errorf("livez: %d %s", code, body)
	}
	if code, body := get(t, url+"/metrics"); code != 200 || !strings.Contains(body, "\nmillrace_ready 1\n") {
		t.Errorf("metrics: %d %s", code, body)
	}
	why := "no \"way\"\n<script>"
	problems = []Problem{{What: "log", Why: why}}
	code, body := get(t, url+"/readyz")
	var said struct {
		OK       bool
		Problems []Problem
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || code != 503 || said.OK || len(said.Problems) != 1 || said.Problems[0].Why != why {
		t.Errorf("readyz: %d %s, %v", code, body, err)
	}
	if _, body := get(t, url+"/metrics"); !strings.Contains(body, "\nmillrace_ready 0\n") {
		t.Error("a run that is not ready counts as ready")
	}
	if code, _ := get(t, url+"/debug/pprof/"); code != 404 {
		t.Errorf("another page: %d", code)
	}
	r, err := http.Post(url+"/livez", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", r.StatusCode)
	}
}

// Whoever only connects holds a place, and there are so many. Close ends all of it.
func TestConnectionsAreBounded(t *testing.T) {
	s := start(t, Options{Alive: func() []Problem { return nil }, Ready: func() []Problem { return nil }})
	var idle []net.Conn
	for range maxConnections {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		idle = append(idle, c)
	}
	soon := http.Client{Timeout: 200 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	if r, err := soon.Get("http://" + s.Addr() + "/livez"); err == nil {
		r.Body.Close()
		t.Error("one more than there are places was answered")
	}
	for _, c := range idle[:2] {
		c.Close()
	}
	for i := 0; ; i++ {
		r, err := soon.Get("http://" + s.Addr() + "/livez")
		if err == nil {
			r.Body.Close()
			break
		}
		if i == 50 {
			t.Fatalf("a place came free and was not given: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("it listens after Close")
	}
}
