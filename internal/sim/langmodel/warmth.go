package langmodel

import (
	"math"
	"math/rand/v2"
	"slices"

	"millrace/clean/language"
)

// perWarmth is how many spans a temperature is measured on.
const perWarmth = 1000

// build makes the model file. A temperature for each range of lengths makes its probabilities true on the held out paragraphs.
func (l *learner) build(rng *rand.Rand) ([]byte, error) {
	warmth := slices.Repeat([]float32{1}, language.Warmths)
	first, err := language.Build(l.d.names(), l.o.RowBits, warmth, l.heads, l.rows)
	if err != nil {
		return nil, err
	}
	m, err := language.Open(first)
	if err != nil {
		return nil, err
	}
	seen := make([][]trial, language.Warmths)
	for range perWarmth * language.Warmths * 2 {
		c := l.d.classes[l.d.draw(rng)]
		text := c.heldSpan(rng)
		names, p, grams := m.Weigh(text)
		k := slices.Index(names, c.name)
		if k < 0 {
			continue
		}
		at := language.WarmthAt(grams)
		seen[at] = append(seen[at], trial{p, k})
	}
	for at, trials := range seen {
		if len(trials) > 0 {
			warmth[at] = coolest(trials)
		}
	}
	return language.Build(l.d.names(), l.o.RowBits, warmth, l.heads, l.rows)
}

// heldSpan joins some held out paragraphs of one source.
func (c *class) heldSpan(rng *rand.Rand) string {
	if len(c.sources) == 0 {
		return ""
	}
	s := c.sources[rng.IntN(len(c.sources))]
	if len(s.held) == 0 {
		return ""
	}
	i := rng.IntN(len(s.held))
	want := 20 << rng.IntN(6)
	text := s.held[i]
	for k := i + 1; len(text) < want && k < len(s.held); k++ {
		text += " " + s.held[k]
	}
	return cut(rng, text, want)
}

// trial is what a model without temperatures thought of a span, and which class was right.
type trial struct {
	p     []float64
	right int
}

// coolest finds the temperature under which the right classes have the smallest log loss, by halving an interval.
func coolest(trials []trial) float32 {
	loss := func(t float64) float64 {
		sum := 0.0
		for _, x := range trials {
			all := 0.0
			for _, p := range x.p {
				all += math.Pow(p, 1/t)
			}
			sum += math.Log(all) - math.Log(max(x.p[x.right], 1e-300))/t
		}
		return sum
	}
	low, high := 0.2, 8.0
	for range 25 {
		a, b := low+(high-low)/3, high-(high-low)/3
		if loss(a) < loss(b) {
			high = b
		} else {
			low = a
		}
	}
	return float32((low + high) / 2)
}
