package crawl

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"testing"
)

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
		"HTML":             {"<!doctype html><title>404</title>", nil, false},
	} {
		got, err := readSitemap(strings.NewReader(c.in))
		if err != nil || !slices.Equal(got.urls, c.want) || got.index != c.index {
			t.Errorf("%s: %q, index %v, %v; want %q", name, got.urls, got.index, err, c.want)
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
		t.Errorf("%d URLs, %v", len(got.urls), err)
	}
	got, err = readSitemap(strings.NewReader(packed("<urlset>" + strings.Repeat(" ", maxSitemapBytes) + "<url><loc>http://h/late</loc></url>")))
	if len(got.urls) != 0 || err != nil {
		t.Errorf("what lies behind the limit was read: %q, %v", got.urls, err)
	}
	if got, err := readSitemap(strings.NewReader(packed("http://h/a\nhttp://h/b")[:30])); err == nil {
		t.Errorf("a broken packed file: %q without an error", got.urls)
	}
}

func FuzzSitemap(f *testing.F) {
	f.Add([]byte("<sitemapindex\n a><sitemap><loc>http://h/1</loc><!-- x --></sitemap>"))
	f.Add([]byte("<urlset><loc><![CDATA[http://h/a]]></loc><loc>&amp;"))
	f.Add([]byte(packed("http://h/a\nhttp://h/b\n")))
	f.Add([]byte("\xef\xbb\xbfhttp://h/a\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _ := readSitemap(bytes.NewReader(data))
		for _, u := range got.urls {
			if u == "" || len(u) > maxURL || u != strings.TrimSpace(u) {
				t.Errorf("URL %q", u)
			}
		}
		if len(got.urls) > maxSitemapURLs {
			t.Errorf("%d URLs", len(got.urls))
		}
	})
}
