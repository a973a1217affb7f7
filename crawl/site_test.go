package crawl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace"
	"millrace/crawl/consent"
)

// request is a line of a site's log.
type request struct {
	path        string
	begin, done time.Time
}

// site is a web server on loopback that keeps a log of what it was asked.
type site struct {
	addr string
	url  string

	mu  sync.Mutex
	log []request
}

// newSite serves h on 127.0.0.host at a free port below 32768.
func newSite(t *testing.T, host int, h http.HandlerFunc) *site {
	t.Helper()
	l := listen(t, host)
	s := &site{addr: l.Addr().String(), url: "http://" + l.Addr().String()}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		h(w, r)
		s.mu.Lock()
		s.log = append(s.log, request{r.URL.RequestURI(), begin, time.Now()})
		s.mu.Unlock()
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return s
}

// listen takes a free port of 127.0.0.host below 32768.
func listen(t testing.TB, host int) (l net.Listener) {
	t.Helper()
	var err error
	for range 50 {
		s := fmt.Sprintf("127.0.0.%d:%d", host, 20000+rand.IntN(12000))
		if l, err = net.Listen("tcp", s); err == nil {
			t.Cleanup(func() { l.Close() })
			return l
		}
	}
	t.Skipf("no loopback address 127.0.0.%d here: %v", host, err)
	return nil
}

func (s *site) requests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// times counts the requests for a path.
func (s *site) times(path string) int {
	n := 0
	for _, r := range s.requests() {
		if r.path == path {
			n++
		}
	}
	return n
}

// pages serves a map from path to body; "->X" is a redirect.
func pages(m map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := m[r.URL.RequestURI()]
		switch {
		case !ok:
			http.NotFound(w, r)
		case strings.HasPrefix(body, "->"):
			w.Header().Set("Location", body[2:])
			w.WriteHeader(http.StatusFound)
		case r.URL.Path == "/robots.txt":
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, body)
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, body)
		}
	}
}

func options(dir string, sites ...*site) Options {
	o := Options{Dir: dir, Agent: Agent{Token: "millbot", Contact: "mailto:a@example.org", Purpose: "test"},
		Delay: time.Millisecond, PerIPDelay: -1, Concurrency: 8}
	for _, s := range sites {
		o.Seeds = append(o.Seeds, s.url+"/")
		o.AllowAddr = append(o.AllowAddr, s.addr)
	}
	return o
}

