package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/clean"
	"millrace/ingest"
	"millrace/internal/run"
	"millrace/shards"
)

// stepOptions are what every step over files takes.
type stepOptions struct {
	in                                      []string
	out                                     string
	textField, idField, urlField, htmlField string
	workers                                 int
}

// flags adds them to a command. out says what --out names.
func (o *stepOptions) flags(c *cobra.Command, out string) {
	f := c.Flags()
	f.StringArrayVar(&o.in, "in", nil, "a file, a folder, a pattern, a corpus, or - for standard input; may be given several times")
	f.StringVar(&o.out, "out", "", out)
	f.StringVar(&o.textField, "text-field", "", "the field that holds the text (default text)")
	f.StringVar(&o.idField, "id-field", "id", "the field that holds your own id")
	f.StringVar(&o.urlField, "url-field", "url", "the field that holds the page's URL")
	f.StringVar(&o.htmlField, "html-field", "", "the field that holds HTML, to be extracted")
	f.IntVar(&o.workers, "workers", 0, "how many documents are worked on at once (default one a core)")
}

// stepResult is what a step over files has done.
type stepResult struct {
	sink  *stepSink
	tally *millrace.Tally
	parts breakdown
	took  time.Duration
}

// runStep takes the documents of the input through stages into a sink, in input order. The sink is made once the input is
// open.
func (a *App) runStep(ctx context.Context, o stepOptions, stages []millrace.Stage, begin func() (*stepSink, error)) (*stepResult, error) {
	source, loader, err := a.openStep(ctx, o)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	sink, err := begin()
	if err != nil {
		return nil, err
	}
	defer clean.End(stages)
	run.SpareTime()
	names := []string{"decode"}
	if loader != nil {
		defer loader.Close()
		stages = append([]millrace.Stage{loader}, stages...)
	}
	for _, s := range stages {
		names = append(names, s.Name())
	}
	r := &stepResult{tally: millrace.NewTally(names)}
	if o.workers <= 0 {
		o.workers = runtime.GOMAXPROCS(0)
	}
	workers, batch := atOnce(stages, o.workers, 64, 32)
	b := run.Belt{Name: "step", Source: source, Stages: stages, Sink: sink, Workers: workers, Batch: batch, Accepted: r.count}
	if err := b.Run(ctx); err != nil {
		sink.abandon()
		return nil, notWritten(err)
	}
	r.sink, r.took = sink, time.Since(a.began)
	return r, nil
}

// handful is how many documents a copy of a program has in a belt that knows what hangs: were the program to hang at each of
// them, the last would have waited for less than limits.hang.
const handful = 8

// atOnce gives a belt the workers that keep the programs of a recipe busy, a copy of them for each of those asked for. Its
// batches are so much smaller then that as many documents are in memory. Each copy has so many documents in hand.
func atOnce(stages []millrace.Stage, workers, batch, each int) (int, int) {
	n := clean.Begin(stages, workers, each)
	return n, max(1, batch*workers/n)
}

// count sees every document that the sink has taken.
func (r *stepResult) count(docs []*millrace.Document) {
	for _, d := range docs {
		r.tally.Count(d.Verdict)
		r.parts.count(d.Lang, d.Page.URL, d.Verdict)
	}
}

// closingSource is a source that holds files open.
type closingSource interface {
	millrace.Source
	Close() error
}

// openStep opens the input: files, whose texts a loader may have to fetch, or a corpus.
func (a *App) openStep(ctx context.Context, o stepOptions) (closingSource, *ingest.Loader, error) {
	if len(o.in) == 0 {
		return nil, nil, &Error{Exit: Usage, Err: errors.New("--in is missing"), Means: "nothing was written", Try: "--in FILE, a folder, a pattern, or - for standard input"}
	}
	if slices.ContainsFunc(o.in, isCorpus) {
		if len(o.in) > 1 {
			return nil, nil, &Error{Exit: Usage, Err: errors.New("a corpus is read alone"), Means: "nothing was written", Try: "one --in"}
		}
		t, err := shards.Open(o.in[0])
		if err != nil {
			return nil, nil, err
		}
		return &rowSource{t: t, generation: t.Generation()}, nil, nil
	}
	var inputs []ingest.Input
	for i, in := range o.in {
		inputs = append(inputs, ingest.Input{Name: fmt.Sprintf("in-%d", i+1), Glob: in, TextField: o.textField, IDField: o.idField, URLField: o.urlField, HTMLField: o.htmlField})
	}
	files, err := parquetToo(ingest.Files(ctx, nil, "", inputs))
	if err != nil {
		return nil, nil, &Error{Exit: Usage, Err: err, Means: "nothing was written", Try: "an --in that names files that are there"}
	}
	files.URLKey, files.Carry = urlKey, stepCarry
	return files, &ingest.Loader{Inputs: inputs, Rows: openRows}, nil
}

// stepCarry bounds the pages that the documents of a batch bring along: 64 pages of the web, as a rule.
const stepCarry = 8 << 20

// isCorpus reports whether a folder holds a commit log.
func isCorpus(path string) bool {
	info, err := os.Stat(filepath.Join(path, "data", "_delta_log"))
	return err == nil && info.IsDir()
}

// Close ends the reading of rows.
func (s *rowSource) Close() error {
	s.end()
	return nil
}
