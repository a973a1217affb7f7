package crawl

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// encoded returns what write gives through the codings, the first applied first.
func encoded(t testing.TB, write func(io.Writer), codings ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.Writer = &out
	var closers []io.Closer
	for i := len(codings) - 1; i >= 0; i-- {
		var z io.WriteCloser
		switch codings[i] {
		case "gzip":
			z = gzip.NewWriter(w)
		case "br":
			z = brotli.NewWriterLevel(w, 1)
		case "zstd":
			z, _ = zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		case "deflate":
			z, _ = flate.NewWriter(w, flate.BestSpeed)
		}
		w, closers = z, append(closers, z)
	}
	write(w)
	for i := len(closers) - 1; i >= 0; i-- {
		if err := closers[i].Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func text(s string) func(io.Writer) { return func(w io.Writer) { io.WriteString(w, s) } }

// fetcherFor may ask the sites, and nobody else.
func fetcherFor(t testing.TB, sites ...*site) *fetcher {
	t.Helper()
	o := options("", sites...)
	g, err := newGuard(o.AllowAddr)
	if err != nil {
		t.Fatal(err)
	}
	f := newFetcher(g, o.Agent)
	t.Cleanup(f.close)
	return f
}

func TestCodings(t *testing.T) {
	const hello = "<title>packed</title> hello"
	bodies := map[string][]byte{}
	for _, c := range []string{"", "gzip", "br", "zstd", "deflate", "gzip, br", "zstd,deflate", "gzip, gzip, gzip", "rot13", "identity, gzip"} {
		var applied []string
		for s := range strings.SplitSeq(c, ",") {
			if s = strings.TrimSpace(s); s != "" && s != "identity" {
				applied = append(applied, s)
			}
		}
		if c == "rot13" {
			applied = nil
		}
		bodies[c] = encoded(t, text(hello), applied...)
	}
	s := newSite(t, 1, func(w http.ResponseWriter, r *http.Request) {
		coding := r.Header.Get("X-Coding")
		w.Header()["Content-Encoding"] = []string{coding}
		switch r.URL.Path {
		case "/whole":
			w.Write(bodies[coding])
		case "/half":
			w.Write(bodies[coding][:len(bodies[coding])/2])
		case "/empty":
		}
	})
	f := fetcherFor(t, s)
	for c := range bodies {
		f.header.Set("X-Coding", c)
		refused := c == "rot13" || strings.Count(c, "gzip") == 3
		x := &exchange{url: s.url + "/whole", limit: 1 << 20}
		f.do(t.Context(), x)
		if refused != errors.Is(x.err, errCoding) || !refused && (x.err != nil || string(x.body) != hello || x.cut != "") {
			t.Errorf("%q: %q, %v, cut %q", c, x.body, x.err, x.cut)
		}
		if refused || c == "" {
			continue
		}
		x = &exchange{url: s.url + "/half", limit: 1 << 20}
		f.do(t.Context(), x)
		if x.err == nil || !strings.HasPrefix(hello, string(x.body)) {
			t.Errorf("half of %q: %q, %v", c, x.body, x.err)
		}
		x = &exchange{url: s.url + "/empty", limit: 1 << 20}
		f.do(t.Context(), x)
		if x.err != nil || len(x.body) > 0 {
			t.Errorf("nothing as %q: %q, %v", c, x.body, x.err)
		}
	}
}

// virtual is a server behind pipes, for tests in virtual time.
func virtual(t *testing.T, f *fetcher, serve func(net.Conn)) {
	f.transport.base.DialContext = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			if _, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
				serve(server)
			}
		}()
		return client, nil
	}
}

