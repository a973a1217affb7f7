package repair

import (
	"bytes"
	"unicode/utf8"
)

// encode gives the bytes that s was read from with codec k, behind buf.
func encode(buf []byte, s string, k int) []byte {
	t := signs()
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			buf = append(buf, s[i])
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		buf = append(buf, t.of(r).bytes[k])
		i += n
	}
	return buf
}

// possible gives the codecs that can have made all of s, one bit each.
func possible(s string) uint16 {
	t := signs()
	list := uint16(1<<codecCount - 1)
	for i := 0; i < len(s) && list != 0; {
		if c := s[i]; c < utf8.RuneSelf {
			if c == substitute {
				list &^= sloppy
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		list &= t.of(r).codecs
		i += n
	}
	return list
}

// decode reads bytes, which codec k was wrong for, as UTF-8 and writes it behind out: with what else was damaged on
// the way, and with the two ways in which some programs write characters otherwise (CESU-8, and a NUL of two bytes).
// It tells how many bytes it could read. Each step looks at no more than span bytes.
func decode(out, b []byte, k int) ([]byte, int) {
	lossyToo := sloppy>>k&1 != 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			if b[i] == substitute && lossyToo {
				out = utf8.AppendRune(out, utf8.RuneError)
			} else {
				out = append(out, b[i])
			}
			i++
			continue
		}
		r, n := unspaced(b[i:], k)
		if n == 0 && lossyToo {
			r, n = utf8.RuneError, lossy(b[i:])
		}
		if n == 0 {
			r, n = variant(b[i:])
		}
		if n == 0 {
			return out, i
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return out, len(b)
}

// span is the longest look that decode takes: a sequence with the word that may follow it.
const span = 8

// unspaced reads a sequence in which a space stands for 0xA0, which some programs take for one. Which ones are
// likely enough is from ftfy 6.3.1 (chardata.py). In Mac Roman such a sequence is a dash with a space.
func unspaced(b []byte, k int) (rune, int) {
	if k == macRoman || len(b) < 2 {
		return 0, 0
	}
	n := 0
	switch c := b[0]; {
	case b[1] == ' ' && (c == 0xC2 || c == 0xC3 || c == 0xC5 || c == 0xCE || c == 0xD0 || c == 0xD9):
		if c == 0xC3 && grave(b[2:]) {
			return 'à', 1 // the space is one, too
		}
		n = 2
	case c == 0xE2 && spaces(b, 3) == 1, c == 0xE3 && spaces(b, 3) == 1, c == 0xF0 && spaces(b, 4) == 1:
		n = len3or4(c)
	case (c == 0xE0 || c == 0xE1) && b[1] != ' ' && spaces(b, 3) == 1:
		n = 3
	}
	if n == 0 {
		return 0, 0
	}
	var fixed [utf8.UTFMax]byte
	copy(fixed[:], b[:n])
	for i, c := range fixed[:n] {
		if c == ' ' {
			fixed[i] = 0xA0
		}
	}
	r, size := variant(fixed[:n])
	return r, size
}

func len3or4(lead byte) int {
	if lead >= 0xF0 {
		return 4
	}
	return 3
}

// spaces counts the spaces in a sequence of n bytes, and gives 0 where it is none. In one of three, U+0085 and
// U+00A0 are too likely to stand for themselves.
func spaces(b []byte, n int) int {
	if len(b) < n {
		return 0
	}
	count := 0
	for _, c := range b[1:n] {
		switch {
		case c == ' ':
			count++
		case c < 0x80 || c > 0xBF || n == 3 && (c == 0x85 || c == 0xA0):
			return 0
		}
	}
	return count
}

// grave reports whether à stands alone before rest: in Portuguese it begins words, too.
func grave(rest []byte) bool {
	for _, word := range [...]string{" ", "quele", "quela", "quilo", "s "} {
		if bytes.HasPrefix(rest, []byte(word)) {
			return false
		}
	}
	return true
}

// lossy is the length of the sequence at the front of b of which bytes were lost: each is a substitute, or one
// of them a question mark.
func lossy(b []byte) int {
	lost := func(i int) bool { return i < len(b) && (b[i] == substitute || b[i] == '?') }
	left := func(i int) bool { return i < len(b) && (b[i] == substitute || 0x80 <= b[i] && b[i] <= 0xBF) }
	switch c := b[0]; {
	case len(b) < 2:
	case c >= 0xC2 && c <= 0xDF:
		if b[1] == substitute || c <= 0xC3 && b[1] == '?' {
			return 2
		}
	case c == 0xED && len(b) >= 6 && 0xA0 <= b[1] && b[1] <= 0xAF && b[3] == 0xED && 0xB0 <= b[4] && b[4] <= 0xBF &&
		(lost(2) && (left(5) || lost(5)) || left(2) && lost(5)):
		return 6
	case c >= 0xE0 && c <= 0xEF:
		if lost(1) && left(2) || left(1) && lost(2) {
			return 3
		}
	case c >= 0xF0 && c <= 0xF4:
		if lost(1) && left(2) && left(3) || left(1) && lost(2) && left(3) || left(1) && left(2) && lost(3) {
			return 4
		}
	}
	return 0
}

// variant reads a character of UTF-8, or one that CESU-8 writes as two surrogates, or Java's NUL.
func variant(b []byte) (rune, int) {
	if r, n := utf8.DecodeRune(b); r != utf8.RuneError || n > 1 {
		return r, n
	}
	if len(b) >= 2 && b[0] == 0xC0 && b[1] == 0x80 {
		return 0, 2
	}
	if high, ok := surrogate(b); ok && high < 0xDC00 {
		if low, ok := surrogate(b[3:]); ok && low >= 0xDC00 {
			return 0x10000 + (high-0xD800)<<10 + (low - 0xDC00), 6
		}
	}
	return 0, 0
}

// surrogate reads half a character in the form that UTF-8 would give it.
func surrogate(b []byte) (rune, bool) {
	if len(b) < 3 || b[0] != 0xED || b[1] < 0xA0 || b[1] > 0xBF || b[2] < 0x80 || b[2] > 0xBF {
		return 0, false
	}
	return 0xD000 | rune(b[1]&0x3F)<<6 | rune(b[2]&0x3F), true
}
