package crawl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"millrace"
	"millrace/crawl/consent"
)

// mapped is a site that can only be learnt whole by reading its sitemaps, its links and its redirects.
func mapped() (*world, []string) {
	const host = "http://1.1.1.1"
	m := map[string]reply{
		"/robots.txt": textPage("User-agent: *\nDisallow: /closed\nSitemap: /index.xml\n"),
		"/index.xml":  textPage("<sitemapindex\n xmlns='x'><sitemap><loc>/one.xml</loc></sitemap><sitemap><loc>/moved.xml</loc></sitemap></sitemapindex>"),
		"/one.xml":    textPage("<urlset><url><loc>/m1</loc></url><url><loc>/closed/m</loc></url></urlset>"),
		"/moved.xml":  moved("/two.xml.gz"),
		"/two.xml.gz": textPage(packed("<urlset><url><loc>/m2</loc></url></urlset>")),
		"/":           htmlPage("<a href=/a>a</a><a href=/go>g</a><a href=/gone>n</a><a href=/closed/x>x</a><a href=/track?utm_source=y>t</a>"),
		"/a":          htmlPage("<a href=/b>b</a>"), "/b": htmlPage("b"), "/m1": htmlPage("<a href=/c>c</a>"), "/m2": htmlPage("m2"), "/c": htmlPage("c"),
		"/go": moved("/target"), "/target": htmlPage("target"),
		"/track?utm_source=y": moved("/track"), "/track": htmlPage("track"),
	}
	whole := map[string]reply{}
	for path, r := range m {
		whole[host+path] = r
	}
	want := []string{"/", "/a", "/b", "/c", "/go", "/gone", "/m1", "/m2", "/target", "/track", "/track?utm_source=y"}
	for i := range want {
		want[i] = host + want[i]
	}
	return &world{answer: fixed(whole)}, want
}

func pageURLs(docs []*millrace.Document) (urls []string) {
	for _, d := range docs {
		urls = append(urls, d.Page.URL)
	}
	slices.Sort(urls)
	return urls
}

// TestCutAnywhere takes a finished crawl, cuts the frontier's log at any byte, and the archive at any
// byte behind what that log knows, as a crash may. The crawl that goes on from there must end as the
// first one did: one page each, none lost, the same ledger.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	w, want := mapped()
	crawl := func(dir string) (docs []*millrace.Document, counts Counts, err error) {
		synctest.Test(t, func(t *testing.T) {
			docs, counts, err = w.crawl(t, t.Context(), optionsFor(dir, "http://1.1.1.1/"))
		})
		counts.Requests, counts.Bytes = 0, 0
		return docs, counts, err
	}
	whole := t.TempDir()
	docs, counts, err := crawl(whole)
	if err != nil || !slices.Equal(pageURLs(docs), want) {
		t.Fatalf("%v, documents %q", err, pageURLs(docs))
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		copyCorpus(rt, whole, dir)
		shorten(rt, "log", filepath.Join(frontierDir(dir), logName), 0)
		known := int64(0)
		if err := readLog(frontierDir(dir), func(e *event, _ int64) error { known = max(known, int64(e.next)); return nil }); err != nil {
			rt.Fatal(err)
		}
		files, err := listWARC(dir, 0)
		if err != nil || len(files) != 1 {
			rt.Fatal(err, files)
		}
		shorten(rt, "archive", files[0].path, known&(1<<seqShift-1))
		again, after, err := crawl(dir)
		if err != nil || !slices.Equal(pageURLs(again), want) || after != counts {
			rt.Fatalf("%v, documents %q\ncounts %+v, want %+v", err, pageURLs(again), after, counts)
		}
	})
}

