package gopher

import (
	"math"
	"math/bits"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"millrace/clean/words"
)

// Quality measures a text as datatrove 0.10's GopherQualityFilter does (Rae et al. 2021, section A1.1).
// list is its words. The result is indexed by QualitySignals; NaN is a ratio over nothing.
func Quality(text string, list []string) []float64 {
	var solid, chars, alpha int
	var stop uint8
	class := asciiClasses()
	for _, w := range list {
		symbols, letters, size := class.of(w)
		if !symbols {
			solid++
			chars += size
		}
		if letters {
			alpha++
			stop |= stopWord(w)
		}
	}
	lines, bullets, ellipses := lineStarts(text)
	dots := strings.Count(text, "...") + strings.Count(text, "…")
	return []float64{
		float64(solid),
		ratio(chars, solid),
		ratio(strings.Count(text, "#"), len(list)),
		ratio(dots, len(list)),
		ratio(bullets, lines),
		ratio(ellipses, lines),
		ratio(alpha, len(list)),
		float64(bits.OnesCount8(stop)),
	}
}

// QualitySignals names what Quality measures, in its order.
func QualitySignals() []string {
	return []string{"words", "mean_word_length", "symbol_hash_ratio", "symbol_ellipsis_ratio", "bullet_lines", "ellipsis_lines",
		"alpha_words", "stop_words"}
}

// ratio is a/b, NaN over nothing.
func ratio(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// stopWord gives each of Gopher's eight stop words a bit. Capitals do not count, as in datatrove.
func stopWord(w string) uint8 {
	switch w {
	case "the":
		return 1
	case "be":
		return 2
	case "to":
		return 4
	case "of":
		return 8
	case "and":
		return 16
	case "that":
		return 32
	case "have":
		return 64
	case "with":
		return 128
	}
	return 0
}

// classes says of each byte of ASCII whether it is a symbol, and whether it is a letter.
type classes [utf8.RuneSelf]byte

// Bits of classes.
const (
	aSymbol = 1 << iota
	aLetter
)

var asciiClasses = sync.OnceValue(func() *classes {
	c := &classes{}
	for r := range rune(utf8.RuneSelf) {
		if isSymbol(r) {
			c[r] |= aSymbol
		}
		if unicode.IsLetter(r) {
			c[r] |= aLetter
		}
	}
	return c
})

// of reports whether w is nothing but symbols, whether it has a letter, and how many characters it has.
func (c *classes) of(w string) (symbols, letters bool, size int) {
	all, some := byte(aSymbol), byte(0)
	for i := range len(w) {
		b := w[i]
		if b >= utf8.RuneSelf {
			return wide(w)
		}
		all &= c[b]
		some |= c[b]
	}
	return all != 0, some&aLetter != 0, len(w)
}

// wide is of for a word that is not of ASCII alone.
func wide(w string) (symbols, letters bool, size int) {
	symbols = true
	for _, r := range w {
		symbols = symbols && isSymbol(r)
		letters = letters || unicode.IsLetter(r)
		size++
	}
	return symbols, letters, size
}

// lineStarts counts the lines of text, those that start with a bullet, and those that end with an ellipsis.
func lineStarts(text string) (lines, bullets, ellipses int) {
	for text != "" {
		line, rest := words.CutLine(text)
		text = rest
		lines++
		start := strings.TrimLeftFunc(line, words.IsSpace)
		if strings.HasPrefix(start, "•") || strings.HasPrefix(start, "-") {
			bullets++
		}
		end := strings.TrimRightFunc(line, words.IsSpace)
		if strings.HasSuffix(end, "...") || strings.HasSuffix(end, "…") {
			ellipses++
		}
	}
	return lines, bullets, ellipses
}

// isSymbol reports whether datatrove counts r as punctuation when it looks for words that are nothing else.
func isSymbol(r rune) bool {
	switch {
	case r < 0x20:
		return r != '\t' && r != '\n'
	case r >= 0x7F && r < 0xA0:
		return true
	case r < 0x7F:
		return strings.ContainsRune("!/\\%&(\\[#+^~\"';{|=-`*:$<>),.?@_}]", r)
	}
	return strings.ContainsRune("—”：％１〈、━【「」，】；“《„’∶´（–？！：～«〉）。…►»", r) || words.IsTerminal(r)
}
