package gopher

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"millrace/clean/words"
)

// Dolma measures a text as dolma 1.2's tagger gopher_v1 does. It is another filter than datatrove's, though both are called
// Gopher's: words are what stands between whitespace, lengths are without it, and all copies count, not only those behind
// the first. The result is indexed by DolmaSignals. What is a share of nothing is 0, as there.
func (m *Meter) Dolma(text string) []float64 {
	list := strings.FieldsFunc(text, words.IsSpace)
	g := m.take(list)
	defer m.give(g)
	chars := int(g.chars[len(list)])
	var symbols, alpha, stop int
	for _, w := range list {
		if strings.ContainsRune(w, '#') || strings.Contains(w, "…") {
			symbols++
		}
		if strings.ContainsFunc(w, unicode.IsLetter) {
			alpha++
		}
		if stopWord(w) != 0 {
			stop++
		}
	}
	out := []float64{float64(len(list)), g.medianLength(), over(symbols, len(list)), over(alpha, len(list)), float64(stop)}
	out = append(out, dolmaLines(text, chars)...)
	g.begin(" ")
	for n := 2; n <= 4; n++ {
		top := 0
		if at, count, ok := g.top(n); ok {
			top = int(g.chars[at+n]-g.chars[at]) * count
		}
		out = append(out, over(top, chars))
	}
	for n := 5; n <= 10; n++ {
		out = append(out, g.share(n))
	}
	return out
}

// DolmaSignals names what Dolma measures, in its order.
func DolmaSignals() []string {
	return []string{"dolma_words", "dolma_median_word_length", "dolma_symbol_words", "dolma_alpha_words", "dolma_stop_words",
		"dolma_bullet_lines", "dolma_ellipsis_lines", "dolma_dup_lines", "dolma_dup_line_chars", "dolma_top_2gram", "dolma_top_3gram", "dolma_top_4gram",
		"dolma_dup_5gram", "dolma_dup_6gram", "dolma_dup_7gram", "dolma_dup_8gram", "dolma_dup_9gram", "dolma_dup_10gram"}
}

// over is a/b, where nothing counts as one.
func over(a, b int) float64 { return float64(a) / float64(max(b, 1)) }

// medianLength is that of the words, in characters.
func (h *hashes) medianLength() float64 {
	n := len(h.list)
	if n == 0 {
		return 0
	}
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = int(h.chars[i+1] - h.chars[i])
	}
	slices.Sort(sizes)
	return float64(sizes[(n-1)/2]+sizes[n/2]) / 2
}

// dolmaLines gives the shares of lines that start with a bullet, that end with an ellipsis, and that stand several times,
// and of the characters in these.
func dolmaLines(text string, chars int) []float64 {
	var lines, bullets, ellipses, copies, twice int
	counts := map[string]int{}
	for line := range strings.SplitSeq(text, "\n") {
		lines++
		if strings.HasPrefix(line, "*") || strings.HasPrefix(line, "-") {
			bullets++
		}
		if strings.HasSuffix(line, "…") {
			ellipses++
		}
		counts[line]++
	}
	for line, n := range counts {
		if n > 1 {
			copies += n
			twice += n * utf8.RuneCountInString(line)
		}
	}
	return []float64{over(bullets, lines), over(ellipses, lines), over(copies, lines), over(twice, chars)}
}

// share is that of the characters in n-grams that stand several times, of those in all n-grams: what overlaps counts in
// each.
func (g *grams) share(n int) float64 {
	g.grow(n)
	g.repeats()
	all, twice := 0, 0
	for i := range max(0, len(g.list)-n+1) {
		all += int(g.chars[i+n] - g.chars[i])
	}
	for _, at := range g.live {
		twice += int(g.chars[int(at)+n] - g.chars[at])
	}
	return over(twice, all)
}
