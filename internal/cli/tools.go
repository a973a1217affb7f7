package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"millrace/crawl"
	"millrace/crawl/robots"
	"millrace/ingest"
	"millrace/internal/lock"
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
	access, err := c.access(a)
	if err != nil {
		return err
	}
	t := ingest.Topic{Addr: string(addr), Access: access, Name: docsTopic, Recipe: c.hashes.Cleaned, Log: a.log}
	n, err := t.Layout(ctx)
	if err != nil {
		return err
	}
	if n == 0 { // no clean belts
		t.Name, t.Recipe = pagesTopic, c.hashes.Upstream
	}
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
