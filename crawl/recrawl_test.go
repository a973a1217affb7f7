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

// TestRecrawlForAYear lets a site live for a year of virtual time, and looks at what its log says.
func TestRecrawlForAYear(t *testing.T) {
	t.Parallel()
	classes := []time.Duration{3 * day, 10 * day, 30 * day, 90 * day}
	synctest.Test(t, func(t *testing.T) {
		s := newLivingSite(40, func(i int) time.Duration { return classes[i%len(classes)] })
		o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
		o.Recrawl = &Recrawl{}
		docs := s.run(t, w, o, 365*day)
		checkGaps(t, w.hits(), byHost, always(time.Second))
		tags, changes, gaps := map[string]string{}, map[string]int{}, map[string]time.Time{}
		full, same, published := 0, 0, 0
		for _, h := range w.hits() {
			tag := h.reply.header.Get("Etag")
			if before, ok := tags[h.url]; ok {
				switch gap := h.begin.Sub(gaps[h.url]); {
				case gap < time.Hour || gap > 90*day+time.Minute:
					t.Errorf("%s is visited again after %v", h.url, gap)
				case tag != before:
					changes[h.url]++
				case h.reply.status == http.StatusOK:
					full++
				default:
					same++
				}
			}
			if tag != "" && h.reply.status == http.StatusOK {
				published++
			}
			tags[h.url], gaps[h.url] = tag, h.begin
		}
		t.Logf("%d requests, %d Documents; of the visits that found nothing new %d were answered with 304, %d in full", len(w.hits()), len(docs), same, full)
		if float64(same) < 0.95*float64(same+full) || same < 300 {
			t.Errorf("304 for %d of %d", same, same+full)
		}
		if len(docs) != published {
			t.Errorf("%d Documents, but %d answers that are pages", len(docs), published)
		}
		mean := map[time.Duration]float64{}
		for url, v := range visitsIn(t, o) {
			every := s.every[strings.TrimPrefix(url, "http://a.test")]
			mean[every] += changeRate(v.past.list()) * every.Seconds() / 10 // of ten pages
			if x := countChanges(v.past); url != s.url("/") && x != changes[url] && len(v.past.list()) < maxVisits {
				t.Errorf("%s: %d changes are known, the site's log has %d", url, x, changes[url])
			}
		}
		for _, every := range classes { // TestChangeRateMeetsItsBars has the pages to be strict
			t.Logf("a change every %v: mean estimate %.2f of the truth", every, mean[every])
			if every < 90*day && (mean[every] < 0.7 || mean[every] > 1.4) { // a page of 90 days sees five visits in the year
				t.Errorf("a change every %v: mean estimate %.2f of the truth", every, mean[every])
			}
		}
	})
}

func countChanges(h history) int { return changes(h.list()) }

