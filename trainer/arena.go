package trainer

import (
	"math"

	"gonum.org/v1/gonum/blas"
)

// arena holds the activations of some rows of a batch, and computes them. It is used by one
// goroutine at a time and allocates nothing after newArena.
type arena[T float] struct {
	c    Config
	rows int // how many it can hold
	mul  gemm[T]
	in   []T // the input of the first layer
	act  []activations[T]
	out  []T // after the last normalisation
	// mean and scale are those of the last normalisation.
	mean, scale []T
	logits      []T // their gradient after a training pass
	targets     []uint16

	// Scratch of the backward pass.
	dres, dnarrow, dwide, dqkv, datt []T
}

// activations are one layer's, kept for the backward pass.
type activations[T float] struct {
	norm1, mean1, scale1 []T
	qkv                  []T
	att                  []T // one n×n matrix for each row and head
	mix                  []T // the heads' outputs, side by side
	mid                  []T // the residual stream after attention
	norm2, mean2, scale2 []T
	up, tanh, gelu       []T
	out                  []T // the residual stream after the layer
}

// arenaSize is the number of values that newArena takes.
func arenaSize(c Config, rows int) int {
	n, w := rows*c.Context, c.Width
	layer := n*(1+1+1+1) + n*w*(1+3+1+1+1+4+4+4+1) + rows*c.Heads*c.Context*c.Context
	return n*w + c.Layers*layer + n*w + 2*n + n*c.Vocab + n*w*(1+1+4+3) + c.Context*c.Context
}

func newArena[T float](c Config, rows int, mul gemm[T]) *arena[T] {
	slab := make([]T, arenaSize(c, rows))
	next := func(n int) []T {
		v := slab[:n:n]
		slab = slab[n:]
		return v
	}
	n, w := rows*c.Context, c.Width
	a := &arena[T]{c: c, rows: rows, mul: mul, in: next(n * w), targets: make([]uint16, n)}
	for range c.Layers {
		a.act = append(a.act, activations[T]{
			norm1: next(n * w), mean1: next(n), scale1: next(n),
			qkv: next(n * 3 * w), att: next(rows * c.Heads * c.Context * c.Context), mix: next(n * w), mid: next(n * w),
			norm2: next(n * w), mean2: next(n), scale2: next(n),
			up: next(n * 4 * w), tanh: next(n * 4 * w), gelu: next(n * 4 * w), out: next(n * w),
		})
	}
	a.out, a.mean, a.scale, a.logits = next(n*w), next(n), next(n), next(n*c.Vocab)
	a.dres, a.dnarrow, a.dwide, a.dqkv = next(n*w), next(n*w), next(n*4*w), next(n*3*w)
	a.datt = next(c.Context * c.Context)
	return a
}

// pass predicts rows of length+1 tokens. If train, each token's gradient weighs weight, and
// backward may follow.
func (a *arena[T]) pass(p *weights[T], tokens []uint16, rows, length int, weight T, train bool) Scores {
	n := rows * length
	for r := range rows {
		copy(a.targets[r*length:(r+1)*length], tokens[r*(length+1)+1:])
	}
	a.forward(p, tokens, rows, length, length+1)
	a.linear(a.logits[:n*a.c.Vocab], a.out, p.head, nil, n, a.c.Width, a.c.Vocab)
	return crossEntropy(a.logits, a.targets[:n], a.c.Vocab, weight, train)
}

// forward fills out from the first length tokens of each row; stride is the tokens between rows.
func (a *arena[T]) forward(p *weights[T], tokens []uint16, rows, length, stride int) {
	w, n := a.c.Width, rows*length
	for r := range rows {
		for t := range length {
			tok := int(tokens[r*stride+t])
			x := a.in[(r*length+t)*w:][:w]
			copy(x, p.token[tok*w:(tok+1)*w])
			add(x, p.position[t*w:(t+1)*w])
		}
	}
	x := a.in
	for i := range p.blocks {
		b, s := &p.blocks[i], &a.act[i]
		layerNorm(s.norm1, x, b.norm1Gain, b.norm1Bias, s.mean1[:n], s.scale1[:n], w)
		a.linear(s.qkv, s.norm1, b.qkv, b.qkvBias, n, w, 3*w)
		a.attention(s, rows, length)
		a.linear(s.mid, s.mix, b.proj, b.projBias, n, w, w)
		add(s.mid[:n*w], x)
		layerNorm(s.norm2, s.mid, b.norm2Gain, b.norm2Bias, s.mean2[:n], s.scale2[:n], w)
		a.linear(s.up, s.norm2, b.up, b.upBias, n, w, 4*w)
		gelu(s.gelu, s.tanh, s.up[:n*4*w])
		a.linear(s.out, s.gelu, b.down, b.downBias, n, 4*w, w)
		add(s.out[:n*w], s.mid)
		x = s.out
	}
	layerNorm(a.out, x, p.normGain, p.normBias, a.mean[:n], a.scale[:n], w)
}

// linear computes y = x·mᵀ + bias for n rows; m has a row for each of the outs outputs.
func (a *arena[T]) linear(y, x, m, bias []T, n, ins, outs int) {
	beta := T(0)
	if bias != nil {
		fillRows(y[:n*outs], bias)
		beta = 1
	}
	a.mul(blas.NoTrans, blas.Trans, n, outs, ins, 1, x, ins, m, ins, beta, y, outs)
}

// attention mixes the values of each row's earlier positions, head by head.
func (a *arena[T]) attention(s *activations[T], rows, length int) {
	w, heads := a.c.Width, a.c.Heads
	depth := w / heads
	scale := T(1 / math.Sqrt(float64(depth)))
	for r := range rows {
		for h := range heads {
			q, k, v := a.heads(s.qkv, r*length, h*depth)
			att := s.att[(r*heads+h)*length*length:][:length*length]
			a.mul(blas.NoTrans, blas.Trans, length, length, depth, scale, q, 3*w, k, 3*w, 0, att, length)
			causalSoftmax(att, length)
			a.mul(blas.NoTrans, blas.NoTrans, length, depth, length, 1, att, length, v, 3*w, 0, s.mix[r*length*w+h*depth:], w)
		}
	}
}

// heads are the views of query, key and value that start at a position and a channel.
func (a *arena[T]) heads(qkv []T, position, channel int) (q, k, v []T) {
	w := a.c.Width
	q = qkv[position*3*w+channel:]
	return q, q[w:], q[2*w:]
}
