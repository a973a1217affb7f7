package crawl

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"millrace"
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
