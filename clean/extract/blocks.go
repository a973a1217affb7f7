package extract

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// block is a run of text between two block tags.
type block struct {
	from, to     int // in the reader's text
	node         int32
	row          int32
	cell         int32
	table        int32
	chars        int32
	linkChars    int32
	commas       int32
	kind         kind
	level        uint8
	soft, marked bool // marked: pre that is said to be code
}

// linked is the share of the block's text that is links.
func (b *block) linked() float64 {
	if b.chars == 0 {
		return 0
	}
	return float64(b.linkChars) / float64(b.chars)
}

// write adds text to the current block. Outside pre, whitespace becomes one space.
func (r *reader) write(text []byte) {
	top := r.top()
	if r.link > 0 && anchor(text) {
		return
	}
	if room := maxText - len(r.text); len(text) > room {
		for room > 0 && !utf8.RuneStart(text[room]) {
			room--
		}
		text, r.cut = text[:room], true
	}
	if top.kind == pre {
		r.writePre(text)
		return
	}
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		part := text[:n]
		text = text[n:]
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' {
			r.space = true
			continue
		}
		if c == 0 {
			continue
		}
		r.begin()
		if r.space && len(r.text) > r.cur.from && r.text[len(r.text)-1] != '\n' {
			r.text = append(r.text, ' ')
			r.count1(' ')
		}
		r.space = false
		r.text = append(r.text, part...)
		r.count1(c)
	}
}

// writePre adds text as it stands.
func (r *reader) writePre(text []byte) {
	if !r.open {
		text = bytes.TrimPrefix(text, []byte("\n"))
	}
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		if c != 0 {
			r.begin()
			r.text = append(r.text, text[:n]...)
			r.count1(c)
		}
		text = text[n:]
	}
}

// count1 counts one character of the current block.
func (r *reader) count1(c rune) {
	r.cur.chars++
	if r.link > 0 {
		r.cur.linkChars++
	}
	switch c {
	case ',', '，', '、', '،':
		r.cur.commas++
	}
}

// begin opens a block where none is open.
func (r *reader) begin() {
	if r.open {
		return
	}
	o := r.top()
	r.cur = block{from: len(r.text), node: o.node, row: o.row, cell: o.cell, table: o.table, kind: o.kind, level: o.level, soft: o.soft}
	r.open = true
}

// lineBreak is a br element: a new line, or, at the second one, a new block.
func (r *reader) lineBreak() {
	if r.skip != 0 || !r.open {
		return
	}
	if r.cur.kind != pre && r.text[len(r.text)-1] == '\n' {
		r.flush()
		return
	}
	r.text = append(r.text, '\n')
	r.cur.chars++
	r.space = false
}

// flush ends the current block.
func (r *reader) flush() {
	r.space = false
	if !r.open {
		return
	}
	r.open = false
	b := r.cur
	text := r.text[b.from:]
	if b.kind == pre {
		text = bytes.TrimRightFunc(text, unicode.IsSpace)
	} else {
		text = bytes.TrimRight(text, "\n ")
	}
	if len(bytes.TrimSpace(text)) == 0 {
		r.text = r.text[:b.from]
		return
	}
	b.to = b.from + len(text)
	r.text = r.text[:b.to]
	b.marked = r.top().code
	r.softBlocks = r.softBlocks || b.soft
	r.blocks = append(r.blocks, b)
}

// anchor reports whether text is only a sign that links a heading to itself.
func anchor(text []byte) bool {
	if len(text) > 8 {
		return false
	}
	switch string(bytes.TrimSpace(text)) {
	case "¶", "#", "§", "🔗":
		return true
	}
	return false
}
