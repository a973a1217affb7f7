package extract

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// open is an element that has begun. What holds for its text is inherited from the ones around it.
type open struct {
	atom  atom.Atom
	kind  kind
	level uint8
	soft  bool // inside class names of boilerplate
	code  bool // inside an element that is said to hold code
	node  int32
	row   int32 // of a table, counted over the page
	cell  int32
	table int32
}

// reader turns tokens into blocks and containers.
type reader struct {
	z     *html.Tokenizer
	stack []open
	count map[atom.Atom]int // of the elements on the stack
	deep  int               // elements that were too deep for the stack
	// While skip is set, the text is that of a skipped element; inner counts the elements begun inside it.
	skip  atom.Atom
	inner map[atom.Atom]int

	text   []byte
	blocks []block
	nodes  []node
	cur    block
	open   bool // cur has text
	space  bool // a space is due before the next character
	link   int  // depth of the stack at the open link; 0 none

	rows, cells int32
	title       strings.Builder
	inTitle     bool
	softBlocks  bool
	cut         bool
	steps       int // tokens read and elements looked at: tests hold that this grows with the page and no faster
}

func newReader(src string) *reader {
	return &reader{
		z:     html.NewTokenizer(strings.NewReader(src)),
		stack: append(make([]open, 0, 64), open{}),
		count: map[atom.Atom]int{},
		nodes: make([]node, 1, 64),
	}
}

// read goes through the page once.
func (r *reader) read() {
	for !r.cut {
		r.steps++
		switch r.z.Next() {
		case html.ErrorToken:
			r.flush()
			r.popTo(1)
			return
		case html.TextToken:
			switch {
			case r.inTitle:
				if r.title.Len() == 0 {
					r.title.Write(r.z.Text())
				}
			case r.skip == 0:
				r.write(r.z.Text())
			}
		case html.StartTagToken:
			r.start(false)
		case html.SelfClosingTagToken:
			r.start(true)
		case html.EndTagToken:
			name, _ := r.z.TagName()
			r.end(atom.Lookup(name))
		}
		if len(r.text) >= maxText || len(r.blocks) >= maxBlock || len(r.nodes) >= maxBlock {
			r.cut = true
		}
	}
	r.flush()
	r.popTo(1)
}

// start begins an element. slash says that its tag ended in "/>", which means something in SVG only.
func (r *reader) start(slash bool) {
	name, more := r.z.TagName()
	a := atom.Lookup(name)
	c := classify(a)
	r.inTitle = a == atom.Title && r.skip == 0 && r.title.Len() == 0
	if r.skip == atom.P && (c == paragraph || c == container) {
		r.skip = 0 // a hidden paragraph ends where the next block begins
	}
	if r.skip != 0 {
		if c != void && !slash && a != 0 {
			r.inner[a]++
		}
		return
	}
	var at attributes
	for n := 0; more && n < 200; n++ {
		var key, val []byte
		key, val, more = r.z.TagAttr()
		at.set(key, val)
	}
	switch {
	case c == skipped, at.hidden && c != void, at.aside && c != void && a != atom.Body, a == atom.Header && !r.inArticle():
		r.skipFrom(a)
	case c == void:
		r.void(a)
	case c == inline:
		r.inlineStart(a, &at)
	default:
		r.flush()
		r.impliedEnd(a)
		r.push(a, c, &at)
	}
}

func (r *reader) inArticle() bool { return r.count[atom.Main] > 0 || r.count[atom.Article] > 0 }

// skipFrom leaves out what follows, up to the end of a. Of an element that HTML does not know, the end
// cannot be told from that of others, so that one is not left out.
func (r *reader) skipFrom(a atom.Atom) {
	switch c := classify(a); {
	case a == 0:
		return
	case c == paragraph, c == container, a == atom.Nav, a == atom.Footer, a == atom.Aside, a == atom.Dialog:
		r.flush()
	}
	r.skip, r.inner = a, map[atom.Atom]int{}
}

// void handles the elements without content.
func (r *reader) void(a atom.Atom) {
	switch a {
	case atom.Br:
		r.lineBreak()
	case atom.Hr:
		r.flush()
	}
}

func (r *reader) inlineStart(a atom.Atom, at *attributes) {
	switch a {
	case atom.A:
		r.link = 0
		if at.href {
			r.link = len(r.stack)
		}
	case atom.Code, atom.Samp, atom.Kbd:
		if top := r.top(); top.kind == pre {
			top.code = true
		}
	}
}

