package extract

import (
	"strings"
	"testing"
)

func FuzzFeed(f *testing.F) {
	f.Add("<rss><channel><title>t</title><item><title>a</title><description>&lt;p&gt;b</description></item></channel></rss>")
	f.Add("<feed><entry><title>a</title><content type='xhtml'><div>b <i>c</i></div></content></entry>")
	f.Add("<rss><item><content:encoded><![CDATA[<p>a<table><td>b]]></content:encoded></item><item>")
	f.Fuzz(func(t *testing.T, src string) {
		whole(t, Options{Markdown: true}.Feed(strings.ToValidUTF8(src, "\uFFFD")))
	})
}

// What a page says about itself is one line each, and bounded.
func FuzzMetadata(f *testing.F) {
	f.Add(`{"datePublished":"2024-01-01","author":{"name":"A"},"articleBody":"a\nb"}`, "2024/01/01", "x")
	f.Add(`"author" : "A\u0000","articleBody":"<p>`+strings.Repeat("word ", 60)+`"`, "20240101", "a&#10;b")
	f.Fuzz(func(t *testing.T, data, date, author string) {
		quoted := func(s string) string { return strings.NewReplacer("'", "", ">", "").Replace(s) }
		src := "<script type=application/ld+json>" + data + "</script><meta name=author content='" + quoted(author) + "'><meta name=date content='" + quoted(date) +
			"'><link rel=canonical href='" + quoted(author) + "'><p>" + data
		p := HTML(strings.ToValidUTF8(src, "\uFFFD"))
		whole(t, p)
		for _, s := range []string{p.Author, p.Date, p.Canonical, p.Lang} {
			if len(s) > maxTitle || strings.Contains(s, "\n") {
				t.Errorf("%d bytes of %.40q", len(s), s)
			}
		}
	})
}

func FuzzFormOf(f *testing.F) {
	f.Add("text/html; charset=utf-8", []byte("<p>"))
	f.Add(";;charset==", []byte("\x89PNG\r\n\x00"))
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		if form, _ := FormOf(media, body); form > Packed {
			t.Errorf("form %d", form)
		}
	})
}
