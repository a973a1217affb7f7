package main

import (
	"hash/maphash"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// judgeTwins wants a kept row before each dropped duplicate, which it does resemble, and no text in two kept rows.
// It decides by exact Jaccard similarity over the texts of the rows.
func (r *report) judgeTwins(corpus string, entries []*entry, threshold float64) {
	kept := map[string]*row{} // by either name
	texts := map[[32]byte]*row{}
	pairs := map[*row]*row{}
	need := map[string]bool{} // Positions of the rows whose texts are compared
	for _, x := range r.rows {
		switch {
		case x.kept:
			if y := texts[x.words]; y != nil {
				r.fault(keptTwins, "the rows at %s and %s have the same words, and both are kept", y.position, x.position)
			}
			texts[x.words] = x
			kept[x.id], kept[x.mid] = x, x
		case x.reason == "dup.exact":
			if y := kept[x.of]; y == nil || y.words != x.words {
				r.fault(twin, "the row at %s was dropped as a copy of %q, which is no kept row before it with its words", x.position, x.of)
			}
		case x.reason == "dup.near":
			y := kept[x.of]
			if y == nil {
				r.fault(twin, "the row at %s was dropped as a near-duplicate of %q, which is no kept row before it", x.position, x.of)
				continue
			}
			pairs[x] = y
			need[x.position], need[y.position] = true, true
		case strings.HasPrefix(x.reason, "dup."):
			r.fault(twin, "the row at %s was dropped as %s: no line of the input comes twice", x.position, x.reason)
		}
	}
	if len(pairs) == 0 {
		return
	}
	sets, err := shinglesOf(corpus, entries, need)
	if err != nil {
		r.fault(unreadable, "%v", err)
		return
	}
	for x, y := range pairs {
		if j := jaccard(sets[x.position], sets[y.position]); j < threshold {
			r.fault(twin, "the row at %s was dropped as a near-duplicate of %q, their similarity is %.3f", x.position, x.of, j)
		}
	}
}

// shinglesOf reads the files again, for the rows that are needed.
func shinglesOf(corpus string, entries []*entry, need map[string]bool) (map[string]map[uint64]struct{}, error) {
	seed := maphash.MakeSeed()
	out := make(map[string]map[uint64]struct{}, len(need))
	for _, e := range entries {
		for _, f := range e.whole {
			raw, err := os.ReadFile(filepath.Join(corpus, filepath.FromSlash(f.path)))
			if err != nil {
				return nil, err
			}
			err = eachRow(raw, f.kept, func(x *row, text string) error {
				if need[x.position] {
					out[x.position] = shingles(seed, text)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// shingles are the runs of five words; a shorter text is one run.
func shingles(seed maphash.Seed, text string) map[uint64]struct{} {
	const n = 5
	ws := words(text)
	s := make(map[uint64]struct{}, len(ws))
	for i := 0; i == 0 || i+n <= len(ws); i++ {
		s[maphash.String(seed, strings.Join(ws[i:min(i+n, len(ws))], " "))] = struct{}{}
	}
	return s
}

func jaccard(a, b map[uint64]struct{}) float64 {
	both := 0
	for h := range a {
		if _, ok := b[h]; ok {
			both++
		}
	}
	return float64(both) / float64(max(1, len(a)+len(b)-both))
}

// words are lower-case runs of letters, marks and numbers.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
	})
}
