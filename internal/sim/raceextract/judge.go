package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
)

// counts are the shingles of one page: found and marked, found only, marked only, as shares of all of them. So a long
// page has no more weight than a short one.
type counts struct{ both, extra, missing float64 }

// shingle is how many words make one.
const shingle = 4

// shingles counts the runs of four words in a text: letters, digits and underscores, as they are written.
func shingles(text string) map[string]int {
	words := strings.FieldsFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	all := map[string]int{}
	for i := 0; i+shingle <= len(words); i++ {
		all[strings.Join(words[i:i+shingle], " ")]++
	}
	return all
}

// match compares a text with what was marked.
func match(want, got string) counts {
	marked, found := shingles(want), shingles(got)
	var c counts
	for s, n := range marked {
		both := min(n, found[s])
		c.both += float64(both)
		c.missing += float64(n - both)
	}
	for s, n := range found {
		c.extra += float64(max(0, n-marked[s]))
	}
	if sum := c.both + c.extra + c.missing; sum > 0 {
		c.both, c.extra, c.missing = c.both/sum, c.extra/sum, c.missing/sum
	}
	return c
}

// worth is a page's own F1.
func (c counts) worth() float64 { return score([]counts{c}).F1 }

// Score is what a set of pages gives: precision and recall of the sums, and their F1.
type Score struct {
	F1        float64 `json:"f1"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
}

func score(each []counts) Score {
	var sum counts
	for _, c := range each {
		sum.both += c.both
		sum.extra += c.extra
		sum.missing += c.missing
	}
	s := Score{Precision: share(sum.both, sum.extra, sum.missing), Recall: share(sum.both, sum.missing, sum.extra)}
	if s.Precision+s.Recall > 0 {
		s.F1 = 2 * s.Precision * s.Recall / (s.Precision + s.Recall)
	}
	return s
}

// share is what both is of both and one; where there is nothing to find and nothing found, all is well.
func share(both, one, other float64) float64 {
	if both+one == 0 {
		if other == 0 {
			return 1
		}
		return 0
	}
	return both / (both + one)
}

// resamples is how many sets an interval is made of.
const resamples = 1000

// interval gives the F1 that 2.5 and 97.5 % of resampled sets stay below.
func interval(seed uint64, each []counts) (low, high float64) {
	return ends(seed, len(each), func(pick []int) float64 { return score(picked(each, pick)).F1 })
}

// between is the interval of the difference of two extractors on the same pages.
func between(seed uint64, a, b []counts) (low, high float64) {
	return ends(seed, len(a), func(pick []int) float64 { return score(picked(a, pick)).F1 - score(picked(b, pick)).F1 })
}

func picked(each []counts, pick []int) []counts {
	out := make([]counts, len(pick))
	for i, j := range pick {
		out[i] = each[j]
	}
	return out
}

func ends(seed uint64, n int, value func(pick []int) float64) (low, high float64) {
	rng := rand.New(rand.NewPCG(seed, 6))
	var values []float64
	pick := make([]int, n)
	for range resamples {
		for i := range pick {
			pick[i] = rng.IntN(n)
		}
		values = append(values, value(pick))
	}
	slices.Sort(values)
	return values[resamples/40], values[resamples-1-resamples/40]
}
