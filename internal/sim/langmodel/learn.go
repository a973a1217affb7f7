package langmodel

import (
	"math"
	"math/rand/v2"

	"millrace/clean/language"
)

const dims = language.Dims

// limit bounds the numbers of a row, so that a byte is fine enough for them.
const limit = 4

// learner holds the numbers that are learned, each row and each head with the sum of its squared gradients (Adagrad).
type learner struct {
	d        *data
	o        Options
	rows     []float32 // dims each
	heads    []float32 // dims and a bias for each class
	rowSums  []float32
	headSums []float32
}

func newLearner(d *data, o Options) *learner {
	l := &learner{d: d, o: o, rows: make([]float32, dims<<o.RowBits), rowSums: make([]float32, 1<<o.RowBits),
		heads: make([]float32, len(d.classes)*(dims+1)), headSums: make([]float32, len(d.classes))}
	rng := rand.New(rand.NewPCG(o.Seed, 2))
	for k := range d.classes {
		for i := range dims {
			l.heads[k*(dims+1)+i] = float32(rng.Float64()*2 - 1)
		}
	}
	return l
}

// learn takes one step down the slope of the log loss of one span, of which every third n-gram counts, beginning with from.
func (l *learner) learn(span string, class, from int, rate float32) {
	c := l.d.classes[class]
	grams := language.Rows(span, c.script, l.o.RowBits)
	if len(grams) < 3 {
		return
	}
	// A third of the n-grams, of all lengths, has to do: what is seen less often together is learned for itself, and sooner.
	n := 0
	for i := from; i < len(grams); i += 3 {
		grams[n] = grams[i]
		n++
	}
	grams = grams[:n]
	var mean, back [dims]float32
	for _, g := range grams {
		row := (*[dims]float32)(l.rows[int(g)*dims:])
		for i := range dims {
			mean[i] += row[i]
		}
	}
	for i := range dims {
		mean[i] /= float32(len(grams))
	}
	p := make([]float32, len(c.peers))
	l.softmax(c.peers, &mean, p)
	p[c.at]--
	for i, k := range c.peers {
		g := p[i]
		head := (*[dims + 1]float32)(l.heads[k*(dims+1):])
		square := g * g
		for j := range dims {
			back[j] += g * head[j]
			square += g * g * mean[j] * mean[j]
		}
		l.headSums[k] += square / (dims + 1)
		step := rate * g / sqrt(l.headSums[k]+1e-6)
		for j := range dims {
			head[j] -= step * mean[j]
		}
		head[dims] -= step
	}
	square := float32(0)
	for _, x := range back {
		square += x * x / dims
	}
	for _, g := range grams {
		l.rowSums[g] += square
		step := rate / sqrt(l.rowSums[g]+1e-6)
		row := (*[dims]float32)(l.rows[int(g)*dims:])
		for i := range dims {
			row[i] -= step * back[i]
		}
	}
}

func (l *learner) softmax(classes []int, mean *[dims]float32, p []float32) {
	top := float32(math.Inf(-1))
	for i, k := range classes {
		head := (*[dims + 1]float32)(l.heads[k*(dims+1):])
		z := head[dims]
		for j := range dims {
			z += head[j] * mean[j]
		}
		p[i] = z
		top = max(top, z)
	}
	sum := float32(0)
	for i := range p {
		p[i] = float32(math.Exp(float64(p[i] - top)))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }
