package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"millrace/clean"
	"millrace/clean/process"
)

// cleanOptions are the flags of clean.
type cleanOptions struct {
	stepOptions
	recipe, extract string
	noPII, markdown bool
}

func (a *App) cleanCommand() *cobra.Command {
	o := cleanOptions{}
	c := &cobra.Command{
		Use: "clean", Short: "One step over files: text, signals and verdicts by a recipe", Args: noArgs,
		Long: `Take documents through a recipe and write, in the order of the input, DIR/kept.jsonl, DIR/rejects.jsonl with a verdict
each, DIR/signals.parquet and DIR/summary.json. What has a text field is taken as text; HTML files, WARC and --html-field are
extracted. A recipe is one that is built in (several with commas, in that order), or a file of your own.

Built in: ` + strings.Join(clean.Names(), ", ") + "\n" + exitHelp,
		Example: `  millrace clean --in 'dumps/*.jsonl.gz' --out cleaned
  millrace clean --in docs.jsonl --recipe gopher-repetition@datatrove-0.10,gopher-quality@datatrove-0.10 --out cleaned
  millrace clean --in pages.warc.gz --recipe none --out texts`,
		RunE: func(c *cobra.Command, _ []string) error { return a.runClean(c.Context(), o) },
	}
	o.flags(c, "the folder for what is written")
	f := c.Flags()
	f.StringVar(&o.recipe, "recipe", "default", "names with commas, a file, or none")
	f.StringVar(&o.extract, "extract", "best", "how text is made of pages: fast, best (a slower extractor for the pages on which fast is not sure) or none (the page's source)")
	f.BoolVar(&o.markdown, "markdown", false, "text is Markdown: headings, lists, tables, quotations and code are marked")
	f.BoolVar(&o.noPII, "no-pii", false, "leave personal data as it is")
	c.AddCommand(a.singleCommand("decode", "charset", "The bytes of files as text, whatever their encoding"),
		a.singleCommand("lang", "language", "Name the language of each text"),
		a.singleCommand("pii", "pii", "Mask personal data"), a.newStageCommand(), a.cleanTestCommand())
	return c
}

// singleCommand is one step of a recipe by itself, with all documents in one file.
func (a *App) singleCommand(name, step, short string) *cobra.Command {
	o := stepOptions{}
	c := &cobra.Command{
		Use: name, Short: short, Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.runSingle(c.Context(), o, step) },
	}
	o.flags(c, "the file for what is written")
	return c
}

// recipeFor builds what the flags ask for.
func (o *cleanOptions) recipeFor() (*clean.Recipe, error) {
	var list []*clean.Recipe
	if o.recipe != "none" {
		for name := range strings.SplitSeq(o.recipe, ",") {
			r, err := clean.Load(name)
			if err != nil {
				return nil, err
			}
			list = append(list, r)
		}
	}
	r, err := clean.Join(list...)
	if err != nil {
		return nil, err
	}
	if o.noPII {
		r = r.Without("pii")
	}
	step := "extract"
	switch o.extract {
	case "best":
	case "fast":
		step = "extract-fast"
	case "none":
		step, r = "charset", r.Without("extract")
	default:
		return nil, fmt.Errorf("--extract %q: want fast, best or none", o.extract)
	}
	if o.markdown && o.extract != "none" {
		step += "-markdown"
	}
	if r.Has("extract") {
		return r.Exchange("extract", step)
	}
	first, err := clean.Single(step)
	if err != nil {
		return nil, err
	}
	return clean.Join(first, r)
}

func (a *App) runClean(ctx context.Context, o cleanOptions) error {
	r, err := o.recipeFor()
	if err != nil {
		return &Error{Exit: Usage, Err: err, Means: "nothing was written", Try: "millrace clean --recipe default, or one of " + strings.Join(clean.Names(), ", ")}
	}
	if o.out == "" {
		return noOut("--out DIR")
	}
	result, err := a.runStep(ctx, o.stepOptions, r.Stages(), func() (*stepSink, error) { return newStepSink(o.out, r.Signals()) })
	if err != nil {
		return err
	}
	return a.finishStep(o.out, result, map[string]any{"recipe": o.recipe, "recipe_hash": r.Hash()})
}

func (a *App) runSingle(ctx context.Context, o stepOptions, step string) error {
	r, err := clean.Single(step)
	if err != nil {
		return err
	}
	if o.out == "" {
		return noOut("--out FILE.jsonl")
	}
	result, err := a.runStep(ctx, o, r.Stages(), func() (*stepSink, error) { return newFileSink(o.out) })
	if err != nil {
		return err
	}
	return a.finishStep("", result, nil)
}

func noOut(try string) error {
	return &Error{Exit: Usage, Err: errors.New("--out is missing"), Means: "nothing was written", Try: try}
}

// notWritten says of an error that ended a step what it means.
func notWritten(err error) error {
	if e := new(Error); errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return err
	}
	e := classify(err)
	try := "the same command again, once the input is mended"
	if errors.Is(err, process.ErrStep) {
		try = e.Try
	}
	return &Error{Exit: e.Exit, Err: err, Means: "nothing was written", Try: try}
}
