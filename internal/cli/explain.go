package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"millrace/clean"
	"millrace/docs"
)

func (a *App) explainCommand() *cobra.Command {
	var recipe, page string
	c := &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Say what a reason code means; without CODE list them all",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case page != "" && (recipe != "" || len(args) > 0), recipe != "" && len(args) > 0:
				return &Error{Exit: Usage, Err: errors.New("one thing can be explained at a time"), Try: "a CODE, or --recipe, or --html"}
			case page != "":
				return a.explainPage(page)
			case recipe != "":
				return a.explainRecipe(recipe)
			}
			if len(args) == 0 {
				return a.listReasons()
			}
			return a.explainReason(args[0])
		},
	}
	c.Flags().StringVar(&recipe, "recipe", "", "print a recipe's rules instead, with limits and sources")
	c.Flags().StringVar(&page, "html", "", "print the parts of an HTML file that its text leaves out instead, each with the reason")
	return c
}

func (a *App) explainReason(code string) error {
	text, ok := docs.Rule(code)
	if !ok && strings.HasPrefix(code, "failed.") {
		text, ok = docs.Rule("failed.stage")
	}
	if !ok {
		return &Error{Exit: Usage, Err: fmt.Errorf("no reason is called %q", code), Try: "millrace explain" + nearest(code, docs.Codes())}
	}
	if a.json {
		a.emit(map[string]any{"type": "explain", "code": code, "text": text})
		return nil
	}
	fmt.Fprintln(a.Stdout, strings.TrimSpace(text))
	return nil
}

func (a *App) listReasons() error {
	for _, code := range docs.Codes() {
		text, _ := docs.Rule(code)
		if a.json {
			a.emit(map[string]any{"type": "reason", "code": code, "title": docs.Title(text)})
		} else {
			fmt.Fprintf(a.Stdout, "%-24s %s\n", code, docs.Title(text))
		}
	}
	return nil
}

func (a *App) explainRecipe(name string) error {
	r, err := clean.Load(name)
	if err != nil {
		return &Error{Exit: Usage, Err: err, Try: "millrace explain --recipe default"}
	}
	for _, rule := range r.Rules() {
		if a.json {
			a.emit(map[string]any{"type": "rule", "stage": rule.Stage, "signal": rule.Signal, "keep": rule.Keep, "min": rule.Min, "max": rule.Max, "reason": rule.Reason, "source": rule.Source})
			continue
		}
		fmt.Fprintf(a.Stdout, "%-18s %-24s %-14s %-24s %s\n", rule.Stage, rule.Signal+rule.Keep, limits(rule.Min, rule.Max), rule.Reason, rule.Source)
	}
	return nil
}

func limits(low, high *float64) string {
	switch {
	case low != nil && high != nil:
		return fmt.Sprintf("%g…%g", *low, *high)
	case low != nil:
		return fmt.Sprintf("≥ %g", *low)
	case high != nil:
		return fmt.Sprintf("≤ %g", *high)
	}
	return ""
}

// nearest offers the known word that shares the longest beginning or a part with what was typed.
func nearest(word string, known []string) string {
	best, score := "", 2
	for _, k := range known {
		n := 0
		for n < len(k) && n < len(word) && k[n] == word[n] {
			n++
		}
		if i := strings.IndexByte(k, '.'); i >= 0 && strings.Contains(word, k[i+1:]) {
			n += len(k) - i
		}
		if n > score {
			best, score = " "+k, n
		}
	}
	return best
}
