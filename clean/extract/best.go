package extract

import (
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
)

// Bounds on what the slow extractor is given. Its work grows with the square of the depth, and it goes into elements
// by recursion.
const (
	slowBytes = 1 << 20
	slowNodes = 30000
	slowDepth = 150
)

// Best extracts the main text as HTML does, and asks a slower extractor about the pages on which that is not sure.
func Best(src string) Page { return Options{}.Best(src) }

// Best extracts the main text, by a slower extractor where HTML is not sure. Page.Slow says that its text was taken.
func (o Options) Best(src string) Page {
	p := o.HTML(src)
	if !p.Unsure || len(src) > slowBytes {
		return p
	}
	markup, ok := slowly(src)
	if !ok {
		return p
	}
	r := newReader(markup, Options{})
	r.read()
	q := r.page(o)
	if better(&p, &q) {
		p.Text, p.Code, p.Left, p.Slow = q.Text, q.Code, nil, true
	}
	return p
}

// better reports whether the slow extractor's text is to be taken: it found a good deal more.
func better(p, q *Page) bool {
	return len(q.Text) >= leastTold && len(q.Text)*2 > len(p.Text)*3
}

// slowly gives the main part as markup, by a readability library, which builds a tree. It is asked about trees of
// ordinary size only, and what it does not survive gives nothing.
func slowly(src string) (markup string, ok bool) {
	defer func() {
		if recover() != nil {
			markup, ok = "", false
		}
	}()
	root, err := html.Parse(strings.NewReader(src))
	if err != nil || !ordinary(root) {
		return "", false // among others, more than 512 open elements
	}
	parser := readability.NewParser()
	parser.DisableJSONLD = true
	article, err := parser.ParseAndMutate(root, nil)
	if err != nil || article.Node == nil {
		return "", false
	}
	var b strings.Builder
	if err := article.RenderHTML(&b); err != nil {
		return "", false
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), true
}

// ordinary reports whether a tree is small enough for the slow extractor.
func ordinary(root *html.Node) bool {
	nodes, depth := 0, 0
	for n := root; n != nil; {
		if nodes++; nodes > slowNodes || depth > slowDepth {
			return false
		}
		if n.FirstChild != nil {
			n, depth = n.FirstChild, depth+1
			continue
		}
		for n != nil && n.NextSibling == nil {
			n, depth = n.Parent, depth-1
		}
		if n != nil {
			n = n.NextSibling
		}
	}
	return true
}
