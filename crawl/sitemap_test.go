package crawl

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// urlsOf are the URLs alone.
func urlsOf(m sitemap) (out []string) {
	for _, l := range m.urls {
		out = append(out, l.url)
	}
	return out
}

// packed is s as gzip.
func packed(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

func TestSitemapForms(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		want  []string
		index bool
	}{
		"urlset":           {"<?xml version='1.0'?>\n<urlset xmlns='x'><url><loc> http://h/a </loc><lastmod>2026</lastmod></url><url><loc>http://h/b</loc></url></urlset>", []string{"http://h/a", "http://h/b"}, false},
		"index":            {"<sitemapindex><sitemap><loc>http://h/1.xml</loc></sitemap></sitemapindex>", []string{"http://h/1.xml"}, true},
		"index, tag cut":   {"<sitemapindex\n  xmlns='x'\n><sitemap><loc\n>http://h/1.xml</loc></sitemap></sitemapindex>", []string{"http://h/1.xml"}, true},
		"entities":         {"<urlset><url><loc>http://h/?a=1&amp;b=2</loc></url></urlset>", []string{"http://h/?a=1&b=2"}, false},
		"CDATA":            {"<urlset><url><loc><![CDATA[http://h/?a&b]]></loc></url></urlset>", []string{"http://h/?a&b"}, false},
		"comment":          {"<urlset><!-- <loc>http://h/no</loc> --><url><loc>http://h/a</loc></url></urlset>", []string{"http://h/a"}, false},
		"pictures":         {"<urlset><url><loc>http://h/a</loc><image:image><image:loc>http://h/i.png</image:loc></image:image></url></urlset>", []string{"http://h/a"}, false},
		"plain":            {"\xef\xbb\xbfhttp://h/a\r\nnonsense\nhttp://h/b", []string{"http://h/a", "http://h/b"}, false},
		"packed":           {packed("<urlset><url><loc>http://h/a</loc></url></urlset>"), []string{"http://h/a"}, false},
		"packed and plain": {packed("http://h/a\n"), []string{"http://h/a"}, false},
		"cut off":          {"<urlset><url><loc>http://h/a</loc></url><url><loc>http://h/b", []string{"http://h/a"}, false},
		"empty":            {"", nil, false},
		"entity bomb":      {"<!DOCTYPE u [<!ENTITY a 'http://h/x'><!ENTITY b '&a;&a;&a;'>]><urlset><url><loc>http://h/&b;</loc></url></urlset>", []string{"http://h/&b;"}, false},
		"deep":             {strings.Repeat("<a>", 100_000) + "<loc>http://h/a</loc>" + strings.Repeat("</a>", 100_000), []string{"http://h/a"}, false},
		"comment inside":   {"<urlset><url><loc>http://h/<!-- x -- y -->a</loc></url></urlset>", []string{"http://h/a"}, false},
		"a feed":           {"<rss><channel><link>http://h/</link><item><link>http://h/1</link></item></channel></rss>", []string{"http://h/1"}, false},
		"HTML":             {"<!doctype html><title>404</title>", nil, false},
	} {
		got, err := readSitemap(strings.NewReader(c.in))
		if err != nil || !slices.Equal(urlsOf(got), c.want) || got.index != c.index {
			t.Errorf("%s: %q, index %v, %v; want %q", name, urlsOf(got), got.index, err, c.want)
		}
	}
}

