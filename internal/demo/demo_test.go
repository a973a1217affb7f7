package demo

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
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

// serve answers until the test ends.
func serve(t *testing.T, s *Site) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
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

// TestCrawl walks over all links as a rude but harmless crawler would, which finds every page, and
// holds the log against what was asked.
func TestCrawl(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 400, Seed: 3})
	serve(t, s)
	href := regexp.MustCompile(`href="([^"]*)"`)
	queue, seen, asked := s.Seeds(), map[string]int{}, 0
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		if _, ok := seen[u]; ok || strings.Contains(u, "/private/") && !strings.Contains(u, "/private/press/") || strings.Contains(u, "/files/") || strings.Contains(u, "/calendar/2027") || strings.Contains(u, "#") {
			continue
		}
		var resp *http.Response
		var body []byte
		for range 4 { // pages that heal
			asked++
			if resp, body = get(t, u); resp.StatusCode < 429 {
				break
			}
		}
		seen[u] = resp.StatusCode
		base := u[:strings.IndexByte(u[8:], '/')+8]
		if to := resp.Header.Get("Location"); to != "" {
			queue = append(queue, to)
			if strings.HasPrefix(to, "/") {
				queue[len(queue)-1] = base + to
			}
		}
		for _, m := range href.FindAllStringSubmatch(string(bytes.ReplaceAll(body, []byte{0}, nil)), -1) {
			if strings.HasPrefix(m[1], "/") {
				m[1] = base + m[1]
			}
			queue = append(queue, m[1])
		}
	}
	if n, total := s.Answered(); n != total || total != 400 {
		t.Errorf("%d of %d pages were found", n, total)
	}
	for _, it := range s.planted {
		st, ok := seen[it.URL]
		switch it.Expect.Fate {
		case "unfetched":
			continue
		case "at_most":
			ok, st = true, 200
		}
		want := map[string]int{"missing": 404, "redirect": 302}[it.Kind]
		if it.Kind == "redirect" && st == 301 {
			st = 302
		}
		if want == 0 {
			want = 200
		}
		if it.Kind != "too_large" && (!ok || st != want) {
			t.Errorf("%s %s: status %d, want %d", it.Kind, it.URL, st, want)
		}
	}
	checkLog(t, s, asked)
}

// checkLog reads access.log back.
func checkLog(t *testing.T, s *Site, asked int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.opt.Dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	slow, closed := map[int64]int{}, 0
	for line := range bytes.Lines(data) {
		lines++
		var q Request
		if err := json.Unmarshal(line, &q); err != nil {
			t.Fatal(err)
		}
		if q.Done < q.T || q.Host != q.IP+":"+strconv.Itoa(q.Port) || q.Status == 0 || q.Agent == "" || !q.Allowed || q.Cut {
			t.Fatalf("line %d: %s", lines, line)
		}
		slow[q.DelayMS]++
		if q.Closed > 0 {
			closed++
			if wait := time.Duration(q.Closed - q.Done); q.Status != 429 || wait < 2*time.Second || wait > 5*time.Second {
				t.Errorf("line %d: closed for %v: %s", lines, wait, line)
			}
		}
	}
	if lines != asked || slow[2000] == 0 || slow[200] == 0 || len(slow) != 2 || closed != 2 {
		t.Errorf("%d lines for %d requests, delays %v, %d pauses", lines, asked, slow, closed)
	}
}

