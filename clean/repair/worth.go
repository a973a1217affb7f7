package repair

import (
	"unicode"
	"unicode/utf8"
)

// worth weighs the evidence that a line or a stretch of it is mojibake. A sequence of valid UTF-8 can stand
// in natural text by chance: "CAFÉ™" read back is one. So each sequence counts by how likely its meaning
// is, and how unlikely its looks.
type worth struct {
	sum    float64
	count  int
	signs  int // sequences whose later characters are no letters
	strong int // sequences that nobody would write
}

// add takes in a sequence of n bytes that shows as shown and means r, between the characters prev and next.
func (w *worth) add(c *codec, shown string, r rune, n int, prev, next rune) {
	w.count++
	_, first := utf8.DecodeRuneInString(shown)
	second, _ := utf8.DecodeRuneInString(shown[first:])
	if !unicode.IsLetter(second) {
		w.signs++
	}
	v := meaning(r, n)
	if n == 2 && v > 0 {
		switch {
		case c.alphabet == signs && r >= 0x100:
			v = 0.5
		case c.alphabet == signs && !unicode.IsLetter(prev) && !unicode.IsLetter(next):
			v = 0.5 // √π
		case r < 0x100 && closing(second) && unicode.IsUpper(prev) && !unicode.IsLetter(next):
			v = 0 // IRMÃ…
		case 0x100 <= r && r < 0x180 && (unicode.IsLower(prev) || unicode.IsLower(next)):
			v = 2
		}
	}
	w.sum += v
	if v >= 2 && (n > 2 || r < 0x100) {
		w.strong++
	}
}

// enough reports whether a whole line of sequences is mojibake.
func (w *worth) enough(c *codec) bool {
	if c.alphabet == other && (w.count < 2 || w.signs == 0) {
		return false // Cyrillic and Greek capitals make sequences with each other
	}
	return w.sum >= 2
}

// certain reports whether a stretch is mojibake although the rest of its line is not.
func (w *worth) certain(c *codec) bool {
	if w.count == 0 {
		return false
	}
	if c.alphabet == other {
		return w.count >= 3 && w.signs > 0 && w.sum >= 3
	}
	return w.sum >= 3 || w.strong == w.count && w.sum >= 2
}

// meaning is how likely a character is the one that was meant: sequences of three bytes and more hardly ever
// come about by chance, those of two do.
func meaning(r rune, n int) float64 {
	const no = -5
	if n > 2 {
		switch {
		case unicode.Is(unicode.Co, r), !unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) && r != 0xFEFF:
			return no
		}
		return 3
	}
	switch {
	case r < 0xA0:
		return 1 // a control character: one layer of several
	case r < 0x100:
		return 2
	case r < 0x180:
		return 1
	case 0x218 <= r && r <= 0x21B: // Romanian
		return 1
	case 0x386 <= r && r <= 0x3CE, 0x401 <= r && r <= 0x45F, 0x490 <= r && r <= 0x491:
		return 1
	case 0x5D0 <= r && r <= 0x5EA, 0x621 <= r && r <= 0x64A, 0x60C <= r && r <= 0x61F:
		return 1
	case r == 0x67E, r == 0x686, r == 0x698, r == 0x6A9, r == 0x6AF, r == 0x6CC: // Persian
		return 1
	}
	return -1
}

// closing reports whether r can follow a word in natural text.
func closing(r rune) bool {
	switch r {
	case '…', '’', '”', '»', '–', '—', '•', '›', '™', '®', '©', '°', '\u00a0', '“', '‘', '·':
		return true
	}
	return false
}
