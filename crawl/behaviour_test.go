package crawl

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"millrace"
	"millrace/internal/warc"
)

func TestRefusedAddressIsNeverDialled(t *testing.T) {
	s := newSite(t, 1, pages(map[string]string{"/": "secret"}))
	o := options(t.TempDir(), s)
	o.AllowAddr = nil
	_, counts, err := crawlAll(t, o)
	if !errors.Is(err, ErrNothingAllowed) || counts.Refused != 1 {
		t.Errorf("got %v, counts %+v", err, counts)
	}
	if n := len(s.requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
	if f, _ := Fate(o.Dir, s.url); f.Reason != millrace.CrawlAddress {
		t.Errorf("fate %+v", f)
	}
}

func TestRedirectToRefusedAddress(t *testing.T) {
	inside := newSite(t, 1, pages(map[string]string{"/": "secret"}))
	s := newSite(t, 1, pages(map[string]string{"/": "->" + inside.url + "/"}))
	o := options(t.TempDir(), s)
	o.Scope = "any"
	docs, counts, err := crawlAll(t, o)
	if err != nil || counts.Refused != 1 || len(docs) != 1 || docs[0].Verdict.Reason != millrace.FetchRedirect {
		t.Errorf("got %d documents, %v, counts %+v", len(docs), err, counts)
	}
	if n := len(inside.requests()); n > 0 {
		t.Errorf("%d requests to the address that is not allowed", n)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	o := options(t.TempDir())
	o.Seeds, o.AllowAddr = []string{"http://" + addr + "/"}, []string{addr}
	_, counts, err := crawlAll(t, o)
	if !errors.Is(err, ErrSeedsUnreachable) || counts.Waiting != 1 {
		t.Errorf("got %v, counts %+v", err, counts)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	var closed atomic.Int64 // Unix nanoseconds of the 429
	var broken, gone atomic.Int32
	var early atomic.Bool
	s := newSite(t, 1, func(w http.ResponseWriter, r *http.Request) {
		if at := closed.Load(); at > 0 && time.Since(time.Unix(0, at)) < time.Second {
			early.Store(true)
		}
		switch r.URL.Path {
		case "/robots.txt":
			http.NotFound(w, r)
		case "/":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, `<a href=/later>l</a><a href=/heals>h</a><a href=/broken>b</a><a href=/cut>c</a><a href=/plain>p</a>`)
		case "/later":
			if closed.CompareAndSwap(0, time.Now().UnixNano()) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			io.WriteString(w, "later")
		case "/heals":
			if broken.Add(1) < 3 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			io.WriteString(w, "healed")
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
		case "/cut":
			gone.Add(1)
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			io.WriteString(w, "plain")
		}
	})
	o := options(t.TempDir(), s)
	docs, counts, err := crawlAll(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if early.Load() {
		t.Error("a request came while Retry-After had closed the host")
	}
	for path, want := range map[string]millrace.Reason{"/later": "", "/heals": "", "/plain": "", "/broken": millrace.FetchStatus, "/cut": millrace.FetchTruncated} {
		if d := byPath(t, docs, path); d.Verdict.Reason != want {
			t.Errorf("%s: %v, want %s", path, d.Verdict, want)
		}
	}
	if n := s.times("/broken"); n != maxAttempts {
		t.Errorf("/broken was asked for %d times, want %d", n, maxAttempts)
	}
	if d := byPath(t, docs, "/cut"); counts.Failed != 0 || gone.Load() != maxAttempts || !d.Page.Truncated || d.Verdict.Err != cutDisconnect || string(load(t, o.Dir, d)) != "half" {
		t.Errorf("counts %+v, %d attempts, %+v; want the half that came to be kept after %d attempts", counts, gone.Load(), d, maxAttempts)
	}
}

func TestLargeAndStrangeBodies(t *testing.T) {
	t.Parallel()
	const limit = 256 << 10
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, "<title>packed</title> hello")
	z.Close()
	var bomb bytes.Buffer
	z = gzip.NewWriter(&bomb)
	z.Write(make([]byte, 64<<20))
	z.Close()
	s := newSite(t, 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/robots.txt":
			http.NotFound(w, r)
		case "/":
			for _, p := range []string{"big", "endless", "zip", "bomb", "image", "odd", "exact", "style"} {
				fmt.Fprintf(w, "<a href=/%s>x</a>", p)
			}
		case "/big":
			w.Header().Set("Content-Length", fmt.Sprint(4*limit))
			w.Write(bytes.Repeat([]byte("x"), 4*limit))
		case "/endless":
			for {
				if _, err := w.Write(bytes.Repeat([]byte("y"), 4096)); err != nil {
					return
				}
			}
		case "/zip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes())
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		case "/image":
			w.Header().Set("Content-Type", "image/png")
			w.Write(make([]byte, limit/2))
		case "/odd":
			w.Header().Set("Content-Encoding", "rot13")
			io.WriteString(w, "uryyb")
		case "/exact":
			w.Write(bytes.Repeat([]byte("z"), limit))
		case "/style":
			w.Header().Set("Content-Type", "text/css")
		}
	})
	o := options(t.TempDir(), s)
	o.MaxBody = limit
	docs, counts, err := crawlAll(t, o)
	if err != nil || counts.Failed != 1 {
		t.Fatalf("%v, counts %+v", err, counts)
	}
	for path, want := range map[string]float64{"/big": 4 * limit, "/endless": limit + 1, "/bomb": limit + 1} {
		v := byPath(t, docs, path).Verdict
		if v.Reason != millrace.FetchTooLarge || v.Value != want || v.Limit != limit || v.Signal != "bytes" {
			t.Errorf("%s: %v, want %v of %d bytes", path, v, want, limit)
		}
	}
	for _, path := range []string{"/image", "/style"} {
		if v := byPath(t, docs, path).Verdict; v.Reason != millrace.FetchMediaType {
			t.Errorf("%s: %v", path, v)
		}
	}
	if d := byPath(t, docs, "/exact"); !d.Verdict.Kept() || d.Page.Truncated {
		t.Errorf("a body of exactly the limit: %v", d.Verdict)
	}
	body := load(t, o.Dir, byPath(t, docs, "/zip"))
	if string(body) != "<title>packed</title> hello" {
		t.Errorf("packed body is %q", body)
	}
	if n := len(load(t, o.Dir, byPath(t, docs, "/endless"))); n != limit {
		t.Errorf("the endless page is stored with %d bytes, want %d", n, limit)
	}
}

