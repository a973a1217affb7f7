package trainer

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

func tiny(tied bool) Config {
	c, _ := Preset("demo")
	c.Layers, c.Heads, c.Width, c.Context, c.Batch, c.Tied = 2, 2, 8, 5, 3, tied
	c.Steps, c.Warmup = 50, 2
	return c
}

// randomBatch has no structure: a model can only learn it by heart.
func randomBatch(seed uint64, rows, length int) Batch {
	r := rand.New(rand.NewPCG(seed, 1))
	b := Batch{Rows: rows, Len: length, Tokens: make([]uint16, rows*(length+1))}
	for i := range b.Tokens {
		b.Tokens[i] = uint16(r.IntN(vocabulary))
	}
	return b
}

// TestGradients compares every kind of parameter with central differences, in float64.
func TestGradients(t *testing.T) {
	for _, tied := range []bool{false, true} {
		c := tiny(tied)
		b := randomBatch(7, c.Batch, c.Context)
		p, g := bind(c, make([]float64, size(c))), bind(c, make([]float64, size(c)))
		initialise(c, p.flat)
		r := rand.New(rand.NewPCG(3, 3))
		for i := range p.flat {
			p.flat[i] += 0.2 * r.NormFloat64() // away from the flat start
		}
		a := newArena(c, c.Batch, gemm64())
		weight := 1 / float64(b.Rows*b.Len)
		loss := func() float64 { return a.pass(p, b.Tokens, b.Rows, b.Len, weight, false).Loss * weight }
		a.pass(p, b.Tokens, b.Rows, b.Len, weight, true)
		a.backward(p, g, b.Tokens, b.Rows, b.Len)

		from := 0
		for _, part := range tensors(c) {
			n := part.size()
			// One direction through the whole tensor sees every element; single elements show where.
			along := make([]float64, n)
			var length float64
			for i := range along {
				along[i] = r.NormFloat64()
				length += along[i] * along[i]
			}
			directions := [][]float64{along}
			for range 3 {
				one := make([]float64, n)
				one[largest(g.flat[from:from+n], r)] = 1
				directions = append(directions, one)
			}
			for i, d := range directions {
				h := 1e-4
				if i == 0 {
					h /= math.Sqrt(length)
				}
				var want float64
				for j, v := range d {
					want += v * g.flat[from+j]
				}
				at := func(k float64) float64 {
					old := append([]float64(nil), p.flat[from:from+n]...)
					for j, v := range d {
						p.flat[from+j] += k * h * v
					}
					l := loss()
					copy(p.flat[from:], old)
					return l
				}
				// Fourth order, so that the difference itself is exact enough.
				got := (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * h)
				if e := math.Abs(got-want) / max(math.Abs(got), math.Abs(want)); !(e <= 1e-6) {
					t.Errorf("tied %v, %s, direction %d: gradient %g, difference quotient %g, relative error %g", tied, part.name, i, want, got, e)
				}
			}
			from += n
		}
	}
}

// largest picks the largest of some random elements: the quotient of a tiny one has no digits,
// and a token that is not in the batch has no gradient.
func largest(g []float64, r *rand.Rand) int {
	best := 0
	for range 200 {
		if i := r.IntN(len(g)); math.Abs(g[i]) > math.Abs(g[best]) {
			best = i
		}
	}
	return best
}

