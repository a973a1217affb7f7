package cli

import (
	"context"
	"fmt"
	"time"

	"millrace"
	"millrace/crawl"
	"millrace/internal/term"
	"millrace/shards"
	"millrace/trainer"
)

// event is a JSON line for whoever watches with --json.
func (a *App) event(v any) {
	if a.json {
		a.emit(v)
	}
}

// progress is what `run --json` prints every second, and what the line on a terminal is made of.
type progress struct {
	Type      string        `json:"type"`
	Crawl     *crawl.Counts `json:"crawl,omitempty"`
	Published int64         `json:"published"` // into pages, by this process
	Taken     int64         `json:"taken"`     // by the mill, in this process
	Committed int64         `json:"committed"` // offset below which everything is committed
	Commits   int64         `json:"commits"`
	Bytes     int64         `json:"bytes,omitempty"`      // of the files that are known so far
	BytesDone int64         `json:"bytes_done,omitempty"` // read by this process, or before it
	Seconds   float64       `json:"seconds"`
	Paused    string        `json:"paused,omitempty"` // what the line waits for
}

func (l *line) progress() progress {
	p := progress{Type: "progress", Published: l.published.Load(), Taken: l.taken.Load(), Committed: l.committed.Load(),
		Commits: l.commits.Load(), Seconds: time.Since(l.a.began).Seconds()}
	if l.crawler != nil {
		c := l.crawler.Counts()
		p.Crawl = &c
	}
	if w := l.paused.first(); w != nil {
		p.Paused = pausedBy(w)
	}
	if l.files != nil {
		f := l.files.Progress()
		p.Bytes, p.BytesDone = f.Bytes, f.BytesDone
	}
	return p
}

// report shows progress: a line a second on a terminal, JSON where asked, else a line every ten seconds.
func (l *line) report(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	tty := l.a.tty()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			if tty != nil && !l.a.quiet && !l.a.json {
				fmt.Fprint(tty, "\r\x1b[K")
			}
			return nil
		case <-tick.C:
		}
		p := l.progress()
		if p.Crawl != nil {
			l.showCrawl(p.Crawl)
		}
		switch {
		case l.a.json:
			l.a.emit(p)
		case l.a.quiet:
		case tty != nil && n >= 2:
			fmt.Fprint(tty, "\r\x1b[K"+term.Clip(p.String(), term.Width(tty)-1))
		case tty == nil && n%10 == 0:
			l.a.say("%s", p)
		}
	}
}

// String is one line for people.
func (p progress) String() string {
	s := fmt.Sprintf("%3.0f s", p.Seconds)
	if c := p.Crawl; c != nil {
		s += fmt.Sprintf("  pages found %d, fetched %d, waiting %d, refused %d, failed %d", c.Discovered, c.Fetched, c.Waiting, c.Refused, c.Failed)
	}
	if p.Bytes > 0 {
		s += fmt.Sprintf("  files %s of %s (%d %%)", size(p.BytesDone), size(p.Bytes), 100*p.BytesDone/p.Bytes)
	}
	s += fmt.Sprintf("  in %d  milled %d  commits %d", p.Published, p.Taken, p.Commits)
	if p.Paused != "" {
		s += "  paused, trying again: " + p.Paused
	}
	return s
}

// summary is the last line of run --json. demo adds to it.
type summary struct {
	Type      string                    `json:"type"`
	Exit      int                       `json:"exit"`
	Stages    []millrace.StageTally     `json:"stages"`
	In        int64                     `json:"in"`
	Rows      int64                     `json:"rows"`
	Rejects   int64                     `json:"rejects"`
	Moved     map[millrace.Reason]int64 `json:"moved,omitempty"` // kept once: among the rejects now
	Failed    int64                     `json:"failed"`
	Unsettled int64                     `json:"unsettled"` // dead letters that were not replayed
	Fetched   int64                     `json:"fetched"`
	Crawl     *crawl.Counts             `json:"crawl,omitempty"`
	Version   int64                     `json:"version"`
	Train     *trainSummed              `json:"train,omitempty"`
	Seconds   float64                   `json:"seconds"`
}

