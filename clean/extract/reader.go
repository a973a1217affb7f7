package extract

import "strings"

// open is an element that has begun. What holds for its text is inherited from the ones around it.
type open struct {
	tag     tag
	kind    kind
	level   uint8
	code    bool // inside an element that is said to hold code
	own     bool // node is this element's
	depth   uint8
	quote   uint8
	node    int32
	row     int32 // of a table, counted over the page
	cell    int32
	col     int32 // of the cell in its row
	table   int32
	item    int32 // of a list, counted over the page
	ordinal int32 // of the item, in an ordered list
	items   int32 // begun in this list
	lang    string
}

// reader turns tokens into blocks and containers.
type reader struct {
	scanner
	loose bool // take in what is hidden, headers and asides
	stack []open
	count [tags]int32 // of the elements on the stack
	deep  int         // elements that were too deep for the stack
	// While skip is set, the text is that of a skipped element; inner counts the elements begun inside it.
	skip  tag
	inner [tags]int32

	out    []byte
	blocks []block
	nodes  []node
	images []image
	left   []Left // where asked for: elements that were skipped
	why    bool
	cur    block
	open   bool // cur has text
	space  bool // a space is due before the next character
	link   int  // depth of the stack at the open link; 0 none

	rows, cells, listed int32
	meta                metadata
	inTitle             bool
	inData              bool // of a script with JSON-LD
	cut                 bool
	steps               int // tokens read and elements looked at: tests hold that this grows with the page and no faster
}

func newReader(src string, o Options) *reader {
	return &reader{
		scanner: scanner{src: src},
		why:     o.Why,
		stack:   append(make([]open, 0, 64), open{}),
		nodes:   make([]node, 1, 256),
		blocks:  make([]block, 0, 256),
		out:     make([]byte, 0, min(len(src)/4+64, 1<<20)),
	}
}

// read goes through the page once.
func (r *reader) read() {
	for !r.cut {
		r.steps++
		switch r.next() {
		case ended:
			r.flush()
			r.popTo(1)
			return
		case words:
			switch {
			case r.inTitle:
				r.meta.setTitle(r.text)
			case r.inData:
				r.meta.addData(r.text)
			case r.skip == other:
				r.write()
			}
		case startTag:
			r.start()
		case endTag:
			r.end()
		}
		if len(r.out) >= maxText || len(r.blocks) >= maxBlock || len(r.nodes) >= maxBlock {
			r.cut = true
		}
	}
	r.flush()
	r.popTo(1)
}

// start begins an element.
func (r *reader) start() {
	t := r.tag
	c := elements[t].class
	if r.loose && t == tagNoscript {
		r.inRaw = other
	}
	r.inTitle = t == tagTitle && r.skip == other && r.meta.title == ""
	r.inData = t == tagScript && strings.Contains(attribute(r.attrs, "type"), "ld+json")
	if r.skip == tagP && (c == paragraph || c == container) {
		r.unskip() // a hidden paragraph ends where the next block begins
	}
	if r.skip != other {
		if c != void && !r.slash {
			r.inner[t]++
		}
		return
	}
	switch {
	case t == other:
		return
	case c == void:
		r.void(t)
		return
	}
	var at attributes
	at.read(r.attrs)
	if why := r.skipped(t, c, &at); why != None {
		if t == tagSvg && r.slash {
			return
		}
		r.skipFrom(t, c, why)
		return
	}
	if c == inline {
		r.inlineStart(t, &at)
		return
	}
	if c == skipped {
		c = container // a loose reader takes it in
	}
	r.flush()
	r.impliedEnd(t)
	r.push(t, c, &at)
}

// skipped says why an element is left out whole, if it is.
func (r *reader) skipped(t tag, c class, at *attributes) Reason {
	switch {
	case r.loose && (t == tagAside || t == tagFooter || t == tagNoscript || c != skipped):
		return None
	case c == skipped:
		return Element
	case at.hidden && t != tagBody && t != tagHtml && (t != tagSpan || at.styled):
		return Hidden
	case at.aside && t != tagBody:
		return Role
	}
	return None
}

func (r *reader) inArticle() bool { return r.count[tagMain] > 0 || r.count[tagArticle] > 0 }

// skipFrom leaves out what follows, up to the end of t.
func (r *reader) skipFrom(t tag, c class, why Reason) {
	if c == paragraph || c == container || t == tagNav || t == tagFooter || t == tagAside || t == tagDialog {
		r.flush()
	}
	r.skip = t
	clear(r.inner[:])
	if r.why {
		r.left = append(r.left, Left{Reason: why, From: r.from})
	}
}

// unskip ends the skipped element.
func (r *reader) unskip() {
	r.skip = other
	if r.why {
		r.left[len(r.left)-1].To = r.from
	}
}

// void handles the elements without content.
func (r *reader) void(t tag) {
	switch t {
	case tagBr:
		r.lineBreak()
	case tagHr:
		r.flush()
	case tagMeta:
		r.meta.metaTag(r.attrs)
	case tagLink:
		r.meta.linkTag(r.attrs)
	case tagImg:
		r.image()
	}
}

