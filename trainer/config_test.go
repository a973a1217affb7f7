package trainer

import (
	"math"
	"strings"
	"testing"
)

func TestPresets(t *testing.T) {
	for _, name := range []string{"demo", "char", "baby"} {
		c, err := Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"gpt2", "llama-15m", ""} {
		if _, err := Preset(name); err == nil || !strings.Contains(err.Error(), "char, baby and demo") {
			t.Errorf("%q: error %v does not say what there is", name, err)
		}
	}
}

func TestCheckNamesTheKey(t *testing.T) {
	good, _ := Preset("demo")
	for key, spoil := range map[string]func(*Config){
		"layers": func(c *Config) { c.Layers = 0 }, "heads": func(c *Config) { c.Heads = 5 },
		"lr": func(c *Config) { c.LR = math.NaN() }, "min_lr": func(c *Config) { c.MinLR = 1 },
		"dropout": func(c *Config) { c.Dropout = 0.1 }, "vocab": func(c *Config) { c.Vocab = 50257 },
		"decay": func(c *Config) { c.Decay = c.Steps + 1 }, "clip": func(c *Config) { c.Clip = 0 },
	} {
		c := good
		spoil(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: error %v", key, err)
		}
	}
}

func TestRate(t *testing.T) {
	c := Config{LR: 1, MinLR: 0.1, Warmup: 10, Steps: 110}
	wsd, endless := c, c
	wsd.Decay, endless.Steps = 20, 0
	for _, x := range []struct {
		name string
		c    Config
		step int
		want float64
	}{
		{"warm-up starts above 0", c, 0, 0.1}, {"warm-up ends", c, 9, 1}, {"cosine starts", c, 10, 1},
		{"cosine in the middle", c, 60, 0.55}, {"cosine is over", c, 110, 0.1},
		{"stable", wsd, 90, 1}, {"decay in the middle", wsd, 100, 0.55}, {"decay is over", wsd, 110, 0.1},
		{"without end", endless, 1 << 20, 1},
	} {
		if got := x.c.rate(x.step); math.Abs(got-x.want) > 1e-12 {
			t.Errorf("%s: step %d: %v, want %v", x.name, x.step, got, x.want)
		}
	}
}

// TestCount: the plan is what is allocated. The char preset has the matrix parameters and the
// operations a token of nanoGPT's configuration of that size (0.795 M, 5.16 MFLOP with 65
// characters instead of 257 tokens).
func TestCount(t *testing.T) {
	c, _ := Preset("char")
	c.Vocab = 65
	_, flops, _ := Count(c)
	if math.Abs(flops-5.16e6) > 0.01e6 {
		t.Errorf("%v operations a token", flops)
	}
	for _, tied := range []bool{false, true} {
		c := tiny(tied)
		params, _, bytes := Count(c)
		n := 0
		for _, p := range tensors(c) {
			n += p.size()
		}
		w := bind(c, make([]float32, params))
		if n != params || cap(w.blocks[1].downBias) != c.Width {
			t.Errorf("%d parameters, the tensors have %d", params, n)
		}
		newArena(c, arenaRows(c), gemm32()) // panics if arenaSize is too small
		if bytes < int64(4*params) {
			t.Errorf("%d bytes", bytes)
		}
	}
}
