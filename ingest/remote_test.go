package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace"
)

// shop serves files, and breaks off a first answer where it is told to.
type shop struct {
	mu    sync.Mutex
	files map[string]string
	tag   string
	cut   map[string]int // bytes after which an answer breaks off, once
	asked []string       // path and Range
	busy  int            // answers 503 to come
	// busyAfter is how many follow upon an answer that broke off.
	busyAfter int
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
	if s.busy > 0 {
		s.busy--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	data, ok := s.files[r.URL.Path]
	if to, found := strings.CutPrefix(r.URL.Path, "/to/"); found {
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if s.tag != "" {
		w.Header().Set("ETag", s.tag)
	}
	if n, ok := s.cut[r.URL.Path]; ok {
		delete(s.cut, r.URL.Path)
		s.busy, s.busyAfter = s.busy+s.busyAfter, 0
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Header().Set("Last-Modified", time.Unix(1_700_000_000, 0).UTC().Format(http.TimeFormat))
		w.Write([]byte(data[:n]))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), strings.NewReader(data))
}

func openShop(t *testing.T, files map[string]string) (*shop, string) {
	s := &shop{files: files, tag: `"v1"`, cut: map[string]int{}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv.URL
}

// Files of a list are fetched in their turn, kept by their bytes, and are never asked for again.
func TestRemoteList(t *testing.T) {
	var long strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&long, `{"text":"line %d %d"}`+"\n", i, rand.Uint64())
	}
	s, base := openShop(t, map[string]string{"/a.jsonl": long.String(), "/b.tar.gz": gz(tarOf(t, entry{"x.txt", "in a tar"})), "/same.txt": "same", "/again.txt": "same"})
	s.cut["/a.jsonl"] = 40_000
	s.busy = 1
	dir, state := t.TempDir(), t.TempDir()
	list := filepath.Join(dir, "list.txt")
	urls := []string{"# a list", base + "/a.jsonl", "", base + "/none.txt", base + "/b.tar.gz", base + "/to//same.txt", base + "/again.txt", base + "/to/ftp://a.example/x"}
	if err := os.WriteFile(list, []byte(strings.Join(urls, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	in := Input{Name: "mine", Glob: "@" + list}
	first := readFiles(t, openFiles(t, state, in), millrace.Checkpoint{})
	if len(first) != 2005 {
		t.Fatalf("%d documents: %v", len(first), briefs(base, first[max(0, len(first)-9):]))
	}
	if d := first[1999]; !strings.HasPrefix(d.Text, "line 1999 ") || d.Page.URL != base+"/a.jsonl#1999" || d.Page.FetchedAt.Unix() != 1_700_000_000 {
		t.Errorf("%+v", d)
	}
	var got []string
	for _, d := range first[2000:] {
		got = append(got, strings.ReplaceAll(fmt.Sprintf("%s|%s|%s|%s", d.Page.URL, d.Verdict.Reason, d.Text, d.Verdict.Err), base, ""))
	}
	want := []string{"/none.txt#0|failed.fetch||/none.txt: 404 Not Found: the server refuses it", "/b.tar.gz!x.txt#0||in a tar|", "/to//same.txt#0||same|", "/again.txt#0||same|"}
	if diff := cmp.Diff(want, got[:4]); diff != "" || !strings.Contains(got[4], "failed.fetch") || !strings.Contains(got[4], "only https is fetched") {
		t.Error(diff, got[4])
	}
	wantAsked := []string{"/a.jsonl", "/a.jsonl", "/a.jsonl bytes=40000-", "/none.txt", "/b.tar.gz", "/to//same.txt", "/same.txt", "/again.txt", "/to/ftp://a.example/x"}
	if diff := cmp.Diff(wantAsked, s.asked); diff != "" {
		t.Error(diff)
	}
	s.files = nil
	l := &Loader{Inputs: []Input{in}}
	defer l.Close()
	if diff := cmp.Diff(first, readFiles(t, openFiles(t, state, in), millrace.Checkpoint{})); diff != "" || len(s.asked) != len(wantAsked) {
		t.Errorf("%d requests: %s", len(s.asked), diff)
	}
	left, err := filepath.Glob(filepath.Join(state, "spool", "*"))
	if err != nil || len(left) != 4 {
		t.Errorf("the spool holds %q, %v", left, err)
	}
}

// What a killed process has left is gone on with, if it is of the same file still.
func TestRemoteResumes(t *testing.T) {
	whole := strings.Repeat("0123456789", 10_000)
	for _, c := range []struct {
		name, tag string
		known     string
		part      string
		want      []string
	}{
		{"the same", `"v1"`, `{"validator":"\"v1\"","have":30000}`, whole[:50_000], []string{"/x bytes=30000-"}},
		{"another since", `"v2"`, `{"validator":"\"v1\"","have":30000}`, strings.Repeat("x", 50_000), []string{"/x bytes=30000-"}},
		{"whole already", `"v1"`, `{"validator":"\"v1\"","have":100000}`, whole, []string{"/x bytes=100000-"}},
		{"too much", `"v1"`, `{"validator":"\"v1\"","have":100001}`, whole + "x", []string{"/x bytes=100001-", "/x"}},
		{"not durable", `"v1"`, `{"validator":"\"v1\""}`, "zeros", []string{"/x"}},
		{"nothing known", `"v1"`, `{`, "zeros", []string{"/x"}},
	} {
		s, base := openShop(t, map[string]string{"/x": whole})
		s.tag = c.tag
		l := listed{URL: base + "/x"}
		spool := t.TempDir()
		part := filepath.Join(spool, fmt.Sprintf(".part-%x", sum([]byte(l.URL))))
		for name, data := range map[string]string{part: c.part, part + ".json": c.known} {
			if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := fetchRemote(t.Context(), nil, spool, nil, 0, &l); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if b, err := os.ReadFile(l.Path); err != nil || !bytes.Equal(b, []byte(whole)) || l.Size != int64(len(whole)) {
			t.Errorf("%s: %d bytes, %v", c.name, len(b), err)
		}
		if diff := cmp.Diff(c.want, s.asked); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestRemoteURLs(t *testing.T) {
	for _, s := range []string{"https://a.example/x", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]/x"} {
		if _, err := remoteURL(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"http://a.example/x", "https://me:secret@a.example/x", "ftp://a.example/x", "https:///x", "s3://bucket/x", "https://a b/", "file:///etc/passwd"} {
		if _, err := remoteURL(s); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", s, err)
		}
	}
	if got := baseName("https://a.example/d/../%2e%2e%2fetc?x=/y.txt"); strings.ContainsAny(got, "/\\?") {
		t.Error(got)
	}
	for _, glob := range []string{"@/nowhere/list", "https://me:secret@a.example/x", "http://a.example/x"} {
		if _, err := newFiles(t.Context(), nil, t.TempDir(), []Input{{Glob: glob}}, strings.NewReader(""), nil); err == nil {
			t.Errorf("%s is accepted", glob)
		}
	}
}
