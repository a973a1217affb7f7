package consent

import (
	"slices"
	"strings"
	"testing"
	"time"

	"millrace"
	"millrace/crawl/robots"
)

func TestWanted(t *testing.T) {
	in := page{
		header: []string{`Link: <https://h.example/rsl.xml>; rel=license; type="application/rsl+xml", <mailto:a>; rel=license; type=application/rsl+xml`},
		html:   "<link rel=license type='application/rsl+xml; charset=utf-8' href=/two.xml><link rel=license type=application/rsl+xml href=/rsl.xml>",
		robots: "License: /three.xml\nLicense: /four.xml\nLicense: /five.xml\n",
	}.input()
	in.Resolve = func(ref string) string {
		if strings.HasPrefix(ref, "mailto:") {
			return ""
		}
		return "https://h.example/" + ref[strings.LastIndexByte(ref, '/')+1:]
	}
	want := []string{"https://h.example/rsl.xml", "https://h.example/two.xml", "https://h.example/three.xml", "https://h.example/four.xml"}
	if got := Wanted(in); !slices.Equal(got, want) {
		t.Errorf("wanted %s", got)
	}
	in.Site = in.Site.Add(RSL, want[0], when, 404, nil).Add(RSL, want[1], when, 200, []byte("<rsl><content url='/'/></rsl>"))
	if got := Wanted(in); !slices.Equal(got, want[2:]) {
		t.Errorf("wanted %s besides what is known", got)
	}
}

// TestSiteDoesNotChange: who holds a Site does not see what is added to it.
func TestSiteDoesNotChange(t *testing.T) {
	const refuse = "<rsl><content url='/'><license><prohibits type='usage'>all</prohibits></license></content></rsl>"
	one := (*Site)(nil).Add(RSL, "https://h.example/1", when, 200, []byte(refuse))
	one.Add(RSL, "https://h.example/2", when, 200, []byte(refuse))
	one.Add(TDM, "", when, 200, []byte(`[{"location":"/","tdm-reservation":1}]`))
	if len(one.rsl) != 1 || one.tdm != nil {
		t.Errorf("changed: %+v", one)
	}
	if s := one.Add(TDM, "", when, 200, make([]byte, MaxFile+1)); s.tdm != nil {
		t.Error("a file beyond the limit was read")
	}
}

// TestTimes: a statement of a file has the time at which the file was fetched, one of the page has none.
func TestTimes(t *testing.T) {
	in := page{header: []string{"X-Robots-Tag: noai"}, robots: "User-agent: *\nContent-Signal: ai-train=no", tdm: `[{"location":"/","tdm-reservation":1}]`,
		rsl: "<rsl><content url='/'/></rsl>", html: "<link rel=license type=application/rsl+xml href=/rsl.xml>", aiTxt: "User-Agent: *\nDisallow: /"}.input()
	by := Statements(in)
	if len(by) != 5 {
		t.Fatalf("%d statements: %+v", len(by), by)
	}
	for _, s := range by {
		want := when
		if s.Source == "header:X-Robots-Tag" {
			want = time.Time{}
		}
		if !s.At.Equal(want) {
			t.Errorf("%s: at %v, want %v", s.Source, s.At, want)
		}
	}
}

// TestBounds: however much a publisher writes, little is kept, and a no is never lost among it.
func TestBounds(t *testing.T) {
	var p page
	for range 5000 {
		p.header = append(p.header, "Tdm-Reservation: 0"+strings.Repeat(" ", len(p.header)%50), "X-Robots-Tag: noindex, "+strings.Repeat("x", len(p.header)))
		p.html += "<a rel=license href=/" + strings.Repeat("l", len(p.html)%99) + "><meta name=robots content=noimageai><meta name=tdm-policy content=/" + strings.Repeat("p", len(p.html)%77) + ">"
	}
	p.header = append(p.header, "X-Robots-Tag: noai")
	by := Statements(p.input())
	if len(by) > maxStatements || Combine(by) != no {
		t.Errorf("%d statements say %v", len(by), Combine(by))
	}
	for _, s := range by {
		if len(s.Raw) > maxRaw {
			t.Errorf("%s: %d bytes", s.Source, len(s.Raw))
		}
	}
}