// trainSummed is the training's part of a summary.
type trainSummed struct {
	Steps     int            `json:"steps"`
	FirstLoss float64        `json:"first_loss"`
	LastLoss  float64        `json:"last_loss"`
	ValLoss   float64        `json:"val_loss"`
	Accuracy  float64        `json:"val_accuracy"`
	Bits      float64        `json:"val_bits_per_byte"`
	ValTokens int            `json:"val_tokens"`
	Order0    float64        `json:"order0_bits_per_byte"`
	Order1    float64        `json:"order1_bits_per_byte"`
	Order2    float64        `json:"order2_bits_per_byte"`
	Params    string         `json:"param_sha256"`
	Evals     []trainer.Eval `json:"evals"`
	Oddest    []odd          `json:"oddest"`
	Sample    string         `json:"sample"`
}

// finish writes the cards and tells what came out.
func (l *line) finish(ctx context.Context, r *trainer.Result) error {
	if _, err := l.c.at.CollectOrphans(ctx); err != nil { // of lives that were killed
		return err
	}
	t, err := l.c.at.Open(ctx)
	if err != nil {
		return err
	}
	s, err := l.summarise(ctx, t, r)
	if err != nil {
		return err
	}
	if err := l.c.at.WriteCard(ctx, cardInfo(s)); err != nil {
		return fmt.Errorf("write the corpus card: %w", err)
	}
	if err := l.c.writeSamples(ctx, t); err != nil {
		return fmt.Errorf("write samples of the rejects: %w", err)
	}
	if l.a.json {
		l.a.emitSummary(s)
	} else {
		l.a.printSummary(s, t.Tally())
	}
	if s.Exit != Done {
		e := &Error{Exit: s.Exit}
		if !l.a.json {
			e.Err = fmt.Errorf("documents that failed: %d", s.Unsettled)
			e.Means = "they are dead letters: rows under " + l.c.dir + "/rejects with their error"
			e.Try = "millrace sample --failed, then millrace replay"
		}
		return e
	}
	return nil
}

func (l *line) summarise(ctx context.Context, t *shards.Table, r *trainer.Result) (summary, error) {
	tally := t.Tally()
	in, _, _, failed := tally.Totals()
	s := summary{Type: "summary", Stages: tally.Stages, In: in, Rows: tally.Rows(), Rejects: in - tally.Rows(), Moved: tally.Moved, Failed: failed,
		Version: t.Version(), Seconds: time.Since(l.a.began).Seconds()}
	var err error
	if s.Unsettled, err = unsettled(ctx, t); err != nil {
		return s, err
	}
	if s.Unsettled > 0 {
		s.Exit = DeadLetters
	}
	if l.crawler != nil {
		c := l.crawler.Counts()
		s.Crawl, s.Fetched = &c, c.Fetched
	}
	if r == nil {
		return s, nil
	}
	s.Train = &trainSummed{Steps: r.Steps, FirstLoss: r.FirstLoss, LastLoss: r.LastLoss, ValLoss: r.ValLoss, Accuracy: r.ValAccuracy,
		Bits: r.ValBitsPerByte, ValTokens: r.ValTokens, Order0: r.Order0, Order1: r.Order1, Order2: r.Order2, Params: r.ParamSHA256, Evals: r.Evals}
	if m, ok := r.Model.(*trainer.GPT); ok {
		if s.Train.Oddest, err = oddest(ctx, t, m, 3); err != nil {
			return s, err
		}
		s.Train.Sample = term.Clip(term.Safe(m.Generate("Package ", 100, 1)), 100)
	}
	return s, nil
}

// printSummary tells people how a run ended.
func (a *App) printSummary(s summary, t *millrace.Tally) {
	if c := s.Crawl; c != nil {
		fmt.Fprintf(a.Stdout, "  discovered %d = fetched %d + refused %d + failed %d + waiting %d\n\n", c.Discovered, c.Fetched, c.Refused, c.Failed, c.Waiting)
	}
	printFunnel(a.Stdout, t, 120)
	fmt.Fprintf(a.Stdout, "\n  %d rows, %d rejects with their reasons, commit %d, %.1f s\n", s.Rows, s.Rejects, s.Version, s.Seconds)
	if s.Train != nil && s.Train.ValTokens > 0 {
		fmt.Fprintf(a.Stdout, "  trained %d steps: %.3f bits a byte on held-out pages (order-0 model %.3f)\n", s.Train.Steps, s.Train.Bits, s.Train.Order0)
	}
}
