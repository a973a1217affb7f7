package repair

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// The limits of what is spent on one line: its bytes are looked at so many times, and mojibake within mojibake
// is followed so far. Text that was damaged in earnest needs a sixth of this. What needs more is noise, or
// made to waste time, and stays as it is.
const (
	maxLooks  = 16
	fewLooks  = 4096 // bytes; for short lines
	maxNested = 8
)

// Encoding undoes wrong readings of text, which is taken as a whole, as ftfy 6.3.1's fix_encoding does.
// Text mends pages: there each line can have been damaged in a way of its own.
func Encoding(text string) string {
	m := newMender(len(text))
	if mended, ok := m.undo(text, 0); ok {
		return mended
	}
	return text
}

// mender undoes wrong readings in one line.
type mender struct {
	fuel    int    // bytes that may still be looked at; below zero it has given up
	buf     []byte // scratch
	out     []byte // scratch
	decoded bool   // a wrong reading was taken back
	c1      int    // control characters of Latin-1 that are characters of Windows-1252
}

func newMender(n int) *mender { return &mender{fuel: maxLooks*n + fewLooks} }

// undo takes wrong readings back until nothing in s is bad, or nothing helps. It reports false where it gave up.
func (m *mender) undo(s string, depth int) (string, bool) {
	for {
		next, changed := m.once(s, depth)
		if m.fuel < 0 {
			return s, false
		}
		if !changed {
			return s, true
		}
		s = next
	}
}

// once takes one wrong reading back: of the whole text if all of it can be one, else of parts of it.
func (m *mender) once(s string, depth int) (string, bool) {
	m.fuel -= len(s)
	if m.fuel < 0 || depth > maxNested {
		m.fuel = -1
		return s, false
	}
	if !bad(s) {
		return s, false
	}
	if next, ok := m.whole(s); ok {
		m.decoded = m.decoded || next != s
		return next, next != s
	}
	if next, ok := m.parts(s, depth); ok {
		return next, true
	}
	next, n := windows(s)
	m.c1 += n
	return next, n > 0
}

// whole finds the first codec with which all of s is UTF-8 that was read wrongly. Of a long text the front is
// tried first, which is where most codecs fail.
func (m *mender) whole(s string) (string, bool) {
	const front = 128
	list := possible(s)
	for k := range codecCount {
		if list>>k&1 == 0 {
			continue
		}
		if len(s) > 4*front {
			end := front
			for end > 0 && !utf8.RuneStart(s[end]) {
				end--
			}
			if n, of := m.try(s[:end], k); n < of-span {
				continue
			}
		}
		if n, of := m.try(s, k); n == of {
			return string(m.out), true
		}
	}
	return "", false
}

// try decodes s into m.out, as far as it goes, and tells how many bytes of how many it could read.
func (m *mender) try(s string, k int) (read, of int) {
	m.buf = encode(m.buf[:0], s, k)
	m.out, read = decode(m.out[:0], m.buf, k)
	return read, len(m.buf)
}

// parts mends the stretches of s that look like sequences of UTF-8 in some codec, each for itself. A page is
// often put together from parts of which only some were read wrongly.
func (m *mender) parts(s string, depth int) (string, bool) {
	t := signs()
	var out strings.Builder
	done := 0 // s[:done] is written
	inside := false
	for i := 0; i < len(s) && m.fuel >= 0; {
		if s[i] < utf8.RuneSelf {
			inside = false
			i++
			continue
		}
		end := i
		if !inside {
			end = i + t.stretch(s[i:])
		}
		if end == i {
			r, n := utf8.DecodeRuneInString(s[i:])
			inside = t.of(r).in&tight != 0 // part of a garble that can only be made worse
			i += n
			continue
		}
		if part := s[i:end]; len(part) < len(s) && bad(part) {
			if mended, ok := m.undo(part, depth+1); ok && mended != part {
				out.WriteString(s[done:i])
				out.WriteString(mended)
				done = end
			}
		}
		last, _ := utf8.DecodeLastRuneInString(s[:end])
		inside = t.of(last).in&tight != 0
		i = end
	}
	if done == 0 {
		return s, false
	}
	out.WriteString(s[done:])
	return out.String(), true
}

// stretch is the length of the characters at the front of s that look like whole sequences.
func (t *table) stretch(s string) int {
	end := 0
	for {
		r, n := utf8.DecodeRuneInString(s[end:])
		more := 0
		switch in := t.of(r).in; {
		case in&lead2 != 0:
			more = 1
		case in&lead3 != 0:
			more = 2
		case in&lead4 != 0:
			more = 3
		default:
			return end
		}
		for ; more > 0; more-- {
			r, size := utf8.DecodeRuneInString(s[end+n:])
			if t.of(r).in&tail == 0 {
				return end
			}
			n += size
		}
		end += n
	}
}

// windows reads control characters of Latin-1 as the characters of Windows-1252 that they were, and counts them.
func windows(s string) (string, int) {
	count := 0
	s = strings.Map(func(r rune) rune {
		if x, ok := windowsOf(r); ok {
			count++
			return x
		}
		return r
	}, s)
	return s, count
}

// windowsOf is the character of Windows-1252 that r was, if r is a control character of Latin-1.
func windowsOf(r rune) (rune, bool) {
	if r < 0x80 || r >= 0xA0 {
		return r, false
	}
	x := charmap.Windows1252.DecodeByte(byte(r))
	return x, x >= 0xA0 && x != utf8.RuneError
}