// shorten cuts a file at a byte that rapid draws, not below from.
func shorten(t *rapid.T, label, name string, from int64) {
	info, err := os.Stat(name)
	if err == nil {
		err = os.Truncate(name, rapid.Int64Range(from, info.Size()).Draw(t, label))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// copyCorpus copies what a kill at this moment would leave. The frontier comes first: it may lag
// behind the archive, and never be ahead of it.
func copyCorpus(t fail, from, to string) {
	t.Helper()
	for _, part := range []string{filepath.Join("state", "frontier"), "warc", filepath.Join("warc", "site")} {
		entries, err := os.ReadDir(filepath.Join(from, part))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(to, part), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			b, err := os.ReadFile(filepath.Join(from, part, e.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // a temporary file, which has its name by now
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(to, part, e.Name()), b, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestCopiedWhileItRuns copies the corpus at random moments of a crawl, each copy being what a kill
// would have left, and lets each go on.
func TestCopiedWhileItRuns(t *testing.T) {
	t.Parallel()
	links := map[string]string{"/robots.txt": "User-agent: *\nDisallow: /closed\n"}
	var want []string
	name := func(i int) string { return fmt.Sprintf("/%c%c", 'a'+i/12, 'a'+i%12) } // numbers might be a trap
	for i := range 60 {
		links[name(i)] = fmt.Sprintf("<a href=%s>a</a><a href=%s>b</a><a href=/closed%s>c</a>%s", name(2*i+1), name(2*i+2), name(i), strings.Repeat("words ", 200))
	}
	links["/"] = "<a href=" + name(0) + ">first</a>"
	s := newSite(t, 1, pages(links))
	for i := range 121 {
		want = append(want, s.url+name(i)) // from 60 on they are 404
	}
	want = append(want, s.url+"/")
	slices.Sort(want)
	o := options(t.TempDir(), s)
	var copies []string
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for len(copies) < 12 {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(120 * time.Millisecond)):
			}
			dir := filepath.Join(o.Dir, "copies", fmt.Sprint(len(copies)))
			copyCorpus(t, o.Dir, dir)
			copies = append(copies, dir)
		}
	}()
	if docs, _, err := crawlAll(t, o); err != nil || !slices.Equal(pageURLs(docs), want) {
		t.Errorf("undisturbed: %v, %d documents, want %d", err, len(docs), len(want))
	}
	close(stop)
	<-stopped
	if len(copies) == 0 {
		t.Fatal("no copy was made")
	}
	var group sync.WaitGroup
	for _, dir := range copies {
		group.Go(func() {
			again := o
			again.Dir = dir
			if docs, counts, err := crawlAll(t, again); err != nil || !slices.Equal(pageURLs(docs), want) || counts.Waiting != 0 {
				t.Errorf("%s: %v, counts %+v, %d documents, want %d", dir, err, counts, len(docs), len(want))
			}
		})
	}
	group.Wait()
}

// TestMain lets this binary be the crawl that TestKilled kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CRAWL_TEST_DIR"); dir != "" {
		if err := victim(dir, strings.Fields(os.Getenv("CRAWL_TEST_SITES"))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const (
	victimDelay = 40 * time.Millisecond
	victimPerIP = 15 * time.Millisecond
)

func victimOptions(dir string, addrs []string) Options {
	o := Options{Dir: dir, Agent: Agent{Token: "millbot"}, Delay: victimDelay, PerIPDelay: victimPerIP, AllowAddr: addrs}
	for _, a := range addrs {
		o.Seeds = append(o.Seeds, "http://"+a+"/")
	}
	return o
}

// victim crawls until nothing is left.
func victim(dir string, addrs []string) error {
	ctx := context.Background()
	c, err := Open(ctx, victimOptions(dir, addrs))
	if err != nil {
		return err
	}
	if err := c.Open(ctx, millrace.Checkpoint{}); err != nil {
		return err
	}
	for err == nil {
		_, err = c.Read(ctx, 10)
	}
	if err != io.EOF {
		return err
	}
	return c.Close()
}

// TestKilled kills the process of a crawl again and again. The sites' log is the judge of its manners,
// the archive of its memory.
func TestKilled(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log []hit
	var paused bool
	var addrs, want []string
	for n := range 3 {
		pageOf := func(url string) reply {
			switch path := pathOf(url); {
			case path == "/robots.txt":
				return textPage("User-agent: *\nDisallow: /closed\n")
			case path == "/":
				var b strings.Builder
				for i := range 14 {
					fmt.Fprintf(&b, "<a href=/p%d>p</a><a href=/closed/%d>p</a>", i, i)
				}
				return htmlPage(b.String())
			case path == "/p3" && n == 0 && !paused:
				paused = true
				return reply{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"2"}}}
			}
			return htmlPage("page")
		}
		s := newSite(t, 1, func(out http.ResponseWriter, r *http.Request) {
			begin := time.Now()
			mu.Lock()
			url := "http://" + r.Host + r.URL.Path
			answer := pageOf(url)
			rec := httptest.NewRecorder()
			for name, v := range answer.header {
				out.Header()[name] = v
			}
			rec.WriteString(answer.body)
			// The end is noted before the answer goes out, so that the asker's clock cannot begin earlier.
			log = append(log, hit{url: url, begin: begin, end: time.Now(), reply: answer})
			mu.Unlock()
			out.WriteHeader(answer.status)
			io.WriteString(out, answer.body)
		})
		addrs = append(addrs, s.addr)
		for i := range 14 {
			want = append(want, fmt.Sprintf("%s/p%d", s.url, i))
		}
		want = append(want, s.url+"/")
	}
	slices.Sort(want)
	requests := func() int { mu.Lock(); defer mu.Unlock(); return len(log) }
	dir := t.TempDir()
	// unnoted tells whether a site has asked for a pause that the crawl has not written down yet: of that no
	// crawl can know when it is killed.
	unnoted := func() bool {
		mu.Lock()
		defer mu.Unlock()
		if !paused {
			return false
		}
		noted := false
		err := readLog(frontierDir(dir), func(e *event, _ int64) error { noted = noted || e.kind == evClosed; return nil })
		return err != nil || !noted
	}
	kills := 0
	for life := 0; ; life++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "CRAWL_TEST_DIR="+dir, "CRAWL_TEST_SITES="+strings.Join(addrs, " "))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if life < 5 {
			enough := requests() + 2 + rand.IntN(6) // five lives leave some of the 48 for the last
			for requests() < enough || unnoted() {
				select {
				case err := <-ended:
					t.Fatalf("life %d ended by itself: %v", life, err)
				case <-time.After(3 * time.Millisecond):
				}
			}
			cmd.Process.Kill()
			<-ended
			kills++
			continue
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			t.Fatalf("the crawl does not end: %v", <-ended)
		}
		break
	}
	mu.Lock()
	defer mu.Unlock()
	checkClosed(t, log)
	checkGaps(t, log, byHost, always(victimDelay))
	checkGaps(t, log, func(hit) string { return "127.0.0.1" }, always(victimPerIP))
	for _, h := range log {
		if strings.HasPrefix(pathOf(h.url), "/closed") {
			t.Error("request for", h.url)
		}
	}
	archive := OpenArchive(dir, consent.Policy{})
	if err := archive.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	docs, err := readAll(t.Context(), archive)
	if err != nil || !slices.Equal(pageURLs(docs), want) {
		t.Errorf("after %d kills: %v, %q", kills, err, pageURLs(docs))
	}
}
