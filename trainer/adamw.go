package trainer

import "math"

// adamW updates parameters with AdamW: decoupled decay, on matrices only.
type adamW[T float] struct {
	c            Config
	parts        []tensor
	mean, square []T // moments, flat like the parameters
}

const adamEpsilon = 1e-8

func newAdamW[T float](c Config) *adamW[T] {
	return &adamW[T]{c: c, parts: tensors(c), mean: make([]T, size(c)), square: make([]T, size(c))}
}

// update applies grad, scaled by factor, as step index (from 0).
func (o *adamW[T]) update(params, grad []T, factor, rate float64, index int) {
	b1, b2 := T(o.c.Beta1), T(o.c.Beta2)
	f := T(factor)
	step := T(rate / (1 - math.Pow(o.c.Beta1, float64(index+1))))
	root := T(1 / math.Sqrt(1-math.Pow(o.c.Beta2, float64(index+1))))
	from := 0
	for _, t := range o.parts {
		to := from + t.size()
		p, g, m, v := params[from:to], grad[from:to], o.mean[from:to], o.square[from:to]
		from = to
		keep := T(1)
		if t.matrix() {
			keep = T(1 - rate*o.c.WeightDecay)
		}
		for i, x := range g {
			x *= f
			m[i] = b1*m[i] + (1-b1)*x
			v[i] = b2*v[i] + (1-b2)*x*x
			p[i] = p[i]*keep - step*m[i]/(T(math.Sqrt(float64(v[i])))*root+adamEpsilon)
		}
	}
}

// norm is the Euclidean length of v, summed in order.
func norm[T float](v []T) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}
