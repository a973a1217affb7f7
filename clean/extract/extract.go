// Package extract takes the main text out of a page: markup comes in, the text that a reader came for goes
// out, with its title and with the places of its code. Navigation, sidebars and the like stay behind.
//
// It reads the page in one pass over the tokens of x/net/html and builds no tree, since that library's parser
// gives up at 512 open elements. Work is linear in the page and memory is bounded, whatever the page is.
//
// Read in this order: extract.go, reader.go, elements.go, blocks.go, choose.go, write.go, media.go.
package extract

import (
	"strings"

	"millrace"
)

// Bounds on what one page may cost. Behind them reading stops, and Page.Cut says so.
const (
	maxText  = 8 << 20 // bytes of text
	maxBlock = 1 << 18 // blocks, and containers
	maxDepth = 2000    // open elements; deeper ones give their text but no structure
	maxTitle = 1000    // bytes
)

// Page is what a page says.
type Page struct {
	Title string
	// Text has its paragraphs apart by blank lines; items of a list and rows of a table are lines.
	Text string
	Code []millrace.Span // parts of Text that were preformatted code
	Cut  bool            // the page went on behind a bound
}

// HTML extracts the main text of a page. It never fails: what cannot be read as markup is text.
func HTML(src string) Page {
	r := newReader(src)
	r.read()
	main := choose(r.blocks, r.nodes, false)
	page := write(r.text, r.blocks, main)
	if !main.trusted && thin(page.Text, main) && r.softBlocks {
		// Page builders put "widget" or "sidebar" on the article's own wrapper.
		again := choose(r.blocks, r.nodes, true)
		if p := write(r.text, r.blocks, again); len(p.Text) > 2*len(page.Text) {
			page = p
		}
	}
	page.Cut = r.cut
	page.Title = title(r)
	return page
}

// thin reports whether a text is so short that the class names may have misled.
func thin(text string, m choice) bool {
	const short = 700
	return len(text) < short || len(text)*4 < m.total
}

// title is the page's title element, else its first heading.
func title(r *reader) string {
	t := strings.Join(strings.Fields(r.title.String()), " ")
	for i := 0; t == "" && i < len(r.blocks); i++ {
		if b := &r.blocks[i]; b.kind == heading {
			t = string(r.text[b.from:b.to])
		}
	}
	if len(t) > maxTitle {
		t = strings.ToValidUTF8(t[:maxTitle], "")
	}
	return t
}

// Text takes plain text and Markdown as they are, up to the bound.
func Text(src string) Page {
	if len(src) <= maxText {
		return Page{Text: src}
	}
	return Page{Text: strings.ToValidUTF8(src[:maxText], ""), Cut: true}
}
