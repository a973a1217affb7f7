package charset

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// utf8Counts says what a body is as UTF-8.
type utf8Counts struct {
	sequences int // of more than one byte
	invalid   int // bytes that belong to none
	cut       bool
}

// countUTF8 counts. A sequence that the body's end has cut is no error.
func countUTF8(body []byte) utf8Counts {
	var c utf8Counts
	for i := 0; i < len(body); {
		if body[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(body[i:])
		switch {
		case r != utf8.RuneError || n > 1:
			c.sequences++
		case !utf8.FullRune(body[i:]):
			c.cut = true
			return c
		case twins(body[i:]) != 0:
			c.sequences++
			n = 6
		default:
			c.invalid++
		}
		i += n
	}
	return c
}

// surely reports whether a body is UTF-8 with some damage.
func (c utf8Counts) surely() bool { return c.sequences >= 4 && c.sequences >= 10*c.invalid }

// perhaps reports whether a body could be UTF-8 with damage. Text in another encoding has few valid sequences, and many
// more bytes beside them that belong to none.
func (c utf8Counts) perhaps() bool { return c.sequences > 0 && 3*c.sequences >= c.invalid }

// utf8Text makes valid UTF-8 of what nearly is, and fills in the counts of r.
func (p Policy) utf8Text(body []byte, r *Result) {
	if utf8.Valid(body) {
		r.Text = string(body)
		return
	}
	var b strings.Builder
	b.Grow(len(body) + len(body)/16)
	before := true // the rune before was one
	for i := 0; i < len(body); {
		c, n := utf8.DecodeRune(body[i:])
		if c != utf8.RuneError || n > 1 {
			b.Write(body[i : i+n])
			before = true
			i += n
			continue
		}
		c, n = mend(body[i:])
		switch {
		case n > 0 && p != Strict:
			r.Mended++
			before = true
		case p == Salvage && before && lone(body[i:]):
			c, n = charmap.Windows1252.DecodeByte(body[i]), 1
			r.Salvaged++
		default:
			c, n = utf8.RuneError, 1
			r.Invalid++
			before = false
		}
		b.WriteRune(c)
		i += n
	}
	r.Text = b.String()
}

// mend reads what some programs write for UTF-8: two surrogates of three bytes each (CESU-8), and two bytes for U+0000
// (Java). n is 0 where b begins with neither.
func mend(b []byte) (r rune, n int) {
	if r := twins(b); r != 0 {
		return r, 6
	}
	if len(b) > 1 && b[0] == 0xC0 && b[1] == 0x80 {
		return 0, 2
	}
	return 0, 0
}

// twins reads a pair of surrogates, each in three bytes; 0 if b begins with none.
func twins(b []byte) rune {
	if len(b) < 6 || b[0] != 0xED || b[1]&0xF0 != 0xA0 || b[2]&0xC0 != 0x80 || b[3] != 0xED || b[4]&0xF0 != 0xB0 || b[5]&0xC0 != 0x80 {
		return 0
	}
	return 0x10000 + rune(b[1]&0xF)<<16 + rune(b[2]&0x3F)<<10 + rune(b[4]&0xF)<<6 + rune(b[5]&0x3F)
}

// lone reports whether the byte that b begins with stands alone and means something in windows-1252, as where a template
// in one encoding was filled from a source in another. A byte at the end is what is left of a cut sequence.
func lone(b []byte) bool {
	if len(b) < 2 || charmap.Windows1252.DecodeByte(b[0]) == utf8.RuneError {
		return false
	}
	r, n := utf8.DecodeRune(b[1:])
	return r != utf8.RuneError || n > 1
}

// cutOnly reports whether the end, in the middle of a sequence, is all that is wrong.
func (c utf8Counts) cutOnly() bool { return c.cut && c.invalid == 0 && c.sequences > 0 }
