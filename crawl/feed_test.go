package crawl

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFeedForms(t *testing.T) {
	const bare = " 0001-01-01T00:00:00Z"
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"RSS 2.0": {`<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><link>http://h/</link>
			<item><title>A</title><link>http://h/a?x=1&amp;y=2</link><pubDate>Wed, 02 Oct 2026 15:00:00 +0200</pubDate></item>
			<item><guid>http://h/b</guid><enclosure url="http://h/b.mp3"/></item>
			<item><guid isPermaLink="false">http://h/no</guid></item>
			<item><link><![CDATA[ http://h/c ]]></link><guid>http://h/other</guid></item></channel></rss>`,
			[]string{"http://h/a?x=1&y=2 2026-10-02T13:00:00Z", "http://h/b" + bare, "http://h/c" + bare}},
		"RSS 1.0": {`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
			<channel rdf:about="http://h/rss"><link>http://h/</link></channel>
			<item rdf:about="http://h/a"><link>http://h/a</link><dc:date>2026-10-02</dc:date></item></rdf:RDF>`,
			[]string{"http://h/a 2026-10-02T00:00:00Z"}},
		"Atom": {`<feed xmlns="http://www.w3.org/2005/Atom"><link href="http://h/"/><link rel="self" href="http://h/f"/><link rel='next' href='/f?p=2'/>
			<updated>2026-12-31T00:00:00Z</updated>
			<entry><link rel="edit" href="http://h/e"/><link href="/a"/><published>2026-01-02T03:04:05Z</published><updated>2026-02-02T03:04:05Z</updated></entry>
			<entry><link rel="alternate" type="text/html" href="b"/><source><link href="http://other/"/><updated>2026-12-31T00:00:00Z</updated></source></entry></feed>`,
			[]string{"http://h/f?p=2" + bare, "http://h/a 2026-02-02T03:04:05Z", "http://h/dir/b" + bare}},
		"Atom with bases": {`<feed xml:base="http://h/x/"><entry xml:base="y/"><link href="a"/></entry><entry><link href="b"/></entry></feed>`,
			[]string{"http://h/x/y/a" + bare, "http://h/x/b" + bare}},
		"Atom in RSS":   {`<rss><channel><atom:link rel="self" href="http://h/f"/><item><atom:link href="http://h/a"/></item></channel></rss>`, []string{"http://h/a" + bare}},
		"cut off":       {`<rss><channel><item><link>http://h/a</link></item><item><link>http://h/b`, []string{"http://h/a" + bare}},
		"twice":         {`<rss><item><link>http://h/a</link></item><item><link>http://h/a#top</link></item></rss>`, []string{"http://h/a" + bare}},
		"other schemes": {`<rss><item><link>mailto:x@h</link></item><item><link>javascript:x</link></item></rss>`, nil},
		"entity bomb": {`<!DOCTYPE rss [<!ENTITY a "http://h/1"><!ENTITY b "&a;&a;&a;&a;">]><rss><item><link>http://h/&b;</link></item></rss>`,
			[]string{"http://h/&b;" + bare}},
		"no feed": {`<urlset><loc>http://h/a</loc></urlset>`, nil},
		"empty":   {"", nil},
	} {
		var got []string
		links, changed := feedLinks("http://h/dir/feed", []byte(c.in))
		for i, a := range links {
			got = append(got, a.fetch+" "+changed[i].Format(time.RFC3339))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s:\n%q, want\n%q", name, got, c.want)
		}
	}
}

func TestIsFeed(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		want       bool
	}{
		{"application/rss+xml; charset=utf-8", "", true},
		{"Application/Atom+XML", "<html>", true},
		{"text/xml", "<?xml version='1.0'?><!-- x --><rss version='2.0'>", true},
		{"application/xml", "<feed xmlns='http://www.w3.org/2005/Atom'>", true},
		{"application/xml", "<rdf:RDF xmlns='http://purl.org/rss/1.0/'>", true},
		{"application/xml", "<rdf:RDF xmlns:foaf='http://xmlns.com/foaf/0.1/'>", false},
		{"application/xml", "<article>", false},
		{"text/html", "<rss>", false},
		{"text/plain", "<rss>", false},
		{"", "<rss>", false},
	} {
		if got := isFeed(c.kind, []byte(c.body)); got != c.want {
			t.Errorf("%q %q: %v", c.kind, c.body, got)
		}
	}
}

// TestFeedIsFollowed: a page names its feed, the feed its entries; the feed itself is no text.
func TestFeedIsFollowed(t *testing.T) {
	t.Parallel()
	feed := func(kind string, links ...string) reply {
		r := textPage("<rss><channel><item><link>" + strings.Join(links, "</link></item><item><link>") + "</link></item></channel></rss>")
		r.header.Set("Content-Type", kind)
		return r
	}
	w := &world{names: map[string]string{"a.test": "192.0.9.1"}, answer: fixed(map[string]reply{
		"http://a.test/":        htmlPage(`<head><link rel="alternate" type="application/rss+xml" href="/feed"><link rel="alternate" hreflang="de" href="/de"></head>`),
		"http://a.test/feed":    feed("application/rss+xml", "/one", "/all.xml"),
		"http://a.test/all.xml": feed("text/xml", "http://a.test/two", "http://elsewhere.test/"),
		"http://a.test/one":     htmlPage("one"),
		"http://a.test/two":     htmlPage("two"),
	})}
	got := map[string]string{}
	synctest.Test(t, func(t *testing.T) {
		docs, _, err := w.crawl(t, t.Context(), optionsFor(t.TempDir(), "http://a.test/"))
		if err != nil {
			t.Error(err)
		}
		for _, d := range docs {
			got[d.Page.URL] = string(d.Verdict.Reason)
		}
	})
	for url, want := range map[string]string{
		"http://a.test/": "", "http://a.test/one": "", "http://a.test/two": "",
		"http://a.test/feed": "fetch.media_type", "http://a.test/all.xml": "fetch.media_type",
	} {
		if reason, ok := got[url]; !ok || reason != want {
			t.Errorf("%s: fetched %v, reason %q; want %q", url, ok, reason, want)
		}
		delete(got, url)
	}
	if len(got) > 0 {
		t.Errorf("besides: %v", got)
	}
}

func FuzzFeed(f *testing.F) {
	f.Add([]byte(`<rss><item><link>http://h/a</link><guid isPermaLink='false'>x</guid><pubDate>Mon, 1 Jan 2026 00:00:00 GMT</pubDate></item>`))
	f.Add([]byte(`<feed xml:base="/x/"><entry xml:base='y'><link rel=alternate href="a"/><updated>2026</updated><source><link href="z"/></source></entry></feed>`))
	f.Add([]byte(`<rdf:RDF xmlns="http://purl.org/rss/1.0/"><item><link><![CDATA[http://h/]]]]></link><dc:date>2026-01`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "&c;">]><feed><!-- <entry> ---><entry><link href='"'/>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		links, changed := feedLinks("http://h/dir/feed", data)
		if len(links) != len(changed) || len(links) > maxFeedEntries {
			t.Errorf("%d links, %d dates", len(links), len(changed))
		}
		for _, l := range readFeed(data) {
			if l.url == "" || l.url != strings.TrimSpace(l.url) {
				t.Errorf("URL %q", l.url)
			}
		}
	})
}
