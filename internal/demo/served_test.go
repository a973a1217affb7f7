package demo

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCrawl walks over all links as a rude but harmless crawler would, which finds every page, and
// holds the log against what was asked.
func TestCrawl(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 400, Seed: 3})
	stop := serve(t, s)
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
	stop() // a line is written when its answer is over, which may be after the client has it
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

// TestContent fetches the pages whose content was altered.
func TestContent(t *testing.T) {
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
}

// TestTraps fetches what a crawler must survive.
func TestTraps(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 100, Seed: 10})
	serve(t, s)
	kinds := s.byKind()
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

// TestOneAddress serves as on a machine that has 127.0.0.1 only: a port for each host.
func TestOneAddress(t *testing.T) {
	s := newSite(t, SiteOptions{Pages: 40, Seed: 9, MaxHosts: 4})
	s.closeListeners()
	s.onePort = false
	var err error
	for port := 29000; port < 31000; port += 10 {
		if err = s.listenAt(t.Context(), port); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	for i, h := range s.hosts {
		if _, body := get(t, h.base+"/"); !strings.Contains(string(body), "Shelf "+strconv.Itoa(i+1)+" of") || h.ip != "127.0.0.1" {
			t.Errorf("host %d at %s: %.200s", i, h.base, body)
		}
	}
	if y := s.PipelineYAML("d"); !strings.Contains(y, "per_ip_delay: 0s") {
		t.Error(y)
	}
	data, err := os.ReadFile(filepath.Join(s.opt.Dir, "access.log"))
	if err != nil || bytes.Count(data, []byte(`"ip_delay_ms":0`)) != len(s.hosts) {
		t.Errorf("%v: %s", err, data)
	}
}
