package trainer

import "context"

// Model learns from batches of tokens. GPT is the one that millrace brings; another one is a
// value too (Options.Model).
type Model interface {
	// Step learns from one batch. What it does is a function of the State and of its arguments; an
	// error leaves the State as it was.
	Step(ctx context.Context, s Step) (StepResult, error)
	// Eval predicts a batch and learns nothing.
	Eval(ctx context.Context, b Batch) (Scores, error)
	// State is everything that Step changes. The tensors are views: writing to them restores it.
	State() State
}

// Batch is rows of Len+1 tokens each: every token is predicted from the ones before it in its row.
type Batch struct {
	Rows, Len int
	Tokens    []uint16
}

// Step is one step of training. Index counts from 0 and is the only clock of the optimiser.
type Step struct {
	Index int
	LR    float64
	Batch Batch
}

// StepResult tells what a step found before it changed the parameters.
type StepResult struct {
	Loss     float64 // mean, in nats a token
	GradNorm float64 // before clipping
}

// Scores are sums over predicted tokens.
type Scores struct {
	Loss      float64 // nats
	Tokens    int
	Correct   int     // times that the most probable token was the right one
	ByteLoss  float64 // nats, over tokens that are bytes
	ByteCount int
}

func (s *Scores) add(o Scores) {
	s.Loss += o.Loss
	s.Tokens += o.Tokens
	s.Correct += o.Correct
	s.ByteLoss += o.ByteLoss
	s.ByteCount += o.ByteCount
}

// State is what a checkpoint stores of a Model.
type State struct {
	Params  []Tensor
	Moments []Tensor // of the optimiser
}

// Tensor is a named array in row order.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}
