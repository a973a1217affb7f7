package extract

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"millrace"
)

// write puts the chosen blocks together.
func write(text []byte, blocks []block, c choice) Page {
	var b strings.Builder
	var code []millrace.Span
	keep := kept(blocks, c)
	var last *block
	for i := range blocks {
		if !keep[i] {
			continue
		}
		cur := &blocks[i]
		if last != nil {
			b.WriteString(between(last, cur))
		}
		from := b.Len()
		b.Write(text[cur.from:cur.to])
		if cur.kind == pre && (cur.marked || !readable(text[cur.from:cur.to])) {
			code = append(code, millrace.Span{From: from, To: b.Len()})
		}
		last = cur
	}
	return Page{Text: b.String(), Code: code}
}

// kept decides on each block. A heading whose blocks are all left out goes with them.
func kept(blocks []block, c choice) []bool {
	most, mostItem := 0.5, 0.33
	if c.trusted {
		most, mostItem = 0.8, 0.8
	}
	keep := make([]bool, len(blocks))
	var pending []int // headings with nothing kept under them yet
	lost := false     // something under them was left out
	settle := func() {
		for _, i := range pending {
			keep[i] = !lost
		}
		pending, lost = pending[:0], false
	}
	for i := range blocks {
		b := &blocks[i]
		if b.node < c.from || b.node > c.last || b.soft && !c.soft {
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
			}
		case b.kind != pre && b.linked() > limit:
			lost = true
		default:
			keep[i] = true
			lost = false
			settle()
		}
	}
	settle()
	return keep
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
