package gopher

import (
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Repetition measures how much of a text repeats itself, as datatrove 0.10's GopherRepetitionFilter does
// (table A1 of Rae et al. 2021). The result is indexed by RepetitionSignals; NaN is a signal that the
// text is too short for.
func Repetition(text string) []float64 {
	out := make([]float64, 0, len(RepetitionSignals()))
	chars := float64(utf8.RuneCountInString(text))
	if chars == 0 {
		for range RepetitionSignals() {
			out = append(out, math.NaN())
		}
		return out
	}
	for _, parts := range [...][]string{splitNewlines(strings.TrimFunc(text, isSpace), 2), splitNewlines(text, 1)} {
		n, dup := duplicates(parts)
		out = append(out, float64(n)/float64(len(parts)), float64(dup)/chars)
	}
	words := Words(text)
	g := newGrams(words, " ")
	for n := 2; n <= 4; n++ {
		share := math.NaN()
		if top, ok := g.top(n); ok {
			share = float64(top) / chars
		}
		out = append(out, share)
	}
	g = newGrams(words, "")
	for n := 5; n <= 10; n++ {
		out = append(out, float64(g.repeated(n))/chars)
	}
	return out
}

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

// grams holds the hash of the n-gram that starts at each word, for one n at a time: a polynomial hash
// modulo 2^61-1 over the bytes of the words joined by a separator, so that two n-grams are equal where
// their joined texts are. Each n extends the one before.
type grams struct {
	n     int
	hash  []uint64 // of the n-gram that starts at word i
	word  []uint64 // of the separator and word i
	power []uint64 // base to the length of these in bytes
	chars []int    // in the words before word i, with their separators
	sep   int
	seen  table64
}

const (
	modulus = 1<<61 - 1
	base    = 0x1A2B3C4D5E6F7081 % modulus
)

func newGrams(words []string, sep string) *grams {
	g := &grams{hash: make([]uint64, len(words)), word: make([]uint64, len(words)), power: make([]uint64, len(words)),
		chars: make([]int, len(words)+1), sep: len(sep), seen: newTable64(len(words))}
	for i, w := range words {
		h, p := uint64(0), uint64(1)
		for _, s := range [...]string{sep, w} {
			for j := range len(s) {
				h, p = add(mul(h, base), uint64(s[j])+1), mul(p, base)
			}
		}
		g.word[i], g.power[i] = h, p
		g.chars[i+1] = g.chars[i] + utf8.RuneCountInString(w) + g.sep
	}
	return g
}

// grow goes on to the n-grams of n words and empties the table.
func (g *grams) grow(n int) []uint64 {
	for ; g.n < n; g.n++ {
		for i := range max(0, len(g.hash)-g.n) {
			g.hash[i] = add(mul(g.hash[i], g.power[i+g.n]), g.word[i+g.n])
		}
	}
	clear(g.seen)
	return g.hash[:max(0, len(g.hash)-n+1)]
}

// size is the length in characters of the n-gram at word i.
func (g *grams) size(i int) int { return g.chars[i+g.n] - g.chars[i] - g.sep }

// top is how many characters the copies of the most frequent n-gram have; of several, the first counts.
func (g *grams) top(n int) (chars int, ok bool) {
	list := g.grow(n)
	best := uint64(0)
	for _, h := range list {
		best = max(best, g.seen.count(h))
	}
	for i, h := range list {
		if g.seen.get(h) == best {
			return g.size(i) * int(best), true
		}
	}
	return 0, false
}

// repeated is how many characters lie in n-grams that stood before already. Past such a one the search goes on behind it.
func (g *grams) repeated(n int) int {
	list := g.grow(n)
	chars := 0
	for i := 0; i < len(list); {
		if g.seen.count(list[i]) > 1 {
			chars += g.size(i)
			i += n
			continue
		}
		i++
	}
	return chars
}

// table64 counts hashes: pairs of key and count, open addressing. Key 0 with count 0 is a free place.
type table64 []uint64

func newTable64(n int) table64 {
	size := 16
	for size < 2*n {
		size *= 2
	}
	return make(table64, 2*size)
}

// at finds the place of h.
func (t table64) at(h uint64) int {
	mask := len(t)/2 - 1
	for i := int(h) & mask; ; i = (i + 1) & mask {
		if t[2*i+1] == 0 || t[2*i] == h {
			return 2 * i
		}
	}
}

// count adds one to h and returns its count.
func (t table64) count(h uint64) uint64 {
	i := t.at(h)
	t[i] = h
	t[i+1]++
	return t[i+1]
}

func (t table64) get(h uint64) uint64 { return t[t.at(h)+1] }

// mul and add work modulo 2^61-1.
func mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return add(lo&modulus, lo>>61|hi<<3)
}

func add(a, b uint64) uint64 {
	s := a + b
	if s >= modulus {
		s -= modulus
	}
	return s
}
