package cli

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millrace/clean"
	"millrace/crawl"
	"millrace/internal/term"
	"millrace/shards"
)

// whyStep is one thing that was looked at in the life of a page.
type whyStep struct {
	Stage  string   `json:"stage"`
	Reason string   `json:"reason,omitempty"`
	Signal string   `json:"signal,omitempty"`
	Value  *float64 `json:"value,omitempty"`
	Limit  string   `json:"limit,omitempty"`
	Of     string   `json:"of,omitempty"`
	Source string   `json:"source,omitempty"` // where the limit comes from
	Rule   string   `json:"rule,omitempty"`
	Line   int      `json:"line,omitempty"`
	Note   string   `json:"note,omitempty"`
	OK     bool     `json:"ok"`
}

// whyAnswer is the life of one document.
type whyAnswer struct {
	Type     string    `json:"type"`
	ID       string    `json:"id"`
	URL      string    `json:"url"`
	Title    string    `json:"title,omitempty"`
	Fate     string    `json:"fate"`
	Verdict  string    `json:"verdict"`
	Position string    `json:"position,omitempty"`
	Cluster  string    `json:"cluster_id,omitempty"`
	Steps    []whyStep `json:"steps"`
}

func (a *App) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "why URL|ID", Short: "Tell the life of one page: each measurement against its limit, and what decided",
		Args: exactArgs(1, "one URL or ID"),
		RunE: func(c *cobra.Command, args []string) error { return a.runWhy(c.Context(), args[0]) },
	}
}

func (a *App) runWhy(ctx context.Context, key string) error {
	c, err := a.openCorpus("")
	if err != nil {
		return err
	}
	if err := a.openStore(c, commandPatience); err != nil {
		return err
	}
	t, err := c.at.Open(ctx)
	if err != nil {
		return err
	}
	rows, err := t.Find(ctx, key)
	if err != nil {
		return err
	}
	for i, r := range rows {
		w := c.lifeOf(r)
		if a.json {
			a.emit(w)
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.Stdout)
		}
		a.printWhy(w)
		if !r.Verdict.Of.IsZero() || r.Verdict.OfUser != "" {
			if err := a.printTwins(ctx, t, r); err != nil {
				return err
			}
		}
	}
	if len(rows) > 0 {
		return nil
	}
	layout, _ := t.Layout()
	return a.whyNoRow(homeOf(c.dir, layout), key)
}

// whyNoRow tells of a URL that has no row: refused, failed, waiting or never seen.
func (a *App) whyNoRow(home, key string) error {
	f := crawl.URLState{State: "unknown"}
	if urlKey(key) != "" {
		var err error
		if f, err = crawl.Fate(home, key); err != nil {
			return err
		}
	}
	fate := f.State
	switch fate {
	case "", "fetched": // fetched and not committed yet
		fate = map[bool]string{true: "waiting", false: "unknown"}[f.State == "fetched"]
	}
	w := whyAnswer{Type: "why", URL: key, Fate: fate, Verdict: fate}
	if f.Reason != "" || f.Err != "" || f.Rule != "" {
		w.Steps = []whyStep{{Stage: "crawl", Reason: string(f.Reason), Rule: f.Rule, Line: f.Line, Note: f.Err, OK: fate == "waiting"}}
	}
	if a.json {
		a.emit(w)
	} else {
		a.printWhy(w)
	}
	if fate == "unknown" {
		return &Error{Exit: Failure, Err: fmt.Errorf("%s is not known here", key), Means: "no page linked to it and no file held it",
			Try: "millrace status; a URL has to be written as it was fetched"}
	}
	return nil
}

// lifeOf lists what was looked at, in order, with the limits of the recipe.
func (c *corpus) lifeOf(r *shards.Row) whyAnswer {
	v := r.Verdict
	w := whyAnswer{Type: "why", ID: r.ID, URL: r.URL, Title: r.Title, Fate: "kept", Verdict: v.String(), Position: r.Position.String()}
	if !r.Cluster.IsZero() {
		w.Cluster = r.Cluster.String()
	}
	switch {
	case v.Failed():
		w.Fate = "failed"
	case v.Dropped():
		w.Fate = "dropped"
	}
	w.Steps = append(w.Steps, whyStep{Stage: "source", Note: strings.TrimSpace(r.Source + " " + r.WARCFile), OK: true},
		whyStep{Stage: "consent", Note: r.Consent.String(), OK: v.Stage != "consent"})
	for _, e := range r.Edits {
		w.Steps = append(w.Steps, whyStep{Stage: "edit", Note: fmt.Sprintf("%s × %d", e.Kind, e.Count), OK: true})
	}
	for _, rule := range c.recipe.Rules() {
		if value, ok := measured(r, rule.Signal); ok {
			w.Steps = append(w.Steps, ruleStep(rule, value))
		}
	}
	for i := range w.Steps { // the rule that decided is told already, with its limit
		if s := &w.Steps[i]; !v.Kept() && s.Stage == v.Stage && s.Signal == v.Signal && s.Signal != "" {
			s.Note = "<- decided"
			return w
		}
	}
	if !v.Kept() {
		w.Steps = append(w.Steps, c.verdictStep(r))
	}
	return w
}

