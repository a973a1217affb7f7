package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/internal/config"
)

// newSite makes a site for a test.
func newSite(t *testing.T, opt SiteOptions) *Site {
	t.Helper()
	opt.Dir = t.TempDir()
	s, err := NewSite(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// serve answers until stop or the end of the test.
func serve(t *testing.T, s *Site) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// get fetches without following redirects and without undoing gzip.
func get(t *testing.T, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func (s *Site) byKind() map[string][]Planted {
	m := map[string][]Planted{}
	for _, p := range s.planted {
		m[p.Kind] = append(m[p.Kind], p)
	}
	return m
}

// find gives the page behind a URL.
func (s *Site) find(t *testing.T, url string) *page {
	t.Helper()
	for _, p := range s.pages {
		if s.expand(p.ref()) == url {
			return p
		}
	}
	t.Fatalf("no page %s", url)
	return nil
}

// TestPlanted holds the numbers that the demo promises at 400 pages.
func TestPlanted(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 400, Seed: 1})
	if got := s.Summary(); !strings.Contains(got, "400 pages of Go documentation on 40 hosts") {
		t.Error(got)
	}
	if len(s.pages) != 400 || s.total != 400 || len(s.hosts) != 40 || len(s.Seeds()) != 40 || len(s.AllowAddr()) != 40 {
		t.Errorf("%d pages on %d hosts", len(s.pages), len(s.hosts))
	}
	kinds := s.byKind()
	for kind, least := range map[string]int{"exact": 25, "near": 40, "decoy": 25, "mojibake": 15, "charset": 15, "noai": 10, "disallowed": 10,
		"redirect": 4, "trap": 3, "too_large": 2, "missing": 3, "busy": 2, "flaky": 4, "pii": 4, "spam": 4, "clean": 2, "allowed": 1} {
		if n := len(kinds[kind]); n < least {
			t.Errorf("%d %s planted, want at least %d", n, kind, least)
		}
	}
	below := 0
	for _, k := range []string{"exact", "near", "decoy"} {
		for _, it := range kinds[k] {
			j := jaccard(shingles(s.find(t, it.URL).text()), shingles(s.find(t, it.Of).text()))
			if ok := map[string]bool{"exact": j == 1, "near": j >= 0.83 && j < 0.97, "decoy": j >= 0.66 && j < 0.74}[k]; !ok || j-it.J > 1e-4 || it.J-j > 1e-4 {
				t.Errorf("%s %s: Jaccard %.3f, noted %.3f", k, it.URL, j, it.J)
			}
			if k == "near" && j < 0.9 {
				below++
			}
		}
	}
	if below < 15 {
		t.Errorf("%d near-duplicates below 0.9, want 15", below)
	}
	encodings, says, noai := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, it := range kinds["charset"] {
		encodings[it.Encoding], says[it.How] = true, true
	}
	for _, it := range kinds["noai"] {
		noai[it.How] = true
	}
	if len(encodings) < 4 || !says["header"] || !says["meta"] || !says["bom"] || !says["none"] || len(noai) < 4 {
		t.Errorf("encodings %v, declared by %v; noai in %v", encodings, says, noai)
	}
	good := 0
	for _, h := range s.hosts {
		if len(h.pages) > 12 || h.slow && len(h.pages) > 15 {
			t.Errorf("host %d has %d pages of 400", h.index, len(h.pages))
		}
	}
	for _, p := range s.pages {
		if readable(p, 50) {
			good++
		}
	}
	if good < 400*35/100 {
		t.Errorf("%d pages would pass", good)
	}
}

// TestAlone looks for twins that nobody planted beside those that were.
func TestAlone(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 200, Seed: 2})
	pair := map[string]string{}
	for _, it := range s.planted {
		if it.Of != "" {
			pair[it.URL], pair[it.Of] = it.Of, it.URL
		}
	}
	sets := make([][]uint64, len(s.pages))
	for i, p := range s.pages {
		sets[i] = shingles(p.text())
	}
	for i, p := range s.pages {
		u := s.expand(p.ref())
		if pair[u] == "" {
			continue
		}
		for k, q := range s.pages {
			if k == i || s.expand(q.ref()) == pair[u] {
				continue
			}
			if j := jaccard(sets[i], sets[k]); j > 0.5 {
				t.Errorf("%s is planted and resembles %s: %.2f", u, s.expand(q.ref()), j)
			}
		}
	}
}

