package lm

import (
	"unicode"
	"unicode/utf8"
)

// The classes that all scripts have. Letters follow, each a class of its own.
const (
	space    = iota
	digit    // 0 to 9
	stop     // . , ; : ! ?
	sign     // what else ASCII has
	tick     // apostrophes
	quote    // quotation marks beyond ASCII
	dash     // longer than a hyphen
	hard     // no-break space
	dots     // … · •
	mark     // § © ° € and what else people do write
	rare     // all else that is assigned
	control  // U+0080 to U+009F and what else no text has
	bad      // U+FFFD
	stranger // a letter that is not in the alphabet
	han      // from here on: of the large scripts, where the character costs more within its class
	hiragana
	katakana
	hangul
	wide // punctuation of full width
	firstLetter
)

// inside is what a character costs within its class, where that is no letter, in units.
var inside = [256]int{space: 2, digit: 37, stop: 21, sign: 2.5 * Nat, tick: 11, quote: 29, dash: 11,
	dots: 18, mark: 37, rare: 5 * Nat, control: 20 * Nat, bad: 25 * Nat, stranger: 6 * Nat}

// unknown is what a character of a large script costs that training has not seen.
const unknown = 14 * Nat

// fold makes lower case of a letter, and one of what old encodings could not tell apart.
func fold(r rune) rune {
	switch r {
	case 'İ':
		return r // ToLower would make an i of it
	case 'ș', 'Ș':
		return 'ş'
	case 'ț', 'Ț':
		return 'ţ'
	case 'ی': // Persian; windows-1256 has the Arabic one only
		return 'ي'
	}
	return unicode.ToLower(r)
}

// class finds the class of a rune.
func (s *Script) class(r rune) uint8 {
	switch {
	case r < utf8.RuneSelf:
		return asciiClass(byte(r))
	case r == utf8.RuneError:
		return bad
	}
	if r >= 0x2E80 && r < 0xFFF0 && s.large {
		return largeClass(r)
	}
	if c, ok := s.index[fold(r)]; ok {
		return c
	}
	switch {
	case r == '’' || r == 'ʼ':
		return tick
	case r == '“' || r == '”' || r == '„' || r == '«' || r == '»' || r == '‘' || r == '‚' || r == '‹' || r == '›':
		return quote
	case r == '–' || r == '—':
		return dash
	case r == 0xA0:
		return hard
	case r == '…' || r == '·' || r == '•':
		return dots
	case r == '§' || r == '©' || r == '®' || r == '°' || r == '€' || r == '£' || r == '™' || r == '№' || r == '²' || r == '½' || r == '×' || r == '¿' || r == '¡':
		return mark
	case r < 0xA0 || r > 0xFFFF && !unicode.IsLetter(r) || unicode.In(r, unicode.Co, unicode.Cs):
		return control
	case unicode.In(r, unicode.L, unicode.M):
		return stranger
	case unicode.In(r, unicode.P, unicode.S, unicode.N, unicode.Z, unicode.Cf):
		return rare
	}
	return control
}

// asciiClass is the class of an ASCII character, the same in all scripts.
func asciiClass(c byte) uint8 {
	switch {
	case 'a' <= c && c <= 'z':
		return firstLetter + c - 'a'
	case 'A' <= c && c <= 'Z':
		return firstLetter + c - 'A'
	case '0' <= c && c <= '9':
		return digit
	case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f':
		return space
	case c == '.' || c == ',' || c == ';' || c == ':' || c == '!' || c == '?':
		return stop
	case c == '\'':
		return tick
	case c < ' ' || c == 0x7F:
		return rare // some do stand in texts; those beyond ASCII do not
	}
	return sign
}

// largeClass sorts the characters of Chinese, Japanese and Korean.
func largeClass(r rune) uint8 {
	switch {
	case 0x3400 <= r && r <= 0x9FFF || 0xF900 <= r && r <= 0xFAFF:
		return han
	case 0x3041 <= r && r <= 0x309F:
		return hiragana
	case 0x30A0 <= r && r <= 0x30FF:
		return katakana
	case 0xAC00 <= r && r <= 0xD7A3:
		return hangul
	case 0x3000 <= r && r <= 0x303F || 0xFF01 <= r && r <= 0xFF5E:
		return wide
	case 0xE000 <= r && r <= 0xF8FF:
		return control
	}
	return rare
}

// cased tells upper case (2) from lower (1) and from what has none (0).
func cased(r rune) uint8 {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case 'a' <= r && r <= 'z':
			return 1
		case 'A' <= r && r <= 'Z':
			return 2
		}
		return 0
	case r >= 0x2E80:
		return 0
	case unicode.IsUpper(r):
		return 2
	case unicode.IsLower(r):
		return 1
	}
	return 0
}

// caseCost is what the case of a character costs behind that of the one before, in units: capitals begin words,
// or make them up. Rows: none, lower, upper.
var caseCost = [3][3]int{
	{0, Nat / 4, 26},
	{0, 0, 6 * Nat},
	{0, 5, 22},
}
