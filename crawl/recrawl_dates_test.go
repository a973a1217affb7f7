package crawl

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
