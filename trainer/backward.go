package trainer

import (
	"math"

	"gonum.org/v1/gonum/blas"
)

// backward adds the gradients of the last training pass to g.
func (a *arena[T]) backward(p, g *weights[T], tokens []uint16, rows, length int) {
	w, n := a.c.Width, rows*length
	d := a.dres[:n*w] // the gradient of the residual stream, from the end to the start
	clear(d)
	a.linearBack(a.dnarrow, a.logits, a.out, p.head, g.head, nil, n, w, a.c.Vocab)
	last := a.in
	if len(a.act) > 0 {
		last = a.act[len(a.act)-1].out
	}
	layerNormBack(d, g.normGain, g.normBias, a.dnarrow, last, p.normGain, a.mean[:n], a.scale[:n], w)
	for i := len(p.blocks) - 1; i >= 0; i-- {
		x := a.in
		if i > 0 {
			x = a.act[i-1].out
		}
		a.blockBack(&p.blocks[i], &g.blocks[i], &a.act[i], x, rows, length)
	}
	for r := range rows {
		for t := range length {
			tok := int(tokens[r*(length+1)+t])
			dx := d[(r*length+t)*w:][:w]
			add(g.token[tok*w:(tok+1)*w], dx)
			add(g.position[t*w:(t+1)*w], dx)
		}
	}
}

// blockBack moves the gradient of the residual stream from behind a layer to before it.
func (a *arena[T]) blockBack(b, g *block[T], s *activations[T], x []T, rows, length int) {
	w, n := a.c.Width, rows*length
	d := a.dres[:n*w]
	a.linearBack(a.dwide, d, s.gelu, b.down, g.down, g.downBias, n, 4*w, w)
	geluBack(a.dwide, s.tanh, s.up[:n*4*w])
	a.linearBack(a.dnarrow, a.dwide, s.norm2, b.up, g.up, g.upBias, n, w, 4*w)
	layerNormBack(d, g.norm2Gain, g.norm2Bias, a.dnarrow, s.mid, b.norm2Gain, s.mean2[:n], s.scale2[:n], w)

	a.linearBack(a.dnarrow, d, s.mix, b.proj, g.proj, g.projBias, n, w, w)
	a.attentionBack(s, rows, length)
	a.linearBack(a.dnarrow, a.dqkv, s.norm1, b.qkv, g.qkv, g.qkvBias, n, w, 3*w)
	layerNormBack(d, g.norm1Gain, g.norm1Bias, a.dnarrow, x, b.norm1Gain, s.mean1[:n], s.scale1[:n], w)
}

// linearBack stores the gradient of a linear layer's input in dx and adds those of its matrix
// and bias to dm and dbias.
func (a *arena[T]) linearBack(dx, dy, x, m, dm, dbias []T, n, ins, outs int) {
	a.mul(blas.NoTrans, blas.NoTrans, n, ins, outs, 1, dy, outs, m, ins, 0, dx, ins)
	a.mul(blas.Trans, blas.NoTrans, outs, ins, n, 1, dy, outs, x, ins, 1, dm, ins)
	if dbias != nil {
		sumRows(dbias, dy[:n*outs])
	}
}

// attentionBack turns the gradient of the heads' outputs (dnarrow) into that of query, key and
// value (dqkv).
func (a *arena[T]) attentionBack(s *activations[T], rows, length int) {
	w, heads := a.c.Width, a.c.Heads
	depth := w / heads
	scale := T(1 / math.Sqrt(float64(depth)))
	datt := a.datt[:length*length]
	for r := range rows {
		for h := range heads {
			q, k, v := a.heads(s.qkv, r*length, h*depth)
			dq, dk, dv := a.heads(a.dqkv, r*length, h*depth)
			att := s.att[(r*heads+h)*length*length:][:length*length]
			dmix := a.dnarrow[r*length*w+h*depth:]
			a.mul(blas.NoTrans, blas.Trans, length, length, depth, 1, dmix, w, v, 3*w, 0, datt, length)
			a.mul(blas.Trans, blas.NoTrans, length, depth, length, 1, att, length, dmix, w, 0, dv, 3*w)
			causalSoftmaxBack(datt, att, length)
			a.mul(blas.NoTrans, blas.NoTrans, length, depth, length, scale, datt, length, k, 3*w, 0, dq, 3*w)
			a.mul(blas.Trans, blas.NoTrans, length, depth, length, scale, datt, length, q, 3*w, 0, dk, 3*w)
		}
	}
}