// TestSlowAnswers meets servers that keep a request waiting, each in its own way.
func TestSlowAnswers(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n"
	drip := func(c net.Conn, n int, every time.Duration) {
		for {
			if _, err := c.Write(bytes.Repeat([]byte("x"), n)); err != nil {
				return
			}
			time.Sleep(every)
		}
	}
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		cut   string
		cause error
		least time.Duration
		most  time.Duration
		body  bool
	}{
		{"no answer", func(c net.Conn) { time.Sleep(time.Hour) }, "", nil, 20 * time.Second, 21 * time.Second, false},
		{"half a header", func(c net.Conn) { io.WriteString(c, head[:30]); drip(c, 1, 5*time.Second) }, "", nil, 20 * time.Second, 21 * time.Second, false},
		{"stalls", func(c net.Conn) { io.WriteString(c, head+"begun"); time.Sleep(time.Hour) }, cutTime, errStalled, stallTimeout, stallTimeout + time.Second, true},
		{"drips", func(c net.Conn) { io.WriteString(c, head); drip(c, 100, time.Second) }, cutTime, errDrip, dripAfter, dripAfter + 2*time.Second, true},
		{"a byte now and then", func(c net.Conn) { io.WriteString(c, head); drip(c, 1, 14*time.Second) }, cutTime, errDrip, dripAfter, 15 * time.Second, true},
		{"just fast enough", func(c net.Conn) {
			io.WriteString(c, strings.Replace(head, "100000", "10000000", 1))
			drip(c, 2*dripRate, time.Second)
		}, cutTime, errTimeout, requestTimeout, requestTimeout + time.Second, true},
		{"hangs up", func(c net.Conn) { io.WriteString(c, head+"begun") }, cutDisconnect, io.ErrUnexpectedEOF, 0, time.Second, true},
		{"hangs up between chunks", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
		}, cutDisconnect, io.ErrUnexpectedEOF, 0, time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := fetcherFor(t)
				virtual(t, f, c.serve)
				x := &exchange{url: "http://h.example/", limit: 20 << 20}
				f.do(t.Context(), x)
				took := x.ended.Sub(x.began)
				if x.err == nil || x.cut != c.cut || c.cause != nil && !errors.Is(x.err, c.cause) || took < c.least || took > c.most || (len(x.body) > 0) != c.body {
					t.Errorf("%v, cut %q, %d bytes after %v; want %v, %q after %v", x.err, x.cut, len(x.body), took, c.cause, c.cut, c.least)
				}
				time.Sleep(2 * time.Hour) // the servers end
			})
		})
	}
}

// TestLargeBodiesTakeTurns reads many large bodies at once. No more than maxLarge come in at a time, and those
// that wait are not taken for slow.
func TestLargeBodiesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fetcherFor(t)
		var within, most atomic.Int32
		virtual(t, f, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n")
			c.Write(make([]byte, 2<<20))
			if n := within.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(10 * time.Second)
			within.Add(-1)
			c.Write(make([]byte, 2<<20))
		})
		const n = 3 * maxLarge
		done := make(chan *exchange)
		for i := range n {
			go func() {
				x := &exchange{url: fmt.Sprintf("http://h%d.example/", i), limit: 8 << 20}
				f.do(t.Context(), x)
				done <- x
			}()
		}
		for range n {
			if x := <-done; x.err != nil || len(x.body) != 4<<20 || cap(x.body) > 8<<20+1 {
				t.Errorf("%d bytes, room for %d, %v", len(x.body), cap(x.body), x.err)
			}
		}
		if most.Load() != maxLarge {
			t.Errorf("%d bodies at once, want %d", most.Load(), maxLarge)
		}
	})
}

