package web

import (
	"slices"
	"testing"
	"time"
)

const testDelay = 200 * time.Millisecond

// smallSite has a host without robots.txt, one with a Crawl-delay, and one that asks for pauses.
func smallSite() *Site {
	const rules = "User-agent: *\nDisallow: /closed/\n"
	return &Site{Latency: time.Millisecond, Hosts: []*Host{
		{Addr: "a", Pages: 3},
		{Addr: "b", Pages: 4, Robots: rules, Closed: true, Delay: time.Second},
		{Addr: "c", Pages: 12, Robots: rules, Closed: true, Delay: 300 * time.Millisecond, Flaws: map[string]Flaw{
			robotsPath: {Status: 503, After: 2 * time.Second},
			Path(5):    {Status: 429, After: time.Second, Date: true}}},
	}}
}

// politeLog is the log of a crawler that makes no mistake and wastes no time.
func politeLog(s *Site, delay time.Duration) []Request {
	var log []Request
	for k, h := range s.Hosts {
		t := int64(1e18) + int64(k)*1e6
		ask := func(path string, status int, pause time.Duration) {
			q := Request{T: t, Done: t + int64(s.Latency), Host: h.Addr, Path: path, Status: status}
			if pause > 0 {
				q.Closed = q.Done + int64(pause)
			}
			log = append(log, q)
			if path == robotsPath && status != 200 {
				t = q.Done + int64(max(delay, pause))
			} else {
				t = q.Done + int64(max(delay, h.Delay, pause))
			}
		}
		paths := []string{robotsPath}
		for n := range h.Pages {
			paths = append(paths, Path(n))
		}
		for _, path := range paths {
			if f, ok := h.Flaws[path]; ok {
				ask(path, f.Status, f.After)
			}
			ask(path, 200, 0)
		}
	}
	return log
}

func TestJudgeFindsNoFault(t *testing.T) {
	s := smallSite()
	v := s.Judge(politeLog(s, testDelay), testDelay)
	if v.Fault() != "" {
		t.Fatalf("a faultless crawl: %s (%+v)", v.Fault(), v)
	}
	want := Verdict{Requests: 24, Pages: 19, Most: 1, InFlight: 1, Slowest: "c"}
	want.Bound = (15*time.Millisecond + 12*300*time.Millisecond + 3*time.Second).Seconds()
	want.Span, want.Rate = v.Span, v.Rate
	if v != want {
		t.Errorf("got  %+v\nwant %+v", v, want)
	}
	if v.Span < v.Bound || v.Span > v.Bound+0.01 {
		t.Errorf("a crawl without waste took %v s, its bound is %v s", v.Span, v.Bound)
	}
}

// TestJudgeFindsFaults plants one violation of each kind.
func TestJudgeFindsFaults(t *testing.T) {
	// at finds the n-th request for a path.
	at := func(log []Request, host, path string, n int) int {
		for i, q := range log {
			if q.Host == host && q.Path == path {
				if n--; n < 0 {
					return i
				}
			}
		}
		t.Fatalf("no request for %s%s", host, path)
		return 0
	}
	insert := func(log []Request, host, path string, status int) []Request {
		last := log[0]
		for _, q := range log {
			if q.Host == host {
				last = q
			}
		}
		from := last.Done + int64(10*time.Second)
		return append(log, Request{T: from, Done: from + 1e6, Host: host, Path: path, Status: status})
	}
	planted := []struct {
		name  string
		plant func([]Request) []Request
		want  func(Verdict) bool
	}{
		{"short gap", func(log []Request) []Request {
			i := at(log, "a", Path(2), 0)
			log[i].T -= 2e6
			return log
		}, func(v Verdict) bool { return v.ShortGaps == 1 && v.Tightest < 0 }},
		{"gap shorter than the Crawl-delay", func(log []Request) []Request {
			i := at(log, "b", Path(3), 0)
			log[i].T -= int64(700 * time.Millisecond)
			return log
		}, func(v Verdict) bool { return v.ShortGaps == 1 }},
		{"first page sooner than the Crawl-delay", func(log []Request) []Request {
			i := at(log, "b", Path(0), 0)
			log[i].T -= int64(700 * time.Millisecond)
			return log
		}, func(v Verdict) bool { return v.ShortGaps == 1 }},
		{"request in a closed window", func(log []Request) []Request {
			i := at(log, "c", Path(5), 1)
			log[i].T -= int64(600 * time.Millisecond)
			return log
		}, func(v Verdict) bool { return v.InClosed == 1 && v.ShortGaps == 0 }},
		{"two at once", func(log []Request) []Request {
			i := at(log, "a", Path(1), 0)
			log[i].Done += int64(300 * time.Millisecond)
			return log
		}, func(v Verdict) bool { return v.InFlight == 2 && v.ShortGaps == 1 }},
		{"missing page", func(log []Request) []Request {
			i := at(log, "b", Path(3), 0)
			return slices.Delete(log, i, i+1)
		}, func(v Verdict) bool { return v.Missing == 1 }},
		{"page of which only the flaw was fetched", func(log []Request) []Request {
			i := at(log, "c", Path(5), 1)
			return slices.Delete(log, i, i+1)
		}, func(v Verdict) bool { return v.Missing == 1 }},
		{"page fetched twice", func(log []Request) []Request {
			return insert(log, "a", Path(1), 200)
		}, func(v Verdict) bool { return v.Again == 1 && v.Most == 2 }},
		{"forbidden path", func(log []Request) []Request {
			return insert(log, "b", "/closed/1", 404)
		}, func(v Verdict) bool { return v.Disallowed == 1 }},
		{"path that is not there", func(log []Request) []Request {
			return insert(log, "b", "/page/e.html", 404)
		}, func(v Verdict) bool { return v.Elsewhere == 1 }},
		{"site file", func(log []Request) []Request {
			return insert(log, "c", "/.well-known/tdmrep.json", 404)
		}, func(v Verdict) bool { return v.SiteFiles == 1 && v.Fault() == "" }},
	}
	for _, p := range planted {
		s := smallSite()
		v := s.Judge(p.plant(politeLog(s, testDelay)), testDelay)
		if !p.want(v) {
			t.Errorf("%s: %+v", p.name, v)
		}
	}
}
