// Package extract takes the main text out of a page: markup comes in, the text that a reader came for goes
// out, with its title and with the places of its code. Navigation, sidebars and the like stay behind.
//
// It reads the page in one pass over its tags and builds no tree. Work is linear in the page and memory is bounded,
// whatever the page is. Best asks a slower library, which does build a tree, about the pages on which this is not sure.
//
// Read in this order: extract.go, scan.go, elements.go, names.go, attributes.go, reader.go, blocks.go, choose.go,
// told.go, write.go, markdown.go, metadata.go, images.go, best.go, media.go. What is no page: archive.go, office.go,
// feed.go.
package extract

import (
	"strings"

	"millrace"
)

// Bounds on what one page may cost. Behind them reading stops, and Page.Cut says so.
const (
	maxText   = 8 << 20 // bytes of text
	maxBlock  = 1 << 17 // blocks, and containers
	maxDepth  = 2000    // open elements; deeper ones give their text but no structure
	maxTitle  = 1000    // bytes
	maxImages = 1000
)

// Page is what a page says.
type Page struct {
	Title string
	// Text has its paragraphs apart by blank lines; items of a list and rows of a table are lines.
	Text string
	Code []millrace.Span // parts of Text that were preformatted code
	Cut  bool            // the page went on behind a bound

	Author    string
	Date      string // of publication, as 2006-01-02
	Canonical string // the link to the page's own address, as it is written
	Lang      string // as the page says it
	Images    []Image
	Left      []Left // with Options.Why: what was left out, in the page's order
	Unsure    bool   // another extractor may do better
	Slow      bool   // another extractor did
}

// Image is a picture in the main text.
type Image struct{ URL, Alt string }

// Left is a part of the page that is not in the text. From and To are bytes of the page.
type Left struct {
	Reason   Reason
	From, To int
}

// Options say what is wanted besides the text.
type Options struct {
	Markdown bool // Text is Markdown: headings, lists, quotations, tables and code are marked
	Why      bool // fill Page.Left
}

// HTML extracts the main text of a page. It never fails: what cannot be read as markup is text.
func HTML(src string) Page { return Options{}.HTML(src) }

// HTML extracts the main text of a page.
func (o Options) HTML(src string) Page {
	r := newReader(src, o)
	r.read()
	t := newTold(r.meta.readData())
	main := r.choose(true, t)
	page := r.writeOut(main, o.Markdown)
	if !main.told && thin(page.Text, main) {
		r, page, main = r.again(page, main, t, o)
	}
	if t != nil && len(page.Text) < leastTold && len(t.text) > 2*len(page.Text) {
		page.Text, page.Code = t.text, nil
	}
	page.Unsure = !main.told && (len(page.Text) < shortText || len(page.Text)*10 < int(main.total)*6)
	r.describe(&page, main)
	return page
}

// thin reports whether a text is so short that names may have misled.
func thin(text string, m choice) bool {
	return len(text) < shortText && !m.trusted || len(text)*4 < int(m.total)
}

// again tries without belief in names, and then with what is hidden. A text that is twice as long counts.
func (r *reader) again(page Page, main choice, t *told, o Options) (*reader, Page, choice) {
	c := r.choose(false, t)
	if p := r.writeOut(c, o.Markdown); len(p.Text) > 2*len(page.Text) {
		page, main = p, c
	}
	if len(page.Text) < leastTold {
		l := newReader(r.src, o)
		l.loose = true
		l.read()
		l.meta = r.meta
		c = l.choose(true, t)
		if p := l.writeOut(c, o.Markdown); len(p.Text) > 2*len(page.Text) {
			return l, p, c
		}
	}
	if main.names && r.why {
		r.kept(r.choose(true, t)) // as it was
	}
	return r, page, main
}

// describe fills in what the page says about itself.
func (r *reader) describe(p *Page, c choice) {
	p.Cut = r.cut
	p.Title = r.title()
	p.Author, p.Date, p.Canonical, p.Lang = r.meta.author, r.meta.date, r.meta.canonical, r.meta.lang
	for i := c.from; i > 0 && int(i) < len(r.nodes); i = r.nodes[i].parent {
		if r.nodes[i].lang != "" {
			p.Lang = r.nodes[i].lang
			break
		}
	}
	p.Lang = line(p.Lang)
	for _, m := range r.images {
		if m.node >= c.from && m.node <= c.last {
			p.Images = append(p.Images, Image{line(m.src), line(m.alt)})
		}
	}
	if r.why {
		p.Left = r.leftOut()
	}
}

// more reads a further page into the same text.
func (r *reader) more(src string) {
	r.finish()
	r.scanner, r.skip, r.link, r.deep = scanner{src: src}, other, 0, 0
	r.read()
}

// finish ends what is open.
func (r *reader) finish() {
	r.flush()
	r.popTo(1)
}

// page gives all that was read.
func (r *reader) page(o Options) Page {
	all := choice{last: int32(len(r.nodes) - 1), trusted: true}
	for i := range r.blocks {
		r.blocks[i].left = None
	}
	p := r.writeOut(all, o.Markdown)
	r.why = false
	r.describe(&p, all)
	return p
}

// title is the page's title element, else its first heading.
func (r *reader) title() string {
	t := r.meta.title
	for i := 0; t == "" && i < len(r.blocks); i++ {
		if b := &r.blocks[i]; b.kind == heading {
			t = string(r.out[b.from:b.to])
		}
	}
	if len(t) > maxTitle {
		t = strings.ToValidUTF8(t[:maxTitle], "")
	}
	return t
}

// leftOut puts skipped elements and blocks that were left out in the page's order.
func (r *reader) leftOut() []Left {
	var all []Left
	skipped := r.left
	for i := range r.blocks {
		b := &r.blocks[i]
		if b.left == None {
			continue
		}
		for len(skipped) > 0 && skipped[0].From < int(b.src) {
			all, skipped = append(all, skipped[0]), skipped[1:]
		}
		all = append(all, Left{b.left, int(b.src), int(b.srcTo)})
	}
	return append(all, skipped...)
}

// Text takes plain text and Markdown as they are, up to the bound.
func Text(src string) Page {
	if len(src) <= maxText {
		return Page{Text: src}
	}
	return Page{Text: strings.ToValidUTF8(src[:maxText], ""), Cut: true}
}
