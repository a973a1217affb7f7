package trainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"
)

// Options are what Train needs.
type Options struct {
	Config Config
	Docs   Docs
	Out    string // the folder of the model
	// Resume goes on from the newest checkpoint in Out, or starts if there is none. Without it, a
	// checkpoint in Out is an error.
	Resume bool
	// Follow looks for new documents while it trains.
	Follow bool
	// StopAfterIdle ends a run with Follow when no document has come for so long. 0: it does not end it.
	StopAfterIdle time.Duration
	// Pace is the least time from the start of a step to that of the next: it leaves the machine to
	// the crawl, and spreads a short training over a corpus that still grows.
	Pace time.Duration
	// Model makes the model; nil means NewGPT.
	Model func(Config) (Model, error)

	OnStep func(StepEvent)
	OnEval func(Eval)
}

// Blocks of held-out and of training text that an evaluation reads.
const (
	evalRows  = 64
	finalRows = 512
)

// run is Train at work.
type run struct {
	Options
	model Model
	feed  *feed
	state manifest // what the next checkpoint says
	saved int      // the step of the newest checkpoint
	batch Batch

	tokens int64         // in this process
	spent  time.Duration // on them
}

// Train trains until Config.Steps are done, the documents have run dry (StopAfterIdle) or ctx ends.
// However often it was killed, the parameters are those of a run over the same versions of the
// corpus that was not. When ctx ends, a checkpoint is written and ctx's error returned.
func Train(ctx context.Context, o Options) (Result, error) {
	r := &run{Options: o}
	err := r.open(ctx)
	if err == nil {
		err = r.steps(ctx)
		if err == nil || ctx.Err() != nil {
			err = errors.Join(err, r.save())
		}
	}
	var result Result
	if err == nil {
		result, err = r.result(ctx)
	}
	return result, errors.Join(err, r.close())
}

// open finds the state to start from: a checkpoint, or the beginning, which it stores as one.
func (r *run) open(ctx context.Context) error {
	if err := r.Config.Check(); err != nil {
		return err
	}
	if r.Config.Steps == 0 && !r.Follow {
		return errors.New("train.steps is 0, which needs --follow")
	}
	if err := os.MkdirAll(r.Out, 0o755); err != nil {
		return fmt.Errorf("make the model's folder: %w", err)
	}
	newModel := r.Model
	if newModel == nil {
		newModel = func(c Config) (Model, error) { return NewGPT(c) }
	}
	model, err := newModel(r.Config)
	if err != nil {
		return fmt.Errorf("make the model: %w", err)
	}
	r.model = model
	if err := r.restore(); err != nil {
		return err
	}
	log, err := openFeedLog(r.Out)
	if err != nil {
		return err
	}
	r.feed = &feed{docs: r.Docs, store: newStore(), log: log, follow: r.Follow, idle: r.StopAfterIdle, fresh: time.Now()}
	c := r.Config
	r.batch = Batch{Rows: c.Batch, Len: c.Context, Tokens: make([]uint16, c.Batch*(c.Context+1))}
	return r.feed.seek(ctx, r.state.Step)
}

// restore reads the newest checkpoint into the model.
func (r *run) restore() error {
	m, path, err := load(r.Out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.state = manifest{Config: r.Config}
		return save(r.Out, r.state, r.model.State())
	case err != nil:
		return err
	case !r.Resume:
		return fmt.Errorf("%s has a model of %d steps already: resume it, or train into another folder", r.Out, m.Step)
	case m.Config != r.Config:
		return fmt.Errorf("%s was begun with another configuration (%+v, now %+v): train into another folder", path, m.Config, r.Config)
	}
	if err := restoreState(path, m, r.model.State()); err != nil {
		return err
	}
	r.state, r.saved = m, m.Step
	return nil
}

