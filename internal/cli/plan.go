package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"millrace/crawl"
	"millrace/internal/term"
)

func (a *App) planCommand() *cobra.Command {
	return &cobra.Command{
		Use: "plan [FILE]", Short: "Say what run would do, touching nothing but robots.txt of the seeds", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.runPlan(c.Context(), append(args, "")[0]) },
	}
}

func (a *App) runPlan(ctx context.Context, file string) error {
	c, err := a.openCorpus(file)
	if err != nil {
		return err
	}
	if err := a.openStore(c, commandPatience); err != nil {
		return err
	}
	a.nameBadSeeds(c)
	version, err := c.at.Peek(ctx)
	if err != nil {
		return err
	}
	seeds, err := a.planSeeds(ctx, c)
	if err != nil {
		return err
	}
	if a.json {
		for _, in := range c.inputs() {
			a.emit(map[string]any{"type": "input", "name": in.Name, "in": in.Glob})
		}
		a.emitSummary(map[string]any{"type": "summary", "exit": planExit(seeds), "dir": c.dir, "recipe": c.hashes.Full, "version": version, "stages": c.stageNames()})
	} else {
		for _, in := range c.inputs() {
			fmt.Fprintf(a.Stdout, "  ingest  %s\n", term.Safe(in.Glob))
		}
		fmt.Fprintf(a.Stdout, "  corpus  %s, commit %d, recipe %s\n", c.dir, version, c.hashes.Full)
		fmt.Fprintf(a.Stdout, "  stages  %s\n", wrapped(c.stageNames(), 10, 100))
	}
	if planExit(seeds) != Done {
		return &Error{Exit: Refused, Err: crawl.ErrNothingAllowed, Means: "run would fetch nothing", Try: "other seeds, or ask the site's owner"}
	}
	return nil
}

// planSeeds asks each seed's robots.txt.
func (a *App) planSeeds(ctx context.Context, c *corpus) ([]crawl.SeedPlan, error) {
	if len(c.seeds) == 0 {
		return nil, nil
	}
	seeds, err := crawl.Plan(ctx, c.crawlOptions(a))
	if err != nil {
		return nil, err
	}
	for _, s := range seeds {
		if a.json {
			a.emit(map[string]any{"type": "seed", "url": s.URL, "allowed": s.Allowed, "rule": s.Rule, "line": s.Line, "error": message(s.Err)})
			continue
		}
		word := "fetch   "
		if !s.Allowed {
			word = "REFUSED "
		}
		fmt.Fprintf(a.Stdout, "  %s%s", word, term.Safe(s.URL))
		switch {
		case s.Err != nil:
			fmt.Fprintf(a.Stdout, "  (%s)", message(s.Err))
		case s.Rule != "":
			fmt.Fprintf(a.Stdout, "  (robots.txt line %d: %s)", s.Line, term.Safe(s.Rule))
		}
		fmt.Fprintln(a.Stdout)
	}
	return seeds, nil
}

// planExit is Refused where there are seeds and none may be fetched.
func planExit(seeds []crawl.SeedPlan) int {
	for _, s := range seeds {
		if s.Allowed {
			return Done
		}
	}
	if len(seeds) > 0 {
		return Refused
	}
	return Done
}
