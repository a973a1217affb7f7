// Package repair mends text that was damaged on its way: text comes in, the text that its author meant goes
// out, with the number of mends of each kind. Clean text comes out as it went in, in every script.
//
// It undoes mojibake (UTF-8 that was read as another encoding, once or more) as ftfy 6.3.1's fix_encoding does,
// takes out characters that mean nothing in text, and evens out line ends. It does not normalise, and leaves
// quotes, ligatures, widths and HTML entities alone: stored text keeps what people wrote, and entities of markup
// were read when text was made of it.
//
// A page is mended line by line: one line can have been damaged where the next is clean. What comes out is
// settled: mended again, it stays as it is.
//
// Read in this order: repair.go, scan.go, mojibake.go, badness.go, signs.go, bytes.go, characters.go.
package repair

import (
	"slices"
	"strings"

	"millrace"
)

// Counts says how many mends of each kind were made.
type Counts struct {
	Mojibake  int // lines
	Control   int // control characters and noncharacters
	Invalid   int // bytes that are no UTF-8, now U+FFFD
	Surrogate int // characters that were written as two surrogates
	Newline   int // line ends other than \n
	Invisible int // characters without a glyph where their script has no use for them
	Combining int // marks beyond the eighth on one letter
}

// Any reports whether anything was mended.
func (c Counts) Any() bool { return c != Counts{} }

func (c *Counts) add(d Counts) {
	c.Mojibake += d.Mojibake
	c.Control += d.Control
	c.Invalid += d.Invalid
	c.Surrogate += d.Surrogate
	c.Newline += d.Newline
	c.Invisible += d.Invisible
	c.Combining += d.Combining
}

// Text mends text. The spans of code are moved along with what they hold; in code, invisible characters stay,
// since there they can be meant. Spans that overlap or lie outside text are left out.
func Text(text string, code []millrace.Span) (string, []millrace.Span, Counts) {
	var c Counts
	code = valid(code, len(text))
	if _, size, _ := needed().next(text, 0); size == 0 {
		return text, code, c
	}
	var b strings.Builder
	b.Grow(len(text))
	var moved []millrace.Span
	at := 0
	for _, s := range code {
		segment(&b, text[at:s.From], false, &c)
		from := b.Len()
		segment(&b, text[s.From:s.To], true, &c)
		moved = append(moved, millrace.Span{From: from, To: b.Len()})
		at = s.To
	}
	segment(&b, text[at:], false, &c)
	if !c.Any() {
		return text, code, c
	}
	return b.String(), moved, c
}

// valid leaves out the spans that overlap or lie outside a text of n bytes.
func valid(code []millrace.Span, n int) []millrace.Span {
	at := 0
	return slices.DeleteFunc(slices.Clone(code), func(s millrace.Span) bool {
		if s.From < at || s.To < s.From || s.To > n {
			return true
		}
		at = s.To
		return false
	})
}

// segment mends a part of the text that is all code or all not.
func segment(b *strings.Builder, s string, code bool, c *Counts) {
	t := needed()
	done := 0 // s[:done] is written
	for at, size, n := t.next(s, 0); size > 0; {
		from, to := strings.LastIndexByte(s[:at], '\n')+1, len(s)
		if i := strings.IndexByte(s[at:], '\n'); i >= 0 {
			to = at + i
		}
		var asks need
		for size > 0 && at < to {
			asks |= n
			at, size, n = t.next(s, at+size)
		}
		b.WriteString(s[done:from])
		done = to
		if asks&(needBytes|needEnds) == 0 {
			b.WriteString(line(s[from:to], code, asks, c))
			continue
		}
		lines := s[from:to]
		if to < len(s) && strings.HasSuffix(lines, "\r") {
			lines = lines[:len(lines)-1]
			c.Newline++
		}
		segment(b, endsOf(bytesOf(lines, c), c), code, c) // it asks for neither any more
	}
	b.WriteString(s[done:])
}

// line mends one line that asks for something.
func line(s string, code bool, asks need, c *Counts) string {
	switch {
	case asks&needMojibake == 0:
		return characters(s, code, c)
	case asks&needCharacters == 0 && !bad(s):
		return s
	}
	if mended, n, ok := settle(s, code); ok {
		c.add(n)
		return mended
	}
	// Nobody can read this. Single characters are mended, and if what is left settles, so much the better.
	s = characters(s, code, c)
	if mended, n, ok := settle(s, code); ok {
		c.add(n)
		return mended
	}
	return s
}

// settle mends a line until a further look finds nothing. It reports false where it gave up.
func settle(s string, code bool) (string, Counts, bool) {
	var c Counts
	var b strings.Builder
	m := newMender(len(s))
	for todo := []string{s}; len(todo) > 0; { // lines, the next one last
		line := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		next, ok := m.undo(line, 0)
		if !ok {
			return s, c, false
		}
		next = characters(next, code, &c)
		if next != line {
			parts := strings.Split(next, "\n") // mojibake can hide the ends of lines
			slices.Reverse(parts)
			todo = append(todo, parts...)
			continue
		}
		b.WriteString(line)
		if len(todo) > 0 {
			b.WriteByte('\n')
		}
	}
	c.Control += m.c1
	if m.decoded {
		c.Mojibake++
	}
	return b.String(), c, true
}
