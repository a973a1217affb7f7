package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/clean"
	"millrace/internal/run"
	"millrace/internal/term"
)

func (a *App) cleanTestCommand() *cobra.Command {
	return &cobra.Command{
		Use: "test [RECIPE | FILE.cases.yaml]...", Short: "Run the cases beside a recipe: documents, with what it is to make of them",
		Long: `Take the documents of RECIPE.cases.yaml through RECIPE.yaml and say where something else comes out than expected. Without
an argument all files *.cases.yaml of this folder are run. A case is

  - {text: 'BUY THIS NOW', expect: rule.process, stage: shouting}

with one of text, html and file; url, title, lang, source and licence as the document has them; and expect: kept or the code of
a reason. Besides, where given: stage, signals: {words: [50, 60]}, edits: {pii.email: 1}, becomes: the text afterwards.
` + exitHelp,
		Example: "  millrace clean test loud.yaml\n  millrace clean test fineweb",
		RunE:    func(c *cobra.Command, args []string) error { return a.runCleanTest(c.Context(), args) },
	}
}

// caseResult is what became of a case.
type caseResult struct {
	Type    string   `json:"type"`
	File    string   `json:"file"`
	Line    int      `json:"line"`
	Column  int      `json:"column"`
	Name    string   `json:"name,omitempty"`
	OK      bool     `json:"ok"`
	Expect  string   `json:"expect"`
	Verdict string   `json:"verdict"`
	Stage   string   `json:"stage,omitempty"`
	Signal  string   `json:"signal,omitempty"`
	Value   *float64 `json:"value,omitempty"`
	Limit   *float64 `json:"limit,omitempty"`
	Err     string   `json:"err,omitempty"`
	Differs []string `json:"differs,omitempty"`
}

func (a *App) runCleanTest(ctx context.Context, args []string) error {
	if len(args) == 0 {
		args, _ = filepath.Glob("*.cases.yaml") // the pattern is sound
	}
	usage := &Error{Exit: Usage, Err: errors.New("no file *.cases.yaml is here"), Means: "nothing was run", Try: "millrace clean test --help, which shows a case"}
	if len(args) == 0 {
		return usage
	}
	var all []*clean.Cases
	var recipes []*clean.Recipe
	for _, arg := range args {
		c, err := clean.LoadCases(arg)
		if err == nil {
			o := cleanOptions{recipe: c.Recipe, extract: "best"}
			var r *clean.Recipe
			r, err = o.recipeFor()
			recipes = append(recipes, r)
		}
		if err != nil {
			usage.Err = err
			return usage
		}
		all = append(all, c)
	}
	failed, n := 0, 0
	for i, c := range all {
		docs, err := tryCases(ctx, c, recipes[i])
		if err != nil {
			return err
		}
		for j := range c.List {
			n++
			if !a.tellCase(c, &c.List[j], docs[j], recipes[i].Signals()) {
				failed++
			}
		}
	}
	if a.json {
		a.emitSummary(map[string]any{"type": "summary", "exit": map[bool]int{true: Done, false: Failure}[failed == 0], "cases": n, "failed": failed})
	} else {
		fmt.Fprintf(a.Stdout, "%d cases, %d as expected\n", n, n-failed)
	}
	if failed > 0 {
		return &Error{Exit: Failure, Err: fmt.Errorf("%d of %d cases come out otherwise than expected", failed, n), Means: "nothing was written", Try: "mend the recipe, or the cases at the places named above"}
	}
	return nil
}

// tellCase says how a case came out; false is otherwise than expected.
func (a *App) tellCase(c *clean.Cases, one *clean.Case, d *millrace.Document, signals []string) bool {
	v := d.Verdict
	r := caseResult{Type: "case", File: c.File, Line: one.Line, Column: one.Column, Name: one.Name, Expect: string(one.Expect), Verdict: string(v.Reason),
		Stage: v.Stage, Signal: v.Signal, Err: v.Err, Differs: one.Differs(d, signals)}
	for _, s := range [...]*string{&r.Expect, &r.Verdict} {
		if *s == "" {
			*s = "kept"
		}
	}
	if v.Signal != "" {
		r.Value, r.Limit = finite(v.Value), finite(v.Limit)
	}
	r.OK = len(r.Differs) == 0
	if a.json {
		a.emit(r)
		return r.OK
	}
	mark := map[bool]string{true: "ok  ", false: "FAIL"}[r.OK]
	name := one.Name
	if name == "" {
		name = r.Expect
	}
	fmt.Fprintf(a.Stdout, "%s %s:%d:%d %s\n", mark, term.Safe(c.File), one.Line, one.Column, term.Safe(name))
	for _, s := range r.Differs {
		fmt.Fprintf(a.Stdout, "       %s\n", term.Safe(s))
	}
	return r.OK
}

// finite is nil for what JSON has no number for.
func finite(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

// tryCases runs the documents through the recipe as everything is run, and gives them in their order.
func tryCases(ctx context.Context, c *clean.Cases, r *clean.Recipe) ([]*millrace.Document, error) {
	t := &caseBelt{}
	for i := range c.List {
		t.in = append(t.in, c.List[i].Document())
	}
	stages := r.Stages()
	defer clean.End(stages)
	b := run.Belt{Name: "test", Source: t, Stages: stages, Sink: t, Workers: clean.Begin(stages, 1, 1), Batch: 1}
	if err := b.Run(ctx); err != nil {
		return nil, notWritten(err)
	}
	return t.out, nil
}

// caseBelt is the source and the sink of cases.
type caseBelt struct{ in, out []*millrace.Document }

// Open is millrace.Source.
func (t *caseBelt) Open(context.Context, millrace.Checkpoint) error { return nil }

// Read is millrace.Source.
func (t *caseBelt) Read(_ context.Context, most int) (millrace.Batch, error) {
	if len(t.in) == 0 {
		return millrace.Batch{}, io.EOF
	}
	n := min(most, len(t.in))
	docs := t.in[:n]
	t.in = t.in[n:]
	return millrace.Batch{Docs: docs}, nil
}

// Resume is millrace.Sink.
func (t *caseBelt) Resume(context.Context) (millrace.Checkpoint, error) {
	return millrace.Checkpoint{}, nil
}

// Write is millrace.Sink.
func (t *caseBelt) Write(_ context.Context, docs []*millrace.Document) error {
	t.out = append(t.out, docs...)
	return nil
}

// Flush is millrace.Sink.
func (t *caseBelt) Flush(context.Context, millrace.Position) error { return nil }
