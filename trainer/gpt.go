package trainer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
)

// GPT is a decoder-only Transformer over bytes, as GPT-2 has it: normalisation before attention
// and before the feed-forward part, learned positions, GELU. A batch is cut into shards; each has
// its own activations and gradients, and the sums are added in order. Threads only decide who
// computes a shard. A GPT is for one goroutine at a time.
type GPT struct {
	c      Config
	params *weights[float32]
	opt    *adamW[float32]
	parts  []*part

	queue chan *part
	done  sync.WaitGroup // the parts of one batch
	lives sync.WaitGroup // the workers
	ended bool
}

// part is one shard of a batch at work.
type part struct {
	arena  *arena[float32]
	grad   *weights[float32]
	batch  Batch // its rows
	weight float32
	train  bool
	scores Scores
}

// NewGPT makes a model with the parameters that c.Seed gives. Close ends its threads.
func NewGPT(c Config) (*GPT, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	n := size(c)
	g := &GPT{c: c, params: bind(c, make([]float32, n)), opt: newAdamW[float32](c)}
	initialise(c, g.params.flat)
	shards := min(c.Shards, c.Batch)
	for range shards {
		g.parts = append(g.parts, &part{
			arena: newArena(c, arenaRows(c), gemm32()),
			grad:  bind(c, make([]float32, n)),
		})
	}
	g.queue = make(chan *part, shards)
	for range min(shards, runtime.GOMAXPROCS(0)) {
		g.lives.Add(1)
		go g.work()
	}
	return g, nil
}

// Close ends the threads. Step and Eval are over then; Score, Generate and State are not.
func (g *GPT) Close() error {
	if !g.ended {
		g.ended = true
		close(g.queue)
	}
	g.lives.Wait()
	return nil
}

func (g *GPT) work() {
	defer g.lives.Done()
	for p := range g.queue {
		p.run(g.params)
		g.done.Done()
	}
}

// run computes a part's rows, as many at a time as its arena holds.
func (p *part) run(params *weights[float32]) {
	p.scores = Scores{}
	if p.train {
		clear(p.grad.flat)
	}
	stride := p.batch.Len + 1
	for at := 0; at < p.batch.Rows; at += p.arena.rows {
		rows := min(p.arena.rows, p.batch.Rows-at)
		tokens := p.batch.Tokens[at*stride : (at+rows)*stride]
		p.scores.add(p.arena.pass(params, tokens, rows, p.batch.Len, p.weight, p.train))
		if p.train {
			p.arena.backward(params, p.grad, tokens, rows, p.batch.Len)
		}
	}
}

// compute spreads the rows of b evenly over the parts and waits for all of them.
func (g *GPT) compute(b Batch, train bool) Scores {
	stride := b.Len + 1
	weight := float32(1 / float64(b.Rows*b.Len))
	g.done.Add(len(g.parts))
	for i, p := range g.parts {
		from, to := i*b.Rows/len(g.parts), (i+1)*b.Rows/len(g.parts)
		p.batch = Batch{Rows: to - from, Len: b.Len, Tokens: b.Tokens[from*stride : to*stride]}
		p.weight, p.train = weight, train
		g.queue <- p
	}
	g.done.Wait()
	var s Scores
	for _, p := range g.parts {
		s.add(p.scores)
	}
	return s
}

// errDiverged ends a run whose loss is no number any more.
var errDiverged = errors.New("the loss is not a finite number: the learning rate is too high for this model")

// Step computes the loss and its gradient, clips it and updates the parameters.
func (g *GPT) Step(ctx context.Context, s Step) (StepResult, error) {
	if err := g.check(ctx, s.Batch); err != nil {
		return StepResult{}, err
	}
	scores := g.compute(s.Batch, true)
	sum := g.parts[0].grad.flat
	for _, p := range g.parts[1:] {
		add(sum, p.grad.flat)
	}
	r := StepResult{Loss: scores.Loss / float64(scores.Tokens), GradNorm: norm(sum)}
	if math.IsNaN(r.Loss+r.GradNorm) || math.IsInf(r.Loss+r.GradNorm, 0) {
		return r, fmt.Errorf("step %d: %w", s.Index+1, errDiverged)
	}
	factor := 1.0
	if r.GradNorm > g.c.Clip {
		factor = g.c.Clip / r.GradNorm
	}
	g.opt.update(g.params.flat, sum, factor, s.LR, s.Index)
	return r, nil
}

// Eval scores a batch of any number of rows.
func (g *GPT) Eval(ctx context.Context, b Batch) (Scores, error) {
	if err := g.check(ctx, b); err != nil {
		return Scores{}, err
	}
	return g.compute(b, false), nil
}

func (g *GPT) check(ctx context.Context, b Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.ended {
		return errors.New("the model is closed")
	}
	if b.Rows < 1 || b.Len < 1 || b.Len > g.c.Context || len(b.Tokens) != b.Rows*(b.Len+1) {
		return fmt.Errorf("a batch of %d tokens is not %d rows of %d and one, with a context of %d", len(b.Tokens), b.Rows, b.Len, g.c.Context)
	}
	for _, t := range b.Tokens {
		if int(t) >= g.c.Vocab {
			return fmt.Errorf("token %d is outside the vocabulary of %d", t, g.c.Vocab)
		}
	}
	return nil
}

// State gives the parameters and the optimiser's moments, by name.
func (g *GPT) State() State {
	return State{
		Params:  named(g.c, "", g.params.flat),
		Moments: append(named(g.c, "mean.", g.opt.mean), named(g.c, "square.", g.opt.square)...),
	}
}

func named(c Config, prefix string, flat []float32) []Tensor {
	var out []Tensor
	for _, t := range tensors(c) {
		n := t.size()
		out = append(out, Tensor{Name: prefix + t.name, Shape: t.shape, Data: flat[:n:n]})
		flat = flat[n:]
	}
	return out
}
