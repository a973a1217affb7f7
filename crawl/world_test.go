package crawl

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace"
)

// world is a web of hosts without a network, for tests in virtual time. It answers exchanges and
// keeps the log that the hosts would keep.
type world struct {
	answer  func(url string) reply
	names   map[string]string        // host to address
	lookup  func(name string) string // the same for names that are not known before
	latency time.Duration

	mu  sync.Mutex
	log []hit
}

// reply is what a host says; status 0 is no answer at all.
type reply struct {
	status int
	header http.Header
	body   string
}

// hit is a line of the hosts' log.
type hit struct {
	url        string
	addr       netip.Addr
	begin, end time.Time
	reply      reply
}

func (h hit) authority() string { return originOf(h.url) }

// htmlPage is an ordinary page.
func htmlPage(body string) reply {
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html"}}, body: body}
}

// textPage is an answer that is no HTML: robots.txt, a sitemap.
func textPage(body string) reply {
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain"}}, body: body}
}

func moved(to string) reply {
	return reply{status: http.StatusFound, header: http.Header{"Location": {to}}}
}

// fixed answers from a map; what is not in it is 404.
func fixed(m map[string]reply) func(string) reply {
	return func(url string) reply {
		if r, ok := m[url]; ok {
			return r
		}
		return reply{status: http.StatusNotFound}
	}
}

func (w *world) do(ctx context.Context, x *exchange) {
	x.began = time.Now()
	r := w.answer(x.url)
	x.sent = x.condition
	if tag := r.header.Get("Etag"); tag != "" && tag == x.condition.Get("If-None-Match") {
		r = reply{status: http.StatusNotModified, header: r.header}
	}
	w.mu.Lock()
	at := len(w.log)
	w.log = append(w.log, hit{url: x.url, addr: x.addr, begin: x.began, reply: r})
	w.mu.Unlock()
	if err := sleep(ctx, w.latency); err != nil {
		x.err = err
	}
	x.ended = time.Now()
	w.mu.Lock()
	w.log[at].end = x.ended
	w.mu.Unlock()
	switch {
	case x.err != nil:
	case r.status == 0:
		x.err = errors.New("connection refused")
	default:
		x.status, x.header, x.remote = r.status, r.header.Clone(), x.addr
		if x.header == nil {
			x.header = http.Header{}
		}
		if x.consume != nil {
			x.err = x.consume(strings.NewReader(r.body))
		} else {
			x.body, x.size = []byte(r.body), int64(len(r.body))
		}
	}
}

func (w *world) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	if a, ok := w.names[host]; ok {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	if w.lookup != nil {
		return []netip.Addr{netip.MustParseAddr(w.lookup(host))}, nil
	}
	return nil, errors.New("no such host")
}

// hits is the log in the order of the requests.
func (w *world) hits() []hit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

// times counts the requests for a URL.
func (w *world) times(url string) (n int) {
	for _, h := range w.hits() {
		if h.url == url {
			n++
		}
	}
	return n
}

// fail is what testing.T and rapid.T have in common.
type fail interface {
	Helper()
	Fatal(...any)
	Error(...any)
}

// start opens a crawl of w.
func (w *world) start(t fail, ctx context.Context, o Options) *Crawler {
	t.Helper()
	c, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	c.work.fetch, c.work.resolve = w.do, w.resolve
	if err := c.Open(ctx, millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// crawl runs a crawl of w to its end.
func (w *world) crawl(t fail, ctx context.Context, o Options) ([]*millrace.Document, Counts, error) {
	t.Helper()
	c := w.start(t, ctx, o)
	defer c.Close()
	docs, err := readAll(ctx, c)
	if err := c.Counts().Check(); err != nil {
		t.Error(err)
	}
	return docs, c.Counts(), err
}

// crawlFor runs a crawl of w for a while and stops it.
func (w *world) crawlFor(t *testing.T, o Options, d time.Duration) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	c := w.start(t, ctx, o)
	defer c.Close()
	if _, err := readAll(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the crawl ended before it was stopped: %v", err)
	}
}
