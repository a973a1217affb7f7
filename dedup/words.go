package dedup

import (
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
	"golang.org/x/text/unicode/norm"
)

// maxWords is how many words of a text are compared; what follows counts for the content hash only.
// It bounds the memory of a comparison to some 16 MiB a text.
const maxWords = 1 << 20

// normalise appends the form in which texts are compared: NFC, lower case, one blank for each run of white
// space, none at the ends, no invisible format characters. The document's own text stays as it is.
func normalise(dst []byte, text string) []byte {
	if !norm.NFC.IsNormalString(text) {
		text = norm.NFC.String(text)
	}
	start, blank := len(dst), false
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		i += n
		if unicode.IsSpace(r) {
			blank = len(dst) > start
			continue
		}
		if r >= 0xAD && unicode.Is(unicode.Cf, r) {
			continue
		}
		if blank {
			dst = append(dst, ' ')
			blank = false
		}
		switch {
		case 'A' <= r && r <= 'Z':
			dst = append(dst, byte(r)+'a'-'A')
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		default:
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}

// words appends the hash of each word of a normalised text, at most maxWords. A word is a run of letters,
// digits and their marks; in scripts that write no blanks each character is one.
func words(dst []uint64, normal []byte) []uint64 {
	start := -1
	for i := 0; i < len(normal) && len(dst) < maxWords; {
		r, n := rune(normal[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(normal[i:])
		}
		single := alone(r)
		if start >= 0 && (single || !inWord(r)) {
			dst = append(dst, xxh3.Hash(normal[start:i]))
			start = -1
		}
		switch {
		case single && len(dst) < maxWords:
			dst = append(dst, xxh3.Hash(normal[i:i+n]))
		case start < 0 && !single && inWord(r):
			start = i
		}
		i += n
	}
	if start >= 0 && len(dst) < maxWords {
		dst = append(dst, xxh3.Hash(normal[start:]))
	}
	return dst
}

func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return unicode.In(r, unicode.L, unicode.N, unicode.M)
}

// alone reports whether r is a word by itself: Thai, Lao, Myanmar, Khmer, kana and Han.
func alone(r rune) bool {
	switch {
	case r < 0x0E00:
		return false
	case r <= 0x0EFF, 0x1000 <= r && r <= 0x109F, 0x1780 <= r && r <= 0x17FF,
		0x3040 <= r && r <= 0x30FF, 0x31F0 <= r && r <= 0x31FF, 0xFF66 <= r && r <= 0xFF9F,
		0x3400 <= r && r <= 0x4DBF, 0x4E00 <= r && r <= 0x9FFF, 0xF900 <= r && r <= 0xFAFF, 0x20000 <= r && r <= 0x3FFFF:
		return unicode.In(r, unicode.L, unicode.N, unicode.M)
	}
	return false
}
