package crawl

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
	"millrace/crawl/consent"

	"github.com/google/go-cmp/cmp"
)

// livingSite is a host whose pages change as Poisson processes do, each with a mean time between changes.
type livingSite struct {
	every   map[string]time.Duration // by path
	began   time.Time
	seed    uint64
	robots  func(age time.Duration) string
	special func(path string, age time.Duration) (reply, bool)
}

func (s *livingSite) url(path string) string { return "http://a.test" + path }

// at counts the changes of a page up to an age of the site, and tells when the last one was.
func (s *livingSite) at(path string, age time.Duration) (n int, last time.Duration) {
	var key uint64
	for _, c := range []byte(path) {
		key = key*131 + uint64(c)
	}
	r := rand.New(rand.NewPCG(s.seed, key))
	for at := time.Duration(0); ; n++ {
		if at += time.Duration(r.ExpFloat64() * float64(s.every[path])); at > age {
			return n, last
		}
		last = at
	}
}

func (s *livingSite) changedAt(path string) time.Duration {
	_, last := s.at(path, time.Since(s.began))
	return last
}

func (s *livingSite) answer(url string) reply {
	path, age := strings.TrimPrefix(url, "http://a.test"), time.Since(s.began)
	if path == "/robots.txt" && s.robots != nil {
		return textPage(s.robots(age))
	}
	if s.special != nil {
		if r, ok := s.special(path, age); ok {
			return r
		}
	}
	if path == "/" {
		r := htmlPage("<p>" + strings.Join(sortedLinks(s.every), "\n"))
		r.header.Set("Etag", `"list"`)
		return r
	}
	if _, ok := s.every[path]; !ok {
		return reply{status: http.StatusNotFound}
	}
	v, _ := s.at(path, age)
	r := htmlPage(fmt.Sprintf("<p>version %d of %s", v, path))
	r.header.Set("Etag", fmt.Sprintf(`"%d"`, v))
	return r
}

func sortedLinks(every map[string]time.Duration) (links []string) {
	for i := range len(every) {
		links = append(links, fmt.Sprintf("<a href=/%d>x</a>", i))
	}
	return links
}

func (s *livingSite) world() *world {
	return &world{names: map[string]string{"a.test": "192.0.9.1"}, answer: s.answer, latency: 50 * time.Millisecond}
}

// run crawls s for a while and returns what was published.
func (s *livingSite) run(t *testing.T, w *world, o Options, d time.Duration) []*millrace.Document {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	c := w.start(t, ctx, o)
	defer c.Close()
	docs, err := readAll(ctx, c)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the crawl ended by itself: %v", err)
	}
	if err := c.Counts().Check(); err != nil {
		t.Error(err)
	}
	return docs
}

const never = 2e4 * day

func newLivingSite(pages int, every func(i int) time.Duration) *livingSite {
	s := &livingSite{every: map[string]time.Duration{}, began: time.Now(), seed: 12}
	for i := range pages {
		s.every[fmt.Sprintf("/%d", i)] = every(i)
	}
	return s
}

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
		for url, v := range visitsIn(t, o) {
			if x := countChanges(v.past); url != s.url("/") && x != changes[url] && len(v.past.list()) < maxVisits {
				t.Errorf("%s: %d changes are known, the site's log has %d", url, x, changes[url])
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
		s.special = func(path string, age time.Duration) (reply, bool) {
			switch {
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
			"/never": "[fetch.status]",
		} {
			if got := fmt.Sprint(fateOf(docs, s.url(path))); got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
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

// TestRecrawlReplays: what was published is what the archive says, whatever the frontier has forgotten.
func TestRecrawlReplays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLivingSite(12, func(i int) time.Duration { return time.Duration(1+i) * 2 * day })
		s.robots = func(age time.Duration) string {
			if age > 50*day {
				return "User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n"
			}
			return ""
		}
		s.special = func(path string, age time.Duration) (reply, bool) {
			return reply{status: http.StatusNotFound}, path == "/3" && age > 20*day
		}
		o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
		o.Recrawl = &Recrawl{}
		docs := s.run(t, w, o, 80*day)
		again, err := readAll(t.Context(), openArchive(t, o.Dir))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(docs, again); diff != "" {
			t.Errorf("replayed:\n%s", diff)
		}
		before := visitsIn(t, o)
		if err := os.RemoveAll(frontierDir(o.Dir)); err != nil {
			t.Fatal(err)
		}
		c := w.start(t, t.Context(), o)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, visitsIn(t, o), cmp.AllowUnexported(visit{})); diff != "" {
			t.Errorf("visits, from the archive alone:\n%s", diff)
		}
	})
}

