package repair

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// The wrong decoders that are undone, in the order in which they are tried: the commonest first.
const (
	latin1 = iota
	windows1252
	windows1251
	windows1250
	windows1253
	windows1254
	windows1257
	iso88592
	macRoman
	codePage437
	codecCount
)

// sloppy are the codecs whose holes are read as control characters, as web browsers do, and in which U+FFFD
// stands for a byte that was lost.
const sloppy = 1<<windows1252 | 1<<windows1251 | 1<<windows1250 | 1<<windows1253 | 1<<windows1254 | 1<<windows1257

// substitute is the byte that a lost one is written as.
const substitute = 0x1A

// set is a set of classes of characters. A character can be in more than one.
type set uint32

const (
	common     set = 1 << iota // punctuation that stands anywhere
	control                    // U+0080 to U+009F
	odd                        // hardly ever meant
	legal                      // of legal texts
	currency                   // signs of money
	opening                    // punctuation before a word
	closing                    // punctuation behind a word
	numeric                    // of numbers and formulas
	faces                      // letters that emoticons are made of
	upper                      // Latin capitals with an accent
	lower                      // Latin small letters with an accent
	upperOther                 // Greek and Cyrillic capitals, and Þ
	lowerOther                 // Greek and Cyrillic small letters
	box                        // parts of drawn boxes
	capital                    // A to Z
	small                      // a to z
	lead2                      // what the first byte of a sequence of two is read as
	lead3                      // of three
	lead4                      // of four
	tail                       // what a later byte is read as
	tight                      // the same without what also stands beside mojibake: spaces, dashes, quotes
	blank                      // what Python's \s matches
	arabic                     // what the first byte of an Arabic letter is read as
	arabicNext                 // and the second
	cyrillic                   // what the bytes of Cyrillic letters are read as in Windows-1251
	greek                      // and in Windows-1253
)

// classes are the characters of each class, with a-b for a range. Which character belongs where is a
// measured fact about the web's mojibake, taken from ftfy 6.3.1 (badness.py), whose judgement is reproduced here.
func classes() map[set]string {
	return map[set]string{
		common:     "\u00a0\u00ad·´–—―…’",
		control:    "\u0080-\u009f",
		odd:        "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\ufffdªº",
		legal:      "¶§",
		currency:   "¢£¥₧€",
		opening:    "¡«¿©΄΅‘‚“„•‹\uf8ff",
		closing:    "®»˝”›™",
		numeric:    "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№",
		faces:      "Ò-ÖÙ-Üò-öø-üŐŌŪŲ°",
		upper:      "À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ",
		lower:      "ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ",
		upperOther: "ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я",
		lowerOther: "α-ωάέήίΰа-џ",
		box:        "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓",
		capital:    "A-Z",
		small:      "a-z",
		arabic:     "ØÙ",
		arabicNext: "ŸŠ®°µ»", // and of other classes, below
		cyrillic:   "ВГРС",
		greek:      "ΒΓΞΟ",
		blank:      "\t-\r\x1c- \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
	}
}

// pair says that nobody writes a character of one class right before one of another.
type pair struct{ first, second set }

// pairs is from the same source as the classes.
func pairs() []pair {
	const accented, signs = lower | upper, currency | numeric
	return []pair{
		{accented | box | opening | closing | signs | legal | odd, odd},
		{odd, accented | box | opening | closing | signs | legal},
		{lower | lowerOther | box | closing | signs, upper},
		{box | closing | signs, lower},
		{lower | box | closing, currency},
		{upper | box, numeric | legal},
		{signs | box, opening},
		{box, faces | closing},
		{accented | signs | opening | closing | legal, box},
	}
}

// sign is what is known of one character.
type sign struct {
	r      rune             // itself; 0 for what is not in the table
	in     set              // its classes
	after  set              // the classes that it does not stand behind
	codecs uint16           // those that read a byte as it, one bit each
	bytes  [codecCount]byte // which byte that is
}

