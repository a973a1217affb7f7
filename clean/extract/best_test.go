package extract

import (
	"strings"
	"testing"
)

// Where the fast extractor finds a small part only, the slow one is asked, and its text is kept as ours is.
func TestBest(t *testing.T) {
	code := "<pre><code>x := 1\n\ty := 2</code></pre>"
	src := "<title>Mill</title><body>"
	for range 6 {
		src += "<div><div><div><div><div><div><div><div><div><div><p>" + first + "</p><p>" + second + "</p></div></div></div></div></div></div></div></div></div></div>"
	}
	src += code
	p := Options{Markdown: true}.Best(src)
	if !strings.Contains(p.Text, first) || p.Title != "Mill" {
		t.Errorf("%+v", p)
	}
	whole(t, p)
	markup, ok := slowly("<title>Mill</title><body><article><p>" + strings.Repeat(first+" ", 9) + "</p>" + code + "</article>")
	if !ok || !strings.Contains(markup, first) || !strings.Contains(markup, "\ty := 2") {
		t.Errorf("the slow extractor gives %q, %v", markup, ok)
	}
}

// What is not an ordinary tree is not given to the slow extractor: it gives no text, and takes no time.
func TestBestHostile(t *testing.T) {
	for name, src := range map[string]string{
		"deep":      strings.Repeat("<div>", 400) + "text",
		"too deep":  strings.Repeat("<div>", 1e5) + "text",
		"many":      strings.Repeat("<p>a", slowNodes),
		"misnested": strings.Repeat("<a><b><i><p></b></a>", slowNodes/4),
	} {
		if markup, ok := slowly(src); ok {
			t.Errorf("%s: %d bytes", name, len(markup))
		}
	}
	if p := Best(strings.Repeat("<p>a", 1e5)); p.Slow {
		t.Errorf("a page of %d paragraphs went to the slow extractor", int(1e5))
	}
}