// steps is the loop.
func (r *run) steps(ctx context.Context) error {
	c := r.Config
	for c.Steps == 0 || r.state.Step < c.Steps {
		step := r.state.Step
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		if err := r.feed.at(ctx, step, c.Context+1); err != nil {
			return err
		}
		if r.feed.dry() {
			return nil
		}
		if err := r.step(ctx, step); err != nil {
			return err
		}
		if r.state.Step%c.EvalEvery == 0 && r.state.Step != c.Steps {
			if _, err := r.eval(ctx, evalRows); err != nil {
				return err
			}
		}
		if r.state.Step%c.CheckpointEvery == 0 {
			if err := r.save(); err != nil {
				return err
			}
		}
		if rest := r.Pace - time.Since(start); rest > 0 && r.state.Step != c.Steps {
			if err := pause(ctx, rest); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) step(ctx context.Context, step int) error {
	start := time.Now()
	r.feed.store.batch(r.batch, r.Config.Seed, step, r.feed.now)
	lr := r.Config.rate(step)
	res, err := r.model.Step(ctx, Step{Index: step, LR: lr, Batch: r.batch})
	if err != nil {
		return fmt.Errorf("train step %d: %w", step+1, err)
	}
	took := time.Since(start)
	n := int64(r.batch.Rows * r.batch.Len)
	r.tokens += n
	r.spent += took
	if step == 0 {
		r.state.FirstLoss = res.Loss
	}
	r.state.LastLoss = res.Loss
	r.state.Step = step + 1
	if r.OnStep != nil {
		r.OnStep(StepEvent{
			Type: "step", Step: step + 1, Loss: res.Loss, LR: lr, GradNorm: res.GradNorm,
			Tokens: n * int64(step+1), TokensPerS: perSecond(n, took),
		})
	}
	return nil
}

// eval measures the model on up to rows blocks of either side and adds a point to the curve.
func (r *run) eval(ctx context.Context, rows int) (Eval, error) {
	v, s, length := r.feed.now, r.feed.store, r.Config.Context
	train, err := r.scores(ctx, spread(s.train[:v.Train], rows, length))
	if err != nil {
		return Eval{}, err
	}
	held, err := r.scores(ctx, spread(s.heldOut[:v.HeldOut], rows, length))
	if err != nil {
		return Eval{}, err
	}
	e := Eval{
		Type: "eval", Step: r.state.Step, ValTokens: held.Tokens,
		TrainLoss: ratio(train.Loss, train.Tokens), TrainAccuracy: ratio(float64(train.Correct), train.Tokens),
		ValLoss: ratio(held.Loss, held.Tokens), ValAccuracy: ratio(float64(held.Correct), held.Tokens),
		ValBitsPerByte: ratio(held.ByteLoss/math.Ln2, held.ByteCount),
	}
	r.state.Evals = appendEval(r.state.Evals, e)
	if r.OnEval != nil {
		r.OnEval(e)
	}
	return e, nil
}

// maxEvals bounds the curve of a run without end: when it is full, every other point goes.
const maxEvals = 4096

// appendEval adds a point; a second one of the same step replaces the first.
func appendEval(evals []Eval, e Eval) []Eval {
	if n := len(evals); n > 0 && evals[n-1].Step == e.Step {
		evals = evals[:n-1]
	}
	if len(evals) >= maxEvals {
		for i := range len(evals) / 2 {
			evals[i] = evals[2*i]
		}
		evals = evals[:len(evals)/2]
	}
	return append(evals, e)
}

func (r *run) scores(ctx context.Context, b Batch) (Scores, error) {
	if b.Rows == 0 {
		return Scores{}, nil
	}
	s, err := r.model.Eval(ctx, b)
	if err != nil {
		return Scores{}, fmt.Errorf("evaluate after step %d: %w", r.state.Step, err)
	}
	return s, nil
}

// save writes a checkpoint, unless the newest one is of this step.
func (r *run) save() error {
	if r.state.Step == r.saved {
		return nil
	}
	if err := save(r.Out, r.state, r.model.State()); err != nil {
		return err
	}
	r.saved = r.state.Step
	return nil
}

// result evaluates once more, over more text, beside the counted models.
func (r *run) result(ctx context.Context) (Result, error) {
	e, err := r.eval(ctx, finalRows)
	if err != nil {
		return Result{}, err
	}
	v, s := r.feed.now, r.feed.store
	out := Result{
		Steps: r.state.Step, FirstLoss: r.state.FirstLoss, LastLoss: r.state.LastLoss,
		ParamSHA256: digest(r.model.State().Params), TokensPerS: perSecond(r.tokens, r.spent),
		Docs: v.Docs, TrainTokens: v.Train,
		TrainLoss: e.TrainLoss, TrainAccuracy: e.TrainAccuracy,
		ValLoss: e.ValLoss, ValAccuracy: e.ValAccuracy, ValBitsPerByte: e.ValBitsPerByte, ValTokens: e.ValTokens,
		Evals: r.state.Evals, Model: r.model,
	}
	out.Order0, out.Order1, out.Order2 = baselines(s.train[:v.Train], spread(s.heldOut[:v.HeldOut], finalRows, r.Config.Context))
	return out, nil
}

func (r *run) close() error {
	var errs []error
	if c, ok := r.model.(io.Closer); ok {
		errs = append(errs, c.Close())
	}
	if r.feed != nil {
		errs = append(errs, r.feed.log.close())
	}
	return errors.Join(errs...)
}

func ratio(sum float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