func TestRobotsAndSitemaps(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 100, Seed: 4})
	serve(t, s)
	forms := map[string]int{}
	for i, h := range s.hosts {
		_, body := get(t, h.base+"/robots.txt")
		if !strings.Contains(string(body), "\nDisallow: /private/\n") || strings.Contains(string(body), "Crawl-delay: 2\n") != h.slow {
			t.Errorf("robots.txt of host %d: %s", i, body)
		}
		m := regexp.MustCompile(`Sitemap: (\S+)`).FindSubmatch(body)
		if m == nil {
			forms["none"]++
			continue
		}
		url := string(m[1])
		forms[strings.TrimPrefix(url, h.base)]++
		resp, xml := get(t, url)
		if next := regexp.MustCompile(`<sitemap><loc>([^<]*)`).FindSubmatch(xml); next != nil {
			_, xml = get(t, string(next[1]))
		}
		if resp.Header.Get("Content-Type") == "application/gzip" {
			xml = gunzip(t, xml)
		}
		for p := range h.pages {
			if !strings.Contains(string(xml), "<loc>"+h.base+p+"</loc>") {
				t.Errorf("%s lacks %s", url, p)
			}
		}
	}
	if len(forms) != 4 {
		t.Errorf("forms of sitemaps: %v", forms)
	}
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBehaviours fetches one of each thing that is planted.
func TestBehaviours(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 250, Seed: 5})
	serve(t, s)
	kinds := s.byKind()
	t.Run("charset", func(t *testing.T) {
		for i, it := range kinds["charset"] {
			p := s.find(t, it.URL)
			resp, body := get(t, it.URL)
			ct := resp.Header.Get("Content-Type")
			if strings.Contains(ct, "charset") != (p.charset.header != "") || !bytes.HasPrefix(body, []byte(p.charset.bom)) {
				t.Errorf("%d: %s, %q", i, ct, body[:8])
			}
			if it.Encoding != "utf-8" && bytes.Contains(body, []byte(it.Expect.Contains[0])) {
				t.Errorf("%s is not in %s", it.URL, it.Encoding)
			}
			if p.charset.enc == nil {
				continue
			}
			text, err := p.charset.enc.NewDecoder().Bytes(bytes.TrimPrefix(body, []byte(p.charset.bom)))
			if plain := strings.NewReplacer("&#39;", "'").Replace(string(text)); err != nil || !strings.Contains(plain, it.Expect.Contains[0]) {
				t.Errorf("%s read as %s lacks its sentence: %v", it.URL, it.Encoding, err)
			}
		}
	})
	t.Run("mojibake", func(t *testing.T) {
		for _, it := range kinds["mojibake"] {
			_, body := get(t, it.URL)
			if bytes.Contains(body, []byte(it.Expect.Contains[0])) || !bytes.ContainsRune(body, 'Ã') {
				t.Errorf("%s reads well", it.URL)
			}
		}
	})
	t.Run("noai", func(t *testing.T) {
		for _, it := range kinds["noai"] {
			resp, body := get(t, it.URL)
			how, name, _ := strings.Cut(it.How, " ")
			if how == "header" && resp.Header.Get(name) == "" || how == "meta" && !bytes.Contains(body, []byte(`<meta name="`+name+`" content="`)) {
				t.Errorf("%s does not say noai by %s", it.URL, it.How)
			}
		}
	})
	t.Run("heals", func(t *testing.T) {
		for _, it := range append(kinds["flaky"], kinds["busy"]...) {
			p := s.find(t, it.URL)
			for range p.flaw.fails {
				resp, _ := get(t, it.URL)
				if resp.StatusCode != p.flaw.status || (resp.StatusCode == 429) != (resp.Header.Get("Retry-After") != "") {
					t.Errorf("%s: status %d, Retry-After %q", it.URL, resp.StatusCode, resp.Header.Get("Retry-After"))
				}
			}
			if resp, _ := get(t, it.URL); resp.StatusCode != 200 {
				t.Errorf("%s has not healed: %d", it.URL, resp.StatusCode)
			}
		}
	})
	t.Run("gzip", func(t *testing.T) {
		h := s.hosts[1]
		_, plain := get(t, h.base+"/")
		resp, body := get(t, h.base+"/", "Accept-Encoding", "br, gzip")
		if resp.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(gunzip(t, body), plain) {
			t.Error("gzip differs from the plain answer")
		}
		if resp, _ := get(t, h.base+"/", "Accept-Encoding", "gzip;q=0"); resp.Header.Get("Content-Encoding") != "" {
			t.Error("gzip was sent to one who refused it")
		}
	})
	t.Run("pii", func(t *testing.T) {
		for _, it := range kinds["pii"] {
			if text := s.find(t, it.URL).text(); !strings.Contains(text, it.Expect.Absent[0]) || !strings.Contains(text, it.Expect.Absent[1]) {
				t.Errorf("%s has nothing to mask", it.URL)
			}
		}
	})
	t.Run("calendar", func(t *testing.T) {
		u := kinds["trap"][slices.IndexFunc(kinds["trap"], func(p Planted) bool { return strings.HasSuffix(p.URL, "/calendar/") })].URL
		if _, body := get(t, u+"2026/12"); !bytes.Contains(body, []byte(`href="/calendar/2027/1"`)) {
			t.Errorf("December: %s", body)
		}
		for _, bad := range []string{"", "2026/13", "0/1", "x/y", "2026/0"} {
			if resp, _ := get(t, u+bad); resp.StatusCode != 404 {
				t.Errorf("calendar %q: status %d", bad, resp.StatusCode)
			}
		}
	})
	t.Run("too large", func(t *testing.T) {
		for i, it := range kinds["too_large"] {
			resp, body := get(t, it.URL) // reads 1 MiB and goes away
			if len(body) != 1<<20 || i == 0 && resp.ContentLength != bigPage || i == 1 && resp.ContentLength != -1 {
				t.Errorf("%s: %d bytes read of %d", it.URL, len(body), resp.ContentLength)
			}
		}
	})
}

// TestCutIsLogged goes away in the middle of the page that never ends.
func TestCutIsLogged(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 40, Seed: 6, MaxHosts: 3})
	serve(t, s)
	get(t, s.byKind()["too_large"][1].URL)
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		data, err := os.ReadFile(filepath.Join(s.opt.Dir, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 0 {
			var q Request
			if err := json.Unmarshal(data, &q); err != nil || !q.Cut || q.Bytes < 1<<20 || q.Status != 200 {
				t.Fatalf("%v: %s", err, data)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the request was never logged")
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
