package crawl

import (
	"fmt"
	"strings"
	"testing"

	"millrace"
	"millrace/crawl/consent"
)

// TestManyLinks reads a page that lists more than anybody follows.
func TestManyLinks(t *testing.T) {
	var page strings.Builder
	page.WriteString("<base href='http://" + strings.Repeat("@", 10_000) + "'><base href=/never/>")
	for i := range 100_000 {
		fmt.Fprintf(&page, "<a href='%x'>x</a>", i)
	}
	links := scanLinks([]byte(page.String()), "http://h.example/a/b")
	if len(links) != maxLinks || links[0].fetch != "http://h.example/a/0" || links[maxLinks-1].fetch != "http://h.example/a/270f" {
		t.Errorf("%d links, the first %+v", len(links), links[:min(len(links), 1)])
	}
}

// FuzzPage reads hostile pages for their links and statements.
func FuzzPage(f *testing.F) {
	f.Add("text/html", "noai, millbot: nofollow", []byte("<base href=/x><a href=a rel=nofollow>a<meta name=robots content=noai><meta http-equiv=refresh content='0; url=/b'>"))
	f.Add("", "unavailable_after: x, y:", []byte("<html><a href='\xff\xfe'><area href=//[><iframe src=http://:99999/>"))
	f.Fuzz(func(t *testing.T, kind, tag string, body []byte) {
		header := []millrace.Field{{Name: "Content-Type", Value: kind}, {Name: "Content-Usage", Value: tag}, {Name: "Tdm-Reservation", Value: tag}, {Name: "X-Robots-Tag", Value: tag}}
		says := sayings("http://h.example/p", header, body, "millbot")
		links, _ := linksOf(says, 200, body, "")
		seen := map[string]bool{}
		for _, a := range links {
			if seen[a.key] {
				t.Errorf("%s twice", a.key)
			}
			seen[a.key] = true
		}
		for _, s := range consent.Statements(says) {
			if len(s.Raw) > maxRaw || strings.ContainsAny(s.Raw, "\r\n\x1b") {
				t.Errorf("statement %+v", s)
			}
			if got, ok := parseStatement(formatStatement(s)); !ok || got != s {
				t.Errorf("read back %+v, wrote %+v", got, s)
			}
		}
	})
}