func TestDeterministic(t *testing.T) {
	digest := func(seed uint64, procs int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		return newSite(t, SiteOptions{Pages: 120, Seed: seed}).Digest()
	}
	a := digest(1, 1)
	if b := digest(1, 4); a != b {
		t.Error("the same seed gave another site")
	}
	if digest(2, 2) == a {
		t.Error("another seed gave the same site")
	}
}

func TestPlantedFile(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 60, Seed: 7})
	data, err := os.ReadFile(filepath.Join(s.opt.Dir, "planted.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Version, Pages int
		Hosts          []string
		Items          []Planted
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	if list.Version != 1 || list.Pages != len(s.pages) || len(list.Items) != len(s.Planted()) || len(list.Hosts) != len(s.hosts) {
		t.Errorf("%+v", list)
	}
	fates := map[string]int{}
	for _, it := range list.Items {
		fates[it.Expect.Fate]++
		if !strings.HasPrefix(it.URL, "http://127.0.0.") {
			t.Errorf("URL %q", it.URL)
		}
	}
	if got := slices.Sorted(maps.Keys(fates)); !slices.Equal(got, []string{"at_most", "both", "dropped", "one_of", "row", "unfetched"}) {
		t.Errorf("fates: %v", got)
	}
}

func TestPipelineYAML(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 60, Seed: 8})
	for _, onePort := range []bool{true, false} {
		s.onePort = onePort
		text := s.PipelineYAML(`C:\a "b": #c`)
		c, err := config.Parse("pipeline.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if c.Dir != `C:\a "b": #c` || len(c.Crawl.Seeds) != len(s.hosts) || len(c.Crawl.AllowAddr) != len(s.hosts) || time.Duration(c.Crawl.Delay) != Delay {
			t.Errorf("%+v", c)
		}
		if (c.Crawl.PerIPDelay == nil) != onePort {
			t.Errorf("per_ip_delay %v with one port: %v", c.Crawl.PerIPDelay, onePort)
		}
	}
}

func TestNoGo(t *testing.T) {
	t.Setenv("GOROOT", t.TempDir())
	t.Setenv("GOMODCACHE", t.TempDir())
	_, err := NewSite(t.Context(), SiteOptions{Dir: t.TempDir()})
	if !errors.Is(err, ErrNoGo) || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("error %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []SiteOptions{{Pages: -1}, {MaxHosts: 1000}, {Folder: filepath.Join(t.TempDir(), "none")}, {Folder: t.TempDir()}} {
		o.Dir = t.TempDir()
		if s, err := NewSite(t.Context(), o); err == nil {
			s.Close()
			t.Errorf("%+v made a site", o)
		}
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "First.\n\nSecond.", "sub/b é.html": "<p>raw</p>", "sub/c.md": "# Title\n\nText.", ".git/x.txt": "hidden", "d.png": "no"} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, SiteOptions{Folder: dir})
	serve(t, s)
	if len(s.pages) != 4 || len(s.planted) != 0 || len(s.hosts) != 1 {
		t.Fatalf("%d pages, %d planted, %d hosts", len(s.pages), len(s.planted), len(s.hosts))
	}
	_, front := get(t, s.Seeds()[0])
	for _, link := range []string{"/a.txt", "/sub/b%20%C3%A9.html", "/sub/c.md"} {
		if !strings.Contains(string(front), s.hosts[0].base+link+`"`) {
			t.Errorf("no link to %s in %s", link, front)
		}
		if resp, _ := get(t, s.hosts[0].base+link); resp.StatusCode != 200 {
			t.Errorf("%s: status %d", link, resp.StatusCode)
		}
	}
	if _, raw := get(t, s.hosts[0].base+"/sub/b%20%C3%A9.html"); string(raw) != "<p>raw</p>" {
		t.Errorf("the user's HTML was changed: %s", raw)
	}
}
