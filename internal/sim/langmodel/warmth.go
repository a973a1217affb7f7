package langmodel

import (
	"math"
	"math/rand/v2"
	"slices"

	"millrace/clean/language"
)

// perWarmth is how many spans a temperature is measured on.
const perWarmth = 1000

// build makes the model file. A temperature for each range of lengths makes its probabilities true on the paragraphs for tuning.
func (l *learner) build(rng *rand.Rand) ([]byte, error) {
	parts := language.Parts{Classes: l.d.names(), RowBits: l.o.RowBits, Warmth: slices.Repeat([]float32{1}, language.Warmths),
		Priors: make([]float32, len(l.d.classes)), Heads: l.heads, Rows: l.rows}
	m, err := open(parts)
	if err != nil {
		return nil, err
	}
	seen := make([][]trial, language.Warmths)
	var known []example
	for range perWarmth * language.Warmths * 2 {
		c := l.d.classes[rng.IntN(len(l.d.classes))]
		text := c.tuningSpan(rng)
		names, p, grams := m.Weigh(text)
		k := slices.Index(names, c.name)
		if k < 0 {
			continue
		}
		known = append(known, example{text, c.lang})
		at := language.WarmthAt(grams)
		seen[at] = append(seen[at], trial{p, k})
	}
	for at, trials := range seen {
		if len(trials) > 0 {
			parts.Warmth[at] = coolest(trials)
		}
	}
	for i, name := range parts.Classes {
		parts.Priors[i] = prior(name)
	}
	if parts.Unsure, err = threshold(parts, known, l.d.strangers); err != nil {
		return nil, err
	}
	return language.Build(parts)
}

func open(parts language.Parts) (*language.Model, error) {
	file, err := language.Build(parts)
	if err != nil {
		return nil, err
	}
	return language.Open(file)
}

// example is a text with its language.
type example struct{ text, lang string }

// strange is how many texts there are in languages that the model does not know, for each one that it knows.
const strange = 0.02

// threshold chooses the probability below which a model says that it is not sure: the one with the best sum over texts, where
// a right name counts 1, a wrong one -0.5, and none 0; for a text in an unknown language a name counts -1.
func threshold(parts language.Parts, known []example, strangers []string) (float32, error) {
	best, most := float32(0), math.Inf(-1)
	for percent := 20; percent <= 80; percent += 5 {
		parts.Unsure = float32(percent) / 100
		m, err := open(parts)
		if err != nil {
			return 0, err
		}
		right, wrong, named := 0, 0, 0
		for _, e := range known {
			switch m.Identify(e.text).Lang {
			case e.lang:
				right++
			case "und":
			default:
				wrong++
			}
		}
		strangers := strangers[:min(len(strangers), 5*perWarmth)]
		for _, text := range strangers {
			if m.Identify(text).Lang != "und" {
				named++
			}
		}
		sum := (float64(right)-float64(wrong)/2)/float64(max(len(known), 1)) - strange*float64(named)/float64(max(len(strangers), 1))
		if sum > most {
			best, most = parts.Unsure, sum
		}
	}
	return best, nil
}

// tuningSpan joins some paragraphs for tuning of one source.
func (c *class) tuningSpan(rng *rand.Rand) string {
	if len(c.sources) == 0 {
		return ""
	}
	s := c.sources[rng.IntN(len(c.sources))]
	if len(s.tune) == 0 {
		return ""
	}
	i := rng.IntN(len(s.tune))
	want := 20 << rng.IntN(6)
	text := s.tune[i]
	for k := i + 1; len(text) < want && k < len(s.tune); k++ {
		text += " " + s.tune[k]
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