// table holds every character that mojibake is made of. Number 0 is a character that it is not made of.
type table struct {
	low   [0x2600]uint16 // numbers of the characters below U+2600
	high  [8]rune        // the few above
	highs [8]uint16
	signs []sign
}

// signs makes the table once.
var signs = sync.OnceValue(func() *table {
	t := &table{signs: make([]sign, 1, 700)}
	for k := range codecCount {
		for b := range 256 {
			if r := decodeByte(k, byte(b)); b >= utf8.RuneSelf || r != rune(b) {
				t.read(k, byte(b), r)
			} else if k == 0 {
				t.at(r).codecs = 1<<codecCount - 1
			}
		}
	}
	t.at(substitute).codecs &^= sloppy
	t.at(' ').in |= tail // a space that was 0xA0
	for in, members := range classes() {
		for r := range ranges(members) {
			t.at(r).in |= in
		}
	}
	for i := range t.signs {
		if t.signs[i].in&(common|currency|odd|numeric|opening) != 0 {
			t.signs[i].in |= arabicNext
		}
		for _, p := range pairs() {
			if t.signs[i].in&p.second != 0 {
				t.signs[i].after |= p.first
			}
		}
	}
	return t
})

// decodeByte is the character that codec k reads b as.
func decodeByte(k int, b byte) rune {
	list := [codecCount]*charmap.Charmap{nil, charmap.Windows1252, charmap.Windows1251, charmap.Windows1250, charmap.Windows1253,
		charmap.Windows1254, charmap.Windows1257, charmap.ISO8859_2, charmap.Macintosh, charmap.CodePage437}
	if k == latin1 {
		return rune(b)
	}
	if b == substitute && sloppy>>k&1 != 0 {
		return utf8.RuneError
	}
	r := list[k].DecodeByte(b)
	if r == utf8.RuneError {
		r = rune(b)
	}
	return r
}

// read notes that codec k reads b as r.
func (t *table) read(k int, b byte, r rune) {
	s := t.at(r)
	s.codecs |= 1 << k
	s.bytes[k] = b
	if k > windows1257 { // the rest is not like Latin-1: no sequence is guessed from its letters
		return
	}
	switch {
	case 0xC2 <= b && b <= 0xDF:
		s.in |= lead2
	case 0xE0 <= b && b <= 0xEF:
		s.in |= lead3
	case b == 0xF0 || b == 0xF3: // others mean characters that there are none of
		s.in |= lead4
	case 0x80 <= b && b <= 0xBF:
		s.in |= tail
		switch r {
		case '–', '—', '―', '‘', '’', '‚', '“', '”', '„', '•', '…':
		default:
			s.in |= tight
		}
	}
}

// at gives the entry of r, which it makes where there is none.
func (t *table) at(r rune) *sign {
	n := t.number(r)
	if n == 0 {
		n = uint16(len(t.signs))
		t.signs = append(t.signs, sign{r: r})
		if int(r) < len(t.low) {
			t.low[r] = n
		} else {
			i := 0
			for t.high[i] != 0 {
				i++
			}
			t.high[i], t.highs[i] = r, n
		}
	}
	return &t.signs[n]
}

// number is the number of r in the table, or 0.
func (t *table) number(r rune) uint16 {
	if int(r) < len(t.low) {
		return t.low[r]
	}
	for i, x := range t.high {
		if x == r {
			return t.highs[i]
		}
	}
	return 0
}

// of is what is known of r.
func (t *table) of(r rune) *sign { return &t.signs[t.number(r)] }

// ranges lists the characters of a class.
func ranges(members string) func(yield func(rune) bool) {
	return func(yield func(rune) bool) {
		list := []rune(members)
		for i := 0; i < len(list); i++ {
			first, last := list[i], list[i]
			if i+2 < len(list) && list[i+1] == '-' {
				last = list[i+2]
				i += 2
			}
			for r := first; r <= last; r++ {
				if !yield(r) {
					return
				}
			}
		}
	}
}
