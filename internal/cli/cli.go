// Package cli is the command line: one file a command. With app it is the only place that knows every
// folder. A command is a struct of options and a run function; what it prints is data on stdout and talk
// on stderr; how it ends is one of the exit codes below. Read cli.go, exit.go, run.go, line.go.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/term"
)

// App is one invocation: where it reads and writes, and what a user's own program adds.
type App struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Stages         []millrace.Stage // added by app.With: run behind the cleaning recipe
	Disk           *durable.Disk    // nil but in tests

	json   bool
	quiet  bool
	summed bool // a summary has been written
	dir    string
	log    *slog.Logger
	began  time.Time
	out    sync.Mutex // of Stdout: events come from several goroutines
	health *health    // of a run with --metrics
	drain  drain
}

// Main runs the command line and gives the exit code.
func (a *App) Main() int {
	log.SetOutput(hushed{a.Stderr})
	ctx, stop := a.onSignals(context.Background())
	defer stop()
	return a.Run(ctx)
}

// Run is Main under a context of the caller's.
func (a *App) Run(ctx context.Context) int {
	a.began = time.Now()
	a.log = slog.New(tint.NewTextHandler(a.Stderr, &tint.Options{Level: slog.LevelWarn, TimeFormat: time.TimeOnly, NoColor: !a.colour()}))
	root := a.root()
	root.SetArgs(a.Args)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		a.sum(Done, nil)
		return Done
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = &Error{Exit: Interrupted, Err: errors.New("interrupted"), Means: "everything committed is safe", Try: "the same command again; it resumes"}
	}
	e := classify(err)
	if e.Err != nil {
		e.print(a.Stderr)
	}
	a.sum(e.Exit, e.Err)
	return e.Exit
}

// sum ends the JSON lines, unless the command has written a summary of its own.
func (a *App) sum(exit int, err error) {
	if a.json && !a.summed {
		a.emit(map[string]any{"type": "summary", "exit": exit, "error": message(err)})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return term.Safe(err.Error())
}

// root builds the tree of commands.
func (a *App) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "millrace",
		Short: "Turn the web, dumps and your own files into a language-model corpus that never stops growing",
		Long: `millrace turns the web, dumps and your own files into a language-model corpus that never
stops growing, and feeds it to a model while it grows.

Start with:  millrace demo         the whole line on this machine, on a website that it serves itself
             millrace init         write a pipeline.yaml for your own pages and files
             millrace run          do what pipeline.yaml says; start it again and it goes on`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	p := root.PersistentFlags()
	p.BoolVar(&a.json, "json", false, "answer in JSON lines on stdout, the last one the summary")
	p.BoolVar(&a.quiet, "quiet", false, "no progress on stderr")
	p.StringVar(&a.dir, "dir", "", "the corpus (default: dir of ./pipeline.yaml, else ./corpus)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &Error{Exit: Usage, Err: err, Try: c.CommandPath() + " --help"}
	})
	root.AddCommand(a.commands()...)
	return root
}

// emit writes one JSON line to stdout.
func (a *App) emit(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		b = fmt.Appendf(nil, `{"type":"error","error":%q}`, err)
	}
	a.out.Lock()
	defer a.out.Unlock()
	fmt.Fprintf(a.Stdout, "%s\n", b)
}

// emitSummary writes the last JSON line of a command that has more to say than its exit code.
func (a *App) emitSummary(v any) {
	a.summed = true
	a.emit(v)
}

// say writes a line of talk to stderr.
func (a *App) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.Stderr, format+"\n", args...)
	}
}

// tty is stderr where it is a terminal, else nil.
func (a *App) tty() *os.File {
	if f, ok := a.Stderr.(*os.File); ok && term.Is(f) && os.Getenv("TERM") != "dumb" {
		return f
	}
	return nil
}

func (a *App) colour() bool { return a.tty() != nil && os.Getenv("NO_COLOR") == "" }

// noArgs refuses arguments with a hint.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s takes no argument, got %q", c.CommandPath(), args[0]), Try: c.CommandPath() + " --help"}
	}
	return nil
}

// exactArgs wants n arguments named by what.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return &Error{Exit: Usage, Err: fmt.Errorf("%s wants %s", c.CommandPath(), what), Try: c.CommandPath() + " --help"}
		}
		return nil
	}
}
