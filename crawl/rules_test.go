package crawl

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
)

// one is a web of one host at 1.1.1.1 with a robots.txt and a page "/" that leads to "/a".
func one(robots func() reply) *world {
	w := &world{latency: 50 * time.Millisecond}
	w.answer = func(url string) reply {
		switch pathOf(url) {
		case "/robots.txt":
			return robots()
		case "/":
			return htmlPage("<a href=/a>a</a>")
		}
		return htmlPage("page")
	}
	return w
}

// TestRobotsStatus has a row for every answer that RFC 9309 speaks about.
func TestRobotsStatus(t *testing.T) {
	const closes = "User-agent: *\nDisallow: /\n"
	header := func(status int, pairs ...string) reply {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return reply{status: status, header: h}
	}
	hops := func(n int, last reply) map[string]reply {
		m := map[string]reply{"http://1.1.1.1/robots.txt": moved("/hop1")}
		for i := 1; i < n; i++ {
			m[fmt.Sprintf("http://1.1.1.1/hop%d", i)] = moved(fmt.Sprintf("/hop%d", i+1))
		}
		m[fmt.Sprintf("http://1.1.1.1/hop%d", n)] = last
		return m
	}
	at := func(r reply) map[string]reply { return map[string]reply{"http://1.1.1.1/robots.txt": r} }
	for _, c := range []struct {
		name  string
		web   map[string]reply
		fate  string // of the front page
		tries int    // requests for robots.txt
	}{
		{"200 with rules", at(textPage(closes)), "refused", 1},
		{"200 without rules", at(textPage("")), "fetched", 1},
		{"204", at(header(204)), "fetched", 1},
		{"200 with a page", at(htmlPage("<html>Disallow: /</html>")), "fetched", 1},
		{"400", at(header(400)), "fetched", 1},
		{"401", at(header(401)), "refused", 1},
		{"403", at(header(403)), "refused", 1},
		{"404", at(header(404)), "fetched", 1},
		{"410", at(header(410)), "fetched", 1},
		{"429", at(header(429)), "waiting", quickTries},
		{"429 with a pause", at(header(429, "Retry-After", "20")), "waiting", maxPostponed + quickTries - 1},
		{"500", at(header(500)), "waiting", quickTries},
		{"503 with a pause of days", at(header(503, "Retry-After", "200000")), "waiting", 1},
		{"599", at(header(599)), "waiting", quickTries},
		{"no answer", at(reply{}), "waiting", maxSilent},
		{"304", at(header(304)), "refused", 1},
		{"302 without a target", at(header(302)), "refused", 1},
		{"302 to nonsense", at(moved("http://[")), "fetched", 1},
		{"five hops", hops(5, textPage(closes)), "refused", 1},
		{"six hops", hops(6, textPage(closes)), "fetched", 1},
		{"a loop", at(moved("/robots.txt")), "fetched", 6},
		{"a hop to 500", hops(1, header(500)), "waiting", 1},
		{"a hop to another authority", map[string]reply{"http://1.1.1.1/robots.txt": moved("http://1.1.1.2/r"),
			"http://1.1.1.2/r": textPage(closes)}, "refused", 1},
		{"a hop to silence", map[string]reply{"http://1.1.1.1/robots.txt": moved("http://1.1.1.2/r"), "http://1.1.1.2/r": {}}, "waiting", 1},
		{"a hop to an address that is not allowed", at(moved("http://10.0.0.1/r")), "waiting", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				w.answer = func(url string) reply {
					if r, ok := c.web[url]; ok {
						return r
					}
					return htmlPage("page")
				}
				o := optionsFor(t.TempDir(), "http://1.1.1.1/")
				_, counts, err := w.crawl(t, t.Context(), o)
				f, _ := Fate(o.Dir, "http://1.1.1.1/")
				if f.State != c.fate || (err == nil) != (c.fate == "fetched") {
					t.Errorf("%s with error %v, want %s; counts %+v", f.State, err, c.fate, counts)
				}
				if n := w.times("http://1.1.1.1/robots.txt"); n != c.tries {
					t.Errorf("%d requests for robots.txt, want %d", n, c.tries)
				}
				if n := w.times("http://1.1.1.1/"); n > 0 && c.fate != "fetched" {
					t.Errorf("the page was asked for %d times", n)
				}
				if c.fate == "waiting" && f.Err == "" && !strings.Contains(c.name, "pause of days") {
					t.Error("nothing says why the URL waits")
				}
			})
		})
	}
}

