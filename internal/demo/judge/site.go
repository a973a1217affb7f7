package judge

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// request is a line of the access log.
type request struct {
	T         int64  `json:"t_ns"`
	Done      int64  `json:"done_ns"`
	Host      string `json:"host"`
	IP        string `json:"ip"`
	Path      string `json:"path"`
	Kind      string `json:"kind"`
	Status    int    `json:"status"`
	Bytes     int64  `json:"bytes"`
	Allowed   bool   `json:"robots_allowed"`
	DelayMS   int64  `json:"delay_ms"`
	IPDelayMS int64  `json:"ip_delay_ms"`
	Closed    int64  `json:"closed_until_ns"`
	Cut       bool   `json:"cut"`
}

func (q request) url() string { return "http://" + q.Host + q.Path }

// Site is how the crawler behaved, as the website saw it.
type Site struct {
	Requests       int     `json:"requests"`
	Hosts          int     `json:"hosts"`
	Disallowed     int     `json:"disallowed_requests"`
	ShortGaps      int     `json:"short_gaps"`    // less than the host's delay between an answer's end and the next request
	ShortIPGaps    int     `json:"short_ip_gaps"` // the same by address
	ClosedRequests int     `json:"closed_requests"`
	Calendar       int     `json:"calendar_requests"`
	Again          int     `json:"fetched_again"` // page requests for a URL that had been answered for good
	SpanSeconds    float64 `json:"span_s"`        // first request to last answer
	BoundSeconds   float64 `json:"bound_s"`       // 1.3 × what the slowest host needs; a kill adds to it
	SlowestHost    string  `json:"slowest_host"`
	Tightest       []Gap   `json:"tightest"` // for each delay asked for, the shortest gap seen
}

// Gap is a pause between two requests to one host, beside its limit.
type Gap struct {
	Host    string  `json:"host"`
	Millis  float64 `json:"ms"`
	LimitMS int64   `json:"limit_ms"`
}

// readLog reads the access log in the order of arrival. A torn last line is left out: the site may still be writing.
func readLog(name string) ([]request, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read access log: %w", err)
	}
	defer f.Close()
	out, err := parseLog(f)
	if err != nil {
		return nil, fmt.Errorf("read access log %s: %w", name, err)
	}
	return out, nil
}

func parseLog(f io.Reader) ([]request, error) {
	var out []request
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, maxLine)
	var bad error
	for line := 1; sc.Scan(); line++ {
		if bad != nil {
			return nil, bad
		}
		var q request
		if err := json.Unmarshal(sc.Bytes(), &q); err != nil {
			bad = fmt.Errorf("line %d: %w", line, err)
			continue
		}
		out = append(out, q)
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b request) int { return cmp.Compare(a.T, b.T) })
	return out, nil
}

func (r *Report) judgeSite(log []request) {
	s := &r.Site
	s.Requests = len(log)
	hosts, ips := map[string][]request{}, map[string][]request{}
	answered := map[string]bool{}
	for _, q := range log {
		hosts[q.Host] = append(hosts[q.Host], q)
		ips[q.IP] = append(ips[q.IP], q)
		if !q.Allowed {
			s.Disallowed++
			r.problem("request to the disallowed %s", q.url())
		}
		if strings.HasPrefix(q.Path, "/calendar/") {
			s.Calendar++
		}
		if q.Kind == "page" && answered[q.url()] {
			s.Again++
		}
		answered[q.url()] = answered[q.url()] || q.Status != 429 && q.Status < 500
	}
	s.Hosts = len(hosts)
	tight := map[int64]Gap{}
	for _, h := range slices.Sorted(maps.Keys(hosts)) {
		qs := hosts[h]
		r.judgeClosed(qs)
		gaps(qs, func(q request) int64 { return q.DelayMS }, func(q request, ns, limit int64) {
			g := Gap{Host: h, Millis: float64(ns) / 1e6, LimitMS: limit}
			if old, ok := tight[limit]; !ok || g.Millis < old.Millis {
				tight[limit] = g
			}
			if ns < limit*1e6 {
				s.ShortGaps++
				r.problem("%s came %.1f ms after the last answer of its host, the delay is %d ms", q.url(), g.Millis, limit)
			}
		})
		if need := hostSeconds(qs); need > s.BoundSeconds {
			s.BoundSeconds, s.SlowestHost = need, h
		}
	}
	s.BoundSeconds *= spanFactor
	for _, ip := range slices.Sorted(maps.Keys(ips)) {
		gaps(ips[ip], func(q request) int64 { return q.IPDelayMS }, func(q request, ns, limit int64) {
			if ns < limit*1e6 {
				s.ShortIPGaps++
				r.problem("%s came %.1f ms after the last answer of its address, the delay is %d ms", q.url(), float64(ns)/1e6, limit)
			}
		})
	}
	s.Tightest = []Gap{}
	for _, l := range slices.Sorted(maps.Keys(tight)) {
		s.Tightest = append(s.Tightest, tight[l])
	}
	if len(log) > 0 {
		last := slices.MaxFunc(log, func(a, b request) int { return cmp.Compare(a.Done, b.Done) })
		s.SpanSeconds = float64(last.Done-log[0].T) / 1e9
	}
}

// gaps calls f for each request but the first with the pause since the last answer's end.
func gaps(qs []request, limit func(request) int64, f func(q request, ns, limitMS int64)) {
	var end int64
	for i, q := range qs {
		if l := limit(q); i > 0 && l > 0 {
			f(q, q.T-end, l)
		}
		end = max(end, q.Done)
	}
}

// judgeClosed counts requests that came before the end of a pause that the host had asked for.
func (r *Report) judgeClosed(qs []request) {
	var until int64
	for _, q := range qs {
		if q.T < until {
			r.Site.ClosedRequests++
			r.problem("%s came %.1f s before its host's Retry-After was over", q.url(), float64(until-q.T)/1e9)
		}
		until = max(until, q.Closed)
	}
}

// hostSeconds is how long a polite crawler needs for these requests: a delay between any two, and the pauses.
func hostSeconds(qs []request) float64 {
	var sum float64
	for i, q := range qs {
		if i > 0 {
			sum += float64(q.DelayMS) / 1e3
		}
		if q.Closed > q.Done {
			sum += float64(q.Closed-q.Done) / 1e9
		}
	}
	return sum
}

// below reports whether a request is for u, or, where u ends in a slash, for anything under it.
func (q request) below(u string) bool {
	return q.url() == u || strings.HasSuffix(u, "/") && strings.HasPrefix(q.url(), u)
}