func TestNoFollow(t *testing.T) {
	for _, c := range []struct {
		header, html string
		want         bool
	}{
		{"", "", false}, {"nofollow", "", true}, {"noindex, none", "", true}, {"otherbot: nofollow", "", false}, {"millbot: nofollow", "", true},
		{"", "<meta name=robots content='noindex, nofollow'>", true}, {"", "<meta name=millbot content=none>", true}, {"", "<meta name=googlebot content=nofollow>", false},
	} {
		p := page{html: c.html}
		if c.header != "" {
			p.header = []string{"X-Robots-Tag: " + c.header}
		}
		if got := NoFollow(p.input()); got != c.want {
			t.Errorf("%q %q: %v", c.header, c.html, got)
		}
	}
}

func TestLicence(t *testing.T) {
	for text, want := range map[string]string{
		"https://creativecommons.org/licenses/by/4.0/": "CC-BY-4.0", "http://www.creativecommons.org/licenses/by-nc-sa/2.5/it/deed.it": "CC-BY-NC-SA-2.5-IT",
		"//creativecommons.org/publicdomain/zero/1.0/": "CC0-1.0", "see https://creativecommons.org/publicdomain/mark/1.0": "CC-PDM-1.0", "https://creativecommons.org/licenses/by-nd-nc/1.0/": "CC-BY-NC-ND-1.0",
		"https://creativecommons.org/licenses/by/": "CC-BY", "https://creativecommons.org/about/": "", "MIT": "", "": "",
	} {
		if got := SPDX(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for id, want := range map[string]string{"CC-BY-4.0": "CC-BY", "CC0-1.0": "CC0", "CC-BY-SA-3.0-DE": "CC-BY-SA", "CC-BY": "CC-BY", "conflict": "conflict", "": ""} {
		if got := family(id); got != want {
			t.Errorf("family of %q: %q, want %q", id, got, want)
		}
	}
}

// BenchmarkStatements reads an ordinary page of 5 KB, as each page of a crawl is.
func BenchmarkStatements(b *testing.B) {
	body := []byte("<html><head><title>t</title><meta charset=utf-8><meta name=robots content=index></head><body>" + strings.Repeat("<p>Some words <a href=/a>and a link</a> in a paragraph, and more of it.</p>", 67))
	in := page{header: []string{"Content-Type: text/html", "Etag: x"}, robots: "User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n\nUser-agent: *\nContent-Signal: ai-train=yes\nAllow: /"}.input()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		in.Head = Scan(body, "millbot")
		Statements(in)
	}
}

// FuzzStatements gives hostile bytes to every reader at once.
func FuzzStatements(f *testing.F) {
	f.Add("train-ai=n;x=(1 2), ai-train=no, *: noai", `</r>; rel="license"; type=application/rsl+xml`, []byte("<meta name=robots content=noai><a rel=license href=x>"), []byte(`[{"location":"/*","tdm-reservation":1}]`))
	f.Add("otherbot: noai,", "<", []byte(`<script type="application/ld+json">[[{"@graph":[{"license":[{"@id":"x"}]}]}]]</script>`), []byte(`<rsl><content url="//"><license><permits type="usage">all`))
	f.Add("1", "", []byte("<script type=application/rsl+xml><rsl><content url=https://></content>"), []byte("\ufeffUser-Agent: *\nDisallow: *.html\nLicense: /r\n"))
	f.Fuzz(func(t *testing.T, value, link string, body, file []byte) {
		in := Input{URL: "https://h.example/a/page", Token: "millbot", Head: Scan(body, "millbot"), Rules: ReadRules(robots.Parse(file), "millbot", when),
			Resolve: func(ref string) string { return ref }}
		for _, name := range []string{"Content-Usage", "Content-Signal", "X-Robots-Tag", "Tdm-Reservation", "Tdm-Policy"} {
			in.Header = append(in.Header, millrace.Field{Name: name, Value: value})
		}
		in.Header = append(in.Header, millrace.Field{Name: "Link", Value: link})
		in.Site = in.Site.Add(TDM, "", when, 200, file).Add(AITxt, "", when, 200, file)
		for _, u := range Wanted(in) {
			in.Site = in.Site.Add(RSL, u, when, 200, file)
		}
		if u := Wanted(in); len(u) > 0 {
			t.Errorf("wanted again: %q", u)
		}
		by := Statements(in)
		if len(by) > maxStatements {
			t.Errorf("%d statements", len(by))
		}
		for _, s := range by {
			if len(s.Raw) > maxRaw || strings.ContainsFunc(s.Raw, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
				t.Errorf("%s: %q", s.Source, s.Raw)
			}
		}
		value1, verdict := Policy{}.Decide(by)
		if c := Combine(by); c != value1 || c == no && verdict.Reason != millrace.ConsentNoTrain {
			t.Errorf("combined %v, the policy says %v, %v", c, value1, verdict)
		}
		NoFollow(in)
	})
}
