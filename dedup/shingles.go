package dedup

import "slices"

// width is the number of words in a shingle.
const width = 5

// base is that of the rolling hash over a shingle's words: odd, so that no word's bits are lost.
const base uint64 = 0x9E3779B97F4A7C15

// scratch is the memory of one comparison, used again for the next.
type scratch struct {
	normal []byte
	words  []uint64
}

// shingles appends the set of 5-word shingles of text as sorted 64-bit hashes. A text of fewer words is one
// shingle; one of no words has none.
func (s *scratch) shingles(dst []uint64, text string) []uint64 {
	s.normal = normalise(s.normal[:0], text)
	s.words = words(s.words[:0], s.normal)
	return shingles(dst, s.words)
}

// release gives back the memory of an unusually large text.
func (s *scratch) release() {
	if cap(s.normal) > 4<<20 || cap(s.words) > maxWords/4 {
		*s = scratch{}
	}
}

// shingles hashes each run of five words with a polynomial that moves on by one word in constant time.
func shingles(dst []uint64, words []uint64) []uint64 {
	start := len(dst)
	var h uint64
	out := uint64(1) // what the oldest word has been multiplied by
	for range width {
		out *= base
	}
	for i, w := range words {
		h = h*base + w
		if i >= width {
			h -= words[i-width] * out
		}
		if i >= width-1 {
			dst = append(dst, mix(h))
		}
	}
	if n := len(words); n > 0 && n < width {
		dst = append(dst, mix(h+uint64(n)))
	}
	slices.Sort(dst[start:])
	return dst[:start+len(slices.Compact(dst[start:]))]
}

// mix is the last step of splitmix64: it spreads every bit over all.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 27
	x *= 0x94D049BB133111EB
	return x ^ x>>31
}

// Shingles gives the set of 5-word shingles of a text as sorted hashes, equal for texts that differ only
// in case, white space and punctuation.
func Shingles(text string) []uint64 {
	var s scratch
	return s.shingles(nil, text)
}

// Jaccard is the similarity of two texts: the share of shingles that both have among those that one has.
// Texts of no words are similar only to themselves.
func Jaccard(a, b string) float64 {
	var s scratch
	x, y := s.shingles(nil, a), s.shingles(nil, b)
	if len(x) == 0 && len(y) == 0 && string(normalise(nil, a)) == string(normalise(nil, b)) {
		return 1
	}
	return jaccard(x, y)
}

// jaccard compares two sorted sets.
func jaccard(a, b []uint64) float64 {
	both := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both++
			i++
			j++
		}
	}
	either := len(a) + len(b) - both
	if either == 0 {
		return 0
	}
	return float64(both) / float64(either)
}
