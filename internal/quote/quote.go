// Package quote writes text as JSON does: a string comes in, and its quoted form is appended. It is for lines with one long text,
// of which encoding/json makes several copies.
package quote

import (
	"math/bits"
	"unicode/utf8"
)

// Append appends s as a JSON string. A byte that is not UTF-8 becomes U+FFFD.
func Append(to []byte, s string) []byte {
	const hex = "0123456789abcdef"
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	to = append(to, '"')
	for {
		n := plain(s)
		to = append(to, s[:n]...)
		if n == len(s) {
			return append(to, '"')
		}
		switch c := s[n]; c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, '\\', 'n')
		case '\t':
			to = append(to, '\\', 't')
		case '\r':
			to = append(to, '\\', 'r')
		default:
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		s = s[n+1:]
	}
}

// plain is how many bytes at the beginning of s stand for themselves. It looks at eight at once: a byte below 0x20, a quotation mark or a backslash
// sets the highest bit of its place, and only what is above the lowest of these bits may be wrong.
func plain(s string) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		p := s[i : i+8]
		x := uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24 | uint64(p[4])<<32 | uint64(p[5])<<40 | uint64(p[6])<<48 | uint64(p[7])<<56
		quotation, backslash := x^('"'*ones), x^('\\'*ones)
		if m := ((x-0x20*ones)&^x | (quotation-ones)&^quotation | (backslash-ones)&^backslash) & high; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return i
}
