package demo

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shingles is the set of a text's runs of five words, as sorted hashes. A shorter text is one shingle.
func shingles(text string) []uint64 {
	words := wordHashes(text)
	if len(words) == 0 {
		return nil
	}
	const n = 5
	set := make([]uint64, 0, len(words))
	for i := 0; i == 0 || i+n <= len(words); i++ {
		h := uint64(offset64)
		for _, w := range words[i:min(i+n, len(words))] {
			h = (h ^ w) * prime64
			h ^= h >> 29
		}
		set = append(set, h)
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// The constants of FNV-1a.
const (
	offset64 = 14695981039346656037
	prime64  = 1099511628211
)

// wordHashes hashes each run of letters and digits, in lower case.
func wordHashes(text string) []uint64 {
	out := make([]uint64, 0, len(text)/6)
	h, in := uint64(offset64), false
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			h = (h ^ uint64(unicode.ToLower(r))) * prime64
			in = true
			continue
		}
		if in {
			out = append(out, h)
			h, in = offset64, false
		}
	}
	if in {
		out = append(out, h)
	}
	return out
}

// jaccard is the share of shingles that two sets have in common.
func jaccard(a, b []uint64) float64 {
	both := 0
	for i, k := 0, 0; i < len(a) && k < len(b); {
		switch {
		case a[i] < b[k]:
			i++
		case a[i] > b[k]:
			k++
		default:
			both++
			i++
			k++
		}
	}
	return float64(both) / float64(max(1, len(a)+len(b)-both))
}

// readable is a cautious guess whether Gopher's rules keep a page: it measures the worst of them with
// a margin, because a planted page that is dropped for its quality proves nothing about duplicates.
func readable(p *page, minWords int) bool {
	var tokens, words []string
	alpha, chars := 0, 0
	for _, s := range p.lines() {
		for _, t := range tokenise(s) {
			tokens = append(tokens, t)
			if strings.IndexFunc(t, unicode.IsLetter) >= 0 {
				alpha++
			}
			if strings.IndexFunc(t, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) >= 0 {
				words = append(words, t)
				chars += len(t)
			}
		}
	}
	if len(words) < minWords || len(words) > 5000 {
		return false
	}
	mean := float64(chars) / float64(len(words))
	if mean < 3.3 || mean > 8 || float64(alpha) < 0.85*float64(len(tokens)) {
		return false
	}
	return stopWords(words) >= 4 && repeatsLittle(p.lines(), words)
}

func stopWords(words []string) int {
	seen := map[string]bool{}
	for _, w := range words {
		switch w {
		case "the", "be", "to", "of", "and", "that", "have", "with":
			seen[w] = true
		}
	}
	return len(seen)
}

// repeatsLittle bounds repeated lines, the commonest 2- to 4-gram and repeated 5- and 10-grams.
func repeatsLittle(lines, words []string) bool {
	seen := map[string]bool{}
	dup := 0
	for _, l := range lines {
		if seen[l] {
			dup += len(l)
		}
		seen[l] = true
	}
	total := len(strings.Join(words, " "))
	if float64(dup) > 0.08*float64(total) {
		return false
	}
	for n, limit := range map[int]float64{2: 0.12, 3: 0.10, 4: 0.09} {
		if top(words, n) > limit*float64(total) {
			return false
		}
	}
	return repeated(words, 5) < 0.09*float64(total) && repeated(words, 10) < 0.06*float64(total)
}

// top is the number of characters in the commonest n-gram, all its copies together.
func top(words []string, n int) float64 {
	counts := map[string]int{}
	best := 0
	for i := 0; i+n <= len(words); i++ {
		g := strings.Join(words[i:i+n], " ")
		counts[g]++
		best = max(best, counts[g]*len(g))
	}
	return float64(best)
}

// repeated is the number of characters in n-grams that stood there before, none counted twice.
func repeated(words []string, n int) float64 {
	seen := map[string]bool{}
	sum := 0
	for i := 0; i+n <= len(words); {
		g := strings.Join(words[i:i+n], " ")
		if seen[g] {
			sum += len(g)
			i += n
			continue
		}
		seen[g] = true
		i++
	}
	return float64(sum)
}

// tokenise splits prose at white space and takes marks off both ends of each word, as English
// tokenisers do; marks within a word, as in net/http, stay, but for the full stop of Type.Method.
func tokenise(s string) []string {
	var out []string
	for _, w := range strings.Fields(s) {
		var tail []string
		for w != "" {
			r, n := utf8.DecodeRuneInString(w)
			if isWord(r) {
				break
			}
			out = append(out, w[:n])
			w = w[n:]
		}
		for w != "" {
			r, n := utf8.DecodeLastRuneInString(w)
			if isWord(r) {
				break
			}
			tail = append(tail, w[len(w)-n:])
			w = w[:len(w)-n]
		}
		for i, part := range strings.Split(w, ".") {
			if i > 0 {
				out = append(out, ".")
			}
			if part != "" {
				out = append(out, part)
			}
		}
		out = append(out, tail...)
	}
	return out
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
