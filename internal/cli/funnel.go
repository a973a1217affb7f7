package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"millrace"
	"millrace/internal/term"
)

// printFunnel draws the ledger: what went into each stage, what came out, and why the rest did not.
func printFunnel(w io.Writer, t *millrace.Tally, width int) {
	fmt.Fprintf(w, "  %-18s %9s %9s %9s %7s   %s\n", "stage", "in", "kept", "dropped", "failed", "reasons")
	for _, s := range t.Stages {
		head := fmt.Sprintf("  %-18s %9d %9d %9d %7d   ", s.Name, s.In, s.Kept, s.Dropped, s.Failed)
		fmt.Fprintln(w, strings.TrimRight(head+wrapped(reasons(s.Reasons), len(head), width), " "))
	}
	in, kept, dropped, failed := t.Totals()
	fmt.Fprintf(w, "  %-18s %9d %9d %9d %7d   in = kept + dropped + failed: %s\n", "all", in, kept, dropped, failed, balanced(t))
	if len(t.Moved) > 0 {
		fmt.Fprintf(w, "  %-18s %9s %9d   = kept − what was taken out since: %s\n", "rows", "", t.Rows(), strings.Join(reasons(t.Moved), " · "))
	}
}

func balanced(t *millrace.Tally) string {
	if err := t.Check(); err != nil {
		return "NO: " + err.Error()
	}
	return "balanced"
}

// reasons lists counts, the largest first.
func reasons(m map[millrace.Reason]int64) []string {
	type count struct {
		r millrace.Reason
		n int64
	}
	var all []count
	for r, n := range m {
		all = append(all, count{r, n})
	}
	slices.SortFunc(all, func(a, b count) int {
		if a.n != b.n {
			return int(b.n - a.n)
		}
		return strings.Compare(string(a.r), string(b.r))
	})
	var out []string
	for _, c := range all {
		out = append(out, fmt.Sprintf("%s %d", term.Safe(string(c.r)), c.n))
	}
	return out
}

// wrapped joins parts, breaking lines that would pass width; further lines are indented.
func wrapped(parts []string, indent, width int) string {
	var b strings.Builder
	col := indent
	for i, p := range parts {
		if i > 0 {
			if col+3+len(p) > width {
				b.WriteString("\n" + strings.Repeat(" ", indent))
				col = indent
			} else {
				b.WriteString(" · ")
				col += 3
			}
		}
		b.WriteString(p)
		col += len(p)
	}
	return b.String()
}
