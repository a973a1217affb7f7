package crawl

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace"
)

func zeros(mib int) func(io.Writer) {
	return func(w io.Writer) {
		for range mib {
			w.Write(make([]byte, 1<<20))
		}
	}
}

// TestBombs asks for answers that want to fill the memory. Each ends at a limit, having cost less than 64 MB.
func TestBombs(t *testing.T) {
	bombs := map[string][]byte{}
	for _, c := range []string{"gzip", "br", "zstd", "deflate", "gzip, gzip", "br, gzip"} {
		bombs[c] = encoded(t, zeros(256), strings.Split(c, ", ")...)
	}
	// Frames that hold nothing, and a frame with a window of 512 MiB.
	var empty bytes.Buffer
	z, _ := flate.NewWriter(&empty, flate.NoCompression)
	z.Flush()
	wide := encoded(t, func(w io.Writer) {}, "zstd")[:4]
	wide = append(wide, 0x00, 19<<3, 1, 0, 0)
	var sent atomic.Int64
	s := newSite(t, 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		h := strings.TrimPrefix(r.URL.Path, "/")
		switch {
		case bombs[h] != nil:
			w.Header().Set("Content-Encoding", h)
			w.Write(bombs[h])
		case h == "wide":
			w.Header().Set("Content-Encoding", "zstd")
			w.Write(wide)
		case h == "padding":
			w.Header().Set("Content-Encoding", "deflate")
			forever(w, bytes.Repeat(empty.Bytes(), 1000), &sent)
		case h == "endless", h == "robots.txt":
			forever(w, bytes.Repeat([]byte("Disallow: /x\n"), 1000), &sent)
		case h == "header":
			forever(hijacked(w, "HTTP/1.1 200 OK\r\n"), []byte("X-Long: "+strings.Repeat("x", 1000)+"\r\n"), &sent)
		case h == "line":
			forever(hijacked(w, "HTTP/1.1 200 OK\r\nX-Long: "), bytes.Repeat([]byte("x"), 1000), &sent)
		case h == "interim":
			forever(hijacked(w, ""), []byte("HTTP/1.1 103 Early Hints\r\n\r\n"), &sent)
		case h == "fields":
			c := hijacked(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
			io.WriteString(c, strings.Repeat("A: b\r\n", maxFields+1)+"\r\n")
			c.Close()
		}
	})
	f := fetcherFor(t, s)
	const limit = defaultMaxBody
	for path, cut := range map[string]string{"gzip": cutLength, "br": cutLength, "zstd": cutLength, "deflate": cutLength, "gzip, gzip": cutLength, "br, gzip": cutLength,
		"padding": cutLength, "endless": cutLength, "robots.txt": cutLength, "wide": "", "header": "", "line": "", "interim": "", "fields": ""} {
		sent.Store(0)
		x := &exchange{url: s.url + "/" + path, limit: limit, last: true} // some of them hang up without a word
		if path == "robots.txt" {
			x.limit = 512 << 10
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f.do(t.Context(), x)
		runtime.ReadMemStats(&after)
		if x.cut != cut || (cut == "") != (x.err != nil) || int64(len(x.body)) > x.limit {
			t.Errorf("%s: cut %q of %d bytes, %v; want %q", path, x.cut, len(x.body), x.err, cut)
		}
		if cut != "" && (x.size <= x.bound || x.bound > 2*limit+wireSlack) {
			t.Errorf("%s: %d bytes are not above %d", path, x.size, x.bound)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%s: %d bytes were allocated on the way", path, grown)
		}
		if n := sent.Load(); n > 4*limit {
			t.Errorf("%s: the server could send %d bytes", path, n)
		}
	}
}

// TestSiteOfBombs crawls a site of bombs with the limits that a user has. Every page gets its row or its error, the
// rest of the site is fetched, and the program has not grown by more than 64 MB.
func TestSiteOfBombs(t *testing.T) {
	bombs := map[string][]byte{}
	for _, c := range []string{"gzip", "br", "zstd", "gzip, gzip"} {
		bombs[c] = encoded(t, zeros(64), strings.Split(c, ", ")...)
	}
	var sent atomic.Int64
	s := newSite(t, 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch path := strings.TrimPrefix(r.URL.Path, "/"); path {
		case "":
			for _, p := range []string{"gzip", "br", "zstd", "gzip,%20gzip", "endless", "header", "fields", "nested", "half", "loop", "fine"} {
				fmt.Fprintf(w, "<a href=/%s>x</a>", p)
			}
		case "robots.txt":
			forever(w, bytes.Repeat([]byte("Disallow: /x\n"), 1000), &sent)
		case "endless":
			forever(w, bytes.Repeat([]byte("word "), 1000), &sent)
		case "header":
			forever(hijacked(w, "HTTP/1.1 200 OK\r\n"), []byte("X-Long: "+strings.Repeat("x", 1000)+"\r\n"), &sent)
		case "fields":
			c := hijacked(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
			io.WriteString(c, strings.Repeat("A: b\r\n", maxFields+1)+"\r\n")
			c.Close()
		case "nested":
			w.Header().Set("Content-Encoding", "gzip, gzip, gzip")
		case "half":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "fine":
			io.WriteString(w, "a page")
		default:
			w.Header().Set("Content-Encoding", path)
			w.Write(bombs[path])
		}
	})
	o := options(t.TempDir(), s)
	o.Concurrency = 1
	grown := watchHeap()
	docs, counts, err := crawlAll(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if n := grown(); n > 64<<20 {
		t.Errorf("the heap has grown by %d bytes", n)
	}
	want := map[string]millrace.Reason{"": "", "gzip": millrace.FetchTooLarge, "br": millrace.FetchTooLarge, "zstd": millrace.FetchTooLarge,
		"gzip,%20gzip": millrace.FetchTooLarge, "endless": millrace.FetchTooLarge, "half": millrace.FetchTruncated, "loop": millrace.FetchRedirect, "fine": ""}
	for path, reason := range want {
		d := byPath(t, docs, s.addr+"/"+path)
		if cut := reason == millrace.FetchTooLarge || reason == millrace.FetchTruncated; d.Verdict.Reason != reason || d.Page.Truncated != cut {
			t.Errorf("%s: %v, truncated %v; want %q", path, d.Verdict, d.Page.Truncated, reason)
		}
	}
	if len(docs) != len(want) || counts.Failed != 3 {
		t.Errorf("%d documents, want %d; %+v, want 3 failed: the headers, the fields, the nested codings", len(docs), len(want), counts)
	}
}

// watchHeap looks at the heap every few milliseconds. What it returns gives the most that it has grown by.
func watchHeap() (grown func() int64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, most := int64(m.HeapInuse), int64(m.HeapInuse)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, int64(m.HeapInuse))
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return most - base
	}
}

// forever writes b until nobody takes it any more.
func forever(w io.Writer, b []byte, sent *atomic.Int64) {
	for {
		n, err := w.Write(b)
		sent.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// hijacked is the bare connection behind w, with the beginning of an answer written.
func hijacked(w http.ResponseWriter, head string) net.Conn {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	io.WriteString(c, head)
	return c
}