// visitsIn is what the frontier of o.Dir knows of each page's last visit.
func visitsIn(t *testing.T, o Options) map[string]*visit {
	t.Helper()
	out := map[string]*visit{}
	err := readLog(frontierDir(o.Dir), func(e *event, _ int64) error {
		if e.kind == evFetched {
			out[e.url] = e.visit()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fateOf lists the verdicts on a page in the order of its Documents.
func fateOf(docs []*millrace.Document, url string) (out []string) {
	for _, d := range docs {
		if d.Page.URL == url {
			out = append(out, orDefault(string(d.Verdict.Reason), "kept"))
		}
	}
	return out
}

// TestRecrawlMeetsANo: a publisher changes his mind. The next visit of the page publishes it, though
// there is nothing else new, and once.
func TestRecrawlMeetsANo(t *testing.T) {
	t.Parallel()
	const turn, back = 40 * day, 200 * day
	says := func(age time.Duration) bool { return age > turn && age < back }
	for name, set := range map[string]func(s *livingSite){
		"robots.txt, with 304": func(s *livingSite) {
			s.robots = func(age time.Duration) string {
				if says(age) {
					return "User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n"
				}
				return "User-agent: *\nAllow: /\n"
			}
		},
		"header, with 304": func(s *livingSite) {
			s.special = func(path string, age time.Duration) (reply, bool) {
				r := htmlPage("<p>the same")
				r.header.Set("Etag", `"same"`)
				if says(age) {
					r.header.Set("Content-Usage", "train-ai=n")
				}
				return r, path == "/0"
			}
		},
		"header, same bytes": func(s *livingSite) {
			s.special = func(path string, age time.Duration) (reply, bool) {
				r := htmlPage("<p>the same")
				if says(age) {
					r.header.Set("X-Robots-Tag", "noai")
				}
				return r, path == "/0"
			}
		},
		"meta": func(s *livingSite) {
			s.special = func(path string, age time.Duration) (reply, bool) {
				if says(age) {
					return htmlPage(`<meta name="robots" content="noai"><p>the same`), path == "/0"
				}
				return htmlPage("<p>the same"), path == "/0"
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newLivingSite(1, func(int) time.Duration { return never })
			set(s)
			o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
			o.Recrawl = &Recrawl{}
			docs := s.run(t, w, o, 365*day)
			if got := fmt.Sprint(fateOf(docs, s.url("/0"))); got != "[kept consent.no_train kept]" {
				t.Errorf("%s: %s", name, got)
			}
			var visits []time.Duration
			for _, h := range w.hits() {
				if h.url == s.url("/0") {
					visits = append(visits, h.begin.Sub(s.began))
				}
			}
			for _, d := range docs {
				at := d.Page.FetchedAt.Sub(s.began)
				if d.Page.URL != s.url("/0") || d.Verdict.Kept() {
					continue
				}
				for _, v := range visits {
					if v > turn && v < at {
						t.Errorf("%s: visited after %v, but withdrawn only after %v", name, v, at)
					}
				}
			}
		})
	}
}

// TestRecrawlMeetsNothing: pages go, for a while or for good.
func TestRecrawlMeetsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLivingSite(5, func(int) time.Duration { return never })
		missing := map[string]int{}
		s.every["/5"] = never
		s.special = func(path string, age time.Duration) (reply, bool) {
			switch {
			case path == "/5" && age < 20*day:
				return moved("/0"), true
			case path == "/5":
				return moved("/6"), true
			case age < 10*day:
				return reply{}, false
			case path == "/1":
				return reply{status: http.StatusGone}, true
			case path == "/2", path == "/3" && missing[path] == 0:
				missing[path]++
				return reply{status: http.StatusNotFound}, true
			case path == "/4":
				return reply{status: http.StatusServiceUnavailable}, true
			}
			return reply{}, false
		}
		o, w := optionsFor(t.TempDir(), s.url("/"), s.url("/never")), s.world()
		o.Recrawl = &Recrawl{}
		docs := s.run(t, w, o, 365*day)
		for path, want := range map[string]string{
			"/0":     "[kept]",
			"/1":     "[kept removed.gone]",
			"/2":     "[kept fetch.status removed.gone]",
			"/3":     "[kept fetch.status kept]",
			"/4":     "[kept]",
			"/5":     "[fetch.redirect fetch.redirect]",
			"/6":     "[fetch.status]",
			"/never": "[fetch.status]",
		} {
			if got := fmt.Sprint(fateOf(docs, s.url(path))); got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
	})
}

// TestRecrawlOutlivesAnOutage: a host that is down for two months is asked for robots.txt now and then, and
// visited when it is back.
func TestRecrawlOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLivingSite(5, func(int) time.Duration { return 2 * day })
		down := func(age time.Duration) bool { return age > 10*day && age < 70*day }
		s.robots = func(age time.Duration) string { return "" }
		w := s.world()
		w.answer = func(url string) reply {
			if down(time.Since(s.began)) {
				return reply{}
			}
			return s.answer(url)
		}
		o := optionsFor(t.TempDir(), s.url("/"))
		o.Recrawl = &Recrawl{}
		docs := s.run(t, w, o, 100*day)
		pages, others, after := 0, 0, 0
		for _, h := range w.hits() {
			switch age := h.begin.Sub(s.began); {
			case age >= 70*day:
				after++
			case !down(age):
			case strings.HasSuffix(h.url, "robots.txt"):
				others++
			default:
				pages++
			}
		}
		if pages > 10 || others < 30 || others > 200 || after < 30 {
			t.Errorf("while it was down %d pages and %d others were asked for, afterwards %d", pages, others, after)
		}
		for _, d := range docs {
			if !d.Verdict.Kept() {
				t.Errorf("%s: %v", d.Page.URL, d.Verdict)
			}
		}
	})
}

