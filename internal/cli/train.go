package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"millrace/internal/term"
	"millrace/shards"
	"millrace/trainer"
)

// trainOptions are the flags of train.
type trainOptions struct {
	preset string
	steps  int
	batch  int
	length int
	seed   uint64
	lr     float64
	follow bool
	idle   time.Duration
	out    string
	resume bool
}

func (a *App) trainCommand() *cobra.Command {
	o := trainOptions{}
	c := &cobra.Command{
		Use: "train", Short: "Train a small Transformer on the corpus, while it grows if asked", Args: noArgs,
		Long: `Train a byte-level GPT on the kept rows of the corpus. One near-duplicate cluster in 20 is held out.
Killed and started again with the same line it resumes, to the same parameters.` + exitHelp,
		RunE: func(c *cobra.Command, _ []string) error { return a.runTrain(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.preset, "preset", "char", "demo, char or baby")
	f.IntVar(&o.steps, "steps", 0, "steps (default: the preset's)")
	f.IntVar(&o.batch, "batch", 0, "rows a step (default: the preset's)")
	f.IntVar(&o.length, "len", 0, "tokens a row (default: the preset's)")
	f.Uint64Var(&o.seed, "seed", 1, "seed of parameters and order")
	f.Float64Var(&o.lr, "lr", 0, "peak learning rate (default: the preset's)")
	f.BoolVar(&o.follow, "follow", false, "go on with rows that are committed meanwhile")
	f.DurationVar(&o.idle, "idle", 30*time.Second, "with --follow: end so long after the last commit")
	f.StringVar(&o.out, "out", "", "folder of the model (default: DIR/model)")
	f.BoolVar(&o.resume, "resume", true, "go on from the newest checkpoint in the folder")
	return c
}

// config is the preset with the flags laid over it.
func (o trainOptions) config() (trainer.Config, error) {
	c, err := trainer.Preset(o.preset)
	if err != nil {
		return c, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "--preset char"}
	}
	if o.steps > 0 {
		c.Steps = o.steps
	}
	if o.batch > 0 {
		c.Batch = o.batch
	}
	if o.length > 0 {
		c.Context = o.length
	}
	if o.seed > 0 {
		c.Seed = o.seed
	}
	if o.lr > 0 {
		c.LR = o.lr
	}
	return c, c.Check()
}

func (a *App) runTrain(ctx context.Context, o trainOptions) error {
	dir, err := a.corpusDir()
	if err != nil {
		return err
	}
	at, err := a.placeOf(dir)
	if err != nil {
		return err
	}
	t, err := at.Open(ctx)
	if err != nil {
		return err
	}
	if _, kept, _, _ := t.Tally().Totals(); kept == 0 && !o.follow {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s has no kept rows to train on", dir), Try: "millrace run, then train again"}
	}
	if o.out == "" {
		o.out = filepath.Join(dir, "model")
	}
	r, err := a.train(ctx, t, o)
	if err != nil {
		return err
	}
	if a.json {
		a.emitSummary(trainSummary(r, time.Since(a.began)))
		return nil
	}
	fmt.Fprint(a.Stdout, trainText(r))
	return nil
}

// train runs the trainer over the table's kept rows.
func (a *App) train(ctx context.Context, t *shards.Table, o trainOptions) (trainer.Result, error) {
	c, err := o.config()
	if err != nil {
		return trainer.Result{}, err
	}
	docs := &tableDocs{t: t}
	return trainer.Train(ctx, trainer.Options{
		Config: c, Docs: docs, Out: o.out, Resume: o.resume, Follow: o.follow, StopAfterIdle: o.idle,
		OnStep: func(e trainer.StepEvent) { a.event(e) },
		OnEval: func(e trainer.Eval) {
			a.event(e)
			if !a.json && a.tty() == nil {
				a.say("step %d: train %.3f, held out %.3f nats a byte", e.Step, e.TrainLoss, e.ValLoss)
			}
		},
	})
}

func trainSummary(r trainer.Result, took time.Duration) map[string]any {
	return map[string]any{"type": "summary", "exit": Done, "steps": r.Steps, "param_sha256": r.ParamSHA256, "first_loss": r.FirstLoss,
		"last_loss": r.LastLoss, "val_loss": r.ValLoss, "val_accuracy": r.ValAccuracy, "val_bits_per_byte": r.ValBitsPerByte,
		"order0_bits_per_byte": r.Order0, "order1_bits_per_byte": r.Order1, "order2_bits_per_byte": r.Order2,
		"tokens_per_s": r.TokensPerS, "seconds": took.Seconds()}
}

func trainText(r trainer.Result) string {
	s := fmt.Sprintf("  trained %d steps on %d documents: loss %.3f -> %.3f nats a byte\n", r.Steps, r.Docs, r.FirstLoss, r.LastLoss)
	if r.ValTokens == 0 {
		return s + "  nothing was held out: too few documents to measure on\n"
	}
	return s + fmt.Sprintf("  on held-out pages: %.3f bits a byte, accuracy %.1f %%   (order-0 model %.3f, order-1 %.3f, order-2 %.3f)\n",
		r.ValBitsPerByte, 100*r.ValAccuracy, r.Order0, r.Order1, r.Order2)
}

// tableDocs hands the kept rows of a growing table to the trainer, in commit order, an entry at a time.
type tableDocs struct {
	t    *shards.Table
	done int // entries of the log that have been read
	rows []trainer.Doc
}

// Next is trainer.Docs.
func (d *tableDocs) Next(ctx context.Context) (trainer.Doc, error) {
	for len(d.rows) == 0 {
		if d.done >= len(d.t.Entries()) {
			if err := d.t.Refresh(ctx); err != nil {
				return trainer.Doc{}, err
			}
			if d.done >= len(d.t.Entries()) {
				return trainer.Doc{}, io.EOF
			}
		}
		if err := d.read(ctx); err != nil {
			return trainer.Doc{}, err
		}
		d.done++
	}
	row := d.rows[0]
	d.rows = d.rows[1:]
	return row, nil
}

func (d *tableDocs) read(ctx context.Context) error {
	e := d.t.Entries()[d.done]
	if e.From >= e.To {
		return nil
	}
	return d.t.Rows(ctx, shards.Select{From: e.From, To: e.To, Kept: true, Columns: []string{"text", "cluster_id"}}, func(r *shards.Row) error {
		if r.Text != "" {
			d.rows = append(d.rows, trainer.Doc{Offset: r.Offset, ID: r.MID, Cluster: r.Cluster, Text: r.Text})
		}
		return nil
	})
}

// startTrainer trains beside the run where the configuration asks for it. The function that it returns
// waits for the end; given an error of the run, it ends the training instead.
func (l *line) startTrainer(ctx context.Context) func(error) (*trainer.Result, error) {
	t := l.c.cfg.Train
	if t.Preset == "none" || t.Preset == "" {
		return func(error) (*trainer.Result, error) { return nil, nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	type outcome struct {
		r   trainer.Result
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		table, err := l.c.at.Open(ctx)
		var r trainer.Result
		if err == nil {
			r, err = l.a.train(ctx, table, trainOptions{preset: t.Preset, steps: t.Steps, seed: t.Seed, follow: true,
				idle: time.Duration(t.Idle), out: filepath.Join(l.c.dir, "model"), resume: true})
		}
		done <- outcome{r, err}
	}()
	return func(failed error) (*trainer.Result, error) {
		defer cancel()
		if failed != nil {
			cancel()
		}
		o := <-done
		if errors.Is(o.err, trainer.ErrTooLittle) || errors.Is(o.err, trainer.ErrChanged) {
			l.a.say("Not trained: %v", o.err)
			return nil, nil
		}
		if o.err != nil {
			return nil, fmt.Errorf("train: %w", o.err)
		}
		return &o.r, nil
	}
}

// odd is a page that the model did not expect.
type odd struct {
	ID    string  `json:"id"`
	URL   string  `json:"url"`
	Bits  float64 `json:"bits_per_byte"`
	Start string  `json:"start"`
}

// oddest scores the beginning of up to 300 kept pages and gives the n with the most bits a byte.
func oddest(ctx context.Context, t *shards.Table, m *trainer.GPT, n int) ([]odd, error) {
	var all []odd
	errEnough := errors.New("enough")
	err := t.Rows(ctx, shards.Select{Kept: true, Columns: []string{"id", "url", "text"}}, func(r *shards.Row) error {
		if len(r.Text) >= 200 {
			all = append(all, odd{ID: r.ID, URL: r.URL, Bits: m.Score(r.Text, 256), Start: term.Clip(term.Safe(r.Text[:min(len(r.Text), 300)]), 70)})
		}
		if len(all) >= 300 {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b odd) int {
		switch {
		case a.Bits > b.Bits:
			return -1
		case a.Bits < b.Bits:
			return 1
		}
		return 0
	})
	return all[:min(n, len(all))], nil
}
