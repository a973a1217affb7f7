package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"millrace"
	"millrace/internal/sim"
	"millrace/shards"
)

// editedSite is pages of plain text that somebody edits. Every second page has an ETag.
type editedSite struct {
	addr []string // of its hosts

	mu     sync.Mutex
	pages  map[string]*editedPage // by host and path
	status map[int]int            // answers since the edit, by status
	unseen int                    // pages that nobody has asked for since the edit
}

type editedPage struct {
	words []string
	tag   string
	no    bool // training is refused
	gone  bool
	asked bool // since the edit
}

func newEditedSite(t *testing.T, pages, hosts int) *editedSite {
	t.Helper()
	s := &editedSite{pages: map[string]*editedPage{}, status: map[int]int{}}
	rng := rand.New(rand.NewPCG(6, 12))
	for i := range hosts {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", 20+i))
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: s}
		go srv.Serve(l)
		t.Cleanup(func() { srv.Close() })
		s.addr = append(s.addr, l.Addr().String())
	}
	for i := range pages {
		p := &editedPage{}
		for range 150 {
			p.words = append(p.words, fmt.Sprintf("w%d", rng.IntN(20_000)))
		}
		if i%2 == 0 {
			p.tag = fmt.Sprintf(`"%d-1"`, i)
		}
		s.pages[fmt.Sprintf("%s/%d", s.addr[i%hosts], i)] = p
	}
	return s
}

func (s *editedSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pages[r.Host+r.URL.Path]
	if p == nil {
		http.NotFound(w, r)
		return
	}
	if !p.asked {
		p.asked = true
		s.unseen--
	}
	if w.Header().Set("Content-Type", "text/plain"); p.no {
		w.Header().Set("Content-Usage", "train-ai=n")
	}
	status := http.StatusOK
	switch {
	case p.gone:
		status = http.StatusGone
	case p.tag != "":
		if w.Header().Set("Etag", p.tag); r.Header.Get("If-None-Match") == p.tag {
			status = http.StatusNotModified
		}
	}
	s.status[status]++
	if w.WriteHeader(status); status == http.StatusOK {
		io.WriteString(w, strings.Join(p.words, " "))
	}
}

// edit changes 300 pages by a word each, lets 20 say no and takes 10 down. It returns what a corpus should
// hold then, by URL.
func (s *editedSite) edit() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unseen, s.status = len(s.pages), map[int]int{}
	n, want := 0, map[string]string{}
	for at, p := range s.pages { // any 330 of them
		switch n++; {
		case n <= 300:
			p.words[n%150] = fmt.Sprint("edited", n)
			if p.tag != "" {
				p.tag = fmt.Sprintf(`"edited-%d"`, n)
			}
		case n <= 320:
			p.no = true
		case n <= 330:
			p.gone = true
		}
		if p.asked = false; !p.no && !p.gone {
			want["http://"+at] = strings.Join(p.words, " ")
		}
	}
	return want
}

func (s *editedSite) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unseen
}

// TestCorpusStaysFresh crawls 1,000 pages, edits 300 of them, and crawls again, as a user would. A reader that is
// not ours finds the newest text of each page, once.
func TestCorpusStaysFresh(t *testing.T) {
	t.Parallel()
	s, dir := newEditedSite(t, 1000, 10), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seeds := slicesOfURLs(s.pages)
	write("seeds.txt", strings.Join(seeds, "\n"))
	write("plain.yaml", "name: plain\nsteps:\n  - step: extract\n")
	pipeline := filepath.Join(dir, "pipeline.yaml")
	run := func(ctx context.Context, recrawl string) int {
		allow := "'" + strings.Join(s.addr, "', '") + "'"
		write("pipeline.yaml", fmt.Sprintf("dir: %q\ncrawl: {seeds_file: %q, allow_addr: [%s], delay: 1ms, recrawl: %s}\nclean: {recipe: %q}\nshards: {flush_every: 1s}\n",
			filepath.Join(dir, "corpus"), filepath.Join(dir, "seeds.txt"), allow, recrawl, filepath.Join(dir, "plain.yaml")))
		a := &App{Args: []string{"run", pipeline}, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: testWriter{t}}
		return a.Run(ctx)
	}
	if exit := run(t.Context(), "off"); exit != Done {
		t.Fatalf("the first crawl ended with exit %d", exit)
	}
	want := s.edit()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	corpus := filepath.Join(dir, "corpus")
	moved := map[millrace.Reason]int64{millrace.Superseded: 300, millrace.ConsentNoTrain: 20, millrace.RemovedGone: 10}
	fresh := func() bool {
		tab, err := shards.Open(corpus)
		return err == nil && s.left() == 0 && maps.Equal(tab.Tally().Moved, moved)
	}
	go func() {
		for !fresh() && ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
		}
		stop()
	}()
	if exit := run(ctx, "{min: 1s, max: 1s}"); exit != Interrupted || !fresh() {
		t.Fatalf("the second crawl ended with exit %d, %d pages were not visited again", exit, s.left())
	}
	// The interruption leaves nothing in data/ that is out of the corpus.
	kept := textsIn(t, filepath.Join(dir, "corpus"))
	if tab, err := shards.Open(filepath.Join(dir, "corpus")); err != nil || tab.Tally().Rows() != int64(len(kept)) {
		t.Errorf("%d rows lie in data, %v", len(kept), err)
	}
	if exit := run(t.Context(), "off"); exit != Done {
		t.Fatalf("the last run ended with exit %d", exit)
	}
	if err := sim.Check(t.Context(), corpus); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(corpus, "warc", "*.warc.gz"))
	if err != nil {
		t.Fatal(err)
	}
	verify := &App{Args: append([]string{"warc", "verify"}, files...), Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: testWriter{t}}
	if exit := verify.Run(t.Context()); exit != Done {
		t.Errorf("warc verify of %d files: exit %d", len(files), exit)
	}
	if s.status[http.StatusNotModified] < 300 || s.status[http.StatusOK] < 300 {
		t.Errorf("answers: %v", s.status)
	}
	tab, err := shards.Open(corpus)
	if err != nil {
		t.Fatal(err)
	}
	if got := tab.Tally().Moved; !maps.Equal(got, moved) {
		t.Errorf("moved %v, want %v", got, moved)
	}
	if got := textsIn(t, tab.Dir()); !maps.Equal(got, want) {
		t.Errorf("%d texts, want %d; or others", len(got), len(want))
	}
}

func slicesOfURLs(pages map[string]*editedPage) (out []string) {
	for at := range pages {
		out = append(out, "http://"+at)
	}
	return out
}

// textsIn reads the files in data/ with parquet-go, after the collector, and wants each URL once.
func textsIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	if _, err := shards.CollectOrphans(nil, dir); err != nil {
		t.Fatal(err)
	}
	list, err := filepath.Glob(filepath.Join(dir, "data", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range list {
		rows, err := parquet.ReadFile[struct {
			URL  string `parquet:"url,optional"`
			Text string `parquet:"text,optional"`
		}](name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if _, twice := texts[r.URL]; twice {
				t.Errorf("%s stands twice", r.URL)
			}
			texts[r.URL] = r.Text
		}
	}
	return texts
}

// testWriter shows what a command says where the test fails.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}
