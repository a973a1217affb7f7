package gopher

import (
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"millrace/clean/words"
)

// Meter measures repetition. What it works with is used again for the next text; several goroutines may use one.
type Meter struct{ spare sync.Pool } // of *grams

// Repetition measures how much of a text repeats itself, as datatrove 0.10's GopherRepetitionFilter does
// (table A1 of Rae et al. 2021). list is its words. The result is indexed by RepetitionSignals; NaN is a signal that the
// text is too short for.
func (m *Meter) Repetition(text string, list []string) []float64 {
	out := make([]float64, 0, len(RepetitionSignals()))
	chars := float64(utf8.RuneCountInString(text))
	if chars == 0 {
		for range RepetitionSignals() {
			out = append(out, math.NaN())
		}
		return out
	}
	for _, parts := range [...][]string{splitNewlines(strings.TrimFunc(text, words.IsSpace), 2), splitNewlines(text, 1)} {
		n, dup := duplicates(parts)
		out = append(out, float64(n)/float64(len(parts)), float64(dup)/chars)
	}
	g := m.take(list)
	defer m.give(g)
	g.begin(" ")
	for n := 2; n <= 4; n++ {
		share := math.NaN()
		if at, count, ok := g.top(n); ok {
			share = float64(g.size(at)*count) / chars
		}
		out = append(out, share)
	}
	g.begin("")
	for n := 5; n <= 10; n++ {
		out = append(out, float64(g.repeated(n))/chars)
	}
	return out
}

// take makes the sums of a list of words. They go back by give.
func (m *Meter) take(list []string) *grams {
	g, _ := m.spare.Get().(*grams)
	if g == nil {
		g = &grams{hashes: &hashes{power: powers()}}
	}
	g.read(list)
	return g
}

func (m *Meter) give(g *grams) {
	if len(g.list) <= maxSpare {
		g.list = nil
		m.spare.Put(g)
	}
}

// maxSpare is how many words a text may have whose memory is kept for the next.
const maxSpare = 1 << 16

// RepetitionSignals names what Repetition measures, in its order.
func RepetitionSignals() []string {
	return []string{"dup_paragraphs", "dup_paragraph_chars", "dup_lines", "dup_line_chars", "top_2gram", "top_3gram", "top_4gram",
		"dup_5gram", "dup_6gram", "dup_7gram", "dup_8gram", "dup_9gram", "dup_10gram"}
}

// splitNewlines cuts text at runs of at least n newlines. A run at an end leaves an empty part there.
func splitNewlines(text string, n int) []string {
	var parts []string
	start := 0
	for i := 0; i < len(text); {
		j := strings.IndexByte(text[i:], '\n')
		if j < 0 {
			break
		}
		i += j
		end := i
		for end < len(text) && text[end] == '\n' {
			end++
		}
		if end-i >= n {
			parts = append(parts, text[start:i])
			start = end
		}
		i = end
	}
	return append(parts, text[start:])
}

// duplicates counts the parts that stood before already, and their characters.
func duplicates(parts []string) (n, chars int) {
	seen := make(map[string]struct{}, len(parts))
	for _, p := range parts {
		if _, ok := seen[p]; ok {
			n++
			chars += utf8.RuneCountInString(p)
			continue
		}
		seen[p] = struct{}{}
	}
	return n, chars
}

// hashes are prefix sums over the words of a text, so that the hash of any run of words is one multiplication away:
// polynomial, modulo 2^64, over the bytes of the words joined by a separator. Two runs are equal where their joined
// texts are. A text that is made so that its runs collide harms only itself.
type hashes struct {
	list  []string
	word  []uint64 // the hash of each
	chars []int32  // in the words before word i
	bytes []int32
	power *[512]uint64
}

// base is odd, so that no bit of a byte is lost.
const base uint64 = 0x9A2B3C4D5E6F7085

// read makes the sums of another list of words.
func (h *hashes) read(list []string) {
	n := len(list)
	h.list, h.word = list, slices.Grow(h.word[:0], n)[:n]
	h.chars, h.bytes = slices.Grow(h.chars[:0], n+1)[:n+1], slices.Grow(h.bytes[:0], n+1)[:n+1]
	h.chars[0], h.bytes[0] = 0, 0
	for i, w := range list {
		n := len(w)
		sum, wide := sumOf(h.power, w)
		if wide {
			n = utf8.RuneCountInString(w)
		}
		h.word[i] = sum
		h.chars[i+1] = h.chars[i] + int32(n)
		h.bytes[i+1] = h.bytes[i] + int32(len(w))
	}
}

// sumOf is the hash of a word, and whether the word has bytes that are not of ASCII. The products do not wait for each other.
func sumOf(p *[512]uint64, w string) (sum uint64, wide bool) {
	all := byte(0)
	if len(w) > len(p) {
		for j := range len(w) {
			sum = sum*base + uint64(w[j]) + 1
			all |= w[j]
		}
		return sum, all >= utf8.RuneSelf
	}
	q := p[:len(w)]
	for j := range q {
		c := w[len(w)-1-j]
		sum += (uint64(c) + 1) * q[j]
		all |= c
	}
	return sum, all >= utf8.RuneSelf
}

