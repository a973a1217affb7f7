package gopher

import (
	"math"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quality measures a text as datatrove 0.10's GopherQualityFilter does (Rae et al. 2021, section A1.1).
// The result is indexed by QualitySignals; NaN is a ratio over nothing.
func Quality(text string) []float64 {
	var solid, chars, alpha int
	words := Words(text)
	var stop uint8
	for _, w := range words {
		symbols, letters := true, false
		for _, r := range w {
			symbols = symbols && isSymbol(r)
			letters = letters || unicode.IsLetter(r)
		}
		if !symbols {
			solid++
			chars += utf8.RuneCountInString(w)
		}
		if letters {
			alpha++
		}
		stop |= stopWord(w)
	}
	lines, bullets, ellipses := lineStarts(text)
	dots := strings.Count(text, "...") + strings.Count(text, "…")
	return []float64{
		float64(solid),
		ratio(chars, solid),
		ratio(strings.Count(text, "#"), len(words)),
		ratio(dots, len(words)),
		ratio(bullets, lines),
		ratio(ellipses, lines),
		ratio(alpha, len(words)),
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

// lineStarts counts the lines of text, those that start with a bullet, and those that end with an ellipsis.
func lineStarts(text string) (lines, bullets, ellipses int) {
	for text != "" {
		line, rest := cutLine(text)
		text = rest
		lines++
		start := strings.TrimLeftFunc(line, isSpace)
		if strings.HasPrefix(start, "•") || strings.HasPrefix(start, "-") {
			bullets++
		}
		end := strings.TrimRightFunc(line, isSpace)
		if strings.HasSuffix(end, "...") || strings.HasSuffix(end, "…") {
			ellipses++
		}
	}
	return lines, bullets, ellipses
}

// cutLine cuts text behind its first line end, by the rules of Python's str.splitlines.
func cutLine(text string) (line, rest string) {
	for i, r := range text {
		switch r {
		case '\r':
			if strings.HasPrefix(text[i+1:], "\n") {
				return text[:i], text[i+2:]
			}
			return text[:i], text[i+1:]
		case '\n', '\v', '\f', 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029:
			return text[:i], text[i+utf8.RuneLen(r):]
		}
	}
	return text, ""
}
