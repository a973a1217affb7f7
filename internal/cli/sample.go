package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/docs"
	"millrace/internal/term"
	"millrace/shards"
)

// sampleOptions are the flags of sample.
type sampleOptions struct {
	in              string
	dropped, failed bool
	reason          string
	n               int
	seed            uint64
	chars           int
}

func (a *App) sampleCommand() *cobra.Command {
	o := sampleOptions{}
	c := &cobra.Command{
		Use: "sample", Short: "Look at texts: a random few of the kept, the dropped or the failed", Args: noArgs,
		Example: `  millrace sample --reason quality.stop_words -n 20
  millrace clean --in docs.jsonl --out cleaned && millrace sample --in cleaned --dropped`,
		RunE: func(c *cobra.Command, _ []string) error { return a.runSample(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.in, "in", "", "a folder that millrace clean has written, instead of a corpus")
	f.BoolVar(&o.dropped, "dropped", false, "of the dropped, with what was measured")
	f.BoolVar(&o.failed, "failed", false, "of the dead letters, with their errors")
	f.StringVar(&o.reason, "reason", "", "only this reason (implies --dropped)")
	f.IntVarP(&o.n, "number", "n", 5, "how many")
	f.Uint64Var(&o.seed, "seed", sampleSeed, "another seed, another sample")
	f.IntVar(&o.chars, "chars", 300, "characters of text shown")
	return c
}

// maxSample bounds what is drawn at once: it is held in memory.
const maxSample = 10_000

// wants says whether a row is among those asked for.
func (o sampleOptions) wants(v millrace.Verdict) bool {
	switch {
	case o.reason != "":
		return string(v.Reason) == o.reason
	case o.failed:
		return v.Failed()
	case o.dropped:
		return v.Dropped()
	}
	return v.Kept()
}

// ofKept reports whether kept rows are asked for.
func (o sampleOptions) ofKept() bool { return o.reason == "" && !o.failed && !o.dropped }

// sampled is one document of a sample.
type sampled struct {
	id, mid, url, title, text string
	verdict                   millrace.Verdict
}

func (a *App) runSample(ctx context.Context, o sampleOptions) error {
	if o.n < 1 || o.n > maxSample || o.chars < 1 {
		return &Error{Exit: Usage, Err: fmt.Errorf("a sample has 1 to %d documents, of a character or more", maxSample), Try: "millrace sample -n 20; all of them lie in rejects and data"}
	}
	var list []sampled
	var err error
	if o.in != "" && !isCorpus(o.in) {
		list, err = sampleStep(o)
	} else {
		list, err = a.sampleCorpus(ctx, o)
	}
	if err != nil {
		return err
	}
	if len(list) == 0 {
		if _, known := docs.Rule(o.reason); o.reason != "" && !known {
			return &Error{Exit: Usage, Err: fmt.Errorf("no document has the reason %q", o.reason), Try: "millrace explain" + nearest(o.reason, docs.Codes())}
		}
		a.say("No row is like that.")
	}
	for _, s := range list {
		a.printSample(s, o.chars)
	}
	return nil
}

func (a *App) printSample(s sampled, chars int) {
	v := s.verdict
	if a.json {
		m := map[string]any{"type": "sample", "id": s.id, "mid": s.mid, "url": s.url, "title": s.title, "text": s.text,
			"reason": v.Reason, "stage": v.Stage, "signal": v.Signal, "err": v.Err}
		for name, f := range map[string]float64{"value": v.Value, "limit": v.Limit} {
			if !math.IsNaN(f) && !math.IsInf(f, 0) {
				m[name] = f
			}
		}
		a.emit(m)
		return
	}
	fmt.Fprintf(a.Stdout, "%s  %s\n  %s\n  %s\n\n", term.Safe(s.id), term.Safe(s.url), term.Safe(v.String()), term.Safe(term.Clip(s.text, chars)))
}

// sampleCorpus draws from the rows of a corpus, in one pass over small columns.
func (a *App) sampleCorpus(ctx context.Context, o sampleOptions) ([]sampled, error) {
	dir, err := o.in, error(nil)
	if dir == "" {
		dir, err = a.corpusDir()
	}
	if err != nil {
		return nil, err
	}
	at, err := a.placeOf(dir)
	if err != nil {
		return nil, err
	}
	t, err := at.Open(ctx)
	if err != nil {
		return nil, err
	}
	drawn := bottom[int64]{}
	sel := shards.Select{Kept: o.ofKept(), Rejects: !o.ofKept()}
	small := sel
	small.Columns = []string{"reason"}
	err = t.Rows(ctx, small, func(r *shards.Row) error {
		if !o.wants(r.Verdict) {
			return nil
		}
		return drawn.offer(o.n, o.seed, r.MID, func() (int64, error) { return r.Offset, nil })
	})
	if err != nil {
		return nil, err
	}
	rows, offsets := map[int64]sampled{}, drawn.values()
	err = rowsAt(ctx, t, sel, offsets, func(r *shards.Row) error {
		rows[r.Offset] = sampled{r.ID, r.MID.String(), r.URL, r.Title, r.Text, r.Verdict}
		return nil
	})
	var list []sampled
	for _, at := range offsets {
		list = append(list, rows[at])
	}
	return list, err
}

// sampleStep draws from what a step over files has written. Few rejects are drawn already.
func sampleStep(o sampleOptions) ([]sampled, error) {
	name := "rejects.jsonl"
	switch {
	case o.ofKept():
		name = "kept.jsonl"
	case o.n <= perReason && o.seed == sampleSeed:
		name = samplesName
	}
	f, err := os.Open(filepath.Join(o.in, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Exit: Usage, Err: fmt.Errorf("%s is neither a corpus nor what millrace clean has written: %w", o.in, err), Try: "millrace clean --in FILE --out DIR, then millrace sample --in DIR"}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	drawn := bottom[sampled]{}
	r := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(bytes.TrimSpace(line)) == 0 {
			return drawn.values(), nil
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if err := drawLine(&drawn, o, line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w: %w", f.Name(), n, err, millrace.ErrIntegrity)
		}
	}
}

// drawLine draws from a line that a step has written.
func drawLine(b *bottom[sampled], o sampleOptions, line []byte) error {
	var l struct {
		ID      string      `json:"id"`
		MID     string      `json:"mid"`
		URL     string      `json:"url"`
		Title   string      `json:"title"`
		Text    string      `json:"text"`
		Verdict verdictLine `json:"verdict"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return err
	}
	v := l.Verdict.verdict()
	if !o.wants(v) {
		return nil
	}
	id, err := millrace.ParseID(l.MID)
	if err != nil {
		return err
	}
	return b.offer(o.n, o.seed, id, func() (sampled, error) { return sampled{l.ID, l.MID, l.URL, l.Title, l.Text, v}, nil })
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
