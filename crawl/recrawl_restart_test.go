package crawl

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
	"millrace/crawl/consent"

	"github.com/google/go-cmp/cmp"
)

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
