package words

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsSpace is Python's str.isspace, of one character.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || 0x1C <= r && r <= 0x1F }

// CutLine cuts text behind its first line end, by the rules of Python's str.splitlines.
func CutLine(text string) (line, rest string) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case ' ' <= c && c < 0xC2:
		case c == '\r' && strings.HasPrefix(text[i+1:], "\n"):
			return text[:i], text[i+2:]
		case '\n' <= c && c <= '\r', 0x1C <= c && c <= 0x1E:
			return text[:i], text[i+1:]
		case c == 0xC2 && strings.HasPrefix(text[i:], "\u0085"):
			return text[:i], text[i+2:]
		case c == 0xE2 && (strings.HasPrefix(text[i:], "\u2028") || strings.HasPrefix(text[i:], "\u2029")):
			return text[:i], text[i+3:]
		}
	}
	return text, ""
}

// space is the length of the whitespace character at text[i:], or 0.
func space(text string, i int) int {
	if c := text[i]; c < utf8.RuneSelf {
		if c == ' ' || '\t' <= c && c <= '\r' || 0x1C <= c && c <= 0x1F {
			return 1
		}
		return 0
	}
	if r, n := utf8.DecodeRuneInString(text[i:]); unicode.IsSpace(r) {
		return n
	}
	return 0
}
