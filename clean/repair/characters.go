package repair

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// writer writes a line without what does not belong into text.
type writer struct {
	b     strings.Builder
	code  bool
	c     *Counts
	prev  rune // last one written
	marks int  // combining marks on the same letter
	flag  bool // inside a flag made of tag characters
}

// maxMarks is how many combining marks one letter may carry. Vietnamese and Hebrew need three.
const maxMarks = 8

// characters gives a line without what does not belong into text.
func characters(line string, code bool, c *Counts) string {
	if needed().all(line)&(needCharacters|needEnds) == 0 {
		return line
	}
	w := writer{code: code, c: c, prev: '\n'}
	w.b.Grow(len(line))
	w.line(line)
	return w.b.String()
}

// line writes line character by character.
func (w *writer) line(line string) {
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRuneInString(line[i:])
		rest := line[i+n:]
		switch {
		case r == '\r', r == 0x2028, r == 0x2029: // mojibake can hide them
			w.c.Newline++
			w.put('\n')
		case r == 0x1B:
			w.c.Control++
			n += escape(rest)
		case r < 0x20 && r != '\n' && r != '\t', r == 0x7F:
			w.c.Control++
		case 0x80 <= r && r < 0xA0:
			w.c.Control++
			if x, ok := windowsOf(r); ok {
				w.put(x)
			}
		case unicode.Is(unicode.Noncharacter_Code_Point, r):
			w.c.Control++
		case !w.code && invisible(r) && !w.useful(r, rest):
			w.c.Invisible++
		case r >= 0x300 && unicode.Is(unicode.Mn, r):
			if w.marks++; w.marks > maxMarks {
				w.c.Combining++
			} else {
				w.b.WriteRune(r)
				w.prev = r
			}
		default:
			w.put(r)
		}
		i += n
	}
}

func (w *writer) put(r rune) {
	w.b.WriteRune(r)
	w.flag = r == 0x1F3F4 || w.flag && 0xE0020 <= r && r < 0xE007F
	w.prev, w.marks = r, 0
}

// escape is the length of the terminal's control sequence behind an escape character.
func escape(s string) int {
	if s == "" || s[0] != '[' {
		return 0
	}
	for i := 1; i < len(s) && i < 64; i++ {
		switch {
		case 0x40 <= s[i] && s[i] < 0x7F:
			return i + 1
		case s[i] < 0x20 || s[i] > 0x3F:
			return 0
		}
	}
	return 0
}

// invisible reports whether r has no glyph of its own, and no use in most scripts.
func invisible(r rune) bool {
	switch {
	case r == 0xAD, r == 0xFEFF, r == 0x2060: // soft hyphen, byte order mark, word joiner
	case 0x200B <= r && r <= 0x200D: // space of no width, the two joiners
	case 0x202A <= r && r <= 0x202E, 0x2066 <= r && r <= 0x2069: // they turn the direction of what follows
	case 0x206A <= r && r <= 0x206F, 0xFFF9 <= r && r <= 0xFFFB: // given up by Unicode, and marks of notes
	case variation(r):
	case 0xE0000 <= r && r <= 0xE007F: // tags
	default:
		return false
	}
	return true
}

// variation reports whether r chooses among the forms of the sign before it.
func variation(r rune) bool {
	return 0xFE00 <= r && r <= 0xFE0F || 0xE0100 <= r && r <= 0xE01EF
}

// useful reports whether r, which is invisible, has something to do where it stands, before rest.
func (w *writer) useful(r rune, rest string) bool {
	next, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == 0x200B:
		return unbroken(w.prev) || unbroken(next)
	case r == 0x200C, r == 0x200D:
		return joining(w.prev) || joining(next) || r == 0x200D && joined(w.prev) && picture(next)
	case variation(r):
		return varies(w.prev, r)
	case 0xE0000 <= r && r <= 0xE007F:
		return w.flag // elsewhere, tag characters carry text that nobody sees
	}
	return false
}

// unbroken are the scripts without spaces, which mark the end of a word with a space of no width.
func unbroken(r rune) bool {
	return r >= 0xE00 && unicode.In(r, unicode.Thai, unicode.Khmer, unicode.Lao, unicode.Myanmar, unicode.Tibetan, unicode.Javanese, unicode.Balinese,
		unicode.Cham, unicode.Tai_Tham, unicode.Tai_Le, unicode.New_Tai_Lue, unicode.Tai_Viet)
}

// joining are the scripts in which a joiner changes the form of the letters.
func joining(r rune) bool {
	return r >= 0x600 && unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Devanagari, unicode.Bengali,
		unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala,
		unicode.Myanmar, unicode.Khmer)
}

// joined reports whether r can be the end of a picture that another one is joined to.
func joined(r rune) bool {
	return r == 0xFE0F || 0x1F3FB <= r && r <= 0x1F3FF || picture(r)
}

// picture reports whether r can be one of several that make up an emoji.
func picture(r rune) bool { return r >= 0x203C && r != utf8.RuneError && unicode.Is(unicode.So, r) }

// varies reports whether r chooses among forms of prev that there are: the text or the picture of an emoji,
// ideographs, and signs of mathematics and some scripts. Behind anything else it carries text that nobody sees.
func varies(prev, r rune) bool {
	switch {
	case r >= 0xE0100:
		return unicode.Is(unicode.Han, prev)
	case r >= 0xFE0E:
		return prev == '#' || prev == '*' || '0' <= prev && prev <= '9' || prev == '©' || prev == '®' || prev == '‼' || prev == '⁉' ||
			prev == 'ℹ' || prev == '〰' || prev >= 0x2100 && unicode.In(prev, unicode.So, unicode.Sm)
	}
	return prev == '0' || prev >= 0x1000 && unicode.In(prev, unicode.Sm, unicode.So, unicode.Po, unicode.Han, unicode.Myanmar,
		unicode.Phags_Pa, unicode.Manichaean, unicode.Egyptian_Hieroglyphs)
}
