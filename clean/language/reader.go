package language

import (
	"encoding/binary"
	"unicode/utf8"
)

// dims is how many numbers a row of the model has.
const dims = 16

// tally is what was counted in a piece of text. Tallies of pieces add up to the whole one's.
type tally struct {
	letters [maxScripts]int32
	grams   [maxScripts]int32
	sums    [maxScripts][dims]int32 // of the rows of all n-grams
}

func (t *tally) add(other *tally, scripts int) {
	for s := range scripts {
		t.letters[s] += other.letters[s]
		if other.grams[s] == 0 {
			continue
		}
		t.grams[s] += other.grams[s]
		for d := range dims {
			t.sums[s][d] += other.sums[s][d]
		}
	}
}

// reader turns text into rows of the model: one for each n-gram of up to four small letters, where all that is no letter is one
// space. N-grams do not cross from one script into another. Scripts that one language has for itself need none.
type reader struct {
	abc   *alphabet
	m     *Model
	t     *tally
	shift uint // a hash's upper bits are the row
	cur   script
	last  script // of the letter before, which a mark goes with
	a     uint64 // the three letters before, the last one first
	b, c  uint64
	rows  [256]uint32
	n     int
	want  script   // where keep is set: the script whose rows are kept instead of summed
	keep  []uint32 // for training
	keeps bool
}

// The multipliers are odd and random. A sum of products has its entropy in the upper bits.
const (
	mul1 = 0x9c6e6877736c46e3
	mul2 = 0xd1b54a32d192ed03
	mul3 = 0xaef17502108ef2d9
	mul4 = 0xf39b8c7a5d21e6b5
)

// read takes one piece of text, in time linear in its length.
func (r *reader) read(text string) {
	r.cur, r.last, r.a, r.b, r.c = noLetter, noLetter, ' ', 0, 0
	for i := 0; i < len(text); {
		var g uint32
		if c := text[i]; c < utf8.RuneSelf {
			g = r.abc.low[c]
			i++
		} else {
			char, size := utf8.DecodeRuneInString(text[i:])
			g = r.abc.of(char)
			i += size
		}
		s := script(g >> 24)
		switch s {
		case noLetter:
			r.space()
			continue
		case inherited:
			if s = r.last; s == noLetter {
				continue
			}
		default:
			r.t.letters[s]++
			r.last = s
		}
		if s != r.cur {
			if r.m != nil && !r.m.mixed[s] || r.m == nil && s != r.want {
				r.space()
				continue
			}
			r.flush()
			r.cur, r.a, r.b, r.c = s, ' ', 0, 0
		}
		r.push(uint64(g & 0x1fffff))
	}
	r.space()
	r.flush()
}

func (r *reader) push(x uint64) {
	if r.n > len(r.rows)-4 {
		r.flush()
	}
	h := x * mul1
	rows := r.rows[r.n : r.n+4 : r.n+4]
	rows[0] = uint32(h >> r.shift)
	h += r.a * mul2
	rows[1] = uint32(h >> r.shift)
	h += r.b * mul3
	rows[2] = uint32(h >> r.shift)
	h += r.c * mul4
	rows[3] = uint32(h >> r.shift)
	r.n += 4
	r.a, r.b, r.c = x, r.a, r.b
}

// space ends a word. A space alone says nothing.
func (r *reader) space() {
	if r.a == ' ' {
		return
	}
	if r.n > len(r.rows)-3 {
		r.flush()
	}
	x := uint64(' ')
	h := x*mul1 + r.a*mul2
	rows := r.rows[r.n : r.n+3 : r.n+3]
	rows[0] = uint32(h >> r.shift)
	h += r.b * mul3
	rows[1] = uint32(h >> r.shift)
	h += r.c * mul4
	rows[2] = uint32(h >> r.shift)
	r.n += 3
	r.a, r.b, r.c = x, r.a, r.b
}

// flush adds the rows that were found to the sums of their script. A row is 16 bytes; four at a time are added in each of four words,
// in lanes of 16 bits, which hold 257 of them.
func (r *reader) flush() {
	rows := r.rows[:r.n]
	r.n = 0
	if len(rows) == 0 {
		return
	}
	if r.keeps {
		if r.cur == r.want {
			r.keep = append(r.keep, rows...)
		}
		return
	}
	const even = 0x00ff00ff00ff00ff
	var a0, a1, b0, b1 uint64
	table := r.m.table
	for _, row := range rows {
		e := table[int(row)*dims:][:dims:dims]
		x, y := binary.LittleEndian.Uint64(e), binary.LittleEndian.Uint64(e[8:])
		a0 += x & even
		a1 += x >> 8 & even
		b0 += y & even
		b1 += y >> 8 & even
	}
	r.t.grams[r.cur] += int32(len(rows))
	sums := &r.t.sums[r.cur]
	for k := range 4 {
		at := uint(16 * k)
		sums[2*k] += int32(a0 >> at & 0xffff)
		sums[2*k+1] += int32(a1 >> at & 0xffff)
		sums[8+2*k] += int32(b0 >> at & 0xffff)
		sums[9+2*k] += int32(b1 >> at & 0xffff)
	}
}
