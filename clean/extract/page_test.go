package extract

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// whole checks what holds for any page.
func whole(t *testing.T, p Page) {
	t.Helper()
	for _, s := range []string{p.Text, p.Title, p.Author, p.Date, p.Canonical, p.Lang} {
		if !utf8.ValidString(s) {
			t.Fatalf("no valid UTF-8: %q", s)
		}
	}
	at := 0
	for _, s := range p.Code {
		if s.From < at || s.To <= s.From || s.To > len(p.Text) {
			t.Fatalf("span %v of a text of %d bytes", s, len(p.Text))
		}
		at = s.To
	}
	if strings.TrimSpace(p.Text) == "" && p.Text != "" {
		t.Fatalf("only white space: %q", p.Text)
	}
}

func TestMarkdown(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"headings", "<main><h1>A</h1><p>b<h3>C\nd</h3><p>e", "# A\n\nb\n\n### C d\n\ne"},
		{"lists", "<main><p>a<ul><li>b<li><p>c<p>d<ol><li>e<li>f</ol><li>g</ul>", "a\n\n- b\n- c\n    d\n    1. e\n    2. f\n- g"},
		{"quotations", "<main><blockquote><p>a<p>b<blockquote>c</blockquote></blockquote><p>d", "> a\n\n> b\n\n> > c\n\nd"},
		{"tables", "<main><table><tr><th>a<th>b<th>c<tr><td>d|e<td><td><p>f<p>g</table><p>h", "| a | b | c |\n| --- | --- | --- |\n| d\\|e | | f g |\n\nh"},
		{"code", "<main><pre><code class='language-go'>x := `a`\n\ty</code></pre><p>z", "```go\nx := `a`\n\ty\n```\n\nz"},
		{"code with fences", "<main><pre>```\na\n```</pre>", "````\n```\na\n```\n````"},
		{"code in a list", "<main><ul><li>a<pre>b;\nc;</pre></ul>", "- a\n\n```\nb;\nc;\n```"},
		{"what looks like marks", "<main><p># a<p>1. b<p>- c<p>> d<p>-e 2.5 *f<br>+ g", "\\# a\n\n1\\. b\n\n\\- c\n\n\\> d\n\n-e 2.5 *f\n\\+ g"},
		{"definitions", "<main><dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Options{Markdown: true}.HTML(tt.in)
			if p.Text != tt.want {
				t.Errorf("%q\nwant %q", p.Text, tt.want)
			}
			whole(t, p)
		})
	}
}

func TestAbout(t *testing.T) {
	const data = `<script type="application/ld+json">{"@type":"NewsArticle","author":[{"@type":"Person","name":"Ada \u00c4 \"M\""}],"datePublished":"2001-02-03T04:05:06Z",}</script>`
	tests := []struct {
		name, in                      string
		author, date, canonical, lang string
	}{
		{"data first", "<html lang=de-AT><meta name=author content='B'><meta property='article:published_time' content='2002-02-03'>" + data + "<link rel=canonical href='http://a/?b&amp;c'>", `Ada Ä "M"`, "2001-02-03", "http://a/?b&c", "de-AT"},
		{"meta", "<META NAME=Author CONTENT='B &amp; C'><meta name=date content=20020203><time datetime='2003-01-01'>x</time>", "B & C", "2002-02-03", "", ""},
		{"time", "<main><p>a <time datetime='2003-01-02 10:00'>x</time>", "", "2003-01-02", "", ""},
		{"no dates", "<meta name=date content='yesterday'><meta name=date content='2002-99-03'>", "", "", "", ""},
		{"language of the part", "<html lang=en><div lang=de><p>" + first + "</div>", "", "", "", "de"},
		{"an address is no author", "<meta property='article:author' content='https://a/b'>", "", "", "", ""},
		{"a string", `<script type=application/ld+json>{"author" : "A. B."}</script>`, "A. B.", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := HTML(tt.in)
			if p.Author != tt.author || p.Date != tt.date || p.Canonical != tt.canonical || p.Lang != tt.lang {
				t.Errorf("author %q, date %q, canonical %q, language %q", p.Author, p.Date, p.Canonical, p.Lang)
			}
		})
	}
}