// powers holds base to the n, for the lengths that most runs of words have.
var powers = sync.OnceValue(func() *[512]uint64 {
	p := &[512]uint64{1}
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * base
	}
	return p
})

// power is base to the n.
func power(p *[512]uint64, n int) uint64 {
	if n < len(p) {
		return p[n]
	}
	result, b := uint64(1), uint64(base)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result *= b
		}
		b *= b
	}
	return result
}

// grams finds n-grams that stand several times, for one n at a time, each greater than the one before. One that stands once
// cannot become part of one that stands twice, so each n looks only at the places that are left of the n before.
type grams struct {
	*hashes
	n     int
	sep   int      // bytes of the separator, one character or none
	front []uint64 // hash of what stands before word i
	sum   []uint64 // of the n-grams at the places that are live
	live  []int32  // places whose n-gram stands elsewhere too, in order
	bits  bitmap
	seen  table64
	slots []int32 // the places in seen of what is live
	first []int32 // of each live place, the first where the same stands
	met   []uint64
	dealt struct { // places that many deals out
		hash  []uint64
		place []int32
	}
}

// begin makes every place live. sep is one byte or none.
func (g *grams) begin(sep string) {
	n := len(g.list)
	g.n, g.sep, g.live = 0, len(sep), slices.Grow(g.live[:0], n)[:n]
	g.front, g.sum = slices.Grow(g.front[:0], n+1)[:n+1], slices.Grow(g.sum[:0], n)[:n]
	sum := uint64(0)
	g.front[0] = 0
	for i, w := range g.word {
		for j := range len(sep) {
			sum = sum*base + uint64(sep[j]) + 1
		}
		sum = sum*power(g.power, len(g.list[i])) + w
		g.front[i+1], g.live[i] = sum, int32(i)
	}
}

// grow goes on to the n-grams of n words, at the places that are live and have as many words.
func (g *grams) grow(n int) {
	keep := g.live[:0]
	for _, at := range g.live {
		end := int(at) + n
		if end > len(g.list) {
			break
		}
		size := int(g.bytes[end]-g.bytes[at]) + n*g.sep
		g.sum[at] = g.front[end] - g.front[at]*power(g.power, size)
		keep = append(keep, at)
	}
	g.live, g.n = keep, n
}

// size is the length in characters of the n-gram at word i.
func (g *grams) size(i int) int { return int(g.chars[i+g.n]-g.chars[i]) + (g.n-1)*g.sep }

// repeats leaves the places live whose n-gram stands elsewhere too, and gives the highest count and the first place of an
// n-gram that has it. Most n-grams stand once, and are told from the others by a bit, before any are counted.
func (g *grams) repeats() (most, first int) {
	if len(g.live) <= maxBits {
		g.live = g.bits.twice(g.live, g.sum)
	}
	g.seen = g.seen.emptied(min(len(g.live), maxTogether))
	g.slots = g.slots[:0]
	different := 0
	for _, at := range g.live {
		slot, added := g.seen.count(g.sum[at], at)
		if added {
			if different++; different > maxTogether {
				return g.many()
			}
		}
		g.slots = append(g.slots, int32(slot))
	}
	keep := g.live[:0]
	g.first = g.first[:0]
	for k, at := range g.live {
		stood, n := g.seen.of(int(g.slots[k]))
		if n == 1 {
			continue
		}
		keep, g.first = append(keep, at), append(g.first, stood)
		if n > most {
			most, first = n, int(at)
		}
	}
	g.live = keep
	return most, first
}

// So many places have their bits, and so many different n-grams their table, in a processor's cache.
const (
	maxBits     = 1 << 18
	maxTogether = 1 << 13
)