// TestRulesBelongToTheFirstAuthority: what lies at the end of a redirect says nothing about the host that holds it.
func TestRulesBelongToTheFirstAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{answer: fixed(map[string]reply{
			"http://1.1.1.1/robots.txt": moved("http://1.1.1.2/robots.txt"),
			"http://1.1.1.2/robots.txt": textPage("User-agent: *\nDisallow: /a\nSitemap: /map.xml\n"),
			"http://1.1.1.1/map.xml":    textPage("<urlset><url><loc>/mapped</loc></url></urlset>"),
			"http://1.1.1.1/mapped":     htmlPage("page"),
			"http://1.1.1.1/":           htmlPage("<a href=/a>a</a><a href=http://1.1.1.2/b>b</a>"),
			"http://1.1.1.2/b":          htmlPage("<a href=/a>a</a>"),
		})}
		o := optionsFor(t.TempDir(), "http://1.1.1.1/")
		o.Scope = "any"
		if _, _, err := w.crawl(t, t.Context(), o); err != nil {
			t.Fatal(err)
		}
		for url, want := range map[string]int{"http://1.1.1.1/a": 0, "http://1.1.1.2/a": 0, "http://1.1.1.1/mapped": 1,
			"http://1.1.1.2/robots.txt": 2} { // for the first authority, and for its own
			if n := w.times(url); n != want {
				t.Errorf("%d requests for %s, want %d", n, url, want)
			}
		}
	})
}

// TestOneFetchForManyFirstVisits: fifty URLs of an authority that nobody has asked yet.
func TestOneFetchForManyFirstVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := one(func() reply { return textPage("User-agent: *\nDisallow: /no\n") })
		w.names = map[string]string{"a.example": "1.1.1.1"}
		o := optionsFor(t.TempDir())
		for i := range 50 {
			o.Seeds = append(o.Seeds, fmt.Sprintf("http://a.example/p%d", i), fmt.Sprintf("http://a.example:443/p%d", i))
		}
		docs, _, err := w.crawl(t, t.Context(), o)
		if err != nil || len(docs) != 100 {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		for _, url := range []string{"http://a.example/robots.txt", "http://a.example:443/robots.txt"} {
			if n := w.times(url); n != 1 {
				t.Errorf("%d requests for %s", n, url)
			}
		}
	})
}

// TestRulesTTL crawls a page an hour for three days, across restarts, and counts the requests for robots.txt.
func TestRulesTTL(t *testing.T) {
	for _, c := range []struct {
		control string
		asked   int // in 60 hours, with a delay of half an hour
	}{
		{"", 3}, {"max-age=0", 40}, {"no-store", 40}, {"private, max-age=10800", 18}, {"max-age=31536000", 3},
		{"max-age=99999999999999999999", 3}, {"max-age=soon", 40}, {"public", 3},
	} {
		t.Run(c.control, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				w.answer = func(url string) reply {
					if pathOf(url) != "/robots.txt" {
						return htmlPage("page")
					}
					r := textPage("")
					if c.control != "" {
						r.header.Set("Cache-Control", c.control)
					}
					return r
				}
				o := optionsFor(t.TempDir())
				o.Delay = 29*time.Minute + 58*time.Second
				for i := range 200 {
					o.Seeds = append(o.Seeds, fmt.Sprintf("http://1.1.1.1/p%d", i))
				}
				for range 3 { // what is known is known after a restart, too
					w.crawlFor(t, o, 20*time.Hour)
				}
				if n := w.times("http://1.1.1.1/robots.txt"); n < c.asked-1 || n > c.asked+1 {
					t.Errorf("%d requests for robots.txt, want about %d", n, c.asked)
				}
			})
		})
	}
}

