package trainer

import "math"

// The element-wise layers, each with its gradient. Gradients with respect to parameters are
// added to, those with respect to inputs are stored, unless the name says otherwise.

const normEpsilon = 1e-5

// layerNorm writes y = (x - mean)/deviation · gain + bias for each row of width w.
func layerNorm[T float](y, x, gain, bias, mean, scale []T, w int) {
	for r := range mean {
		xr, yr := x[r*w:(r+1)*w], y[r*w:(r+1)*w]
		var sum T
		for _, v := range xr {
			sum += v
		}
		m := sum / T(w)
		sum = 0
		for _, v := range xr {
			sum += (v - m) * (v - m)
		}
		s := T(1 / math.Sqrt(float64(sum/T(w))+normEpsilon))
		for i, v := range xr {
			yr[i] = (v-m)*s*gain[i] + bias[i]
		}
		mean[r], scale[r] = m, s
	}
}

// layerNormBack adds the gradient to dx: the residual stream has another part already.
func layerNormBack[T float](dx, dgain, dbias, dy, x, gain, mean, scale []T, w int) {
	for r := range mean {
		xr, dyr, dxr := x[r*w:(r+1)*w], dy[r*w:(r+1)*w], dx[r*w:(r+1)*w]
		m, s := mean[r], scale[r]
		var sum, dot T
		for i, v := range xr {
			n := (v - m) * s
			dgain[i] += dyr[i] * n
			dbias[i] += dyr[i]
			d := dyr[i] * gain[i]
			sum += d
			dot += d * n
		}
		sum /= T(w)
		dot /= T(w)
		for i, v := range xr {
			dxr[i] += s * (dyr[i]*gain[i] - sum - (v-m)*s*dot)
		}
	}
}

// GELU in the form of GPT-2: x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))).
const (
	geluScale = 0.7978845608028654
	geluCube  = 0.044715
)

// gelu also keeps the tanh, which the gradient needs.
func gelu[T float](y, tanh, x []T) {
	for i, v := range x {
		u := geluScale * (v + geluCube*v*v*v)
		t := 1 - 2/(T(math.Exp(float64(2*u)))+1)
		tanh[i] = t
		y[i] = v * (1 + t) / 2
	}
}

// geluBack turns the gradient of y into that of x, in place.
func geluBack[T float](d, tanh, x []T) {
	for i, v := range x {
		t := tanh[i]
		d[i] *= (1+t)/2 + v*(1-t*t)/2*geluScale*(1+3*geluCube*v*v)
	}
}

// causalSoftmax makes each row i of the n×n scores a distribution over its first i+1 columns.
func causalSoftmax[T float](s []T, n int) {
	for i := range n {
		row := s[i*n : (i+1)*n]
		seen := row[:i+1]
		peak := seen[0]
		for _, v := range seen {
			peak = max(peak, v)
		}
		var sum T
		for j, v := range seen {
			e := T(math.Exp(float64(v - peak)))
			seen[j] = e
			sum += e
		}
		inv := 1 / sum
		for j := range seen {
			seen[j] *= inv
		}
		clear(row[i+1:])
	}
}

// causalSoftmaxBack turns the gradient d of the distributions p into that of the scores, in place.
func causalSoftmaxBack[T float](d, p []T, n int) {
	for i := range n {
		dr, pr := d[i*n:i*n+i+1], p[i*n:i*n+i+1]
		var dot T
		for j, v := range pr {
			dot += v * dr[j]
		}
		for j, v := range pr {
			dr[j] = v * (dr[j] - dot)
		}
		clear(d[i*n+i+1 : (i+1)*n])
	}
}

// crossEntropy scores each row of logits against its target. If train, it leaves the gradient of
// loss·weight in place of the logits.
func crossEntropy[T float](logits []T, targets []uint16, vocab int, weight T, train bool) Scores {
	var s Scores
	for r, target := range targets {
		row := logits[r*vocab : (r+1)*vocab]
		best := 0
		for j, v := range row {
			if v > row[best] {
				best = j
			}
		}
		peak := row[best]
		right := float64(row[target] - peak)
		var sum T
		for j, v := range row {
			e := T(math.Exp(float64(v - peak)))
			sum += e
			if train {
				row[j] = e
			}
		}
		loss := math.Log(float64(sum)) - right
		s.Loss += loss
		s.Tokens++
		if best == int(target) {
			s.Correct++
		}
		if target < endOfDocument {
			s.ByteLoss += loss
			s.ByteCount++
		}
		if train {
			f := weight / sum
			for j := range row {
				row[j] *= f
			}
			row[target] -= weight
		}
	}
	return s
}

// fillRows sets each row of y to b.
func fillRows[T float](y, b []T) {
	for w := len(b); len(y) >= w; y = y[w:] {
		copy(y, b)
	}
}

// sumRows adds the rows of y to b.
func sumRows[T float](b, y []T) {
	for w := len(b); len(y) >= w; y = y[w:] {
		for i, v := range y[:w] {
			b[i] += v
		}
	}
}

func add[T float](y, x []T) {
	for i, v := range x[:len(y)] {
		y[i] += v
	}
}
