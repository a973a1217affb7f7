package demo

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Serve answers until ctx ends.
func (s *Site) Serve(ctx context.Context) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	srv := &http.Server{
		Handler:           &handler{site: s, hits: map[*page]int{}, byAddr: s.byAddr()},
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return serving },
	}
	errs := make(chan error, len(s.hosts))
	for _, h := range s.hosts {
		go func() { errs <- srv.Serve(h.listener) }()
	}
	var err error
	left := len(s.hosts)
	select {
	case <-ctx.Done():
	case err = <-errs:
		left--
	}
	stop() // ends the page that never ends
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if srv.Shutdown(bye) != nil {
		srv.Close()
	}
	for range left {
		<-errs
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("demo site: %w", err)
	}
	return nil
}

func (s *Site) byAddr() map[string]*host {
	m := make(map[string]*host, len(s.hosts))
	for _, h := range s.hosts {
		m[h.addr] = h
	}
	return m
}

// handler answers for all hosts: the address that a connection came in at says which.
type handler struct {
	site   *Site
	byAddr map[string]*host
	mu     sync.Mutex
	hits   map[*page]int
}

func (x *handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s := x.site
	rec := Request{T: s.log.now(), Path: r.URL.RequestURI(), Agent: r.UserAgent(), Kind: "page", DelayMS: Delay.Milliseconds()}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		http.Error(rw, "no local address", http.StatusInternalServerError)
		return
	}
	h := x.byAddr[local.String()]
	if h == nil {
		http.Error(rw, "no such host", http.StatusMisdirectedRequest)
		return
	}
	rec.Host, rec.IP = h.addr, h.ip
	if a, ok := local.(*net.TCPAddr); ok {
		rec.Port = a.Port
	}
	if h.slow {
		rec.DelayMS = slowDelay.Milliseconds()
	}
	if s.onePort {
		rec.IPDelayMS = Delay.Milliseconds()
	}
	w := &meter{ResponseWriter: rw, now: s.log.now, last: rec.T}
	rec.Kind, rec.Closed = x.answer(w, r, h)
	rec.Allowed = rec.Kind == "robots" || allowed(r.URL.Path)
	rec.Status, rec.Bytes, rec.Done, rec.Cut = w.status, w.bytes, w.last, w.err != nil
	s.log.add(rec)
}

// answer serves one path and says what kind of thing it was, and until when the host is closed.
func (x *handler) answer(w *meter, r *http.Request, h *host) (kind string, closed int64) {
	path := (&url.URL{Path: r.URL.Path}).EscapedPath() // spelled as ours are
	switch {
	case path == "/robots.txt":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, h.robots())
		return "robots", 0
	case path == "/.well-known/tdmrep.json":
		http.NotFound(w, r) // the site reserves nothing
		return "consent", 0
	case h.sitemap != "" && strings.HasPrefix(path, "/sitemap"):
		h.serveSitemap(w, r)
		return "sitemap", 0
	}
	if p := h.pages[path]; p != nil && r.URL.RawQuery == "" {
		return "page", x.page(w, r, p)
	}
	odd := h.odd[path]
	if odd == nil && strings.HasPrefix(path, "/calendar/") {
		odd = h.odd["/calendar/"]
	}
	if odd == nil {
		http.NotFound(w, r)
	} else {
		odd(w, r)
	}
	return "page", 0
}

// page answers with a page, or with the failure that comes before it.
func (x *handler) page(w http.ResponseWriter, r *http.Request, p *page) (closed int64) {
	s := x.site
	x.mu.Lock()
	n := x.hits[p]
	x.hits[p]++
	x.mu.Unlock()
	if n < p.flaw.fails {
		if p.flaw.status == http.StatusTooManyRequests {
			closed = s.busy(w, p.flaw.asDate)
		}
		http.Error(w, http.StatusText(p.flaw.status), p.flaw.status)
		return closed
	}
	if n == p.flaw.fails {
		s.seen.Add(1)
	}
	body, err := p.charset.bytes(p.html(s.expand))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return 0
	}
	ct := "text/html"
	if p.charset.header != "" {
		ct += "; charset=" + p.charset.header
	}
	w.Header().Set("Content-Type", ct)
	for _, f := range p.header {
		w.Header().Set(f[0], f[1])
	}
	if p.gzip && acceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		body = gzipped(body)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
	return 0
}

// busy asks for a pause, in seconds or as a date. The date is rounded up, so that it says no less.
func (s *Site) busy(w http.ResponseWriter, asDate bool) (closed int64) {
	if !asDate {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
		return s.log.now() + int64(retryAfter)
	}
	until := time.Now().UTC().Add(retryAfter + time.Second).Truncate(time.Second)
	w.Header().Set("Retry-After", until.Format(http.TimeFormat))
	return s.log.now() + int64(time.Until(until))
}

func acceptsGzip(r *http.Request) bool {
	return slices.ContainsFunc(strings.Split(r.Header.Get("Accept-Encoding"), ","), func(s string) bool {
		name, q, _ := strings.Cut(strings.TrimSpace(s), ";")
		return name == "gzip" && strings.TrimSpace(q) != "q=0"
	})
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b) // into memory: cannot fail
	z.Close()
	return out.Bytes()
}

// serveSitemap lists a host's pages, forbidden ones included, as careless sites do.
func (h *host) serveSitemap(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	const ns = ` xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"`
	if r.URL.Path == "/sitemap-index.xml" {
		fmt.Fprintf(&b, "<sitemapindex%s><sitemap><loc>%s/sitemap-1.xml</loc></sitemap></sitemapindex>\n", ns, h.base)
	} else {
		paths := slices.Clone(h.private)
		for p := range h.pages {
			paths = append(paths, p)
		}
		slices.Sort(paths)
		fmt.Fprintf(&b, "<urlset%s>\n", ns)
		for _, p := range paths {
			b.WriteString("<url><loc>")
			xml.EscapeText(&b, []byte(h.base+p))
			b.WriteString("</loc></url>\n")
		}
		b.WriteString("</urlset>\n")
	}
	out := b.Bytes()
	w.Header().Set("Content-Type", "application/xml")
	if strings.HasSuffix(r.URL.Path, ".gz") {
		w.Header().Set("Content-Type", "application/gzip")
		out = gzipped(out)
	}
	w.Write(out)
}

// meter counts what goes out.
type meter struct {
	http.ResponseWriter
	now    func() int64
	status int
	bytes  int64
	last   int64 // when the last piece that was taken was handed over
	err    error // the client went away
}

func (m *meter) WriteHeader(code int) {
	if m.status == 0 {
		m.status = code
	}
	m.ResponseWriter.WriteHeader(code)
}

func (m *meter) Write(b []byte) (int, error) {
	if m.status == 0 {
		m.status = http.StatusOK
	}
	began := m.now()
	n, err := m.ResponseWriter.Write(b)
	m.bytes += int64(n)
	if err != nil {
		m.err = err
	} else {
		m.last = began
	}
	return n, err
}

// Unwrap lets http.ResponseController flush.
func (m *meter) Unwrap() http.ResponseWriter { return m.ResponseWriter }
