package repair

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// seen are the last characters, the newest first.
type seen [5]*sign

func (w *seen) push(s *sign) { w[4], w[3], w[2], w[1], w[0] = w[3], w[2], w[1], w[0], s }

// is reports whether the character i places back is in one of the classes.
func (w *seen) is(i int, in set) bool { return w[i].in&in != 0 }

// any reports whether it is one of list.
func (w *seen) any(i int, list string) bool { return strings.ContainsRune(list, w[i].r) }

// bad reports whether s holds what nobody writes, so that it is likely to be mojibake. It gives the answer of
// ftfy 6.3.1's is_bad. Which sequences are bad is from there (badness.py).
func bad(s string) bool {
	t := signs()
	none := &t.signs[0]
	var w seen
	for i := range w {
		w[i] = none
	}
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			from := i
			for i < len(s) && s[i] < utf8.RuneSelf {
				i++
			}
			for j := max(from, i-3); j < i; j++ { // no sequence has more of ASCII in a row
				w.push(t.of(rune(s[j])))
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		sign := t.of(r)
		w.push(sign)
		i += n
		if sign.in&^(lowerOther|lead2|lead3|lead4|tail|tight) == 0 && r != 'π' {
			continue // most letters of most scripts
		}
		if w.pair() || w.run() || w.before(s[i:], i == n) || w.alphabet() || w.twice(s[i:]) {
			return true
		}
	}
	return false
}

// pair judges the last two characters.
func (w *seen) pair() bool {
	if w.is(0, control) || w.is(1, w[0].after) {
		return true
	}
	switch w[1].r {
	case 'Â', 'Ã', 'Î', 'Ð':
		return w.is(0, opening|closing) || w.any(0, "€œŠš¢£Ÿž\u00a0\u00ad®©°·»–—´")
	case '×':
		return w.any(0, "²³")
	case 'à':
		return w.any(0, "²µ¹¼½¾")
	case '√':
		return w.any(0, "±∂†≠®™´≤≥¥µø")
	case '≈':
		return w.any(0, "°¢")
	case 'в':
		return w[0].r == 'Ђ'
	case 'ā':
		return w[0].r == '€'
	}
	return w[0].r == '°' && w.is(1, upper)
}

// run judges the last three characters and more.
func (w *seen) run() bool {
	const accented, signs = lower | upper, currency | numeric
	switch {
	case w.is(0, odd) && w.is(1, lowerOther|upperOther) && w.is(2, small|capital),
		w.is(0, currency) && w.is(1, upper) && w.is(2, blank),
		w.is(0, numeric) && w.is(1, opening) && w.is(2, accented|box|currency|closing),
		w.is(0, opening) && w.is(1, closing) && w.is(2, accented|signs|box|legal),
		w.is(0, opening|currency) && w.is(1, upper) && w.is(2, small):
		return true
	case w[2].r == '‚' && w[1].r == 'Ä':
		return w.any(0, "ìîïòôúùû†°¢π")
	case w[2].r == '‚' && w.any(1, "âó"):
		return w.any(0, "àä°ê")
	case w[2].r == 'β' && w[1].r == '€':
		return w.any(0, "™\u00a0Ά\u00ad®°")
	case w.is(1, arabic) && w.is(3, arabic):
		return w.is(0, arabicNext) && w.is(2, arabicNext)
	}
	return false
}

// before judges the last character by what follows it.
func (w *seen) before(rest string, first bool) bool {
	if rest == "" {
		return false
	}
	next, _ := utf8.DecodeRuneInString(rest)
	switch w[0].r {
	case 'Œ', 'œ':
		return next >= utf8.RuneSelf || !letter(byte(next))
	case 'Â', 'Ã':
		if next == ' ' && (first || w.is(1, small) || w.is(1, blank) && w.is(2, small)) {
			return true
		}
		return w[0].r == 'Â' && (w.is(1, small|closing) || w.any(1, ".,?!")) && (next == ' ' || signs().of(next).in&(opening|closing) != 0)
	}
	return w.is(0, opening|closing) && w.is(1, lower|upper) && word(next)
}

// alphabet judges what Cyrillic and Greek letters are read as, in three characters or five.
func (w *seen) alphabet() bool {
	if !w.is(0, cyrillic|greek) || !w.is(2, w[0].in&(cyrillic|greek)) {
		return false
	}
	return w.is(1, control|odd|opening|closing|currency) || w[1].r == '°' || w[1].r == 'µ' && w.is(0, cyrillic)
}

// twice reports whether the last characters are what U+0080 to U+00BF become when they are read wrongly
// twice, first as Latin-1 and then as Windows-1251, beside Latin text.
func (w *seen) twice(rest string) bool {
	if w[0].r != 'В' || w[1].r != 'Ђ' || w[2].r != 'В' || w[3].r != 'ў' || w[4].r != 'Г' {
		return false
	}
	r, n := utf8.DecodeRuneInString(rest)
	return n > 0 && r != '\n' && len(rest) > n && (letter(rest[n]) || rest[n] == ' ')
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// word is what Python's \w matches.
func word(r rune) bool { return r == '_' || unicode.In(r, unicode.L, unicode.N) }