// The page's data says which blocks are the article's, and stands in where the page shows none of it.
func TestData(t *testing.T) {
	article := first + " " + second + " " + strings.ReplaceAll(first, "mill", "bridge") + " " + strings.ReplaceAll(second, "wheel", "flag")
	data := `<script type="application/ld+json">{"articleBody":"` + strings.ReplaceAll(article, ". ", `.\n\n`) + `"}</script>`
	parts := strings.SplitAfter(article, ". ")
	body := "<p>" + strings.Join(parts, "</p><p>")
	chatter := strings.Repeat("<p>This, that, and something else again, is what others had to say, at some length.", 20)
	p := HTML(data + "<div id=a>" + body + "</div><div id=b>" + chatter + "</div>")
	if !strings.HasPrefix(p.Text, first) || strings.Contains(p.Text, "something else") {
		t.Errorf("with chatter beside it: %q", p.Text)
	}
	if p := HTML(data + "<div>Please turn on scripts.</div>"); !strings.HasPrefix(p.Text, first+"\n\n"+second) {
		t.Errorf("with nothing on the page: %q", p.Text)
	}
}

func TestImages(t *testing.T) {
	p := HTML("<img src=logo.png alt=Logo><main><p>" + first + "<img src='a.png' alt='A &amp; b'><img alt=lazy src='data:x' data-src=b.png><img src=c.png></main>")
	if want := []Image{{"a.png", "A & b"}, {"b.png", "lazy"}}; !reflect.DeepEqual(p.Images, want) {
		t.Errorf("images %v, want %v", p.Images, want)
	}
}

// Each part that was left out has its reason and its place.
func TestWhy(t *testing.T) {
	src := "<nav>menu</nav><p>outside the text</p><main><p hidden>hidden</p><p>" + first + "</p><div class=share-tools>Share this</div><ul><li><a href=x>one link</a></ul><footer>foot</footer></main>"
	want := []struct {
		reason Reason
		text   string
	}{{Element, "menu"}, {Outside, "outside the text"}, {Hidden, "hidden"}, {Sharing, "Share this"}, {Links, "one link"}, {Element, "foot"}}
	left := Options{Why: true}.HTML(src).Left
	if len(left) != len(want) {
		t.Fatalf("left out %v, want %v", left, want)
	}
	for i, l := range left {
		if l.Reason != want[i].reason || l.From >= l.To || l.To > len(src) || !strings.Contains(src[l.From:l.To], want[i].text) {
			t.Errorf("%d: %v %q, want %v", i, l.Reason, src[l.From:max(l.From, l.To)], want[i])
		}
	}
	if left := HTML(src).Left; left != nil {
		t.Errorf("without being asked: %v", left)
	}
}

func TestNames(t *testing.T) {
	tests := []struct {
		class   string
		reason  Reason
		content bool
		body    bool
	}{
		{"", None, false, false}, {"article", None, true, false}, {"articleBody", None, true, true}, {"entry-content clearfix", None, true, true},
		{"main-sidebar", Layout, true, false}, {"relatedArticles", Related, true, false}, {"post__share", Sharing, true, false}, {"comment-12", Comments, false, false},
		{"no-comment", None, false, false}, {"article-comments", Comments, true, false}, {"maincontent", None, true, false}, {"shareholder adventure", None, false, false},
		{"top-nav", Navigation, false, false}, {strings.Repeat("x", 1000) + " sidebar", None, false, false},
	}
	for _, tt := range tests {
		var n names
		n.add(tt.class)
		if n.reason != tt.reason || n.content != tt.content || n.body != tt.body {
			t.Errorf("%.40q: %+v, want %v, %v, %v", tt.class, n, tt.reason, tt.content, tt.body)
		}
	}
}
