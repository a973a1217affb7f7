package crawl

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The robots.txt of the hostile site. hostileCloses says the same without a robots.txt parser.
const hostileRobots = `User-agent: *
Disallow: /

User-agent: millbot
Disallow: /closed/
Allow: /closed/open/
Disallow: /café
Disallow: /%7eroot/
Disallow: /a%2fb
Disallow: /*.pdf$
Disallow: /find?q=
Disallow: /*&order=
Disallow: /private # and nobody else

Sitemap: /map.xml
Sitemap: /closed/map.xml
`

// hostileCloses says whether a request line's target is one that nobody may ask for.
func hostileCloses(target string) bool {
	var b strings.Builder // octets that need no escape, unescaped; escapes in upper case
	for i := 0; i < len(target); i++ {
		if target[i] != '%' || i+2 >= len(target) {
			b.WriteByte(target[i])
			continue
		}
		var c byte
		fmt.Sscanf(target[i+1:i+3], "%02x", &c)
		if c == '~' || c == '-' || c == '.' || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
		i += 2
	}
	s := b.String()
	for _, prefix := range []string{"/caf%C3%A9", "/~root/", "/a%2Fb", "/find?q=", "/private"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return strings.HasPrefix(s, "/closed/") && !strings.HasPrefix(s, "/closed/open/") || strings.HasSuffix(s, ".pdf") || strings.Contains(s, "&order=")
}

// letters spells a number, so that no two pages have one shape.
func letters(n int) string {
	return string([]byte{byte('a' + n/676), byte('a' + n/26%26), byte('a' + n%26)})
}

// open and shut are ways to spell a link to something that is open, or closed.
var (
	openLinks = []string{"/p%s", "/closed/open/%s", "/Closed/%s", "/%%70%s", "/find?x=%s&q=1", "/a/b%s", "/%s.pdf?v=1", "/caf%%C3%%A8%s", "/root/%s", "/%%63losed%%2f%s"}
	shutLinks = []string{"/closed/%s", "/%%63losed/%s", "/x/../closed/%s", "/closed/open/../%s", "\\closed\\%s", "/clo\nsed/%s", "/café%s", "/caf%%c3%%a9%s", "/~root/%s", "/%%7Eroot/%s",
		"/a%%2Fb%s", "/%s.pdf", "/%s.%%70df", "/find?q=%s", "/find?x=%s&order=1", "/private%s", "/priv%%61te/%s?x", "/./private%s"}
)

// TestHostileSite crawls 10,000 pages that do everything to lead into what robots.txt closes. The site's
// own log decides.
func TestHostileSite(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 pages")
	}
	const hosts, pagesEach = 40, 250
	var sites []*site
	for i := range hosts {
		sites = append(sites, newSite(t, 2+i, hostile(pagesEach)))
	}
	o := options(t.TempDir(), sites...)
	o.Concurrency = 32
	docs, counts, err := crawlAll(t, o)
	if err != nil || counts.Waiting+counts.Failed > 0 {
		t.Fatalf("%v, counts %+v", err, counts)
	}
	for _, s := range sites {
		seen := map[string]bool{}
		for _, r := range s.requests() {
			if hostileCloses(r.path) && r.path != "/robots.txt" {
				t.Errorf("%s: request for %s", s.addr, r.path)
			}
			if seen[r.path] {
				t.Errorf("%s: another request for %s", s.addr, r.path)
			}
			seen[r.path] = true
		}
		for i := range pagesEach { // closing too much would be easy
			if path := fmt.Sprintf(openLinks[i%len(openLinks)], letters(i)); !seen[path] {
				t.Errorf("%s: no request for %s, which is open", s.addr, path)
			}
		}
	}
	if len(docs) < hosts*pagesEach || counts.Refused < hosts*pagesEach {
		t.Errorf("%d documents, counts %+v", len(docs), counts)
	}
}

