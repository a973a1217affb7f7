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

// checkGaps looks in the hosts' log for requests that came too early after the answer before, by a
// name that groups them: the host, the address.
func checkGaps(t *testing.T, log []hit, by func(hit) string, delay func(hit) time.Duration) {
	t.Helper()
	last := map[string]hit{}
	for _, h := range log {
		if before, ok := last[by(h)]; ok {
			if gap := h.begin.Sub(before.end); gap < delay(h) {
				t.Errorf("%s: %s comes %v after the answer to %s, want %v", by(h), h.url, gap, before.url, delay(h))
			}
		}
		last[by(h)] = h
	}
}

// checkClosed looks for requests to a host that has asked for a pause.
func checkClosed(t *testing.T, log []hit) {
	t.Helper()
	until := map[string]time.Time{}
	for _, h := range log {
		if h.begin.Before(until[h.authority()]) {
			t.Errorf("%s comes %v before its host opens", h.url, until[h.authority()].Sub(h.begin))
		}
		if v := h.reply.header.Get("Retry-After"); v != "" {
			wait, _ := retryAfter(&answer{status: h.reply.status, header: h.reply.header, ended: h.end})
			until[h.authority()] = h.end.Add(wait)
		}
	}
}

func optionsFor(dir string, seeds ...string) Options {
	return Options{Dir: dir, Seeds: seeds, Agent: Agent{Token: "millbot"}}
}

func always(d time.Duration) func(hit) time.Duration { return func(hit) time.Duration { return d } }
func byHost(h hit) string                            { return h.authority() }
func byAddr(h hit) string                            { return h.addr.String() }

// impolite is a web of four hosts, two of them at one address, with everything that makes a crawler
// ask again: redirects, errors that heal, pauses in both forms, a Crawl-delay, a sitemap, a silent page.
func impolite(pagesEach int) *world {
	seen := map[string]int{}
	w := &world{latency: 300 * time.Millisecond, names: map[string]string{
		"a.example": "1.1.1.1", "b.example": "1.1.1.1", "c.example": "1.1.1.2", "d.example": "1.1.1.3"}}
	w.answer = func(url string) reply {
		w.mu.Lock()
		seen[url]++
		n := seen[url]
		w.mu.Unlock()
		host, path := originOf(url), pathOf(url)
		switch path {
		case "/robots.txt":
			switch host {
			case "http://b.example":
				return moved("http://d.example/rules")
			case "http://c.example":
				return textPage("User-agent: *\nCrawl-delay: 3\nSitemap: /map.xml\n")
			}
			return reply{status: http.StatusNotFound}
		case "/rules":
			return textPage("User-agent: *\nDisallow: /closed\n")
		case "/map.xml":
			return textPage("<urlset><url><loc>/mapped</loc></url></urlset>")
		case "/":
			var b strings.Builder
			for i := range pagesEach {
				fmt.Fprintf(&b, "<a href=/p%d>p</a>", i)
			}
			return htmlPage(b.String() + "<a href=/go>g</a><a href=/heals>h</a><a href=/wait>w</a><a href=/date>d</a><a href=/silent>s</a>")
		case "/go":
			return moved("/gone-to")
		case "/heals":
			if n < 3 {
				return reply{status: http.StatusInternalServerError}
			}
		case "/wait":
			if n == 1 {
				return reply{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"17"}}}
			}
		case "/date":
			if n == 1 {
				at := time.Now().Add(23 * time.Second).UTC().Format(http.TimeFormat)
				return reply{status: http.StatusServiceUnavailable, header: http.Header{"Retry-After": {at}}}
			}
		case "/silent":
			return reply{}
		}
		return htmlPage("page")
	}
	return w
}

func impoliteSeeds() []string {
	return []string{"http://a.example/", "http://b.example/", "http://c.example/", "http://d.example/"}
}

func TestPoliteness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := impolite(12)
		began := time.Now()
		docs, counts, err := w.crawl(t, t.Context(), optionsFor(t.TempDir(), impoliteSeeds()...))
		if err != nil {
			t.Fatal(err)
		}
		// On each host: the front page, twelve more, five that are strange, one behind a redirect; on c one from the sitemap.
		if len(docs) != 4*18+1 || counts.Failed != 4 || counts.Waiting != 0 {
			t.Errorf("%d documents, counts %+v", len(docs), counts)
		}
		log := w.hits()
		checkClosed(t, log)
		checkGaps(t, log, byAddr, always(time.Second))
		checkGaps(t, log, byHost, func(h hit) time.Duration {
			if strings.HasPrefix(h.url, "http://c.") {
				return 3 * time.Second
			}
			return time.Second
		})
		// Virtual time knows no slow machine: what is waited for without need shows.
		most := time.Duration(0)
		for _, host := range impoliteSeeds() {
			busy, delay := 40*time.Second, time.Second // what it has closed itself for
			if strings.HasPrefix(host, "http://c.") {
				delay = 3 * time.Second
			}
			for _, h := range log {
				if h.authority()+"/" == host {
					busy += delay + w.latency
				}
			}
			most = max(most, busy)
		}
		if took := time.Since(began); took > most*13/10 {
			t.Errorf("took %v, the slowest host needs %v", took, most)
		}
	})
}

func TestPolitenessAcrossRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := impolite(12)
		o := optionsFor(t.TempDir(), impoliteSeeds()...)
		for _, d := range []time.Duration{100 * time.Millisecond, 2500 * time.Millisecond, 700 * time.Millisecond, 21 * time.Second, time.Second, 9 * time.Second} {
			w.crawlFor(t, o, d)
		}
		docs, counts, err := w.crawl(t, t.Context(), o)
		if err != nil || counts.Waiting != 0 {
			t.Fatalf("%v, counts %+v", err, counts)
		}
		checkOnePageEach(t, docs)
		log := w.hits()
		checkClosed(t, log)
		checkGaps(t, log, byAddr, always(time.Second))
		ruled := false // the Crawl-delay holds from the answer that names it
		checkGaps(t, log, byHost, func(h hit) time.Duration {
			if !strings.HasPrefix(h.url, "http://c.") || !ruled {
				ruled = ruled || h.url == "http://c.example/robots.txt"
				return time.Second
			}
			return 3 * time.Second
		})
	})
}

func TestPerIPDelayMayBeLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := impolite(3)
		o := optionsFor(t.TempDir(), "http://a.example/", "http://b.example/")
		o.PerIPDelay = 4 * time.Second
		if _, _, err := w.crawl(t, t.Context(), o); err != nil {
			t.Fatal(err)
		}
		checkGaps(t, w.hits(), byAddr, func(h hit) time.Duration {
			if h.addr.String() != "1.1.1.1" {
				return time.Second // of d only the rules are read
			}
			return 4 * time.Second
		})
	})
}

func TestUnreachableEndsSoon(t *testing.T) {
	for name, seed := range map[string]string{"port": "http://1.1.1.1/", "name": "http://nowhere.example/"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := &world{answer: func(string) reply { return reply{} }}
				_, counts, err := w.crawl(t, t.Context(), optionsFor(t.TempDir(), seed))
				if took := time.Since(began); !errors.Is(err, ErrSeedsUnreachable) || counts.Waiting != 1 || took > 10*time.Second {
					t.Errorf("got %v after %v, counts %+v", err, took, counts)
				}
			})
		})
	}
}

func TestRulesAreRenewed(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]reply{"in time": textPage("User-agent: *\nDisallow: /p34\n"), "broken": {status: 500}, "silent": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := &world{}
				w.answer = func(url string) reply {
					switch p := pathOf(url); {
					case p == "/robots.txt" && time.Since(began) < time.Hour:
						return textPage("User-agent: *\nDisallow: /p35\n")
					case p == "/robots.txt":
						return late
					case p == "/":
						var b strings.Builder
						for i := range 36 {
							fmt.Fprintf(&b, "<a href=/p%d>p</a>", i)
						}
						return htmlPage(b.String())
					}
					return htmlPage("page")
				}
				o := optionsFor(t.TempDir(), "http://1.1.1.1/")
				o.Delay = 45 * time.Minute
				docs, counts, err := w.crawl(t, t.Context(), o)
				if err != nil || counts.Waiting != 0 || counts.Failed != 0 {
					t.Fatalf("%v, counts %+v", err, counts)
				}
				if len(docs) != 36 { // the front page, and all but the one that is closed
					t.Errorf("%d documents", len(docs))
				}
				asked := w.times("http://1.1.1.1/robots.txt")
				if name == "in time" && asked != 2 || asked < 2 {
					t.Errorf("robots.txt was asked for %d times", asked)
				}
				if last := w.times("http://1.1.1.1/p35"); (last == 1) != (name == "in time") {
					t.Errorf("the page that old rules close was asked for %d times", last)
				}
			})
		})
	}
}

// checkOnePageEach looks for URLs with two Documents.
func checkOnePageEach(t fail, docs []*millrace.Document) {
	t.Helper()
	seen := map[string]bool{}
	for _, d := range docs {
		if seen[d.Page.URL] {
			t.Error("two documents of", d.Page.URL)
		}
		seen[d.Page.URL] = true
	}
}
