package repair

import (
	"strings"
	"unicode/utf8"
)

// layers is how often one line can have been read wrongly.
const layers = 3

// mojibake undoes wrong readings of line, if that makes it clearly better.
func mojibake(line string) (string, bool) {
	tables := codecs()
	mended := false
	for range layers {
		next, ok := undo(line, tables[:])
		if !ok {
			break
		}
		line, mended = next, true
	}
	return line, mended
}

// undo takes one wrong reading back: of the whole line where every character beyond ASCII takes part,
// else of those stretches of it that cannot be anything else.
func undo(line string, tables []codec) (string, bool) {
	for i := range tables {
		if next, ok := whole(line, &tables[i]); ok {
			return next, true
		}
	}
	// Pages are often put together from parts of which only some were read wrongly.
	for i := range tables[:2] {
		if next, ok := partly(line, &tables[i]); ok {
			return next, true
		}
	}
	return "", false
}

// sequence reads the UTF-8 sequence that the characters at the front of s stand for in codec c: the character
// that it means, and the lengths of what stands for it and of the sequence. Size 0 means that there is none.
func sequence(s string, c *codec) (r rune, size, n int) {
	var b [utf8.UTFMax]byte
	for n < len(b) && size < len(s) {
		r, width := utf8.DecodeRuneInString(s[size:])
		if r < utf8.RuneSelf || r == utf8.RuneError && width == 1 {
			break
		}
		x, ok := c.encode(r)
		if !ok {
			break
		}
		b[n] = x
		n++
		size += width
		if n == 1 && (x < 0xC2 || x > 0xF4) {
			return 0, 0, 0
		}
		if utf8.FullRune(b[:n]) {
			r, k := utf8.DecodeRune(b[:n])
			if r == utf8.RuneError || k != n {
				return 0, 0, 0
			}
			return r, size, n
		}
	}
	return 0, 0, 0
}

// whole decodes a line of which every character beyond ASCII belongs to a sequence.
func whole(line string, c *codec) (string, bool) {
	if !all(line, c) {
		return "", false
	}
	var b strings.Builder
	var w worth
	prev := ' '
	for i := 0; i < len(line); {
		if line[i] < utf8.RuneSelf {
			b.WriteByte(line[i])
			prev = rune(line[i])
			i++
			continue
		}
		r, size, n := sequence(line[i:], c)
		next, _ := utf8.DecodeRuneInString(line[i+size:])
		w.add(c, line[i:i+size], r, n, prev, next)
		b.WriteRune(r)
		prev = r
		i += size
	}
	return b.String(), w.enough(c)
}

// all reports whether the whole line is made of ASCII and sequences, with at least one of these.
// Of clean text it is known after a few letters.
func all(line string, c *codec) bool {
	found := false
	for i := 0; i < len(line); {
		if line[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size, _ := sequence(line[i:], c)
		if size == 0 {
			return false
		}
		found = true
		i += size
	}
	return found
}

// partly decodes the stretches of sequences that nobody would write.
func partly(line string, c *codec) (string, bool) {
	var b strings.Builder
	done := 0 // line[:done] is written
	prev := ' '
	for i := 0; i < len(line); {
		if line[i] < utf8.RuneSelf {
			prev = rune(line[i])
			i++
			continue
		}
		start := i
		var w worth
		var run strings.Builder
		for i < len(line) && line[i] >= utf8.RuneSelf {
			r, size, n := sequence(line[i:], c)
			if size == 0 {
				break
			}
			next, _ := utf8.DecodeRuneInString(line[i+size:])
			w.add(c, line[i:i+size], r, n, prev, next)
			run.WriteRune(r)
			prev = r
			i += size
		}
		if w.certain(c) {
			b.WriteString(line[done:start])
			b.WriteString(run.String())
			done = i
			continue
		}
		if i == start {
			_, size := utf8.DecodeRuneInString(line[i:])
			i += size
		}
		prev, _ = utf8.DecodeLastRuneInString(line[:i])
	}
	if done == 0 {
		return "", false
	}
	b.WriteString(line[done:])
	return b.String(), true
}
