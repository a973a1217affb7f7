package words

import (
	"unicode"
	"unicode/utf8"
)

// Sentences counts the sentences of text as spaCy's rule-based sentencizer cuts them: one ends with a word that is a
// single mark of its list, and with the punctuation behind it.
func Sentences(text string) int {
	rules := theRules()
	n := 0
	open, ended := false, false // is anything in this sentence; has it had its mark
	list := make([]string, 0, 16)
	for i := 0; i < len(text); {
		if size, mark := rules.plain(text[i:]); size > 0 {
			n, open, ended = n+count(open && ended), true, false
			if i += size; mark {
				ended = rules.class[text[i]] != marks
				i++
			}
			if i < len(text) && text[i] == ' ' && (i+1 == len(text) || rules.class[text[i+1]] == letters) {
				i++
			}
			continue
		}
		gap, end := chunk(text, i)
		if gap > i && text[i:gap] != " " && ended { // whitespace of any other kind is a word of its own
			n, open, ended = n+count(open), false, false
		}
		if gap == end {
			break
		}
		i = end
		if rules.quiet(text[gap:end]) {
			n, open, ended = n+count(open && ended), true, false
			continue
		}
		list = rules.splitChunk(list[:0], text[gap:end])
		for _, w := range list {
			mark := isMark(w)
			if ended && !mark && !punctuation(w) {
				n, open, ended = n+count(open), false, false
			}
			open, ended = true, ended || mark
		}
	}
	return n + count(open)
}

// quiet reports whether a chunk begins with a letter, and has nothing that could end a sentence.
func (r *rules) quiet(chunk string) bool {
	for i := range len(chunk) {
		switch r.class[chunk[i]] {
		case ends, stops, wides:
			return false
		}
	}
	return r.class[chunk[0]] == letters
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// chunk finds the whitespace at text[i:] and what stands behind it up to the next.
func chunk(text string, i int) (gap, end int) {
	for i < len(text) {
		n := space(text, i)
		if n == 0 {
			break
		}
		i += n
	}
	gap = i
	for i < len(text) {
		if c := text[i]; c > ' ' && c < 0xC2 || space(text, i) == 0 { // no whitespace of more bytes begins below
			i++
			continue
		}
		break
	}
	return gap, i
}

// isMark reports whether w is one character that ends a sentence.
func isMark(w string) bool {
	r, n := utf8.DecodeRuneInString(w)
	return n == len(w) && unicode.Is(unicode.STerm, r) && !unicode.Is(late, r)
}

// late holds the marks that Unicode has added since spaCy's list was made.
var late = &unicode.RangeTable{
	R16: []unicode.Range16{{0x061D, 0x061E, 1}, {0x0837, 0x0839, 2}, {0x083D, 0x083E, 1}, {0x1B7D, 0x1B7E, 1}, {0x2E53, 0x2E54, 1}},
	R32: []unicode.Range32{{0x10F55, 0x10F59, 1}, {0x10F86, 0x10F89, 1}, {0x11944, 0x11946, 2}, {0x11EF7, 0x11EF8, 1}, {0x11F43, 0x11F44, 1},
		{0x16E98, 0x16E98, 1}},
}

// IsTerminal reports whether r is among datatrove's marks that end a sentence: those of Unicode, and of Khmer.
func IsTerminal(r rune) bool {
	return unicode.Is(unicode.STerm, r) || 0x17D4 <= r && r <= 0x17D6 || r == 0x17D9 || r == 0x17DA
}

// punctuation reports whether w is nothing else.
func punctuation(w string) bool {
	for _, r := range w {
		if !unicode.IsPunct(r) {
			return false
		}
	}
	return true
}
