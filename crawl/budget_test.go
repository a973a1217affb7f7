package crawl

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// farm is a web of five hosts with twenty pages each, and of a domain whose hundred names lead to each
// other. There is one address for each ordinary host, and one for ten names of the farm.
func farm(names, pagesEach int) (*world, []string) {
	w := &world{latency: 300 * time.Millisecond, names: map[string]string{}}
	seeds := []string{"http://n0.farm.example/"}
	for i := range names {
		w.names[fmt.Sprintf("n%d.farm.example", i)] = fmt.Sprintf("1.1.2.%d", 1+i%10)
	}
	for i := range 5 {
		w.names[fmt.Sprintf("www.site%d.example", i)] = fmt.Sprintf("1.1.1.%d", 1+i)
		seeds = append(seeds, fmt.Sprintf("http://www.site%d.example/", i))
	}
	w.answer = func(url string) reply {
		var b strings.Builder
		switch {
		case pathOf(url) == "/robots.txt":
			return reply{status: 404}
		case strings.Contains(url, ".farm."):
			for i := range names {
				fmt.Fprintf(&b, "<a href=http://n%d.farm.example/>n</a>", i)
			}
		case pathOf(url) == "/":
			for i := range pagesEach {
				fmt.Fprintf(&b, "<a href=/p%d>p</a>", i)
			}
		}
		return htmlPage(b.String())
	}
	return w, seeds
}

// TestFarmComesLast: a domain of a hundred names takes its budget, then all others go first, and in
// the end nothing is left out.
func TestFarmComesLast(t *testing.T) {
	const names, pagesEach, limit = 100, 20, 30
	for _, budgeted := range []bool{true, false} {
		t.Run(fmt.Sprint(budgeted), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, seeds := farm(names, pagesEach)
				o := optionsFor(t.TempDir(), seeds...)
				o.Scope, o.Concurrency = "any", 1 // there is always more to do than can be done
				if budgeted {
					o.MaxPagesPerDomain = limit
				}
				_, counts, err := w.crawl(t, t.Context(), o)
				if err != nil || counts.Fetched != names+5*(pagesEach+1) || counts.Waiting != 0 {
					t.Fatalf("%v, counts %+v", err, counts)
				}
				farmed, others := 0, 0
				for _, h := range w.hits() {
					if strings.Contains(h.url, ".farm.") {
						farmed++
					} else if others++; others == 5*limit*3/5 { // the others are in their first round, too
						if budgeted != (farmed <= limit+1) {
							t.Errorf("%d requests to the farm before %d to the others", farmed, others)
						}
					}
				}
			})
		})
	}
}

// TestHostBudget: of two hosts at one address, the one with more pages does not keep the other waiting.
func TestHostBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{latency: 100 * time.Millisecond, names: map[string]string{"large.example": "1.1.1.1", "small.example": "1.1.1.1"}}
		w.answer = func(url string) reply {
			var b strings.Builder
			if pathOf(url) == "/" {
				for i := range 40 {
					fmt.Fprintf(&b, "<a href=/p%d>p</a>", i)
				}
			}
			if url == "http://large.example/p29" {
				b.WriteString("<a href=http://small.example/>s</a>")
			}
			return htmlPage(b.String())
		}
		o := optionsFor(t.TempDir(), "http://large.example/")
		o.Scope, o.Delay, o.PerIPDelay, o.MaxPagesPerHost = "any", time.Millisecond, time.Second, 10
		_, counts, err := w.crawl(t, t.Context(), o)
		if err != nil || counts.Fetched != 82 {
			t.Fatalf("%v, counts %+v", err, counts)
		}
		large, small := 0, 0
		for _, h := range w.hits() {
			if strings.HasPrefix(h.url, "http://large.") {
				large++
			} else if small++; small == 20 && large > 34 {
				t.Errorf("%d requests to the host that had its budget before %d to the other", large, small)
			}
		}
	})
}
