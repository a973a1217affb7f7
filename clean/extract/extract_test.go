package extract

import (
	"strings"
	"testing"
)

const (
	first  = "The mill stands at the end of the lane, where the brook comes down from the hills, and it is old."
	second = "In wet years the wheel turns from autumn to spring, and the miller grinds the corn of three villages."
	menu   = `<ul><li><a href=/>Home</a><li><a href=/a>All about mills</a><li><a href=/b>Contact the miller</a></ul>`
)

func TestHTML(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"main", "<header><h1>Site</h1></header><nav>" + menu + "</nav><main><h1>Mill</h1><p>" + first + "</main><footer>Footer</footer>", "Mill\n\n" + first},
		{"no main", "<body><div id=sidebar>" + menu + "</div><div id=content><h2>Mill</h2><p>" + first + "<p>" + second + "</div><div>© 1901</div>", "Mill\n\n" + first + "\n\n" + second},
		{"article", "<article><h1>Mill</h1><p>" + first + "</p><aside>Aside</aside></article><div>" + menu + "</div>", "Mill\n\n" + first},
		{"role", "<div role=main><p>" + first + "</div><div role=navigation>" + menu + "</div>", first},
		{"plain paragraphs", "<p>" + first + "<p>" + second, first + "\n\n" + second},
		{"no markup", "just text", "just text"},
		{"space and entities", "<main><p> a \n\t b&nbsp;c &amp; d &lt;e&gt; &#x80;", "a b\u00a0c & d <e> €"},
		{"inline", "<main><p>a<b>b</b><i> c</i> <span>d</span><code>e</code>", "ab c de"},
		{"line breaks", "<main><p>a<br>b <br/> <br> c", "a\nb\n\nc"},
		{"lists", "<main><p>Before<ul><li>one<li><p>two</p><ul><li>deep</ul></ul><p>After", "Before\n\none\ntwo\ndeep\n\nAfter"},
		{"definitions", "<main><dl><dt>mill<dd>grinds<dt>brook<dd>flows</dl>", "mill\ngrinds\nbrook\nflows"},
		{"tables", "<main><table><caption>Cap</caption><tr><th>a<th>b<tr><td>c</td><td><p>d</p></td></tr></table>", "Cap\n\na\tb\nc\td"},
		{"anchors", "<main><h2>Mill<a href=#mill>¶</a></h2><p>text", "Mill\n\ntext"},
		{"hidden", "<main><p hidden>no<p style='display: none'>no<p aria-hidden=true>no<div>yes</div>", "yes"},
		{"scripts", "<main><p>a<script>var b = '<p>'</script>c<style>p{}</style><noscript>d</noscript><template><p>e</template>f", "acf"},
		{"forms", "<main><p>a <button>press</button><select><option>b</select><textarea><p>c</textarea> d", "a d"},
		{"a skipped element that is not ended", "<main><div><nav>menu<div>more</div></div><p>text", "text"},
		{"nested skipped", "<main><nav><nav>a</nav>b</nav>c", "c"},
		{"end tags of nothing", "</p></div></main><main>a</table></td></li>b", "a\n\nb"},
		{"stray end tag in a cell", "<main><div><table><tr><td>a</div>b</table>c</div>", "a\nb\n\nc"},
		{"link lists in the main part", "<main><p>" + first + "</p><h2>See also</h2><ul><li><a href=1>one two</a><li><a href=2>three</a></ul><h2>End</h2><p>" + second, first + "\n\nEnd\n\n" + second},
		{"class names", "<main><p>" + first + "<div class='share-buttons'>Share</div><div class='post-sidebar'>kept</div>", first + "\n\nkept"},
		{"NUL", "<main><p>a\x00b<pre>c\x00d", "ab\n\ncd"},
		{"truncated", "<main><p>" + first + "<p>and then <a href='x", first + "\n\nand then"},
		{"nothing", "<html><body><img src=x><script>1</script>", ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := HTML(tt.in).Text; got != tt.want {
				t.Errorf("HTML(%s)\n= %q\nwant %q", tt.in, got, tt.want)
			}
		})
	}
}

