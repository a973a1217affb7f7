package repair

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// need is what a character asks for.
type need uint8

const (
	needMojibake   need = 1 << iota // mojibake cannot be without one such character
	needCharacters                  // it may have to go
	needEnds                        // it ends a line in another way than \n
	needBytes                       // it is no character, but bytes that are no UTF-8
	mark                            // it asks for something where many of the kind follow each other
)

// needs tells clean text from other text at the speed of a scan.
type needs struct {
	ascii  [utf8.RuneSelf]need
	bmp    [1 << 16]need
	two    [1 << 16]bool // whether two bytes are a character of two bytes that asks for nothing
	blocks [1 << 10]need // all that the characters of a block of 64 ask for
}

// needed makes the table once.
var needed = sync.OnceValue(func() *needs {
	t := &needs{}
	for r := range rune(len(t.bmp)) {
		t.bmp[r] = needOf(r)
	}
	for _, list := range unicode.Mn.R16 {
		for r := int(list.Lo); r <= int(list.Hi); r += int(list.Stride) {
			t.bmp[r] |= mark
		}
	}
	for r, n := range t.bmp {
		if n == 0 && utf8.RuneSelf <= r && r < 0x800 {
			t.two[(0xC0|r>>6)<<8|0x80|r&0x3F] = true
		}
		t.blocks[r>>6] |= n
		if r < utf8.RuneSelf {
			t.ascii[r] = n
		}
	}
	return t
})

// triggers are the classes of which each sequence that bad finds has at least one character. Cyrillic, Greek
// and the small letters of Latin are not among them: most text passes.
const triggers = control | odd | upper | box | closing | currency | numeric | opening

// needOf is what one character asks for, marks left out.
func needOf(r rune) (n need) {
	if s := signs().of(r); s.in&triggers != 0 || r == 'œ' || r == 'Ù' || r == '°' || r == 'Ђ' {
		n |= needMojibake
	}
	switch {
	case r == '\n', r == '\t':
	case r == '\r', r == 0x2028, r == 0x2029:
		n |= needEnds
	case r < 0x20, 0x7F <= r && r < 0xA0, r&0xFFFE == 0xFFFE, 0xFDD0 <= r && r <= 0xFDEF, invisible(r):
		n |= needCharacters
	}
	return n
}

// next finds the first character at i or behind it that asks for something. Its length is 0 where there is none.
func (t *needs) next(s string, i int) (at, size int, n need) {
	marks, markEnd := 0, -1
	for i < len(s) {
		from := i
		switch c := s[i]; {
		case c < utf8.RuneSelf:
			if n := t.ascii[c]; n != 0 {
				return i, 1, n
			}
			i++
			for i+8 <= len(s) && s[i] < utf8.RuneSelf && plain(eight(s[i:i+8])) {
				i += 8
			}
		case c < 0xE0:
			// With the spaces: words are short, and this is twice as fast.
			for i+1 < len(s) {
				if t.two[uint16(s[i])<<8|uint16(s[i+1])] {
					i += 2
				} else if s[i] == ' ' {
					i++
				} else {
					break
				}
			}
		default:
			i = t.three(s, i)
		}
		if i > from {
			continue
		}
		size, n := t.other(s[i:])
		if n&^mark != 0 {
			return i, size, n
		}
		if n == mark {
			if i != markEnd {
				marks = 0
			}
			if marks++; marks > maxMarks {
				return i, size, needCharacters
			}
			markEnd = i + size
		}
		i += size
	}
	return i, 0, 0
}

// three passes over characters of three bytes that ask for nothing, those left out that need a closer look to be one.
func (t *needs) three(s string, i int) int {
	for i+2 < len(s) {
		c, d, e := s[i], s[i+1], s[i+2]
		if c-0xE1 >= 0xED-0xE1 || d&0xC0 != 0x80 || e&0xC0 != 0x80 {
			break
		}
		block := uint16(c&0xF)<<6 | uint16(d&0x3F)
		if t.blocks[block] != 0 && t.bmp[block<<6|uint16(e&0x3F)] != 0 {
			break
		}
		i += 3
	}
	return i
}

// plain reports whether eight bytes are printable ASCII or line feeds: in each byte of a sum, the highest bit says it.
func plain(x uint64) bool {
	const ones, high = 0x0101010101010101, 0x80 * 0x0101010101010101
	seen := x + 0x60*ones              // no control character
	other := x ^ '\n'*ones + 0x7F*ones // no line feed
	kept := x ^ 0x7F*ones + 0x7F*ones  // no delete
	return (seen|^other)&kept&^x&high == high
}

// eight is eight bytes as one number.
func eight(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// other looks at the character beyond ASCII at the front of s, in whatever way it is written.
func (t *needs) other(s string) (int, need) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case size == 1:
		return 1, needBytes
	case int(r) < len(t.bmp):
		return size, t.bmp[r]
	case unicode.Is(unicode.Mn, r):
		return size, needOf(r) | mark
	}
	return size, needOf(r)
}

// bytesOf mends bytes that are no UTF-8: surrogates become the character that they are the halves of, Java's
// NUL goes, all else becomes U+FFFD and is counted.
func bytesOf(s string, c *Counts) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r != utf8.RuneError || n > 1 {
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		raw := []byte(s[i:min(i+6, len(s))])
		_, half := surrogate(raw)
		switch r, n = variant(raw); {
		case n == 6:
			c.Surrogate++
			b.WriteRune(r)
		case n == 2:
			c.Control++
		case half:
			n = 3
			c.Invalid++
			b.WriteRune(utf8.RuneError)
		default:
			n = 1
			c.Invalid++
			b.WriteRune(utf8.RuneError)
		}
		i += n
	}
	return b.String()
}

// endsOf gives each line the end \n.
func endsOf(s string, c *Counts) string {
	var b strings.Builder
	for {
		i := strings.IndexAny(s, "\r\u2028\u2029")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		_, n := utf8.DecodeRuneInString(s[i:])
		if n == 1 && strings.HasPrefix(s[i+1:], "\n") {
			n = 2
		}
		c.Newline++
		b.WriteByte('\n')
		s = s[i+n:]
	}
}

// all is what all characters of s ask for together.
func (t *needs) all(s string) (asks need) {
	for at, size, n := t.next(s, 0); size > 0; at, size, n = t.next(s, at+size) {
		asks |= n
	}
	return asks
}