// TestOneRequestEach meets a server that hangs up instead of answering, on a connection that has served
// before. net/http would ask again by itself; the scheduler has not decided that.
func TestOneRequestEach(t *testing.T) {
	l := listen(t, 1)
	var asked, dialled atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for served := 0; ; served++ {
					r, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					asked.Add(1)
					if r.URL.Path == "/leave" && served > 0 {
						return
					}
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
					if r.URL.Path == "/last" {
						return // without a word
					}
				}
			}()
		}
	}()
	s := &site{addr: l.Addr().String(), url: "http://" + l.Addr().String()}
	f := fetcherFor(t, s)
	get := func(path string) *exchange {
		x := &exchange{url: s.url + path, limit: 1 << 20}
		f.do(t.Context(), x)
		return x
	}
	for i, c := range []struct {
		path           string
		fails          bool
		asked, dialled int32
	}{
		{"/", false, 1, 1}, {"/", false, 2, 1}, {"/leave", true, 3, 1}, {"/", false, 4, 2}, {"/last", false, 5, 2},
	} {
		if x := get(c.path); (x.err != nil) != c.fails || asked.Load() != c.asked || dialled.Load() != c.dialled {
			t.Fatalf("request %d: %v after %d requests on %d connections; want %+v", i, x.err, asked.Load(), dialled.Load(), c)
		}
	}
	// The server has gone; whether we notice before we write or after, it sees this request once at most.
	get("/")
	if n := asked.Load(); n > 6 {
		t.Errorf("%d requests, want 6 at most", n)
	}
	x := &exchange{url: s.url + "/", limit: 1 << 20, last: true}
	f.do(t.Context(), x)
	before := dialled.Load()
	if get("/"); dialled.Load() != before+1 {
		t.Error("a connection that was the last was used again")
	}
}

// TestManners looks at what a request says of us.
func TestManners(t *testing.T) {
	t.Setenv("COLLY_USER_AGENT", "Mozilla/5.0")
	var headers []http.Header
	s := newSite(t, 1, func(w http.ResponseWriter, r *http.Request) {
		h := r.Header.Clone()
		h.Set("Host", r.Host)
		headers = append(headers, h)
		http.SetCookie(w, &http.Cookie{Name: "visitor", Value: "1"})
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<a href=/b>b</a>`)
	})
	o := options(t.TempDir(), s)
	o.Concurrency = 1
	o.Seeds = []string{strings.Replace(s.url, "http://", "http://user:secret@", 1) + "/a"}
	docs, _, err := crawlAll(t, o)
	if err != nil || len(docs) != 2 || strings.Contains(docs[0].Page.URL+docs[0].URLKey, "secret") {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	want := http.Header{"Host": {s.addr}, "User-Agent": {"millbot/1.0 (+mailto:a@example.org; test)"}, "From": {"a@example.org"},
		"Accept-Encoding": {"gzip, br, zstd, deflate"}, "Accept": headers[0]["Accept"]}
	for _, h := range headers {
		if fmt.Sprint(h) != fmt.Sprint(want) {
			t.Errorf("headers %v, want %v", h, want)
		}
	}
}

func TestPanicIsAnError(t *testing.T) {
	w := &worker{fetch: func(context.Context, *exchange) { panic("a stranger's page") }}
	if r := w.do(t.Context(), job{}); r.err == nil || r.answer.ended.IsZero() {
		t.Errorf("result %+v", r)
	}
}

// FuzzCodings decodes what a stranger sends.
func FuzzCodings(f *testing.F) {
	for _, c := range []string{"gzip", "br", "zstd", "deflate", "br, gzip"} {
		f.Add(c, encoded(f, text("hello hello hello"), strings.Split(c, ", ")...))
	}
	f.Fuzz(func(t *testing.T, coding string, body []byte) {
		x := &exchange{limit: 1 << 16, cancel: func(error) {}}
		err := x.read(t.Context(), &http.Response{StatusCode: 200, Header: http.Header{"Content-Encoding": {coding}}, Body: io.NopCloser(bytes.NewReader(body))})
		if len(x.body) > 1<<16 || x.cut == cutLength && x.size <= x.bound || err == nil && x.cut != "" && x.cut != cutLength {
			t.Errorf("%d bytes, cut %q, %v", len(x.body), x.cut, err)
		}
	})
}