// TestClosedForAMonth: robots.txt cannot be had, for ever. It is asked for with growing gaps, nothing
// else is, and after a month the host is parked.
func TestClosedForAMonth(t *testing.T) {
	for name, r := range map[string]reply{"500": {status: 500}, "silent": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				w.answer = func(url string) reply {
					if originOf(url) == "http://1.1.1.1" {
						return r
					}
					time.Sleep(23 * time.Hour) // another host keeps the run going
					return htmlPage("page")
				}
				o := optionsFor(t.TempDir(), "http://1.1.1.1/")
				for i := range 40 {
					o.Seeds = append(o.Seeds, fmt.Sprintf("http://1.1.1.2/p%d", i))
				}
				_, counts, err := w.crawl(t, t.Context(), o)
				if err != nil || counts.Waiting != 1 {
					t.Fatalf("%v, counts %+v", err, counts)
				}
				var last hit
				var gap time.Duration
				tries := 0
				for _, h := range w.hits() {
					if h.authority() != "http://1.1.1.1" {
						continue
					}
					if !strings.HasSuffix(h.url, "/robots.txt") {
						t.Fatalf("request for %s", h.url)
					}
					if tries++; tries > maxSilent { // the first ones come quickly
						want := closedGap
						if tries > maxSilent+1 {
							want = min(2*gap, maxGap)
						}
						if gap = h.begin.Sub(last.end); gap < want-time.Second || gap > want+time.Second {
							t.Errorf("gap %d is %v, want %v", tries-1, gap, want)
						}
					}
					last = h
				}
				if gap < maxGap {
					t.Errorf("the last gap is %v", gap)
				}
				if end := last.end.Sub(w.hits()[0].begin); end < parkAfter-maxGap || end > parkAfter+maxGap {
					t.Errorf("the host was parked after %v", end)
				}
			})
		})
	}
}

// TestOldRulesHold: robots.txt is good, then cannot be had for days, then is good again and stricter.
func TestOldRulesHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := &world{}
		w.answer = func(url string) reply {
			since := time.Since(began)
			switch {
			case pathOf(url) != "/robots.txt":
				return htmlPage("page")
			case since < time.Hour:
				return textPage("User-agent: *\nDisallow: /p7\n")
			case since < 80*time.Hour:
				return reply{status: 503}
			}
			return textPage("User-agent: *\nDisallow: /p8\nDisallow: /p7\n")
		}
		o := optionsFor(t.TempDir())
		o.Delay = time.Hour
		for i := range 120 {
			o.Seeds = append(o.Seeds, fmt.Sprintf("http://1.1.1.1/p%d", i))
		}
		_, counts, err := w.crawl(t, t.Context(), o)
		if err != nil || counts.Waiting != 0 {
			t.Fatalf("%v, counts %+v", err, counts)
		}
		shut := 0
		for _, h := range w.hits() {
			path, since := pathOf(h.url), h.begin.Sub(began)
			if strings.HasPrefix(path, "/p7") || strings.HasPrefix(path, "/p8") && since > 110*time.Hour {
				t.Errorf("request for %s after %v", path, since)
			}
			if since > 25*time.Hour && since < 80*time.Hour && path != "/robots.txt" {
				shut++
			}
		}
		if shut == 0 {
			t.Error("no page was asked for while the old rules held")
		}
	})
}