// push puts an element on the stack.
func (r *reader) push(a atom.Atom, c class, at *attributes) {
	if a == atom.Body && r.count[atom.Body] > 0 {
		return
	}
	if len(r.stack) >= maxDepth {
		r.deep++
		return
	}
	o := *r.top()
	o.atom = a
	o.kind = kindOf(a, o.kind)
	o.level = level(a)
	if a != atom.Body && a != atom.Main && a != atom.Article && !at.main {
		o.soft = o.soft || at.unwanted()
	}
	switch a {
	case atom.Pre, atom.Div, atom.Figure:
		o.code = o.code || at.language()
	case atom.Tr:
		r.rows++
		o.row = r.rows
	case atom.Td, atom.Th:
		r.cells++
		o.cell = r.cells
	}
	if c == container {
		r.nodes = append(r.nodes, node{parent: o.node, main: a == atom.Main || at.main, article: a == atom.Article, bonus: at.bonus()})
		o.node = int32(len(r.nodes) - 1)
	}
	if a == atom.Table {
		o.table = o.node
	}
	r.stack = append(r.stack, o)
	r.count[a]++
}

// impliedEnd ends what the beginning of a ends: a paragraph ends before any block, an item before the next.
func (r *reader) impliedEnd(a atom.Atom) {
	if t := r.top().atom; t == atom.P || level(t) > 0 && level(a) > 0 {
		r.popTo(len(r.stack) - 1)
	}
	switch a {
	case atom.Li:
		r.close(func(b atom.Atom) bool { return b == atom.Li }, atom.Ul, atom.Ol)
	case atom.Dt, atom.Dd:
		r.close(func(b atom.Atom) bool { return b == atom.Dt || b == atom.Dd }, atom.Dl, atom.Dl)
	case atom.Td, atom.Th:
		r.close(func(b atom.Atom) bool { return b == atom.Td || b == atom.Th }, atom.Tr, atom.Table)
	case atom.Tr:
		r.close(func(b atom.Atom) bool { return b == atom.Tr }, atom.Table, atom.Table)
	}
}

// maxLook bounds the search through the stack for the element that a tag ends.
const maxLook = 256

// close ends the innermost element that is wanted, looking no further than an element stop1 or stop2.
func (r *reader) close(wanted func(atom.Atom) bool, stop1, stop2 atom.Atom) {
	for i := len(r.stack) - 1; i > 0 && len(r.stack)-i <= maxLook; i-- {
		r.steps++
		switch a := r.stack[i].atom; {
		case wanted(a):
			r.popTo(i)
			return
		case a == stop1, a == stop2, a == atom.Table:
			return
		}
	}
}

// end ends an element.
func (r *reader) end(a atom.Atom) {
	r.inTitle = false
	if r.skip != 0 {
		switch {
		case r.inner[a] > 0:
			r.inner[a]--
			return
		case a == r.skip:
			r.skip = 0
			return
		case r.count[a] == 0:
			return
		}
		r.skip = 0 // the element around the skipped one ends, so that one does too
	}
	if a == atom.A {
		r.link = 0
		return
	}
	c := classify(a)
	if c == inline || c == void {
		if a == atom.Br {
			r.lineBreak()
		}
		return
	}
	r.flush()
	if r.deep > 0 {
		r.deep--
		return
	}
	if r.count[a] == 0 {
		return
	}
	inTable := a == atom.Table || a == atom.Tr || a == atom.Td || a == atom.Th || a == atom.Tbody || a == atom.Thead || a == atom.Tfoot
	for i := len(r.stack) - 1; i > 0 && len(r.stack)-i <= maxLook; i-- {
		r.steps++
		b := r.stack[i].atom
		if b == a {
			r.popTo(i)
			return
		}
		if !inTable && (b == atom.Td || b == atom.Th || b == atom.Table) {
			return // a stray end tag in a cell ends nothing outside it
		}
	}
}

// popTo takes elements off the stack until n are left.
func (r *reader) popTo(n int) {
	for len(r.stack) > n {
		r.steps++
		o := r.stack[len(r.stack)-1]
		r.stack = r.stack[:len(r.stack)-1]
		r.count[o.atom]--
		if classify(o.atom) == container {
			r.nodes[o.node].last = int32(len(r.nodes) - 1)
		}
	}
	if len(r.stack) < r.link {
		r.link = 0
	}
	if n == 1 {
		r.nodes[0].last = int32(len(r.nodes) - 1)
	}
}

func (r *reader) top() *open { return &r.stack[len(r.stack)-1] }