// hostile serves one host of the hostile site.
func hostile(pages int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		link := func(forms []string, i int) string { return fmt.Sprintf(forms[i%len(forms)], letters(i)) }
		switch target := r.URL.RequestURI(); {
		case target == "/robots.txt":
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, hostileRobots)
		case target == "/.well-known/tdmrep.json":
			http.Redirect(w, r, "/closed/tdmrep.json", http.StatusFound)
		case target == "/map.xml":
			io.WriteString(w, "<urlset>")
			for i := range pages {
				fmt.Fprintf(w, "<url><loc>%s</loc></url>", strings.ReplaceAll(link(shutLinks, i), "&", "&amp;"))
			}
			io.WriteString(w, "</urlset>")
		case target == "/":
			for i := range pages {
				fmt.Fprintf(w, "<a href=\"%s\">x</a>", link(openLinks, i))
			}
		default:
			n := 0
			for _, c := range []byte(target) {
				n = n*31 + int(c)
			}
			n &= 1<<13 - 1
			if n%5 == 0 {
				w.Header()["Location"] = []string{strings.ReplaceAll(link(shutLinks, n), "\n", "")}
				w.WriteHeader(http.StatusFound)
				return
			}
			fmt.Fprintf(w, "<base href=/x/><a href=\"%s\">x</a><a href=\"%s\">x</a>", link(shutLinks, n), link(shutLinks, n+1))
		}
	}
}

// TestPolitenessIsNotSlowness: 200 hosts with a Crawl-delay from 0 to 5 s that answer "later" in both
// forms get every request in time, and none of them waits for another.
func TestPolitenessIsNotSlowness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hosts, pagesEach = 200, 8
		const least = 500 * time.Millisecond
		delayOf := func(url string) time.Duration {
			var n int
			fmt.Sscanf(url, "http://1.1.1.%d/", &n)
			return max(least, time.Duration(n%6)*time.Second)
		}
		seen := map[string]bool{}
		w := &world{latency: 60 * time.Millisecond}
		w.answer = func(url string) reply {
			w.mu.Lock()
			again := seen[url]
			seen[url] = true
			w.mu.Unlock()
			path := pathOf(url)
			switch {
			case path == "/robots.txt":
				return textPage(fmt.Sprintf("User-agent: *\nCrawl-delay: %d\n", delayOf(url)/time.Second))
			case path == "/":
				var b strings.Builder
				for i := range pagesEach {
					fmt.Fprintf(&b, "<a href=/p%d>p</a>", i)
				}
				return htmlPage(b.String())
			case path == "/p2" && !again:
				return reply{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"6"}}}
			case path == "/p5" && !again:
				at := time.Now().Add(9 * time.Second).UTC().Format(http.TimeFormat)
				return reply{status: http.StatusServiceUnavailable, header: http.Header{"Retry-After": {at}}}
			}
			return htmlPage("page")
		}
		o := optionsFor(t.TempDir())
		o.Delay = least
		for i := range hosts {
			o.Seeds = append(o.Seeds, fmt.Sprintf("http://1.1.1.%d/", i+1))
		}
		began := time.Now()
		docs, counts, err := w.crawl(t, t.Context(), o)
		if err != nil || len(docs) != hosts*(pagesEach+1) || counts.Waiting+counts.Failed+counts.Refused > 0 {
			t.Fatalf("%d documents, %v, counts %+v", len(docs), err, counts)
		}
		checkOnePageEach(t, docs)
		log := w.hits()
		checkClosed(t, log)
		checkGaps(t, log, byHost, func(h hit) time.Duration { return delayOf(h.url) }) // so never two at once
		bound := map[string]time.Duration{}
		for _, h := range log {
			wait, _ := retryAfter(&answer{header: h.reply.header, ended: h.end})
			bound[h.authority()] += h.end.Sub(h.begin) + max(delayOf(h.url), wait)
		}
		slowest := time.Duration(0)
		for host, d := range bound {
			slowest = max(slowest, d-delayOf(host+"/")) // nobody waits behind the last answer
		}
		if took := time.Since(began); took > slowest*115/100 {
			t.Errorf("took %v, the slowest host needs %v", took, slowest)
		}
	})
}