// many is repeats for more than that: the places are dealt out by their hashes, and each part is counted by itself.
func (g *grams) many() (most, first int) {
	n := len(g.live)
	depth := bits.Len(uint(n / maxTogether))
	starts := make([]int32, 1<<depth+1)
	part := func(h uint64) uint64 { return h * golden >> (64 - depth) }
	for _, at := range g.live {
		starts[part(g.sum[at])+1]++
	}
	for i := range starts[1:] {
		starts[i+1] += starts[i]
	}
	g.dealt.hash, g.dealt.place = slices.Grow(g.dealt.hash[:0], n)[:n], slices.Grow(g.dealt.place[:0], n)[:n]
	next := slices.Clone(starts)
	for _, at := range g.live {
		h := g.sum[at]
		i := &next[part(h)]
		g.dealt.hash[*i], g.dealt.place[*i] = h, at
		*i++
	}
	g.first = slices.Grow(g.first[:0], len(g.list))[:len(g.list)] // by place, for now
	for i, from := range starts[:1<<depth] {
		hash, place := g.dealt.hash[from:starts[i+1]], g.dealt.place[from:starts[i+1]]
		g.seen = g.seen.emptied(min(len(hash), 2*maxTogether))
		different := 0
		for k, h := range hash { // a part with more than that mostly says the same again and again
			if _, added := g.seen.count(h, place[k]); added {
				if different++; 4*different > len(g.seen) {
					g.seen = g.seen.grown()
				}
			}
		}
		for k, h := range hash {
			at := place[k]
			stood, n := g.seen.of(g.seen.at(h))
			if g.first[at] = stood; n == 1 {
				g.first[at] = -1
			} else if n > most || n == most && int(at) < first {
				most, first = n, int(at)
			}
		}
	}
	keep := g.live[:0]
	for _, at := range g.live {
		if stood := g.first[at]; stood >= 0 {
			g.first[len(keep)] = stood // which is not read any more: places are in order, and none is left out before its turn
			keep = append(keep, at)
		}
	}
	g.live, g.first = keep, g.first[:len(keep)]
	return most, first
}

// top gives the place and the count of the most frequent n-gram; of several, the first.
func (g *grams) top(n int) (at, count int, ok bool) {
	if len(g.list) < n {
		return 0, 0, false
	}
	g.grow(n)
	if count, at = g.repeats(); count == 0 {
		return 0, 1, true // each stands once
	}
	return at, count, true
}

// repeated is how many characters lie in n-grams that stood before already. Past such a one the search goes on behind it.
func (g *grams) repeated(n int) int {
	g.grow(n)
	if most, _ := g.repeats(); most == 0 {
		return 0
	}
	words := (len(g.list) + 63) / 64
	g.met = slices.Grow(g.met[:0], words)[:words]
	clear(g.met)
	chars, next := 0, int32(0)
	for k, at := range g.live {
		if at < next {
			continue
		}
		w, bit := &g.met[g.first[k]>>6], uint64(1)<<(g.first[k]&63)
		if *w&bit != 0 {
			chars += g.size(int(at))
			next = at + int32(n)
		}
		*w |= bit
	}
	return chars
}

// bitmap is two bits for each of several hashes: it was seen; it was seen again.
type bitmap []uint64

// twice leaves the places in list whose hash may stand at another of them too: all that do, and a few more.
func (b *bitmap) twice(list []int32, sum []uint64) []int32 {
	size := 8 // words with room for 32 hashes
	for 2*size < len(list) {
		size *= 2
	}
	if cap(*b) < size {
		*b = make(bitmap, size)
	}
	m := (*b)[:size]
	clear(m)
	shift := 64 - (bits.Len(uint(size-1)) + 5)
	for _, at := range list {
		h := sum[at] * golden >> shift
		w, bit := &m[h>>5&uint64(size-1)], uint64(1)<<(h&31)
		*w |= bit | (*w&bit)<<32
	}
	k := 0
	for _, at := range list {
		h := sum[at] * golden >> shift
		list[k] = at
		k += int(m[h>>5&uint64(size-1)] >> (h&31 + 32) & 1)
	}
	return list[:k]
}

// golden spreads the bits of a sum, whose low ones say little, to the front.
const golden = 0x9E3779B97F4A7C15

// table64 counts hashes, by open addressing: pairs of a hash, and of its first place, in the upper half, and count. Without a
// count it is free.
type table64 []uint64

// emptied gives a table for n hashes, in the same memory where that is enough.
func (t table64) emptied(n int) table64 {
	size := 16
	for size < 2*n {
		size *= 2
	}
	if cap(t) < 2*size {
		return make(table64, 2*size)
	}
	t = t[:2*size]
	clear(t)
	return t
}

// at finds the slot of h.
func (t table64) at(h uint64) int {
	mask := len(t)/2 - 1
	for i := int(h*golden>>32) & mask; ; i = (i + 1) & mask {
		if t[2*i+1] == 0 || t[2*i] == h {
			return 2 * i
		}
	}
}

// count adds one to h at a place, gives its slot, and says whether it is the first there.
func (t table64) count(h uint64, place int32) (slot int, added bool) {
	i := t.at(h)
	if t[i+1] == 0 {
		t[i], t[i+1] = h, uint64(place)<<32+1
		return i, true
	}
	t[i+1]++
	return i, false
}

// of gives the first place and the count of a slot.
func (t table64) of(slot int) (first int32, n int) {
	return int32(t[slot+1] >> 32), int(uint32(t[slot+1]))
}

// grown is the table with twice the room.
func (t table64) grown() table64 {
	more := make(table64, 2*len(t))
	for i := 0; i < len(t); i += 2 {
		if t[i+1] > 0 {
			j := more.at(t[i])
			more[j], more[j+1] = t[i], t[i+1]
		}
	}
	return more
}
