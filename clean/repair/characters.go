package repair

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// writer writes lines without what does not belong into text.
type writer struct {
	b     *strings.Builder
	code  bool
	c     *Counts
	prev  rune // last one written
	marks int  // combining marks on the same letter
	flag  bool // inside a flag made of tag characters
}

// maxMarks is how many combining marks one letter may carry. Vietnamese and Hebrew need three.
const maxMarks = 8

// plain writes a line that needs no look.
func (w *writer) plain(line string) {
	if line == "" {
		return
	}
	w.b.WriteString(line)
	w.prev, w.marks = rune(line[len(line)-1]), 0
}

// line writes line character by character.
func (w *writer) line(line string) {
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRuneInString(line[i:])
		rest := line[i+n:]
		switch {
		case r == utf8.RuneError && n == 1:
			w.c.Invalid++
			w.put(r)
		case r == '\r':
			w.c.Newline++
			if !strings.HasPrefix(rest, "\n") {
				w.put('\n')
			}
		case r == 0x2028, r == 0x2029:
			w.c.Newline++
			w.put('\n')
		case r == 0x1B:
			w.c.Control++
			n += escape(rest)
		case r < 0x20 && r != '\n' && r != '\t', r == 0x7F:
			w.c.Control++
		case 0x80 <= r && r < 0xA0:
			w.c.Control++
			// These are characters of Windows-1252 that were read as Latin-1.
			if x := charmap.Windows1252.DecodeByte(byte(r)); x != utf8.RuneError && x >= 0xA0 {
				w.put(x)
			}
		case unicode.Is(unicode.Noncharacter_Code_Point, r):
			w.c.Control++
		case !w.code && w.invisible(r, rest):
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

// invisible reports whether r has no glyph and nothing to do where it stands, before rest.
func (w *writer) invisible(r rune, rest string) bool {
	switch {
	case r == 0xAD, r == 0xFEFF, r == 0x2060:
		return true
	case 0x202A <= r && r <= 0x202E, 0x2066 <= r && r <= 0x2069:
		return true // they turn the direction of what follows
	case r == 0x200B:
		return !near(w.prev, rest, unbroken)
	case r == 0x200C, r == 0x200D:
		next, _ := utf8.DecodeRuneInString(rest)
		pictures := r == 0x200D && picture(w.prev) && picture(next)
		return !pictures && !near(w.prev, rest, joining)
	case 0xFE00 <= r && r <= 0xFE0F, 0xE0100 <= r && r <= 0xE01EF:
		// Variation selectors choose among the forms of a sign or an ideograph.
		return w.prev < 0x80 && !strings.ContainsRune("#*0123456789", w.prev) || unicode.In(w.prev, unicode.Latin, unicode.Cyrillic, unicode.Greek)
	case 0xE0000 <= r && r <= 0xE007F:
		// Outside of flags, tag characters carry text that nobody sees.
		return !w.flag
	}
	return false
}

// near reports whether one of the two neighbours is a letter that test wants.
func near(prev rune, rest string, test func(rune) bool) bool {
	next, _ := utf8.DecodeRuneInString(rest)
	return test(prev) || test(next)
}

// unbroken are the scripts without spaces, which mark the end of a word with a space of no width.
func unbroken(r rune) bool {
	return r >= 0xE00 && unicode.In(r, unicode.Thai, unicode.Khmer, unicode.Lao, unicode.Myanmar, unicode.Tibetan)
}

// joining are the scripts in which a joiner changes the form of the letters.
func joining(r rune) bool {
	return r >= 0x600 && unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Devanagari, unicode.Bengali,
		unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala,
		unicode.Myanmar, unicode.Khmer)
}

// picture reports whether r can be part of an emoji that is joined from several.
func picture(r rune) bool {
	return r == 0xFE0F || 0x1F3FB <= r && r <= 0x1F3FF || r >= 0x203C && unicode.Is(unicode.So, r) || r == 0x2640 || r == 0x2642
}