func (r *reader) inlineStart(t tag, at *attributes) {
	switch t {
	case tagA:
		r.link = 0
		if at.href {
			r.link = len(r.stack)
		}
	case tagCode, tagSamp, tagKbd:
		if top := r.top(); top.kind == pre {
			top.code = true
			if top.lang == "" {
				top.lang = codeLanguage(attribute(r.attrs, "class"))
			}
		}
	case tagTime:
		r.meta.timeTag(r.attrs)
	case tagHtml:
		if r.meta.lang == "" {
			r.meta.lang = at.lang
		}
	}
}

// push puts an element on the stack.
func (r *reader) push(t tag, c class, at *attributes) {
	if t == tagBody && r.count[tagBody] > 0 {
		return
	}
	if len(r.stack) >= maxDepth {
		r.deep++
		return
	}
	outer := r.top()
	o := *outer
	o.tag, o.kind, o.level, o.own, o.items = t, kindOf(t, outer.kind), level(t), false, 0
	switch t {
	case tagPre, tagListing, tagXmp, tagDiv, tagFigure:
		o.code = o.code || at.code
		if at.code {
			o.lang = codeLanguage(attribute(r.attrs, "class"))
		}
	case tagTr:
		r.rows++
		o.row = r.rows
	case tagTd, tagTh:
		r.cells++
		outer.items++
		o.cell, o.col = r.cells, outer.items
	case tagUl, tagOl:
		o.depth = min(o.depth, 30) + 1
	case tagBlockquote:
		o.quote = min(o.quote, 30) + 1
	case tagLi:
		r.listed++
		outer.items++
		o.item, o.ordinal = r.listed, 0
		if outer.tag == tagOl {
			o.ordinal = outer.items
		}
	}
	switch {
	case t == tagBody, t == tagMain, t == tagArticle, at.main:
		at.reason = None
	case t == tagHeader && !r.inArticle() && !r.loose:
		at.reason = Element // the page's, or that of an article that says so in no other way
	}
	if c == container || at.reason != None || at.prop {
		r.nodes = append(r.nodes, node{parent: o.node, tag: t, main: t == tagMain || at.main, prop: at.prop, lang: at.lang,
			content: at.content || at.body, body: at.body, reason: at.reason, src: int32(r.from)})
		o.node, o.own = int32(len(r.nodes)-1), true
	}
	if t == tagTable {
		o.table = o.node
	}
	r.stack = append(r.stack, o)
	r.count[t]++
}

// impliedEnd ends what the beginning of t ends: a paragraph ends before any block, an item before the next.
func (r *reader) impliedEnd(t tag) {
	if top := r.top(); top.tag == tagP || top.level > 0 && level(t) > 0 {
		r.popTo(len(r.stack) - 1)
	}
	switch t {
	case tagLi:
		r.close(tagLi, tagLi, tagUl, tagOl)
	case tagDt, tagDd:
		r.close(tagDt, tagDd, tagDl, tagDl)
	case tagTd, tagTh:
		r.close(tagTd, tagTh, tagTr, tagTable)
	case tagTr:
		r.close(tagTr, tagTr, tagTable, tagTable)
	}
}

// maxLook bounds the search through the stack for the element that a tag ends.
const maxLook = 256

// close ends the innermost element that is a or b, looking no further than an element stop1 or stop2.
func (r *reader) close(a, b, stop1, stop2 tag) {
	for i := len(r.stack) - 1; i > 0 && len(r.stack)-i <= maxLook; i-- {
		r.steps++
		switch t := r.stack[i].tag; t {
		case a, b:
			r.popTo(i)
			return
		case stop1, stop2, tagTable:
			return
		}
	}
}

// end ends an element.
func (r *reader) end() {
	t := r.tag
	r.inTitle, r.inData = false, false
	if r.skip != other {
		switch {
		case r.inner[t] > 0:
			r.inner[t]--
			return
		case t == r.skip:
			r.unskip()
			return
		case r.count[t] == 0:
			return
		}
		r.unskip() // the element around the skipped one ends, so that one does too
	}
	switch c := elements[t].class; {
	case t == tagA:
		r.link = 0
		return
	case t == tagBr:
		r.lineBreak()
		return
	case c == inline, c == void:
		return
	}
	r.flush()
	if r.deep > 0 {
		r.deep--
		return
	}
	if r.count[t] == 0 {
		return
	}
	inTable := t == tagTable || t == tagTr || t == tagTd || t == tagTh || t == tagTbody || t == tagThead || t == tagTfoot
	for i := len(r.stack) - 1; i > 0 && len(r.stack)-i <= maxLook; i-- {
		r.steps++
		b := r.stack[i].tag
		if b == t {
			r.popTo(i)
			return
		}
		if !inTable && (b == tagTd || b == tagTh || b == tagTable) {
			return // a stray end tag in a cell ends nothing outside it
		}
	}
}

// popTo takes elements off the stack until n are left.
func (r *reader) popTo(n int) {
	for len(r.stack) > n {
		r.steps++
		o := &r.stack[len(r.stack)-1]
		r.count[o.tag]--
		if o.own {
			r.nodes[o.node].last = int32(len(r.nodes) - 1)
		}
		r.stack = r.stack[:len(r.stack)-1]
	}
	if len(r.stack) < r.link {
		r.link = 0
	}
	if n == 1 {
		r.nodes[0].last = int32(len(r.nodes) - 1)
	}
}

func (r *reader) top() *open { return &r.stack[len(r.stack)-1] }
