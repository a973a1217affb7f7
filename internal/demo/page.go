package demo

import (
	"html"
	"slices"
	"strings"
)

// kind of a block.
type kind uint8

const (
	para kind = iota
	heading
	code
	item // of a list
)

// block is one piece of a page's main part, as plain text.
type block struct {
	kind kind
	text string
}

// page is one document of the site.
type page struct {
	host   int
	path   string
	title  string
	blocks []block

	header  [][2]string // response headers besides the usual
	meta    [][2]string // meta elements besides the usual
	charset charset
	flaw    flaw
	gzip    bool
	raw     []byte   // a file of the user's, served as it is
	set     []uint64 // shingles, while pages are chosen
	carries bool     // an edited copy can be made of it
	related []*page  // links into other hosts
	traps   []string // places that should not be followed, or not for ever
	index   []*page  // of a front page: every page of its host
}

// text is the main part as an extractor should find it. Title and navigation are not in it;
// the first heading is.
func (p *page) text() string {
	parts := make([]string, len(p.blocks))
	for i, b := range p.blocks {
		parts[i] = b.text
	}
	return strings.Join(parts, "\n\n")
}

// lines is the text that is no code, as rules of quality see it.
func (p *page) lines() []string {
	var out []string
	for _, b := range p.blocks {
		if b.kind != code {
			out = append(out, b.text)
		}
	}
	return out
}

// words counts the words of a page's prose: code and headings are left out.
func (p *page) words() int {
	n := 0
	for _, b := range p.blocks {
		if b.kind == para || b.kind == item {
			n += len(strings.Fields(b.text))
		}
	}
	return n
}

// clone copies what edits may change.
func (p *page) clone() *page {
	q := *p
	q.blocks = slices.Clone(p.blocks)
	q.header, q.meta = slices.Clone(p.header), slices.Clone(p.meta)
	q.related, q.traps = nil, nil
	return &q
}

// html writes the page in UTF-8. link turns a place into its href.
func (p *page) html(link func(ref string) string) string {
	if p.raw != nil {
		return string(p.raw)
	}
	var b strings.Builder
	b.Grow(4096 + 2*len(p.text()))
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n")
	if m := p.charset.meta; m != "" {
		b.WriteString(`<meta charset="` + m + "\">\n")
	}
	for _, m := range p.meta {
		b.WriteString(`<meta name="` + m[0] + `" content="` + html.EscapeString(m[1]) + "\">\n")
	}
	b.WriteString("<title>" + html.EscapeString(p.title) + " - Go documentation</title>\n</head>\n<body>\n")
	b.WriteString(pageHeader)
	b.WriteString("<main>\n<article>\n")
	p.renderBlocks(&b)
	p.renderIndex(&b, link)
	b.WriteString("</article>\n</main>\n")
	p.renderRelated(&b, link)
	b.WriteString(pageFooter)
	b.WriteString("</body>\n</html>\n")
	return b.String()
}

func (p *page) renderBlocks(b *strings.Builder) {
	inList := false
	first := true
	for _, x := range p.blocks {
		switch {
		case x.kind == item && !inList:
			b.WriteString("<ul>\n")
		case x.kind != item && inList:
			b.WriteString("</ul>\n")
		}
		inList = x.kind == item
		t := html.EscapeString(x.text)
		switch {
		case x.kind == heading && first:
			b.WriteString("<h1>" + t + "</h1>\n")
			first = false
		case x.kind == heading:
			b.WriteString("<h2>" + t + "</h2>\n")
		case x.kind == code:
			b.WriteString("<pre><code>" + t + "</code></pre>\n")
		case x.kind == item:
			b.WriteString("<li>" + t + "</li>\n")
		default:
			b.WriteString("<p>" + t + "</p>\n")
		}
	}
	if inList {
		b.WriteString("</ul>\n")
	}
}

func (p *page) renderIndex(b *strings.Builder, link func(string) string) {
	if len(p.index) == 0 {
		return
	}
	b.WriteString("<ul class=\"index\">\n")
	for _, q := range p.index {
		b.WriteString(`<li><a href="` + html.EscapeString(link(q.ref())) + `">` + html.EscapeString(q.title) + "</a></li>\n")
	}
	b.WriteString("</ul>\n")
}

func (p *page) renderRelated(b *strings.Builder, link func(string) string) {
	if len(p.related)+len(p.traps) == 0 {
		return
	}
	b.WriteString("<aside class=\"sidebar\">\n<h4>See also</h4>\n<ul>\n")
	for _, q := range p.related {
		b.WriteString(`<li><a href="` + html.EscapeString(link(q.ref())) + `">` + html.EscapeString(q.title) + "</a></li>\n")
	}
	for _, t := range p.traps {
		b.WriteString(`<li><a href="` + html.EscapeString(link(t)) + "\">More</a></li>\n")
	}
	b.WriteString("</ul>\n</aside>\n")
}

const (
	pageHeader = `<header class="site-header">
<nav class="menu"><ul><li><a href="/">Home</a></li><li><a href="/#packages">Packages</a></li><li><a href="/#help">Help</a></li><li><a href="/#about">About</a></li></ul></nav>
<p class="banner">We use cookies to remember that you have read this line. Accept all or choose.</p>
</header>
`
	pageFooter = `<footer class="site-footer">
<p>Share this page. Subscribe to our newsletter. Follow us.</p>
<p>Copyright The Go Authors. Terms of service. Privacy policy. All rights reserved.</p>
</footer>
`
)
