package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"millrace/internal/sim/encodings"
)

// result is what a set of pairs came to.
type result struct {
	pairs, samples int
	exact          map[string]map[string]float64 // detector -> length -> share
	rate           map[string]map[string]float64 // detector -> length -> MB a CPU second
	versions       map[string]string
	worst          []pairResult
}

// pairResult is what one pair came to, with our worst length.
type pairResult struct {
	Pair   string         `json:"pair"`
	Exact  map[string]any `json:"exact"` // detector -> shares at each length
	lowest float64
}

// lap lets all detectors read samples of all pairs, laps times in turns. The fastest time counts: others work on the
// machine too.
func lap(ctx context.Context, o options, dir string, paragraphs map[string][]string, pairs []encodings.Pair, laps int) (result, error) {
	r := result{exact: map[string]map[string]float64{}, rate: map[string]map[string]float64{}, versions: map[string]string{}}
	by, err := encode(ctx, o, dir, paragraphs, pairs)
	if err != nil {
		return r, err
	}
	right := map[string]map[encodings.Pair][]float64{}
	seen := map[encodings.Pair]bool{}
	for _, length := range encodings.Lengths() {
		samples := by[length]
		r.samples += len(samples)
		bytes := 0
		for _, s := range samples {
			bytes += len(s.Bytes)
			seen[s.Pair] = true
		}
		best := map[string]float64{}
		for range laps {
			for _, who := range []string{"ours", "chardet", "normalizer"} {
				a, err := ask(ctx, o, who, fileOf(dir, length))
				if err != nil {
					return r, err
				}
				if len(a.Right) != len(samples) {
					return r, fmt.Errorf("%s answers %d samples of %d", who, len(a.Right), len(samples))
				}
				if best[who] == 0 {
					r.versions[who] = a.Version
					r.count(who, length, samples, a.Right, right)
				}
				if best[who] == 0 || a.CPU < best[who] {
					best[who] = a.CPU
				}
			}
		}
		for who, cpu := range best {
			at(r.rate, who)[fmt.Sprint(length)] = math.Round(float64(bytes)/cpu/1e4) / 100
		}
	}
	r.pairs = len(seen)
	if r.pairs == 0 {
		return r, fmt.Errorf("there are no texts for any pair")
	}
	r.rank(right)
	return r, nil
}

// count takes one detector's answers in.
func (r *result) count(who string, length int, samples []encodings.Sample, ok []bool, right map[string]map[encodings.Pair][]float64) {
	all := 0
	of, got := map[encodings.Pair]int{}, map[encodings.Pair]int{}
	for i, s := range samples {
		of[s.Pair]++
		if ok[i] {
			all++
			got[s.Pair]++
		}
	}
	at(r.exact, who)[fmt.Sprint(length)] = share(all, len(samples))
	for p, n := range of {
		at(right, who)[p] = append(at(right, who)[p], share(got[p], n))
	}
}

// rank lists the pairs in which we are worst.
func (r *result) rank(right map[string]map[encodings.Pair][]float64) {
	for p, shares := range right["ours"] {
		one := pairResult{Pair: p.Lang + "/" + p.Encoding, Exact: map[string]any{}, lowest: slices.Min(shares)}
		for who := range right {
			one.Exact[who] = right[who][p]
		}
		if one.lowest < 1 {
			r.worst = append(r.worst, one)
		}
	}
	slices.SortFunc(r.worst, func(a, b pairResult) int {
		return cmp.Or(cmp.Compare(a.lowest, b.lowest), cmp.Compare(a.Pair, b.Pair))
	})
	r.worst = r.worst[:min(len(r.worst), 8)]
}

func share(n, of int) float64 { return math.Round(1000*float64(n)/float64(max(1, of))) / 1000 }

func at[K comparable, V any](m map[string]map[K]V, key string) map[K]V {
	if m[key] == nil {
		m[key] = map[K]V{}
	}
	return m[key]
}