// TestRecrawlObeysNewRules: what robots.txt has closed since is not asked for, and its row stays.
func TestRecrawlObeysNewRules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLivingSite(2, func(int) time.Duration { return 5 * day })
		closed := func(age time.Duration) bool { return age > 60*day && age < 150*day }
		s.robots = func(age time.Duration) string {
			if closed(age) {
				return "User-agent: *\nDisallow: /0\n"
			}
			return ""
		}
		o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
		o.Recrawl = &Recrawl{}
		docs := s.run(t, w, o, 300*day)
		before, after := 0, 0
		for _, h := range w.hits() {
			switch age := h.begin.Sub(s.began); {
			case h.url != s.url("/0"):
			case closed(age) && age > 61*day: // the old rules hold for a day
				t.Errorf("asked for %v after the beginning", age)
			case age < 60*day:
				before++
			default:
				after++
			}
		}
		if before < 2 || after < 2 {
			t.Errorf("%d requests before, %d after", before, after)
		}
		for _, d := range docs {
			if !d.Verdict.Kept() {
				t.Errorf("%s: %v", d.Page.URL, d.Verdict)
			}
		}
	})
}

// TestRecrawlStaysWithinItsRation: so many visits a day, and new pages come first all the same.
func TestRecrawlStaysWithinItsRation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLivingSite(30, func(int) time.Duration { return time.Hour })
		fresh := 0
		s.special = func(path string, age time.Duration) (reply, bool) {
			switch {
			case path == "/":
				fresh = int(age / (2 * day))
				return htmlPage("<p>" + strings.Join(sortedLinks(s.every), "") + fmt.Sprintf("<a href=/new%d>x</a>", fresh)), true
			case strings.HasPrefix(path, "/new"):
				return htmlPage("new"), true
			}
			return reply{}, false
		}
		o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
		o.Recrawl = &Recrawl{PerDay: 20}
		s.run(t, w, o, 20*day)
		visits, first := map[time.Duration]int{}, map[string]time.Time{}
		for _, h := range w.hits() {
			switch {
			case strings.HasSuffix(h.url, "robots.txt"), strings.HasSuffix(h.url, "tdmrep.json"):
			case first[h.url].IsZero():
				first[h.url] = h.begin
			default:
				visits[h.begin.Sub(s.began).Truncate(day)]++
			}
		}
		for at, n := range visits {
			if n > 20 {
				t.Errorf("%d visits in the day from %v", n, at)
			}
		}
		if len(visits) < 18 || len(first) < 35 {
			t.Errorf("visits on %d days, %d pages", len(visits), len(first))
		}
	})
}

// TestRecrawlEndsWhereNothingIsThere: a seed that cannot be had ends the run, for ever or not.
func TestRecrawlEndsWhereNothingIsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{names: map[string]string{"a.test": "192.0.9.1"}, answer: fixed(map[string]reply{"http://a.test/robots.txt": textPage("User-agent: *\nDisallow: /\n")})}
		o := optionsFor(t.TempDir(), "http://a.test/")
		o.Recrawl = &Recrawl{}
		if _, _, err := w.crawl(t, t.Context(), o); !errors.Is(err, ErrNothingAllowed) {
			t.Errorf("%v", err)
		}
	})
}

// TestRecrawlKeepsMaxPages: the pages that were taken are kept fresh, and no others come in.
func TestRecrawlKeepsMaxPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLivingSite(20, func(int) time.Duration { return day })
		o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
		o.Recrawl, o.MaxPages = &Recrawl{}, 6
		s.run(t, w, o, 30*day)
		times := map[string]int{}
		for _, h := range w.hits() {
			times[h.url]++
		}
		delete(times, s.url("/robots.txt"))
		delete(times, s.url("/.well-known/tdmrep.json"))
		if len(times) != 6 {
			t.Errorf("%d pages", len(times))
		}
		for url, n := range times {
			if n < 2 {
				t.Errorf("%s: %d visits", url, n)
			}
		}
	})
}