// crawlAll runs a crawl to its end and returns the Documents, and the error of Read that is not io.EOF.
func crawlAll(t *testing.T, o Options) ([]*millrace.Document, Counts, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	c, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Open(ctx, millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	docs, err := readAll(ctx, c)
	if err := c.Counts().Check(); err != nil {
		t.Error(err)
	}
	return docs, c.Counts(), err
}

func readAll(ctx context.Context, s millrace.Source) ([]*millrace.Document, error) {
	var docs []*millrace.Document
	for {
		b, err := s.Read(ctx, 7)
		if err == io.EOF {
			return docs, nil
		}
		if err != nil {
			return docs, err
		}
		docs = append(docs, b.Docs...)
	}
}

// byPath finds the one Document of a path.
func byPath(t *testing.T, docs []*millrace.Document, path string) *millrace.Document {
	t.Helper()
	var found *millrace.Document
	for _, d := range docs {
		if strings.HasSuffix(d.Page.URL, path) {
			if found != nil {
				t.Fatalf("two documents for %s", path)
			}
			found = d
		}
	}
	if found == nil {
		t.Fatalf("no document for %s", path)
	}
	return found
}

func TestCrawlSite(t *testing.T) {
	s := newSite(t, 1, pages(map[string]string{
		"/robots.txt": "User-agent: *\nDisallow: /closed/\nSitemap: /map.xml\nSitemap: /closed/map.xml\n",
		"/": `<a href=a.html>a</a> <a href="/closed/x">x</a> <a href="b?utm_source=q">b</a> <a href="b">b</a>
			<a href="/go">go</a> <a href="/missing">m</a> <a rel=nofollow href="/nofollow">n</a> <a href="http://elsewhere.example/">e</a>
			<a href="/loop1">l</a> <a href="#top">t</a> <a href="mailto:x@example.org">m</a>`,
		"/a.html":           `<title>a</title> text`,
		"/b?utm_source=q":   "->/b",
		"/b":                `page b`,
		"/go":               "->/closed/y",
		"/loop1":            "->/loop2",
		"/loop2":            "->/loop1",
		"/map.xml":          `<?xml version="1.0"?><urlset><url><loc>/from-map</loc></url><url><loc>/closed/z</loc></url></urlset>`,
		"/from-map":         `<meta name=robots content="noai"> text`,
		"/closed/map.xml":   `<urlset><url><loc>/never</loc></url></urlset>`,
		"/never":            `never`,
		"/nofollow":         `never`,
		"/closed/x":         `never`,
		"/closed/y":         `never`,
		"/closed/z":         `never`,
		"/unlinked-at-all/": `never`,
	}))
	dir := t.TempDir()
	docs, counts, err := crawlAll(t, options(dir, s))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.requests() {
		if strings.HasPrefix(r.path, "/closed") || r.path == "/nofollow" || r.path == "/never" {
			t.Errorf("request for %s", r.path)
		}
	}
	if n := s.times("/robots.txt"); n != 1 {
		t.Errorf("robots.txt was asked for %d times", n)
	}
	want := map[string]millrace.Reason{
		"/": "", "/a.html": "", "/b": "", "/from-map": millrace.ConsentNoTrain, "/go": millrace.FetchRedirect,
		"/missing": millrace.FetchStatus, "/loop1": millrace.FetchRedirect, "/loop2": millrace.FetchRedirect,
		"/b?utm_source=q": millrace.FetchRedirect,
	}
	got := map[string]millrace.Reason{}
	for _, d := range docs {
		got[strings.TrimPrefix(d.Page.URL, s.url)] = d.Verdict.Reason
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("documents\n got %v\nwant %v", got, want)
	}
	if counts.Fetched != int64(len(want)) || counts.Refused != 3 || counts.Failed != 0 || counts.Waiting != 0 {
		t.Errorf("counts %+v", counts)
		dump(t, dir)
	}
	if d := byPath(t, docs, "/a.html"); d.Page.Body != nil || d.Page.Claim.Kind != "warc" || d.Position.Topic != "warc" {
		t.Errorf("document %+v", d)
	}
	if f, err := Fate(dir, s.url+"/closed/x"); err != nil || f.State != "refused" || f.Reason != millrace.RobotsDisallow || f.Line != 2 {
		t.Errorf("fate %+v, %v", f, err)
	}
	again := OpenArchive(dir, consent.Policy{})
	if err := again.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	replayed, err := readAll(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if len(replayed) != len(docs) {
		t.Fatalf("archive has %d documents, the crawl gave %d", len(replayed), len(docs))
	}
	for i := range docs {
		if fmt.Sprintf("%+v", *docs[i]) != fmt.Sprintf("%+v", *replayed[i]) {
			t.Errorf("document %d\n live   %+v\n replay %+v", i, *docs[i], *replayed[i])
		}
	}
	checkArchive(t, dir, len(docs))
}

func TestNothingAllowed(t *testing.T) {
	s := newSite(t, 1, pages(map[string]string{"/robots.txt": "User-agent: *\nDisallow: /\n"}))
	_, _, err := crawlAll(t, options(t.TempDir(), s))
	if !errors.Is(err, ErrNothingAllowed) {
		t.Fatalf("got %v, want ErrNothingAllowed", err)
	}
}

// dump shows the frontier of a test that has failed.
func dump(t *testing.T, dir string) {
	t.Helper()
	ForEach(dir, func(s URLState) error { t.Logf("%+v", s); return nil })
}

func openFile(t *testing.T, dir, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
