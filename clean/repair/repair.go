// Package repair mends text that was damaged on its way: text comes in, the text that its author meant goes
// out, with the number of mends of each kind. Clean text comes out as it went in, in every script.
//
// It undoes mojibake (UTF-8 that was read as another encoding, once or more), takes out characters that mean
// nothing in text, and evens out line ends. It does not normalise: stored text keeps what people wrote.
//
// Read in this order: repair.go, mojibake.go, codecs.go, worth.go, characters.go.
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
	Newline   int // line ends other than \n
	Invisible int // characters without a glyph where their script has no use for them
	Combining int // marks beyond the eighth on one letter
}

// Any reports whether anything was mended.
func (c Counts) Any() bool { return c != Counts{} }

// Text mends text. The spans of code are moved along with what they hold; in code, invisible characters stay,
// since there they can be meant. Spans that overlap or lie outside text are left out.
func Text(text string, code []millrace.Span) (string, []millrace.Span, Counts) {
	var c Counts
	code = valid(code, len(text))
	if clean(text) {
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

// clean reports whether text is printable ASCII with line feeds and tabs: most English text is.
func clean(text string) bool {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c >= 0x7F || c < 0x20 && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// segment mends a part of the text that is all code or all not.
func segment(b *strings.Builder, s string, code bool, c *Counts) {
	w := writer{b: b, code: code, c: c}
	for line := range strings.Lines(s) {
		if clean(line) {
			w.plain(line)
			continue
		}
		if mended, ok := mojibake(line); ok {
			c.Mojibake++
			line = mended
		}
		w.line(line)
	}
}