func newTestGPT(t testing.TB, c Config) *GPT {
	t.Helper()
	g, err := NewGPT(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// TestStepFloat64 runs the same steps in float32 with shards and in float64 without.
func TestStepFloat64(t *testing.T) {
	c := tiny(true)
	g := newTestGPT(t, c)
	p, grad := bind(c, make([]float64, size(c))), bind(c, make([]float64, size(c)))
	initialise(c, p.flat)
	a, opt := newArena(c, c.Batch, gemm64()), newAdamW[float64](c)
	for i := range 5 {
		b := randomBatch(uint64(i), c.Batch, c.Context)
		got, err := g.Step(context.Background(), Step{Index: i, LR: c.rate(i), Batch: b})
		if err != nil {
			t.Fatal(err)
		}
		weight := 1 / float64(b.Rows*b.Len)
		clear(grad.flat)
		want := a.pass(p, b.Tokens, b.Rows, b.Len, weight, true).Loss * weight
		a.backward(p, grad, b.Tokens, b.Rows, b.Len)
		n := norm(grad.flat)
		opt.update(p.flat, grad.flat, min(1, c.Clip/n), c.rate(i), i)
		if math.Abs(got.Loss-want) > 1e-5 || math.Abs(got.GradNorm-n) > 1e-4*n {
			t.Errorf("step %d: loss %v, norm %v; in float64 %v, %v", i, got.Loss, got.GradNorm, want, n)
		}
	}
}

// TestRowByRow: a model whose activations do not fit at once learns the same from a batch.
func TestRowByRow(t *testing.T) {
	c := tiny(true)
	c.Batch, c.Shards = 7, 2
	whole, split := newTestGPT(t, c), newTestGPT(t, c)
	for _, p := range split.parts {
		p.arena = newArena(c, 1, gemm32())
	}
	for i := range 5 {
		s := Step{Index: i, LR: c.rate(i), Batch: randomBatch(uint64(i), c.Batch, c.Context)}
		want, err := whole.Step(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := split.Step(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Loss-want.Loss) > 1e-5 || math.Abs(got.GradNorm-want.GradNorm) > 1e-4*want.GradNorm {
			t.Errorf("step %d: %+v row by row, %+v at once", i, got, want)
		}
	}
}

// TestArenaIsBounded: the large preset fits the machine that it is planned for.
func TestArenaIsBounded(t *testing.T) {
	c, _ := Preset("baby")
	if rows := arenaRows(c); rows < 1 || arenaSize(c, rows) > maxArena {
		t.Errorf("%d rows take %d values", rows, arenaSize(c, rows))
	}
	if _, _, bytes := Count(c); bytes > 1<<30 {
		t.Errorf("baby needs %d bytes", bytes)
	}
}

func TestOverfitsOneBatch(t *testing.T) {
	c := tiny(false)
	c.Width, c.Context, c.Batch = 32, 16, 4
	g := newTestGPT(t, c)
	b := randomBatch(1, c.Batch, c.Context)
	var last StepResult
	for i := range 300 {
		var err error
		if last, err = g.Step(context.Background(), Step{Index: i, LR: 5e-3, Batch: b}); err != nil {
			t.Fatal(err)
		}
	}
	if last.Loss > 0.05 {
		t.Errorf("after 300 steps on one batch the loss is %v, want below 0.05", last.Loss)
	}
	s, err := g.Eval(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	if s.Correct < s.Tokens-1 {
		t.Errorf("%d of %d tokens right", s.Correct, s.Tokens)
	}
}

// TestSameForAnyThreads: threads decide who computes, not what.
func TestSameForAnyThreads(t *testing.T) {
	c := tiny(true)
	c.Batch, c.Shards = 7, 3
	run := func(threads int) string {
		old := runtime.GOMAXPROCS(threads)
		defer runtime.GOMAXPROCS(old)
		g, err := NewGPT(c)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		for i := range 10 {
			if _, err := g.Step(context.Background(), Step{Index: i, LR: c.rate(i), Batch: randomBatch(uint64(i), c.Batch, c.Context)}); err != nil {
				t.Fatal(err)
			}
		}
		return digest(g.State().Params)
	}
	one := run(1)
	for _, n := range []int{2, 3, 8} {
		if got := run(n); got != one {
			t.Errorf("GOMAXPROCS %d gives %s, 1 gives %s", n, got, one)
		}
	}
}

// TestEvalOfAnyRows: how many rows go through an arena at once does not change what they score.
func TestEvalOfAnyRows(t *testing.T) {
	c := tiny(true)
	g := newTestGPT(t, c)
	for _, length := range []int{1, c.Context} {
		b := randomBatch(2, 11, length)
		all, err := g.Eval(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		var sum Scores
		for r := range b.Rows {
			s, err := g.Eval(context.Background(), Batch{Rows: 1, Len: length, Tokens: b.Tokens[r*(length+1) : (r+1)*(length+1)]})
			if err != nil {
				t.Fatal(err)
			}
			sum.add(s)
		}
		if math.Abs(all.Loss-sum.Loss) > 1e-9 || all.Tokens != sum.Tokens || all.Correct != sum.Correct {
			t.Errorf("together %+v, one by one %+v", all, sum)
		}
	}
}

// TestCausal: what comes later must not change what is predicted before.
func TestCausal(t *testing.T) {
	c := tiny(true)
	g := newTestGPT(t, c)
	b := randomBatch(5, 1, c.Context)
	a := g.parts[0].arena
	a.forward(g.params, b.Tokens, 1, c.Context, c.Context+1)
	before := append([]float32(nil), a.out[:3*c.Width]...)
	b.Tokens[3], b.Tokens[4] = 1, 2
	a.forward(g.params, b.Tokens, 1, c.Context, c.Context+1)
	for i, v := range before {
		if a.out[i] != v {
			t.Fatalf("output %d of position %d changed with a later token", i%c.Width, i/c.Width)
		}
	}
	if a.out[3*c.Width] == 0 {
		t.Fatal("nothing computed")
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	c, _ := Preset("demo")
	c.Batch = 4
	g := newTestGPT(t, c)
	b := randomBatch(1, c.Batch, c.Context)
	i := 0
	n := testing.AllocsPerRun(5, func() {
		if _, err := g.Step(context.Background(), Step{Index: i, LR: 1e-3, Batch: b}); err != nil {
			t.Fatal(err)
		}
		i++
	})
	if n != 0 {
		t.Errorf("%v allocations a step, want 0", n)
	}
}

func TestBadBatch(t *testing.T) {
	c := tiny(true)
	g := newTestGPT(t, c)
	for name, b := range map[string]Batch{
		"empty":      {},
		"too long":   randomBatch(1, 1, c.Context+1),
		"short":      {Rows: 2, Len: 2, Tokens: make([]uint16, 5)},
		"vocabulary": {Rows: 1, Len: 1, Tokens: []uint16{0, vocabulary}},
	} {
		if _, err := g.Eval(context.Background(), b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	closed := newTestGPT(t, c)
	closed.Close()
	if _, err := closed.Eval(context.Background(), randomBatch(1, 1, 1)); err == nil {
		t.Error("closed: no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.Step(ctx, Step{Batch: randomBatch(1, 1, 1)}); err == nil {
		t.Error("cancelled: no error")
	}
}

func BenchmarkStep(b *testing.B) {
	for _, name := range []string{"demo", "char"} {
		b.Run(name, func(b *testing.B) {
			c, _ := Preset(name)
			g := newTestGPT(b, c)
			batch := randomBatch(1, c.Batch, c.Context)
			i := 0
			for b.Loop() {
				if _, err := g.Step(context.Background(), Step{Index: i, LR: 1e-3, Batch: batch}); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(float64(i*c.Batch*c.Context)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