// On a page whose own wrapper is called a sidebar, the names are not believed.
func TestRetry(t *testing.T) {
	in := "<div class=sidebar><p>" + first + "<p>" + second + "</div><div><p>An unrelated line of a few words.</div>"
	if got, want := HTML(in).Text, first+"\n\n"+second; !strings.Contains(got, want) {
		t.Errorf("HTML = %q, want %q in it", got, want)
	}
}

func TestTitle(t *testing.T) {
	tests := []struct{ in, want string }{
		{"<title> The \n mill &amp; co </title><h1>Head</h1>", "The mill & co"},
		{"<h1>Only <b>this</b></h1><p>text", "Only this"},
		{"<svg><title>icon</title></svg><title>Mill</title><title>Second</title>", "Mill"},
		{"<title>" + strings.Repeat("ä", 1000), strings.Repeat("ä", 500)},
		{"text", ""},
	}
	for _, tt := range tests {
		if got := HTML(tt.in).Title; got != tt.want {
			t.Errorf("title of %.60s = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// Code is kept as it stands, and known for code. Prose in pre is prose.
func TestCode(t *testing.T) {
	const licence = "Permission is hereby granted to any person who\nhas a copy of this mill to grind their corn in it."
	tests := []struct{ name, in, text, code string }{
		{"marked", "<main><p>a<pre><code>\n\tx := 1\n\n\ty := 2 \n</code></pre><p>b", "a\n\n\tx := 1\n\n\ty := 2\n\nb", "\tx := 1\n\n\ty := 2"},
		{"looks", "<main><p>é<pre>for (;;) { i++; }</pre>", "é\n\nfor (;;) { i++; }", "for (;;) { i++; }"},
		{"class", "<main><p>a<div class=highlight><pre>plain words of a language that nobody knows</pre></div>", "a\n\nplain words of a language that nobody knows", "plain words of a language that nobody knows"},
		{"prose", "<main><pre>" + licence + "</pre>", licence, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := HTML(tt.in)
			if p.Text != tt.text {
				t.Errorf("text %q, want %q", p.Text, tt.text)
			}
			code := ""
			for _, s := range p.Code {
				code += p.Text[s.From:s.To]
			}
			if code != tt.code {
				t.Errorf("code %q, want %q", code, tt.code)
			}
		})
	}
}

// Twice the page costs at most 2.2 times the steps, whatever the page is.
func TestHostileLinear(t *testing.T) {
	families := map[string]func(n int) string{
		"open":       func(n int) string { return strings.Repeat("<div>", n) + "text" },
		"misnested":  func(n int) string { return strings.Repeat("<a><b><i><p></b></a>", n) },
		"stray ends": func(n int) string { return strings.Repeat("<div>", 1000) + strings.Repeat("</section></li></td>", n) },
		"stray cells": func(n int) string {
			return "<div>" + strings.Repeat("<table><tr><td>", 300) + strings.Repeat("</div>", n)
		},
		"items":      func(n int) string { return strings.Repeat("<ul>", 400) + strings.Repeat("<li>a", n) },
		"paragraphs": func(n int) string { return strings.Repeat("<p>word", n) },
		"rows":       func(n int) string { return "<table>" + strings.Repeat("<tr><td>a<td>b", n) },
		"attributes": func(n int) string { return "<div " + strings.Repeat("class=x ", n) + ">a" },
		"skipped":    func(n int) string { return "<nav>" + strings.Repeat("<div></p>", n) },
		"brackets":   func(n int) string { return strings.Repeat("<", n) },
		"links":      func(n int) string { return strings.Repeat("<a href=x>y</a> ", n) },
	}
	for name, make := range families {
		t.Run(name, func(t *testing.T) {
			const n = 20000
			steps := func(n int) int {
				r := newReader(make(n), Options{})
				r.read()
				r.writeOut(r.choose(true, nil), true)
				return r.steps
			}
			one, two := steps(n), steps(2*n)
			if float64(two) > 2.2*float64(one)+100 {
				t.Errorf("%d steps, and %d for twice the page", one, two)
			}
			if one > 300*n {
				t.Errorf("%d steps for %d pieces", one, n)
			}
		})
	}
}

func TestDeep(t *testing.T) {
	p := HTML(strings.Repeat("<div>", 1e6) + "at the bottom" + strings.Repeat("</div>", 1e6) + "<p>at the top")
	if !strings.Contains(p.Text, "at the bottom") || !strings.Contains(p.Text, "at the top") {
		t.Errorf("a page of 10^6 nested elements gives %q", p.Text)
	}
}

func TestBound(t *testing.T) {
	if p := HTML("<main><p>" + strings.Repeat("word ", 4<<20)); !p.Cut || len(p.Text) > maxText+1000 {
		t.Errorf("a page of 20 MB gives %d bytes, cut %v", len(p.Text), p.Cut)
	}
	if p := Text(strings.Repeat("é", maxText)); !p.Cut || len(p.Text) != maxText {
		t.Errorf("a text of %d bytes gives %d, cut %v", 2*maxText, len(p.Text), p.Cut)
	}
	if p := HTML(strings.Repeat("<p>a", maxBlock+10)); !p.Cut {
		t.Error("a page of too many paragraphs is not cut")
	}
}

func TestFormOf(t *testing.T) {
	tests := []struct {
		media, body, charset string
		form                 Form
	}{
		{"text/html; charset=UTF-8", "", "UTF-8", Markup},
		{"text/html;; charset", "", "", Markup},
		{"TEXT/HTML", "", "", Markup},
		{"application/xhtml+xml", "", "", Markup},
		{"text/plain; charset=\"latin1\"", "<html>", "latin1", Plain},
		{"text/markdown", "# a", "", Plain},
		{"application/json", "{}", "", Plain},
		{"image/png", "", "", Other},
		{"application/pdf", "%PDF", "", Other},
		{"", " \n<!DOCTYPE html>", "", Markup},
		{"", "\xef\xbb\xbf<html>", "", Markup},
		{"application/octet-stream", "PK\x03\x04 and so on, and so on, and so on\x00.", "", Other},
		{"application/xml", "<?xml version='1.0'?><html>", "", Markup},
		{"application/xml", "<?xml version='1.0'?><feed>", "", Feed},
		{"application/xml", "<?xml version='1.0'?><data>", "", Plain},
		{"", "words", "", Plain},
		{"text/html", "\x89PNG\r\n\x1a\n\x00\x00", "", Other},
		{"text/html; charset=utf-8", "\x1f\x8b\x08\x00\x00", "utf-8", Other},
		{"text/plain", "%PDF-1.4\n\x00\x01", "", Other},
		{"text/plain", "%PDF-1.4 is what such a file begins with", "", Plain},
		{"text/html", "BMI and more<p>\x1b[1m", "", Markup},
		{"text/html", "\x00\x00\x00\x18ftypmp42", "", Other},
		{"text/html", "PK\x03\x04" + strings.Repeat("\x00", 26) + "mimetype", "", Packed},
		{"text/html", "PK\x03\x04" + strings.Repeat("\x00", 26) + "a.txt", "", Other},
		{"", "", "", Plain},
	}
	for _, tt := range tests {
		form, charset := FormOf(tt.media, []byte(tt.body))
		if form != tt.form || charset != tt.charset {
			t.Errorf("FormOf(%q, %q) = %v, %q, want %v, %q", tt.media, tt.body, form, charset, tt.form, tt.charset)
		}
	}
}

func FuzzHTML(f *testing.F) {
	f.Add("<main><h1>a</h1><p>b<pre><code>c</code></pre><ul><li>d<li>e</ul><table><tr><td>f<td>g</table><nav>h</nav>")
	f.Add("<a href=x><div class=sidebar><p>" + first + "</a></div><title>t</title><br></br></p>")
	f.Add("<svg/><select><option><table></div><template>")
	f.Fuzz(func(t *testing.T, src string) {
		src = strings.ToValidUTF8(src, "\uFFFD")
		whole(t, HTML(src))
		whole(t, Options{Markdown: true}.Best(src))
		for _, l := range (Options{Why: true}).HTML(src).Left {
			if l.Reason == None || l.From < 0 || l.From > len(src) || l.To > len(src) {
				t.Fatalf("left out %v of a page of %d bytes", l, len(src))
			}
		}
	})
}
