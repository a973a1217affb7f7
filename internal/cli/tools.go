package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/crawl"
	"millrace/crawl/robots"
	"millrace/ingest"
	"millrace/internal/lock"
	"millrace/internal/term"
	"millrace/internal/warc"
)

func (a *App) robotsCommand() *cobra.Command {
	var agent, file string
	var status int
	c := &cobra.Command{
		Use: "robots URL…", Short: "Say what a robots.txt allows (RFC 9309)", Args: cobra.MinimumNArgs(1),
		Example: "  millrace robots --agent millbot --file robots.txt https://example.org/a",
		RunE:    func(_ *cobra.Command, args []string) error { return a.runRobots(agent, file, status, args) },
	}
	c.Flags().StringVar(&agent, "agent", "millbot", "product token")
	c.Flags().StringVar(&file, "file", "-", "robots.txt, - for standard input")
	c.Flags().IntVar(&status, "status", 200, "status that the file was served with")
	return c
}

func (a *App) runRobots(agent, file string, status int, urls []string) error {
	body, err := a.readFile(file)
	if err != nil {
		return &Error{Exit: Usage, Err: err, Try: "--file FILE"}
	}
	f := robots.ForStatus(status, body)
	bad := false
	for _, u := range urls {
		if _, _, err := crawl.Canonical(u); err != nil {
			bad = true
			a.emit(map[string]any{"type": "robots", "url": u, "allowed": nil, "error": message(err)})
			continue
		}
		allowed, rule, line, group := f.Allowed(agent, u)
		a.emit(map[string]any{"type": "robots", "url": u, "allowed": allowed, "rule": rule, "line": line, "group": group})
	}
	if bad {
		return &Error{Exit: DeadLetters, Err: errors.New("not every URL could be read"), Try: "absolute URLs: https://host/path"}
	}
	return nil
}

// readFile reads a file, or standard input for "-", up to 64 MiB.
func (a *App) readFile(name string) ([]byte, error) {
	in := a.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, 64<<20))
}

func (a *App) warcCommand() *cobra.Command {
	group := &cobra.Command{Use: "warc", Short: "Look into WARC files", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	group.AddCommand(
		&cobra.Command{Use: "ls FILE…", Short: "List the records", Args: cobra.MinimumNArgs(1), RunE: func(_ *cobra.Command, args []string) error { return a.warcList(globbed(args)) }},
		&cobra.Command{Use: "verify FILE…", Short: "Recompute digests and lengths", Args: cobra.MinimumNArgs(1), RunE: func(_ *cobra.Command, args []string) error { return a.warcVerify(globbed(args)) }},
	)
	return group
}

// globbed replaces patterns that no shell has replaced.
func globbed(names []string) []string {
	var out []string
	for _, n := range names {
		if found, err := filepath.Glob(n); err == nil && len(found) > 0 {
			out = append(out, found...)
		} else {
			out = append(out, n)
		}
	}
	return out
}

func (a *App) warcList(files []string) error {
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return &Error{Exit: Usage, Err: err}
		}
		r := warc.NewReader(f, 1<<20)
		for {
			rec, err := r.Next()
			var damage *warc.DamageError
			if errors.As(err, &damage) {
				a.say("%s: byte %d: %s", name, damage.Offset, term.Safe(damage.What))
				continue
			}
			if err != nil {
				break
			}
			if a.json {
				a.emit(map[string]any{"type": "record", "file": name, "offset": rec.Offset, "length": rec.Length, "warc_type": rec.Type(), "url": rec.TargetURI()})
			} else {
				fmt.Fprintf(a.Stdout, "%12d %9d  %-10s %s\n", rec.Offset, rec.Length, term.Safe(rec.Type()), term.Safe(rec.TargetURI()))
			}
		}
		f.Close()
	}
	return nil
}

func (a *App) warcVerify(files []string) error {
	damages := 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return &Error{Exit: Usage, Err: err}
		}
		n, err := warc.Verify(f, func(d warc.DamageError) {
			damages++
			if a.json {
				a.emit(map[string]any{"type": "damage", "file": name, "offset": d.Offset, "what": d.What})
			} else {
				fmt.Fprintf(a.Stdout, "%s: byte %d: %s\n", name, d.Offset, term.Safe(d.What))
			}
		})
		f.Close()
		if err != nil {
			return fmt.Errorf("verify %s: %w", name, err)
		}
		a.say("%s: %d records", name, n)
	}
	if damages > 0 {
		return &Error{Exit: Integrity, Err: fmt.Errorf("%d damages: %w", damages, millrace.ErrIntegrity), Means: "the records named above cannot be trusted", Try: "fetch the file again"}
	}
	return nil
}

func (a *App) flushCommand() *cobra.Command {
	return &cobra.Command{
		Use: "flush", Short: "Close the open shard of a running run now", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.runFlush(c.Context()) },
	}
}

func (a *App) runFlush(ctx context.Context) error {
	c, err := a.openCorpus("")
	if err != nil {
		return err
	}
	// A run that was killed leaves its address behind, but never its lock.
	l, err := lock.Acquire(filepath.Join(c.dir, "state", "lock"))
	var held *lock.HeldError
	if err != nil && !errors.As(err, &held) {
		return err
	}
	if l != nil {
		l.Release()
	}
	addr, readErr := os.ReadFile(logAddrPath(c.dir))
	if held == nil || readErr != nil {
		return &Error{Exit: Failure, Err: errors.New("no run is working on " + c.dir), Means: "nothing is open: a run commits what it has when it ends", Try: "millrace status"}
	}
	t := ingest.Topic{Addr: string(addr), Name: pagesPartition.Topic, Recipe: c.hashes.Upstream, Log: a.log}
	at, err := t.Mark(ctx)
	if err == nil { // with nothing before it, a mark also carries older versions out of the table
		_, err = t.Mark(ctx)
	}
	if err != nil {
		return err
	}
	a.say("Flush mark written at %s.", at)
	return nil
}

// logAddrPath is where a run says how its log is reached.
func logAddrPath(dir string) string { return filepath.Join(dir, "state", "log.addr") }
