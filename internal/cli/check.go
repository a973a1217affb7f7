package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/internal/term"
)

func (a *App) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Recompute everything that the commits claim", Args: noArgs,
		Long: `Read every file of the table and recompute checksums, rows, the ledger, the Merkle roots, and that each
input Position stands in exactly one row.` + exitHelp,
		RunE: func(c *cobra.Command, _ []string) error { return a.runCheck(c.Context()) },
	}
}

func (a *App) runCheck(ctx context.Context) error {
	dir, err := a.corpusDir()
	if err != nil {
		return err
	}
	at, err := a.placeOf(dir)
	if err != nil {
		return err
	}
	r, err := at.Check(ctx)
	if err != nil {
		return err
	}
	if a.json {
		problems := make([]map[string]any, 0, len(r.Problems))
		for _, p := range r.Problems {
			problems = append(problems, map[string]any{"file": p.File, "what": p.What, "row_from": p.RowFrom, "row_to": p.RowTo})
		}
		a.emit(map[string]any{"type": "check", "ok": r.OK, "files": r.Files, "rows": r.Rows, "rejects": r.Rejects, "problems": problems})
	} else {
		for _, p := range r.Problems {
			fmt.Fprintf(a.Stdout, "%s rows %d–%d: %s\n", term.Safe(p.File), p.RowFrom, p.RowTo, term.Safe(p.What))
		}
		fmt.Fprintf(a.Stdout, "%d files, %d rows kept, %d rejects: %s\n", r.Files, r.Rows, r.Rejects, map[bool]string{true: "all as committed", false: "NOT as committed"}[r.OK])
	}
	if !r.OK {
		e := &Error{Exit: Integrity, Err: fmt.Errorf("%d problems: %w", len(r.Problems), millrace.ErrIntegrity),
			Means: "the files named above are not what was committed", Try: "restore them from a copy, or millrace run --rebuild"}
		if at.Store != nil {
			e.Try = "delete what is damaged in the folder, and it is fetched again; restore what is damaged in the store, or millrace run --rebuild"
		}
		return e
	}
	return nil
}
