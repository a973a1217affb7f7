package language

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// dims is how many numbers a row of the model has.
const dims = 16

// tally is what was counted in a piece of text. Tallies of pieces add up to the whole one's.
type tally struct {
	seen    uint64 // a bit for each script that anything was counted of: all else is zero
	letters [maxScripts]int32
	grams   [maxScripts]int32
	sums    [maxScripts][dims]int32 // of the rows of all n-grams
}

// scripts gives the scripts that anything was counted of, in the order of their numbers.
func (t *tally) scripts(yield func(s script) bool) {
	for left := t.seen; left != 0; left &= left - 1 {
		if !yield(script(bits.TrailingZeros64(left))) {
			return
		}
	}
}

func (t *tally) add(other *tally) {
	t.seen |= other.seen
	for s := range other.scripts {
		t.letters[s] += other.letters[s]
		t.grams[s] += other.grams[s]
		sums, more := &t.sums[s], &other.sums[s]
		for d := range dims {
			sums[d] += more[d]
		}
	}
}

// clear makes the tally empty.
func (t *tally) clear() {
	for s := range t.scripts {
		t.letters[s], t.grams[s], t.sums[s] = 0, 0, [dims]int32{}
	}
	t.seen = 0
}

// count notes letters of a script.
func (t *tally) count(s script, letters int32) {
	if letters > 0 {
		t.letters[s] += letters
		t.seen |= 1 << s
	}
}

// reader turns text into rows of the model: one for each word, and for each n-gram of two to four small letters, where all that is no
// letter is one space. N-grams do not cross from one script into another. Scripts that one language has for itself need none.
type reader struct {
	abc     *alphabet
	table   []byte // of the model; without it rows are kept, for training
	takes   uint64 // a bit for each script whose n-grams count
	shift   uint   // a hash's upper bits are the row
	a, b, c uint64 // the letters before, the last one first
	w       uint64 // the word so far
	rows    [256]uint32
	n       int
	keep    []uint32
}

// The multipliers are odd and random. A sum of products has its entropy in the upper bits.
const (
	mul1 = 0x9c6e6877736c46e3
	mul2 = 0xd1b54a32d192ed03
	mul3 = 0xaef17502108ef2d9
	mul4 = 0xf39b8c7a5d21e6b5
	mul5 = 0xb4b82e39c4d7a96d
)

// read takes one piece of text, in time linear in its length. It reports whether the text may be in another than the normal form.
func (r *reader) read(text string, t *tally) (odd bool) {
	cur, last := noLetter, noLetter // the script of the n-grams, and that of the letter before, which a mark goes with
	flags := uint32(0)
	r.a, r.b, r.c, r.w = ' ', 0, 0, 0
	for i := 0; i < len(text); {
		g, size := uint32(0), 1
		if c := text[i]; c < utf8.RuneSelf {
			g = r.abc.low[c]
		} else {
			var char rune
			char, size = utf8.DecodeRuneInString(text[i:])
			g = r.abc.of(char)
		}
		s := script(g >> scriptAt)
		if s == inherited && last == noLetter {
			i += size
			continue
		}
		if s == inherited {
			s = last
		}
		if s == noLetter || r.takes>>s&1 == 0 {
			if script(g>>scriptAt) > inherited {
				last = s
				t.count(s, 1)
			}
			flags |= g
			r.space()
			i += size
			continue
		}
		if s != cur {
			r.flush(cur, t)
			cur, r.a, r.b, r.c, r.w = s, ' ', 0, 0, 0
		}
		last = s
		var more uint32
		i, more = r.word(text, i, s, t)
		flags |= more
	}
	r.space()
	r.flush(cur, t)
	return flags&oddLetter != 0
}

// word takes the letters of one script from i on, with their marks, and says where they end.
func (r *reader) word(text string, i int, s script, t *tally) (end int, flags uint32) {
	a, b, c, w, n, letters, shift := r.a, r.b, r.c, r.w, r.n, int32(0), r.shift&63
	for i < len(text) {
		g, size := uint32(0), 1
		if x := text[i]; x < utf8.RuneSelf {
			g = r.abc.low[x]
		} else if x >= 0xc2 && x < 0xe0 && i+1 < len(text) && text[i+1]&0xc0 == 0x80 {
			g, size = r.abc.low[uint(x&0x1f)<<6|uint(text[i+1]&0x3f)], 2
		} else {
			var char rune
			char, size = utf8.DecodeRuneInString(text[i:])
			g = r.abc.of(char)
		}
		if script(g>>scriptAt) == s {
			letters++
		} else if script(g>>scriptAt) != inherited {
			break
		}
		i += size
		flags |= g
		if n > len(r.rows)-3-4 { // and room for a space
			r.n = n
			r.flush(s, t)
			n = 0
		}
		x := uint64(g & smallLetter)
		rows := (*[3]uint32)(r.rows[n:])
		h := x*mul1 + a*mul2
		rows[0] = uint32(h >> shift)
		h += b * mul3
		rows[1] = uint32(h >> shift)
		h += c * mul4
		rows[2] = uint32(h >> shift)
		n += 3
		a, b, c, w = x, a, b, (w+x)*mul5
	}
	r.a, r.b, r.c, r.w, r.n = a, b, c, w, n
	t.count(s, letters)
	return i, flags
}

// space ends a word. A space alone says nothing.
func (r *reader) space() {
	if r.a == ' ' {
		return
	}
	x, shift := uint64(' '), r.shift&63
	rows := (*[4]uint32)(r.rows[r.n:]) // for which word leaves room
	h := x*mul1 + r.a*mul2
	rows[0] = uint32(h >> shift)
	h += r.b * mul3
	rows[1] = uint32(h >> shift)
	h += r.c * mul4
	rows[2] = uint32(h >> shift)
	rows[3] = uint32(r.w >> shift)
	r.n += 4
	r.a, r.b, r.c, r.w = x, r.a, r.b, 0
}

// flush adds the rows that were found to the sums of their script. A row is 16 bytes; four at a time are added in each of four words,
// in lanes of 16 bits, which hold 257 of them.
func (r *reader) flush(s script, t *tally) {
	rows := r.rows[:r.n]
	r.n = 0
	if len(rows) == 0 {
		return
	}
	if r.table == nil {
		r.keep = append(r.keep, rows...)
		return
	}
	const even = 0x00ff00ff00ff00ff
	var a0, a1, b0, b1 uint64
	table := r.table
	for _, row := range rows {
		e := (*[dims]byte)(table[int(row)*dims:])
		x, y := binary.LittleEndian.Uint64(e[:8]), binary.LittleEndian.Uint64(e[8:])
		a0 += x & even
		a1 += x >> 8 & even
		b0 += y & even
		b1 += y >> 8 & even
	}
	t.grams[s] += int32(len(rows))
	sums := &t.sums[s]
	for k := range 4 {
		at := uint(16 * k)
		sums[2*k] += int32(a0 >> at & 0xffff)
		sums[2*k+1] += int32(a1 >> at & 0xffff)
		sums[8+2*k] += int32(b0 >> at & 0xffff)
		sums[9+2*k] += int32(b1 >> at & 0xffff)
	}
}
