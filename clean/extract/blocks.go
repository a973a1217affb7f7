package extract

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// block is a run of text between two block tags.
type block struct {
	from, to       int32 // in the reader's text
	src, srcTo     int32 // in the page
	node           int32
	row            int32
	cell, col      int32
	table          int32
	item           int32
	ordinal        int32
	chars          int32
	linkChars      int32
	commas         int32
	stops          int32 // signs that end a sentence
	lang           string
	kind           kind
	level          uint8
	depth          uint8 // of lists around it
	quote          uint8 // of quotations around it
	marked, header bool  // marked: pre that is said to be code; header: a cell of a table's head
	told           bool  // the page's data has it, too
	left           Reason
}

// linked is the share of the block's text that is links.
func (b *block) linked() float64 {
	if b.chars == 0 {
		return 0
	}
	return float64(b.linkChars) / float64(b.chars)
}

// write adds the token's text to the current block. Outside pre, whitespace becomes one space.
func (r *reader) write() {
	top := r.top()
	s := r.text
	if r.link > 0 && anchor(s) {
		return
	}
	if room := maxText - len(r.out); len(s) > room {
		for room > 0 && !utf8.RuneStart(s[room]) {
			room--
		}
		s, r.cut = s[:room], true
	}
	if top.kind == pre {
		r.writePre(s)
		return
	}
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case space(c):
			r.space = true
			i++
		case c == 0:
			i++
		case c == '&' && !r.raw:
			decoded, n := entity(s[i:])
			if len(decoded) == 1 && space(decoded[0]) {
				r.space = true
			} else {
				r.add(decoded)
			}
			i += n
		default:
			j := i + 1
			for j < len(s) && !space(s[j]) && s[j] != '&' && s[j] != 0 {
				j++
			}
			r.add(s[i:j])
			i = j
		}
	}
}

// add appends a piece without white space.
func (r *reader) add(s string) {
	r.begin()
	if r.space {
		r.space = false
		if len(r.out) > int(r.cur.from) && r.out[len(r.out)-1] != '\n' {
			r.out = append(r.out, ' ')
			r.counted(1)
		}
	}
	r.out = append(r.out, s...)
	chars := 0
	for i := range len(s) {
		c := s[i]
		if c < 0x80 {
			chars++
			switch c {
			case ',':
				r.cur.commas++
			case '.', '!', '?':
				r.cur.stops++
			}
			continue
		}
		if c < 0xC0 {
			continue
		}
		chars++
		if c >= 0xE3 && c < 0xF0 {
			chars++ // a sign of Chinese, Japanese or Korean says as much as two letters, or more
		}
		r.wide(s[i:])
	}
	r.counted(chars)
}

// wide counts a sign that is not ASCII.
func (r *reader) wide(s string) {
	for _, sign := range [...]string{"，", "、", "،"} {
		if strings.HasPrefix(s, sign) {
			r.cur.commas++
		}
	}
	for _, sign := range [...]string{"。", "！", "？", "।", "؟"} {
		if strings.HasPrefix(s, sign) {
			r.cur.stops++
		}
	}
}

// counted takes in n characters of the current block.
func (r *reader) counted(n int) {
	r.cur.chars += int32(n)
	if r.link > 0 {
		r.cur.linkChars += int32(n)
	}
}

// writePre adds text as it stands.
func (r *reader) writePre(s string) {
	if strings.ContainsAny(s, "\r&") {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		if !r.raw {
			s = html.UnescapeString(s)
		}
	}
	if !r.open {
		s = strings.TrimPrefix(s, "\n")
	}
	s = strings.ReplaceAll(s, "\x00", "")
	if s == "" {
		return
	}
	r.begin()
	r.out = append(r.out, s...)
	r.counted(utf8.RuneCountInString(s))
}

// entity reads the character reference that s may begin with, and gives how much of s it was.
func entity(s string) (string, int) {
	const longest = 40 // no name is as long
	i := 1
	for i < len(s) && i < longest && (letter(s[i]) || '0' <= s[i] && s[i] <= '9' || s[i] == '#') {
		i++
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	switch s[:i] {
	case "&":
		return "&", 1
	case "&amp;":
		return "&", i
	case "&nbsp;":
		return "\u00a0", i
	case "&quot;":
		return `"`, i
	case "&lt;":
		return "<", i
	case "&gt;":
		return ">", i
	}
	return html.UnescapeString(s[:i]), i
}

// begin opens a block where none is open.
func (r *reader) begin() {
	if r.open {
		return
	}
	o := r.top()
	r.cur = block{from: int32(len(r.out)), src: int32(r.from), node: o.node, row: o.row, cell: o.cell, col: o.col, table: o.table, item: o.item,
		ordinal: o.ordinal, kind: o.kind, level: o.level, depth: o.depth, quote: o.quote, header: r.count[tagTh] > 0 && o.kind == cell}
	r.open = true
}

// lineBreak is a br element: a new line, or, at the second one, a new block.
func (r *reader) lineBreak() {
	if r.skip != other || !r.open {
		return
	}
	if r.cur.kind != pre && r.out[len(r.out)-1] == '\n' {
		r.flush()
		return
	}
	r.out = append(r.out, '\n')
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
	text := r.out[b.from:]
	if b.kind == pre {
		text = bytes.TrimRightFunc(text, unicode.IsSpace)
	} else {
		text = bytes.TrimRight(text, "\n ")
	}
	if len(bytes.TrimSpace(text)) == 0 {
		r.out = r.out[:b.from]
		return
	}
	b.to, b.srcTo = b.from+int32(len(text)), int32(r.from)
	r.out = r.out[:b.to]
	if b.kind == pre {
		b.marked, b.lang = r.top().code, r.top().lang
	}
	r.blocks = append(r.blocks, b)
}

// anchor reports whether text is only a sign that links a heading to itself.
func anchor(text string) bool {
	const longest = 12
	if len(text) > longest {
		return false
	}
	switch strings.TrimSpace(html.UnescapeString(text)) {
	case "¶", "#", "§", "🔗":
		return true
	}
	return false
}