// TestSeedsThatCannotBeHad: how a run ends that brings nothing, and that the next one asks again.
func TestSeedsThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := false
		w := &world{latency: 50 * time.Millisecond}
		w.answer = func(url string) reply {
			if !up {
				return reply{}
			}
			return htmlPage("page")
		}
		o := optionsFor(t.TempDir(), "http://1.1.1.1/")
		_, counts, err := w.crawl(t, t.Context(), o)
		if !errors.Is(err, ErrSeedsUnreachable) || !strings.Contains(err.Error(), "connection refused") || counts.Waiting != 1 {
			t.Fatalf("%v, counts %+v", err, counts)
		}
		up = true
		docs, counts, err := w.crawl(t, t.Context(), o)
		if err != nil || len(docs) != 1 || counts.Waiting != 0 {
			t.Errorf("%d documents, %v, counts %+v", len(docs), err, counts)
		}
		if f, _ := Fate(o.Dir, "http://1.1.1.1/"); f.State != "fetched" || f.Err != "" || f.Reason != millrace.Reason("") {
			t.Errorf("fate %+v", f)
		}
	})
}

func TestRulesNote(t *testing.T) {
	for _, c := range []struct {
		a    answer
		want string
	}{
		{answer{body: []byte("User-agent: *")}, ""},
		{answer{body: []byte("\xef\xbb\xbf \r\n<!doctype html>")}, "html"},
		{answer{body: []byte("User-agent: *"), cut: "length"}, "truncated"},
		{answer{body: make([]byte, 512<<10)}, ""},
		{answer{body: make([]byte, 512<<10+1)}, "truncated"},
	} {
		if got := rulesNote(&c.a); got != c.want {
			t.Errorf("%.20q: %q, want %q", c.a.body, got, c.want)
		}
	}
}

// TestTroubles: what keeps hosts from being asked can be looked up, and a month of it is one over restarts.
func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := &world{}
		w.answer = func(url string) reply {
			switch originOf(url) {
			case "http://1.1.1.1":
				return reply{}
			case "http://1.1.1.2":
				return reply{status: 503, header: http.Header{"Retry-After": {"604800"}}}
			case "http://1.1.1.3":
				if time.Since(began) < time.Hour {
					return reply{status: 500}
				}
			}
			return htmlPage("page")
		}
		o := optionsFor(t.TempDir(), "http://1.1.1.1/", "http://1.1.1.2/", "http://1.1.1.3/", "http://1.1.1.4/")
		look := func() string {
			var b strings.Builder
			all, err := Troubles(o.Dir, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range all {
				fmt.Fprintf(&b, "%s pause %t, trouble %t;", h.Host, !h.Until.IsZero(), h.Err != "")
				if !h.Since.IsZero() && h.Since.Sub(began) > time.Minute {
					t.Errorf("%s: since %v", h.Host, h.Since.Sub(began))
				}
			}
			return b.String()
		}
		if _, counts, err := w.crawl(t, t.Context(), o); err != nil || counts.Waiting != 3 || counts.Hosts.Away != 3 || counts.Hosts.Waiting != 0 {
			t.Fatalf("%v, counts %+v", err, counts)
		}
		const both = "http://1.1.1.1:80 pause false, trouble true;http://1.1.1.2:80 pause true, trouble false;"
		if got := look(); got != both+"http://1.1.1.3:80 pause false, trouble true;" {
			t.Error(got)
		}
		time.Sleep(2 * time.Hour)
		asked := w.times("http://1.1.1.2/robots.txt")
		if _, counts, err := w.crawl(t, t.Context(), o); err != nil || counts.Waiting != 2 {
			t.Fatalf("%v, counts %+v", err, counts)
		}
		if got := look(); got != both {
			t.Error(got)
		}
		if w.times("http://1.1.1.2/robots.txt") != asked {
			t.Error("a host was asked during the pause that it had asked for")
		}
		time.Sleep(parkAfter)
		if _, counts, err := w.crawl(t, t.Context(), o); err != nil || counts.Waiting != 2 || counts.Hosts.Parked != 1 || counts.Hosts.Away != 1 {
			t.Errorf("%v, counts %+v", err, counts)
		}
	})
}
