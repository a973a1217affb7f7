package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// told is the article's text as the page's data has it (articleBody in JSON-LD). Where the page shows that
// text, it tells which blocks are the article's.
type told struct {
	text  string
	grams map[uint64]struct{} // of four words
	chars int32
}

// leastTold is how long a text in the data has to be to say something, in bytes.
const leastTold = 250

// newTold reads the text. It gives nil for one that is too short.
func newTold(body string) *told {
	if strings.Contains(body, "<") || strings.Contains(body, "&") {
		body = plain(body)
	}
	if body = strings.TrimSpace(body); len(body) < leastTold || len(body) > maxData {
		return nil
	}
	t := &told{text: body, grams: make(map[uint64]struct{}, len(body)/6), chars: int32(utf8.RuneCountInString(body))}
	var w window
	w.read(body, func(gram uint64) { t.grams[gram] = struct{}{} })
	return t
}

// plain gives a text without the markup that it may have.
func plain(s string) string {
	var b strings.Builder
	r := newReader(s, Options{})
	r.read()
	for i := range r.blocks {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.Write(r.out[r.blocks[i].from:r.blocks[i].to])
	}
	return b.String()
}

// window hashes each four words that follow each other.
type window struct {
	last [4]uint64
	n    int
}

// read goes through a text, letters and digits only, case folded.
func (w *window) read(s string, found func(uint64)) {
	const prime = 1099511628211
	h := uint64(0)
	flush := func() {
		if h == 0 {
			return
		}
		copy(w.last[:], w.last[1:])
		w.last[3], h = h, 0
		if w.n++; w.n >= len(w.last) {
			g := uint64(14695981039346656037)
			for _, v := range w.last {
				g = (g ^ v) * prime
				g ^= g >> 29
			}
			found(g)
		}
	}
	for _, r := range s {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			h = (h ^ uint64(unicode.ToLower(r)) ^ 0x9E3779B97F4A7C15) * prime
			if r >= 0x2E80 { // a sign is a word where words are not apart
				flush()
			}
		default:
			flush()
		}
	}
	flush()
}

// mark finds the blocks that the data has, and sums them by node.
func (t *told) mark(text []byte, blocks []block, nodes []node) {
	for i := range blocks {
		b := &blocks[i]
		b.told = false
		var w window
		hits, all := 0, 0
		w.read(string(text[b.from:b.to]), func(gram uint64) {
			all++
			if _, ok := t.grams[gram]; ok {
				hits++
			}
		})
		if hits*2 > all {
			b.told = true
			nodes[b.node].told += b.chars
		}
	}
	for i := len(nodes) - 1; i > 0; i-- {
		nodes[nodes[i].parent].told += nodes[i].told
	}
}

// holder is the innermost element with nine tenths of the blocks that the data has, where these are most of the data.
func (t *told) holder(nodes []node) (int32, bool) {
	all := nodes[0].told
	if all*10 < t.chars*6 || all > t.chars*2 {
		return 0, false
	}
	best := int32(0)
	for i := range nodes {
		if nodes[i].told*10 >= all*9 {
			best = int32(i)
		}
	}
	return best, true
}
