package judge

import (
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
)

// threshold is what the demo's recipe calls a near-duplicate.
const threshold = 0.8

// Twins is the truth about duplicates, by exact Jaccard similarity of 5-word shingles, first come first kept.
type Twins struct {
	Compared   int `json:"compared"`    // rows that no other rule had dropped
	FalseNear  int `json:"false_near"`  // dropped as near, and no kept twin at the threshold
	FalseExact int `json:"false_exact"` // dropped as exact, and no kept twin with the same words
	MissedNear int `json:"missed_near"` // kept beside a kept twin at the threshold
	NearBelow9 int `json:"near_below_0.9"`
}

// twins holds the shingles of every row that deduplication saw.
type twins struct {
	t    *table
	seed maphash.Seed
	sets map[*row]map[uint64]struct{}
	rows []*row // in order
}

func newTwins(t *table) *twins {
	w := &twins{t: t, seed: maphash.MakeSeed(), sets: map[*row]map[uint64]struct{}{}}
	for _, x := range t.rows {
		if x.reachedDedup() {
			w.rows = append(w.rows, x)
		}
	}
	return w
}

// words are lower-case runs of letters, marks and numbers; in scripts that write no blanks each sign is a
// word by itself. Invisible format characters are no part of a word and end none.
func words(text string) []string {
	var out []string
	start := -1
	text = strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text))
	end := func(i int) {
		if start >= 0 {
			out = append(out, text[start:i])
			start = -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
			end(i)
			out = append(out, string(r))
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			if start < 0 {
				start = i
			}
		default:
			end(i)
		}
	}
	end(len(text))
	return out
}

// set gives the 5-word shingles of a row's text; a shorter text is one shingle.
func (w *twins) set(x *row) map[uint64]struct{} {
	if s, ok := w.sets[x]; ok {
		return s
	}
	ws := words(x.text)
	s := make(map[uint64]struct{}, len(ws))
	const n = 5
	for i := 0; i == 0 || i+n <= len(ws); i++ {
		s[maphash.String(w.seed, strings.Join(ws[i:min(i+n, len(ws))], " "))] = struct{}{}
	}
	w.sets[x] = s
	return s
}

func (w *twins) jaccard(a, b *row) float64 {
	x, y := w.set(a), w.set(b)
	both := 0
	for h := range x {
		if _, ok := y[h]; ok {
			both++
		}
	}
	return float64(both) / float64(max(1, len(x)+len(y)-both))
}

// kept finds the kept row with an id, or nil.
func (w *twins) kept(id string) *row {
	if i := slices.IndexFunc(w.t.byID[id], func(x *row) bool { return x.kept }); i >= 0 {
		return w.t.byID[id][i]
	}
	return nil
}

// judgeTwins goes through the rows in order, keeping an index of the shingles of those kept.
func (r *Report) judgeTwins(w *twins) {
	owners := map[uint64][]int32{}
	var kept []*row
	score := Score{}
	for _, x := range w.rows {
		best, twin := w.best(x, kept, owners)
		r.Twins.Compared++
		if x.kept {
			if best >= threshold {
				r.Twins.MissedNear++
				score.Planted++
				r.problem("%s is kept beside %s, Jaccard %.3f", x.url, twin.url, best)
			}
			for h := range w.set(x) {
				owners[h] = append(owners[h], int32(len(kept)))
			}
			kept = append(kept, x)
			continue
		}
		of := w.kept(x.of)
		same := of != nil && slices.Equal(words(of.text), words(x.text))
		switch x.reason {
		case "dup.near":
			if of == nil || of.offset >= x.offset || w.jaccard(x, of) < threshold {
				r.Twins.FalseNear++
				r.problem("%s was dropped as a near-duplicate of %q and has no kept twin there", x.url, x.of)
				continue
			}
			score.Planted++
			score.Right++
			if w.jaccard(x, of) < 0.9 {
				r.Twins.NearBelow9++
			}
		case "dup.exact":
			if !same || of.offset >= x.offset {
				r.Twins.FalseExact++
				r.problem("%s was dropped as a copy of %q, whose words are others", x.url, x.of)
			}
		case "dup.same":
			if len(w.t.byID[x.mid]) < 2 {
				r.Twins.FalseExact++
				r.problem("%s was dropped as come again, and came once", x.url)
			}
		}
	}
	r.Truth["near"] = score
}

// best finds the earlier kept row that resembles x most.
func (w *twins) best(x *row, kept []*row, owners map[uint64][]int32) (float64, *row) {
	both := map[int32]int{}
	set := w.set(x)
	for h := range set {
		for _, k := range owners[h] {
			both[k]++
		}
	}
	best, twin := 0.0, int32(-1)
	for k, n := range both {
		j := float64(n) / float64(len(set)+len(w.set(kept[k]))-n)
		if j > best || j == best && k < twin {
			best, twin = j, k
		}
	}
	if twin < 0 {
		return 0, nil
	}
	return best, kept[twin]
}