func TestSitemapDates(t *testing.T) {
	got, err := readSitemap(strings.NewReader(`<urlset>
		<url><lastmod>2026-03-04</lastmod><loc>http://h/before</loc></url>
		<url><loc>http://h/none</loc><priority>1</priority></url>
		<url><loc>http://h/zone</loc><lastmod> 2026-03-04T05:06:07.25+02:00 </lastmod>
			<image:image><image:loc>http://h/i</image:loc></image:image></url>
		<url><loc>http://h/bad</loc><lastmod>yesterday</lastmod></url>
		<loc>http://h/bare</loc><lastmod>2026</lastmod><loc>http://h/next</loc></urlset>`))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, l := range got.urls {
		fmt.Fprintf(&b, "%s %s\n", l.url, l.changed.Format(time.RFC3339Nano))
	}
	const want = `http://h/before 2026-03-04T00:00:00Z
http://h/none 0001-01-01T00:00:00Z
http://h/zone 2026-03-04T03:06:07.25Z
http://h/bad 0001-01-01T00:00:00Z
http://h/bare 2026-01-01T00:00:00Z
http://h/next 0001-01-01T00:00:00Z
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// TestW3CTime goes through the precisions of the W3C's note, and what sites write instead.
func TestW3CTime(t *testing.T) {
	for in, want := range map[string]string{
		"1997":                         "1997-01-01T00:00:00Z",
		"1997-07":                      "1997-07-01T00:00:00Z",
		"1997-07-16":                   "1997-07-16T00:00:00Z",
		"1997-07-16T19:20+01:00":       "1997-07-16T18:20:00Z",
		"1997-07-16T19:20:30+01:00":    "1997-07-16T18:20:30Z",
		"1997-07-16T19:20:30.45+01:00": "1997-07-16T18:20:30.45Z",
		"1997-07-16T19:20:30Z":         "1997-07-16T19:20:30Z",
		"1997-07-16T19:20:30+0100":     "1997-07-16T18:20:30Z",
		"1997-07-16T19:20:30":          "1997-07-16T19:20:30Z",
		"1997-07-16 19:20:30":          "1997-07-16T19:20:30Z",
		"1997-13":                      "",
		"1997-07-16T25:20Z":            "",
		"16.07.1997":                   "",
		"":                             "",
	} {
		got, err := parseW3CTime(in)
		if err != nil && want == "" {
			continue
		}
		if got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v; want %q", in, got, err, want)
		}
	}
}

func TestSitemapLimits(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("<urlset>")
	for i := range maxSitemapURLs + 10 {
		fmt.Fprintf(&b, "<url><loc>http://h/%d</loc></url>", i)
	}
	got, err := readSitemap(strings.NewReader(b.String()))
	if len(got.urls) != maxSitemapURLs || err == nil {
		t.Errorf("%d URLs, %v", len(urlsOf(got)), err)
	}
	got, err = readSitemap(strings.NewReader(packed("<urlset>" + strings.Repeat(" ", maxSitemapBytes) + "<url><loc>http://h/late</loc></url>")))
	if len(got.urls) != 0 || err != nil {
		t.Errorf("what lies behind the limit was read: %q, %v", urlsOf(got), err)
	}
	if got, err := readSitemap(strings.NewReader(packed("http://h/a\nhttp://h/b")[:30])); err == nil {
		t.Errorf("a broken packed file: %q without an error", urlsOf(got))
	}
}

func FuzzSitemap(f *testing.F) {
	f.Add([]byte("<sitemapindex\n a><sitemap><loc>http://h/1</loc><!-- x --></sitemap>"))
	f.Add([]byte("<urlset><loc><![CDATA[http://h/a]]></loc><loc>&amp;"))
	f.Add([]byte(packed("http://h/a\nhttp://h/b\n")))
	f.Add([]byte("\xef\xbb\xbfhttp://h/a\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _ := readSitemap(bytes.NewReader(data))
		for _, u := range urlsOf(got) {
			if u == "" || len(u) > maxURL || u != strings.TrimSpace(u) {
				t.Errorf("URL %q", u)
			}
		}
		if len(got.urls) > maxSitemapURLs {
			t.Errorf("%d URLs", len(urlsOf(got)))
		}
	})
}

// TestSitemapSpeaksForItsHost: a sitemap may list pages of another host only where that host's robots.txt
// names it, or an index above it.
func TestSitemapSpeaksForItsHost(t *testing.T) {
	t.Parallel()
	list := func(tag string, urls ...string) reply {
		return textPage("<" + tag + "><loc>" + strings.Join(urls, "</loc><loc>") + "</loc></" + tag + ">")
	}
	w := &world{names: map[string]string{"a.test": "192.0.9.1", "b.test": "192.0.9.2", "maps.test": "192.0.9.3"}, answer: fixed(map[string]reply{
		"http://a.test/robots.txt": textPage("Sitemap: http://maps.test/a.xml\nSitemap: /own.xml\n"),
		"http://a.test/own.xml":    list("urlset", "http://www.a.test/www", "http://a.test/own", "http://b.test/no"),
		"http://maps.test/a.xml":   list("sitemapindex", "http://maps.test/in.xml"),
		"http://maps.test/in.xml":  list("urlset", "http://a.test/far", "http://b.test/no"),
		"http://maps.test/b.xml":   list("urlset", "http://b.test/far", "http://a.test/no"),
		"http://b.test/robots.txt": textPage("Sitemap: http://maps.test/b.xml\n"),
		"http://a.test/":           htmlPage("a"),
		"http://b.test/":           htmlPage("b"),
	})}
	synctest.Test(t, func(t *testing.T) {
		o := optionsFor(t.TempDir(), "http://a.test/", "http://b.test/")
		o.Scope = "any"
		w.crawl(t, t.Context(), o)
	})
	for url, want := range map[string]int{"http://a.test/own": 1, "http://a.test/far": 1, "http://b.test/far": 1, "http://b.test/no": 0, "http://a.test/no": 0} {
		if n := w.times(url); n != want {
			t.Errorf("%s: %d requests, want %d", url, n, want)
		}
	}
}
