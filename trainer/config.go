package trainer

import (
	"errors"
	"fmt"
	"math"
)

// Text is read as bytes; one more token stands between documents.
const (
	endOfDocument = 256
	vocabulary    = 257
)

// Config is a model's shape and how it is trained. It is stored in every checkpoint: another
// Config is another run.
type Config struct {
	Preset  string `json:"preset"`
	Layers  int    `json:"layers"`
	Heads   int    `json:"heads"`
	Width   int    `json:"width"`
	Context int    `json:"context"` // tokens that the model sees at once
	Vocab   int    `json:"vocab"`   // 256 bytes and the end of a document
	Tied    bool   `json:"tied"`    // the output layer shares the token embedding

	Batch  int    `json:"batch"`  // rows of Context tokens a step
	Shards int    `json:"shards"` // parts of a batch whose sums are added in order; not a number of threads
	Steps  int    `json:"steps"`  // 0: without end (Follow), at a constant rate after the warm-up
	Seed   uint64 `json:"seed"`

	LR          float64 `json:"lr"`
	MinLR       float64 `json:"min_lr"`
	Warmup      int     `json:"warmup"`
	Decay       int     `json:"decay"` // the last steps, over which LR falls to MinLR; 0: a cosine over all of them
	WeightDecay float64 `json:"weight_decay"`
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Clip        float64 `json:"clip"`    // largest global norm of a gradient
	Dropout     float64 `json:"dropout"` // only 0 in this version

	EvalEvery       int `json:"eval_every"`
	CheckpointEvery int `json:"checkpoint_every"`
}

// Preset returns a named Config. "char" and "baby" have the shapes of nanoGPT's CPU and GPU
// configurations for characters; "demo" is small enough to learn beside a crawl.
func Preset(name string) (Config, error) {
	c := Config{
		Preset: name, Vocab: vocabulary, Tied: true, Shards: 4, Seed: 1,
		LR: 1e-3, MinLR: 1e-4, Warmup: 100, WeightDecay: 0.1, Beta1: 0.9, Beta2: 0.99, Clip: 1,
	}
	switch name {
	case "demo":
		// In 400 steps many short rows teach more than few long ones: 2.9 bits per byte against 3.2.
		c.Layers, c.Heads, c.Width, c.Context, c.Batch = 2, 4, 96, 32, 48
		c.LR, c.MinLR, c.Beta2, c.Warmup, c.Steps = 5e-3, 5e-4, 0.95, 20, 400
		c.EvalEvery, c.CheckpointEvery = 20, 20
	case "char":
		c.Layers, c.Heads, c.Width, c.Context, c.Batch = 4, 4, 128, 64, 12
		c.Steps, c.EvalEvery, c.CheckpointEvery = 2000, 100, 100
	case "baby":
		c.Layers, c.Heads, c.Width, c.Context, c.Batch = 6, 6, 384, 256, 64
		c.Steps, c.EvalEvery, c.CheckpointEvery = 5000, 250, 50
	case "gpt2", "llama-15m":
		return Config{}, fmt.Errorf("preset %q: not in this version; there are char, baby and demo", name)
	default:
		return Config{}, fmt.Errorf("preset %q is not known; there are char, baby and demo", name)
	}
	return c, nil
}

// Check tells what is wrong with c, everything at once.
func (c Config) Check() error {
	var errs []error
	within := func(name string, v, low, high int) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("train.%s is %d, want %d to %d", name, v, low, high))
		}
	}
	within("layers", c.Layers, 1, 64)
	within("heads", c.Heads, 1, 64)
	within("width", c.Width, 1, 4096)
	within("context", c.Context, 2, 4096)
	within("vocab", c.Vocab, vocabulary, vocabulary)
	within("batch", c.Batch, 1, 4096)
	within("shards", c.Shards, 1, 64)
	within("steps", c.Steps, 0, math.MaxInt32)
	within("warmup", c.Warmup, 0, math.MaxInt32)
	within("decay", c.Decay, 0, c.Steps)
	within("eval_every", c.EvalEvery, 1, math.MaxInt32)
	within("checkpoint_every", c.CheckpointEvery, 1, math.MaxInt32)
	if c.Heads > 0 && c.Width%c.Heads != 0 {
		errs = append(errs, fmt.Errorf("train.width is %d, which %d heads do not divide", c.Width, c.Heads))
	}
	number := func(name string, v, low, high float64) {
		if !(v >= low && v <= high) { // not a number is outside too
			errs = append(errs, fmt.Errorf("train.%s is %v, want %v to %v", name, v, low, high))
		}
	}
	number("lr", c.LR, 0, 1)
	number("min_lr", c.MinLR, 0, c.LR)
	number("weight_decay", c.WeightDecay, 0, 10)
	number("beta1", c.Beta1, 0, 0.9999)
	number("beta2", c.Beta2, 0, 0.999999)
	number("clip", c.Clip, 1e-6, math.MaxFloat32)
	if c.Dropout != 0 {
		errs = append(errs, errors.New("train.dropout: not in this version, want 0"))
	}
	return errors.Join(errs...)
}

// rate is the learning rate of a step, counted from 0.
func (c Config) rate(step int) float64 {
	if step < c.Warmup {
		return c.LR * float64(step+1) / float64(c.Warmup)
	}
	switch {
	case c.Steps == 0:
		return c.LR
	case step >= c.Steps:
		return c.MinLR
	case c.Decay > 0: // warm-up, stable, decay
		if left := c.Steps - step; left < c.Decay {
			return c.MinLR + (c.LR-c.MinLR)*float64(left)/float64(c.Decay)
		}
		return c.LR
	case c.Steps <= c.Warmup:
		return c.LR
	}
	done := float64(step-c.Warmup) / float64(c.Steps-c.Warmup)
	return c.MinLR + (c.LR-c.MinLR)*(1+math.Cos(math.Pi*done))/2
}

// Count says what a Config costs before anything is allocated: parameters, floating-point
// operations a token of training (6 a matrix weight, 12 a pair of positions and channel in
// attention), and bytes of memory for parameters, gradients, moments and activations.
func Count(c Config) (params int, flopsPerToken float64, bytes int64) {
	params = size(c)
	matrix := c.Layers*12*c.Width*c.Width + c.Vocab*c.Width
	flopsPerToken = 6*float64(matrix) + 12*float64(c.Layers)*float64(c.Width)*float64(c.Context)
	shards := min(c.Shards, c.Batch)
	bytes = 4 * (int64(params)*int64(3+shards) + int64(shards)*int64(arenaSize(c, arenaRows(c))))
	return params, flopsPerToken, bytes
}

// maxArena bounds one shard's activations, in values: 64 MiB.
const maxArena = 16 << 20

// arenaRows is how many rows of its part of a batch a shard computes at once.
func arenaRows(c Config) int {
	shards := min(c.Shards, c.Batch)
	rows := (c.Batch + shards - 1) / shards
	for rows > 1 && arenaSize(c, rows) > maxArena {
		rows--
	}
	return rows
}
