package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verdict is how a crawler behaved, by the server's log alone.
type Verdict struct {
	Requests   int `json:"requests"`
	Pages      int `json:"pages"`      // on the site
	Missing    int `json:"missing"`    // never answered with 200
	Again      int `json:"again"`      // answered with 200 once more
	Most       int `json:"most"`       // answers with 200 of one page
	Disallowed int `json:"disallowed"` // by robots.txt
	ShortGaps  int `json:"short_gaps"` // from an answer's end to the next request of the host
	InClosed   int `json:"in_closed"`  // while the host had asked for a pause
	InFlight   int `json:"in_flight"`  // requests at once at one host, at most
	SiteFiles  int `json:"site_files"` // requests for /.well-known/ and its like, besides robots.txt
	Elsewhere  int `json:"elsewhere"`  // requests for what is not there

	Span     float64 `json:"span_s"`  // first request to last answer
	Bound    float64 `json:"bound_s"` // what the slowest host needs, asked without any waste
	Slowest  string  `json:"slowest_host"`
	Tightest float64 `json:"tightest_gap_ms"`  // what the shortest pause was longer than its limit, or shorter
	Rate     float64 `json:"pages_per_second"` // over Span

	first string // what was wrong first
}

// Fault is the first violation, or "".
func (v *Verdict) Fault() string { return v.first }

func (v *Verdict) fault(count *int, format string, args ...any) {
	*count++
	if v.first == "" {
		v.first = fmt.Sprintf(format, args...)
	}
}

// Judge holds a log against the site. delay is what the crawler was told to keep between an answer's end
// and the next request of a host; a longer Crawl-delay goes before it.
func (s *Site) Judge(log []Request, delay time.Duration) Verdict {
	v := Verdict{Requests: len(log)}
	byHost := map[string][]Request{}
	var begin, end int64
	for i, q := range log {
		byHost[q.Host] = append(byHost[q.Host], q)
		if i == 0 || q.T < begin {
			begin = q.T
		}
		end = max(end, q.Done)
	}
	tightest := time.Duration(1<<63 - 1)
	for _, h := range s.Hosts {
		qs := byHost[h.Addr]
		delete(byHost, h.Addr)
		slices.SortStableFunc(qs, func(a, b Request) int { return cmp.Compare(a.T, b.T) })
		v.judgePages(h, qs)
		tightest = min(tightest, v.judgePace(h, qs, delay))
		if need := s.bound(h, qs, delay).Seconds(); need > v.Bound {
			v.Bound, v.Slowest = need, h.Addr
		}
	}
	for name, qs := range byHost {
		for range qs {
			v.fault(&v.Elsewhere, "a request to the unknown host %s", name)
		}
	}
	v.Span, v.Tightest = time.Duration(end-begin).Seconds(), float64(tightest)/1e6
	if v.Span > 0 {
		v.Rate = float64(v.Pages-v.Missing+v.Again) / v.Span
	}
	return v
}

// judgePages counts what was fetched, and what should not have been.
func (v *Verdict) judgePages(h *Host, qs []Request) {
	got := make([]int, h.Pages)
	for _, q := range qs {
		n, isPage := h.number(q.Path)
		switch {
		case isPage && q.Status == 200:
			got[n]++
		case isPage, q.Path == robotsPath:
		case strings.HasPrefix(q.Path, closedPath):
			v.fault(&v.Disallowed, "%s%s is forbidden", h.Addr, q.Path)
		case strings.HasPrefix(q.Path, "/.well-known/"), q.Path == "/ai.txt":
			v.SiteFiles++
		default:
			v.fault(&v.Elsewhere, "%s%s does not exist", h.Addr, q.Path)
		}
	}
	v.Pages += h.Pages
	for n, times := range got {
		v.Most = max(v.Most, times)
		if times == 0 {
			v.fault(&v.Missing, "%s%s was not fetched", h.Addr, Path(n))
		}
		if times > 1 {
			v.Again += times - 1
		}
	}
}

// judgePace looks at pauses, in the order of arrival. A Crawl-delay holds from the answer that tells it. It
// gives what the shortest pause had to spare.
func (v *Verdict) judgePace(h *Host, qs []Request, delay time.Duration) (tightest time.Duration) {
	tightest = 1<<63 - 1
	var end, closed int64 // the last answer's, the last pause's
	for i, q := range qs {
		flying := 1
		for _, p := range qs[:i] {
			if p.Done > q.T {
				flying++
			}
		}
		v.InFlight = max(v.InFlight, flying)
		if q.T < closed {
			v.fault(&v.InClosed, "%s%s came %v before the pause was over that the host had asked for", h.Addr, q.Path, time.Duration(closed-q.T))
		}
		if i > 0 {
			gap := time.Duration(q.T - end)
			if gap < delay {
				v.fault(&v.ShortGaps, "%s%s came %v after the last answer, the delay is %v", h.Addr, q.Path, gap, delay)
			}
			tightest = min(tightest, gap-delay)
		}
		end, closed = max(end, q.Done), max(closed, q.Closed)
		if q.Path == robotsPath && q.Status == 200 {
			delay = max(delay, h.Delay)
		}
	}
	return tightest
}

// bound is what a crawler needs for a host that wastes nothing: robots.txt, every page, each flaw's second
// request, and every site file once that it has asked for, with the delay between any two and the pauses.
func (s *Site) bound(h *Host, qs []Request, delay time.Duration) time.Duration {
	files := map[string]bool{}
	pauses := map[string]time.Duration{}
	for path, f := range h.Flaws {
		pauses[path] = f.After
	}
	for _, q := range qs {
		if q.Closed > 0 {
			pauses[q.Path] = time.Duration(q.Closed - q.Done) // a date says up to a second more
		}
		if _, isPage := h.number(q.Path); !isPage && q.Path != robotsPath && !strings.HasPrefix(q.Path, closedPath) {
			files[q.Path] = true
		}
	}
	requests := 1 + h.Pages + len(h.Flaws) + len(files)
	pace := max(delay, h.Delay)
	need := time.Duration(requests)*s.Latency + time.Duration(requests-1-len(h.Flaws))*pace
	for path, p := range pauses {
		if path == robotsPath { // the Crawl-delay is not known yet
			need += max(p, delay)
		} else {
			need += max(p, pace)
		}
	}
	return need
}