// load reads a Document's body through its claim.
func load(t *testing.T, dir string, d *millrace.Document) []byte {
	t.Helper()
	f := openFile(t, dir, d.Page.Claim.File)
	rec, err := warc.ReadAt(f, d.Page.Claim.Offset, d.Page.Claim.Length, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	_, _, body, err := warc.ParseHTTP(rec.Block)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestMaxPages(t *testing.T) {
	s := newSite(t, 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		for i := range 50 {
			fmt.Fprintf(w, "<a href=/%c%c>x</a>", 'a'+i/10, 'a'+i%10)
		}
	})
	o := options(t.TempDir(), s)
	o.MaxPages = 10
	docs, counts, err := crawlAll(t, o)
	if err != nil || len(docs) != 10 || counts.Fetched != 10 || counts.Waiting != 41 {
		t.Errorf("%d documents, %v, counts %+v; want 10 of 51", len(docs), err, counts)
	}
}

func TestPlan(t *testing.T) {
	s := newSite(t, 1, pages(map[string]string{"/robots.txt": "User-agent: millbot\nDisallow: /a\n"}))
	o := options("", s)
	o.Seeds = []string{s.url + "/a", s.url + "/b", "http://10.0.0.1/", "ftp://x"}
	plan, err := Plan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan) != 4 || plan[0].Allowed || plan[0].Line != 2 || !plan[1].Allowed || !errors.Is(plan[2].Err, errAddress) || plan[3].Err == nil {
		t.Errorf("plan %+v", plan)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
