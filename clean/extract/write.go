package extract

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"millrace"
)

// write puts the chosen blocks together.
func (r *reader) writeOut(c choice, markdown bool) Page {
	var b strings.Builder
	var code []millrace.Span
	size := r.kept(c)
	b.Grow(size + size/16)
	var m marker
	var last *block
	for i := range r.blocks {
		cur := &r.blocks[i]
		if cur.left != None {
			continue
		}
		text := r.out[cur.from:cur.to]
		isCode := cur.kind == pre && (cur.marked || !readable(text))
		if !markdown {
			if last != nil {
				b.WriteString(between(last, cur))
			}
			from := b.Len()
			b.Write(text)
			if isCode {
				code = append(code, millrace.Span{From: from, To: b.Len()})
			}
		} else if from, to := m.write(&b, last, cur, text, isCode); isCode {
			code = append(code, millrace.Span{From: from, To: to})
		}
		last = cur
	}
	m.end(&b)
	return Page{Text: b.String(), Code: code}
}

// kept decides on each block, and gives the bytes that are kept.
func (r *reader) kept(c choice) int {
	for i := range r.blocks {
		b := &r.blocks[i]
		if b.left == None && (b.node < c.from || b.node > c.last) {
			b.left = Outside
		}
	}
	if c.names {
		r.captions(c)
	}
	if c.told {
		r.ends()
	} else if c.names {
		r.lead(c)
	}
	r.linked(c)
	if !c.told && !c.trusted {
		r.trim()
	}
	size := 0
	for i := range r.blocks {
		if b := &r.blocks[i]; b.left == None {
			size += int(b.to-b.from) + 2
		}
	}
	return size
}

// lead takes in the paragraphs between the page's headline and the chosen part.
func (r *reader) lead(c choice) {
	const near, least = 40, 80 // blocks; characters
	blocks := r.blocks
	first := 0
	for first < len(blocks) && blocks[first].node < c.from {
		first++
	}
	head := first - 1
	for head >= 0 && first-head < near && blocks[head].level != 1 {
		head--
	}
	if head < 0 || first-head >= near || first == len(blocks) {
		return
	}
	for i := head + 1; i < first; i++ {
		if b := &blocks[i]; (b.left == Outside || b.left == Element) && b.kind == prose && b.chars >= least && b.stops > 0 && b.linked() < 0.2 {
			b.left = None
		}
	}
}

// captions leaves out what stands under pictures, unless it is the better part of the text.
func (r *reader) captions(c choice) {
	var under, beside int32
	is := func(b *block) bool {
		return b.node >= c.from && b.node <= c.last && (b.left == Caption || b.left == None && b.kind == caption)
	}
	for i := range r.blocks {
		b := &r.blocks[i]
		switch {
		case !b.good():
		case is(b):
			under += b.chars
		case b.left == None:
			beside += b.chars
		}
	}
	for i := range r.blocks {
		if b := &r.blocks[i]; is(b) {
			b.left = Caption
			if under > beside {
				b.left = None
			}
		}
	}
}

// ends leaves out what stands before the first block that the page's data has, and behind the last one.
func (r *reader) ends() {
	first, last := -1, -1
	for i := range r.blocks {
		if r.blocks[i].told {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	for i := range r.blocks {
		b := &r.blocks[i]
		if b.told {
			b.left = None
		} else if b.left == None && (i < first && b.kind != heading || i > last) {
			b.left = Outside
		}
	}
}

// ownWords is how many characters that are no links a block of links has to have, in sentences, to be text.
const ownWords = 60

// linked leaves out what is mostly links. A heading whose blocks are all left out goes with them.
func (r *reader) linked(c choice) {
	most, mostItem := 0.5, 0.33
	if c.trusted {
		most, mostItem = 0.8, 0.8
	}
	blocks := r.blocks
	var pending []int // headings with nothing kept under them yet
	lost := false     // something under them was left out
	settle := func() {
		for _, i := range pending {
			if lost {
				blocks[i].left = NoText
			}
		}
		pending, lost = pending[:0], false
	}
	for i := range blocks {
		b := &blocks[i]
		if b.left != None {
			lost = lost || b.left != Outside
			continue
		}
		limit := most
		if b.kind == item {
			limit = mostItem
		}
		switch {
		case b.kind == heading:
			if len(pending) > 0 && blocks[pending[len(pending)-1]].level >= b.level {
				settle()
			}
			if b.linked() <= limit || c.trusted {
				pending = append(pending, i)
			} else {
				b.left = Links
			}
		case b.kind != pre && b.linked() > limit && !b.told && !(b.stops > 0 && b.chars-b.linkChars >= ownWords):
			b.left, lost = Links, true
		default:
			lost = false
			settle()
		}
	}
	settle()
}

// trim leaves out short lines behind the last good block of a text, if they are few.
func (r *reader) trim() {
	const most = 12
	blocks := r.blocks
	total, at, lines := int32(0), -1, 0
	for i := range blocks {
		b := &blocks[i]
		if b.left != None {
			continue
		}
		if b.good() {
			total += b.chars
		}
		if b.kind != prose && b.kind != heading || b.stops > 0 || b.chars >= 4*shortBlock {
			at, lines = i, 0
			continue
		}
		lines++
	}
	if total < shortText || lines > most {
		return
	}
	for i := at + 1; i < len(blocks); i++ {
		if b := &blocks[i]; b.left == None {
			b.left = Trailing
		}
	}
}

// between is what separates two blocks: lines in lists and tables, tabs between the cells of a row, else a blank line.
func between(a, b *block) string {
	const longCell = 200
	switch {
	case a.kind == item && b.kind == item, a.kind == term && b.kind == term:
		return "\n"
	case a.kind == cell && b.kind == cell && a.table == b.table:
		if a.row == b.row && a.cell != b.cell && a.chars < longCell && b.chars < longCell {
			return "\t"
		}
		if a.chars < longCell && b.chars < longCell {
			return "\n"
		}
	}
	return "\n\n"
}

// readable reports whether preformatted text is prose, as in a licence: lines of several words, made of letters.
func readable(text []byte) bool {
	var letters, solid, words, lines, ends int
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		lines++
		words += len(bytes.Fields(line))
		switch line[len(line)-1] {
		case '{', '}', ';', ')':
			ends++
		}
		for len(line) > 0 {
			r, n := utf8.DecodeRune(line)
			if unicode.IsLetter(r) {
				letters++
			}
			if !unicode.IsSpace(r) {
				solid++
			}
			line = line[n:]
		}
	}
	return lines > 0 && letters*100 >= solid*85 && words >= 5*lines && ends*10 <= lines
}