func openArchive(t *testing.T, dir string) *Archive {
	t.Helper()
	a := OpenArchive(dir, consent.Policy{})
	if err := a.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRecrawlGoesOn: a crawl that is stopped and started again asks for the same, at the same times, as one
// that is not.
func TestRecrawlGoesOn(t *testing.T) {
	t.Parallel()
	requests := func(t *testing.T, runs int, each time.Duration) (n int) {
		synctest.Test(t, func(t *testing.T) {
			s := newLivingSite(10, func(i int) time.Duration { return 4 * day })
			o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
			o.Recrawl = &Recrawl{}
			for range runs {
				s.run(t, w, o, each)
			}
			for _, h := range w.hits() {
				if !strings.HasSuffix(h.url, "robots.txt") {
					n++
				}
			}
		})
		return n
	}
	once, often := requests(t, 1, 40*30*time.Hour), requests(t, 40, 30*time.Hour)
	if often < once*9/10 || often > once*11/10 {
		t.Errorf("%d requests with restarts, %d without", often, once)
	}
}

// TestRecrawlSurvivesKills cuts the frontier's log anywhere between runs, with and without a snapshot. What
// was published stays so, once, and the pages go on to be visited.
func TestRecrawlSurvivesKills(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	synctest.Test(t, func(t *testing.T) {
		s := newLivingSite(15, func(i int) time.Duration { return time.Duration(1+i%5) * 2 * day })
		s.special = func(path string, age time.Duration) (reply, bool) {
			r := htmlPage("<p>the same")
			if age > 20*day {
				r.header.Set("X-Robots-Tag", "noai")
			}
			return r, path == "/1"
		}
		o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
		o.Recrawl = &Recrawl{}
		var docs []*millrace.Document
		for range 30 {
			docs = s.run(t, w, o, 40*time.Hour)
			name := filepath.Join(frontierDir(o.Dir), logName)
			info, err := os.Stat(name)
			if err == nil {
				err = os.Truncate(name, info.Size()-rng.Int64N(min(info.Size(), 20_000)))
			}
			if err != nil {
				t.Fatal(err)
			}
			if rng.IntN(2) == 0 {
				os.Remove(filepath.Join(frontierDir(o.Dir), snapshotName))
			}
		}
		again, err := readAll(t.Context(), openArchive(t, o.Dir))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(docs, again); diff != "" {
			t.Errorf("replayed:\n%s", diff)
		}
		seen := map[string]bool{}
		for _, d := range docs {
			if key := d.ID.String(); seen[key] && d.Verdict.Kept() {
				t.Errorf("%s is published twice as it was", d.Page.URL)
			} else {
				seen[key] = true
			}
		}
		if got := fmt.Sprint(fateOf(docs, s.url("/1"))); got != "[kept consent.no_train]" {
			t.Errorf("the page that says no: %s", got)
		}
		for url, v := range visitsIn(t, o) {
			if len(v.past.list()) < 2 {
				t.Errorf("%s: %d visits", url, len(v.past.list()))
			}
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

// TestRecrawlReadsSitemapsAgain: a sitemap is read every day, new pages in it are fetched, and its dates bring
// visits forward as long as they are right.
func TestRecrawlReadsSitemapsAgain(t *testing.T) {
	t.Parallel()
	for name, honest := range map[string]bool{"honest": true, "every page changed today": false} {
		synctest.Test(t, func(t *testing.T) {
			const pages, every = 30, 40 * day
			s := newLivingSite(pages, func(int) time.Duration { return every })
			s.robots = func(time.Duration) string { return "Sitemap: /map.xml\n" }
			s.special = func(path string, age time.Duration) (reply, bool) {
				switch {
				case path == "/":
					return htmlPage("home"), true
				case path == "/new":
					return htmlPage("new"), true
				case path != "/map.xml":
					return reply{}, false
				}
				var b strings.Builder
				for i := range pages {
					at := s.began.Add(s.changedAt(fmt.Sprintf("/%d", i)))
					if !honest {
						at = time.Now()
					}
					fmt.Fprintf(&b, "<url><loc>/%d</loc><lastmod>%s</lastmod></url>", i, at.Format(time.RFC3339))
				}
				if age > 100*day {
					b.WriteString("<url><loc>/new</loc></url>")
				}
				return textPage("<urlset>" + b.String()), true
			}
			o, w := optionsFor(t.TempDir(), s.url("/")), s.world()
			o.Recrawl = &Recrawl{}
			s.run(t, w, o, 365*day)
			maps, found, seen := 0, time.Duration(0), map[string]int{}
			var late []time.Duration // from a change to the visit that sees it
			visits, inVain := 0, 0
			for _, h := range w.hits() {
				path := strings.TrimPrefix(h.url, "http://a.test")
				age := h.begin.Sub(s.began)
				switch {
				case path == "/map.xml":
					maps++
				case path == "/new" && found == 0:
					found = age
				case s.every[path] > 0:
					v, at := s.at(path, age)
					if visits++; v == seen[path] {
						inVain++
					} else if age > 60*day {
						late = append(late, age-at)
					}
					seen[path] = v
				}
			}
			slices.Sort(late)
			t.Logf("%s: sitemap read %d times, /new found after %v; %d visits, %d in vain, half of the changes seen within %v", name, maps, found, visits, inVain, late[len(late)/2])
			if maps < 300 || maps > 370 || found < 100*day || found > 102*day {
				t.Errorf("%s: sitemap read %d times, /new found after %v", name, maps, found)
			}
			if honest && late[len(late)/2] > 2*day {
				t.Errorf("half of the changes are seen only after %v, though the sitemap tells", late[len(late)/2])
			}
			if !honest && inVain > visits*3/4 {
				t.Errorf("%d of %d visits in vain: dates that are wrong are believed", inVain, visits)
			}
		})
	}
}