func ruleStep(rule clean.Rule, value float64) whyStep {
	_, ok := rule.Decide(value) // in the precision in which it was decided
	return whyStep{Stage: rule.Stage, Signal: rule.Signal, Value: &value, Limit: limits(rule.Min, rule.Max), Reason: string(rule.Reason), Source: rule.Source, OK: ok}
}

// verdictStep is what decided, where no signal did that is stored.
func (c *corpus) verdictStep(r *shards.Row) whyStep {
	v := r.Verdict
	s := whyStep{Stage: v.Stage, Reason: string(v.Reason), Signal: v.Signal, Note: v.Err, Of: v.OfUser}
	if s.Of == "" && !v.Of.IsZero() {
		s.Of = v.Of.String()
	}
	if v.Signal != "" && !math.IsNaN(v.Value) {
		s.Value, s.Limit = &v.Value, fmt.Sprintf("%g", v.Limit)
	}
	for _, rule := range c.recipe.Rules() {
		if rule.Keep != "" && rule.Keep == v.Signal && rule.Stage == v.Stage {
			s.Source = rule.Source
		}
	}
	return s
}

// measured finds a row's measurement by name.
func measured(r *shards.Row, name string) (float64, bool) {
	for i, n := range r.SignalNames {
		if n == name && i < len(r.Signals) && !math.IsNaN(float64(r.Signals[i])) {
			short := strconv.FormatFloat(float64(r.Signals[i]), 'g', -1, 32) // 0.1, and not 0.10000000149011612
			value, err := strconv.ParseFloat(short, 64)
			return value, err == nil
		}
	}
	return 0, false
}

func (a *App) printWhy(w whyAnswer) {
	fmt.Fprintf(a.Stdout, "%s\n", term.Safe(w.URL))
	if w.Title != "" {
		fmt.Fprintf(a.Stdout, "  title     %s\n", term.Safe(w.Title))
	}
	if w.ID != "" {
		fmt.Fprintf(a.Stdout, "  id        %s   position %s\n", term.Safe(w.ID), w.Position)
	}
	fmt.Fprintf(a.Stdout, "  fate      %s\n", term.Safe(w.Verdict))
	for _, s := range w.Steps {
		mark := " "
		if !s.OK {
			mark = "✗"
		}
		line := fmt.Sprintf("  %s %-18s", mark, s.Stage)
		if s.Value != nil {
			line += fmt.Sprintf(" %-24s %10.4g   limit %-12s", s.Signal, *s.Value, s.Limit)
		}
		for _, part := range []string{s.Reason, s.Source, s.Note} {
			if part != "" {
				line += "  " + term.Safe(part)
			}
		}
		if s.Rule != "" {
			line += fmt.Sprintf(" robots.txt line %d: %s", s.Line, term.Safe(s.Rule))
		}
		if s.Of != "" {
			line += " of " + term.Safe(s.Of)
		}
		fmt.Fprintln(a.Stdout, strings.TrimRight(line, " "))
	}
}

// printTwins puts a duplicate and its kept twin side by side, with the lines that differ marked.
func (a *App) printTwins(ctx context.Context, t *shards.Table, r *shards.Row) error {
	of := r.Verdict.OfUser
	if of == "" {
		of = r.Verdict.Of.String()
	}
	twins, err := t.Find(ctx, of)
	if err != nil {
		return err
	}
	for _, twin := range twins {
		if !twin.Kept() {
			continue
		}
		fmt.Fprintf(a.Stdout, "\n  %-58s │ %s\n", term.Clip("this page", 58), term.Clip("kept: "+term.Safe(twin.URL), 58))
		shown := 0
		left, right := fold(r.Text, 58), fold(twin.Text, 58)
		for i := 0; i < max(len(left), len(right)) && shown < 24; i++ {
			l, rt := at(left, i), at(right, i)
			mark := "│"
			if l != rt {
				mark = "┃"
			}
			fmt.Fprintf(a.Stdout, "  %-58s %s %s\n", l, mark, rt)
			shown++
		}
		return nil
	}
	return nil
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// fold breaks a text into lines of at most width characters.
func fold(s string, width int) []string {
	var lines []string
	col := 0
	var b strings.Builder
	for _, w := range strings.Fields(term.Safe(s)) {
		w = term.Clip(w, width)
		n := len([]rune(w))
		if col > 0 && col+1+n > width {
			lines = append(lines, b.String())
			b.Reset()
			col = 0
		}
		if col > 0 {
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += n
		if len(lines) > 100 {
			return lines
		}
	}
	if col > 0 {
		lines = append(lines, b.String())
	}
	return lines
}
