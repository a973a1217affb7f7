package crawl

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"millrace"
)

// admitAll lets a frontier discover a site without fetching it: linksFrom gives the links of a path.
func admitAll(t *testing.T, most int, linksFrom func(path string) []string) map[string]int {
	t.Helper()
	f := newFrontier()
	seed := mustAddress(t, "http://h.example/")
	s := newScope("host", []address{seed})
	f.admit(s, seed, origin{seed: true})
	fetched := map[string]int{}
	for hosts := f.takeFresh(); len(hosts) > 0; hosts = f.takeFresh() {
		for task, ok, err := f.take(hosts[0]); ok; task, ok, err = f.take(hosts[0]) {
			if err != nil {
				t.Fatal(err)
			}
			path := strings.TrimPrefix(task.addr.fetch, "http://h.example")
			family, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
			if fetched[family]++; fetched[family] > most {
				t.Fatalf("more than %d pages under /%s", most, family)
			}
			c := &capture{task: task, answer: answer{status: http.StatusOK}}
			for _, l := range linksFrom(path) {
				c.links = append(c.links, mustAddress(t, "http://h.example"+l))
			}
			f.conclude(s, c, 0)
		}
	}
	if err := f.refuseHeld(); err != nil {
		t.Fatal(err)
	}
	if err := f.counts.Check(); err != nil || f.counts.Waiting != 0 {
		t.Errorf("%v, counts %+v", err, f.counts)
	}
	return fetched
}

func TestTraps(t *testing.T) {
	got := admitAll(t, 1000, func(path string) (links []string) {
		var y, m, n int
		switch {
		case path == "/":
			for i := range 20 {
				links = append(links, fmt.Sprintf("/list/?page=%d", i+1))
			}
			links = append(links, "/calendar/2026/11", "/day?d=20261101", "/deep/a/")
		case strings.HasPrefix(path, "/list/"):
			fmt.Sscanf(path, "/list/?page=%d", &n)
			for i := range 50 {
				links = append(links, fmt.Sprintf("/pkg/p%d", (n-1)*50+i))
			}
		case strings.HasPrefix(path, "/pkg/"):
			fmt.Sscanf(path, "/pkg/p%d", &n)
			links = append(links, fmt.Sprintf("/pkg/p%d", (n+1)%1000), fmt.Sprintf("/pkg/p%d", (n+500)%1000))
		case strings.HasPrefix(path, "/calendar/"):
			fmt.Sscanf(path, "/calendar/%d/%d", &y, &m)
			links = append(links, fmt.Sprintf("/calendar/%d/%d", y+m/12, m%12+1), fmt.Sprintf("/calendar/%d/%d", y-1, m), fmt.Sprintf("/calendar/%d/%d/17?view=week", y, m))
		case strings.HasPrefix(path, "/day"):
			fmt.Sscanf(path, "/day?d=%d", &n)
			links = append(links, fmt.Sprintf("/day?d=%d", n+1), fmt.Sprintf("/day?d=%d&sort=up", n))
		case strings.HasPrefix(path, "/deep/"):
			links = append(links, path+"a/", path+"b/") // a relative link that should have been absolute
		}
		return links
	})
	if got["pkg"] != 1000 || got["list"] != 20 {
		t.Errorf("%d of 1,000 pages, %d of 20 lists", got["pkg"], got["list"])
	}
	if n := got["calendar"]; n < 2 || n > 60 {
		t.Errorf("%d pages of the calendar", n)
	}
	if n := got["day?d=20261101"]; n != 1 {
		t.Errorf("the first day was taken %d times", n)
	}
	if n := got["deep"]; n > 60 {
		t.Errorf("%d pages with repeated segments", n)
	}
}

func TestRedirectChains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const host = "http://1.1.1.1"
		w := &world{answer: func(url string) reply {
			var n int
			switch path := pathOf(url); {
			case path == "/robots.txt":
				return textPage("User-agent: *\nDisallow: /closed\n")
			case path == "/":
				return htmlPage("<a href=/hop/a>h</a><a href=/into>i</a><a href=/out>o</a><a href=/inside>s</a>")
			case path == "/into":
				return moved("/closed/x")
			case path == "/out":
				return moved("http://elsewhere.example/")
			case path == "/inside":
				return moved("http://169.254.169.254/latest")
			default:
				n = len(path) - len("/hop/")
				return moved("/hop/" + strings.Repeat("a", n+1))
			}
		}}
		o := optionsFor(t.TempDir(), host+"/")
		docs, _, err := w.crawl(t, t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(docs); n != 1+6+3 { // the page and five redirects behind the first
			t.Errorf("documents %q", pageURLs(docs))
		}
		for _, h := range w.hits() {
			if h.authority() != host || strings.HasPrefix(pathOf(h.url), "/closed") {
				t.Error("request for", h.url)
			}
		}
		if f, err := Fate(o.Dir, host+"/closed/x"); err != nil || f.Reason != millrace.RobotsDisallow || f.Line != 2 {
			t.Errorf("fate %+v, %v", f, err)
		}
		if f, err := Fate(o.Dir, host+"/hop/aaaaaaa"); err != nil || f.Reason != millrace.CrawlTrap {
			t.Errorf("fate %+v, %v", f, err)
		}
	})
}
