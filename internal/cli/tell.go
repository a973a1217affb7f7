package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"millrace/internal/demo/judge"
	"millrace/internal/term"
	"millrace/shards"
	"millrace/trainer"
)

// demoSummary is the last line of demo --json: the run's summary, and what the judge says.
type demoSummary struct {
	summary
	Site     *judge.Site            `json:"site,omitempty"`
	Truth    map[string]judge.Score `json:"truth,omitempty"`
	Ledger   *judge.Ledger          `json:"ledger,omitempty"`
	Faults   []string               `json:"faults"`
	Problems []string               `json:"problems,omitempty"`
	Kills    int                    `json:"kills"`
}

// tell prints the end of the demo. It is an error if the judge found a fault.
func (d *demoRun) tell(ctx context.Context, r *judge.Report) error {
	s := demoSummary{summary: d.sum, Kills: d.kills, Faults: []string{}}
	s.Seconds = time.Since(d.a.began).Seconds()
	if r != nil {
		s.Site, s.Truth, s.Ledger, s.Problems = &r.Site, r.Truth, &r.Ledger, r.Problems
		s.Faults = append(s.Faults, r.Faults(d.kills)...)
	}
	s.Exit = d.exit
	if len(s.Faults) > 0 {
		s.Exit = Gate
	}
	if d.a.json {
		d.a.emitSummary(s)
	} else if err := d.print(ctx, s); err != nil {
		return err
	}
	if len(s.Faults) > 0 {
		return &Error{Exit: Gate, Err: fmt.Errorf("the judge found %d faults, the first: %s", len(s.Faults), s.Faults[0]),
			Means: "the corpus is in " + d.dir + ", the site's log beside it", Try: "please report this, with " + filepath.Join(d.dir, "site")}
	}
	if s.Exit != Done {
		return &Error{Exit: s.Exit}
	}
	return nil
}

// print is the end of the demo for people.
func (d *demoRun) print(ctx context.Context, s demoSummary) error {
	t, err := shards.Open(d.dir)
	if err != nil {
		return err
	}
	w := d.a.Stdout
	fmt.Fprintln(w)
	if c := s.Crawl; c != nil {
		fmt.Fprintf(w, "  discovered %d = fetched %d + refused %d + failed %d + waiting %d\n\n", c.Discovered, c.Fetched, c.Refused, c.Failed, c.Waiting)
	}
	printFunnel(w, t.Tally(), 120)
	if s.Site != nil {
		printJudge(w, s)
	}
	if s.Train != nil {
		printTraining(w, s.Train)
	}
	fmt.Fprintf(w, "\n  %d rows in %s, %d rejects with their reasons; the card: %s; %.0f s\n", s.Rows, filepath.Join(d.dir, "data"), s.Rejects,
		filepath.Join(d.dir, "card.html"), s.Seconds)
	return d.printCommands(ctx, t)
}

// printJudge says what the site's own log and the Parquet files prove.
func printJudge(w io.Writer, s demoSummary) {
	fmt.Fprintf(w, "\n  The judge reads the site's access log and the Parquet files, and shares no code with millrace:\n")
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "    %-34s %s\n", what, fmt.Sprintf(format, args...))
	}
	if s.Kills > 0 {
		lost := "nothing"
		if s.Ledger.Lost+s.Ledger.Doubled+s.Ledger.URLsMissing+s.Ledger.URLsDoubled > 0 {
			lost = fmt.Sprintf("%d positions and %d URLs; %d and %d are there twice", s.Ledger.Lost, s.Ledger.URLsMissing, s.Ledger.Doubled, s.Ledger.URLsDoubled)
		}
		line("worker killed (kill -9)", "%d times; lost: %s", s.Kills, lost)
	}
	line("requests to disallowed paths", "%d of %d", s.Site.Disallowed, s.Site.Requests)
	line("gaps shorter than the delay", "%d per host, %d per address", s.Site.ShortGaps, s.Site.ShortIPGaps)
	for _, g := range s.Site.Tightest {
		line("", "shortest %.3f s on %s, its limit %.3f s", g.Millis/1000, term.Safe(g.Host), float64(g.LimitMS)/1000)
	}
	line("requests while asked to pause", "%d", s.Site.ClosedRequests)
	line("endless calendar", "%d requests", s.Site.Calendar)
	line("first to last request", "%.1f s; the slowest host alone needs %.1f s", s.Site.SpanSeconds, s.Site.BoundSeconds/1.3)
	for _, k := range slices.Sorted(maps.Keys(s.Truth)) {
		line("planted: "+k, "%d of %d right", s.Truth[k].Right, s.Truth[k].Planted)
	}
	for _, f := range s.Faults {
		line("FAULT", "%s", term.Safe(f))
	}
}

// printTraining draws the curves and what the model makes of the pages.
func printTraining(w io.Writer, t *trainSummed) {
	fmt.Fprintf(w, "\n  A small Transformer, trained on the rows as they were committed: %d steps, loss %.2f -> %.2f nats a byte\n", t.Steps, t.FirstLoss, t.LastLoss)
	if t.ValTokens > 0 {
		fmt.Fprintf(w, "    on held-out pages: %.3f bits a byte, accuracy %.0f %%; counted models: order-0 %.3f, order-1 %.3f, order-2 %.3f\n",
			t.Bits, 100*t.Accuracy, t.Order0, t.Order1, t.Order2)
	} else {
		fmt.Fprintln(w, "    nothing was held out: one duplicate cluster in 20 is, and there are too few")
	}
	if curve := trainer.Curve(t.Evals, 72, 10); curve != "" {
		fmt.Fprintln(w, indent(curve, "    "))
	}
	for i, o := range t.Oddest {
		head := "the pages that it finds oddest:"
		if i > 0 {
			head = ""
		}
		fmt.Fprintf(w, "    %-32s %.2f bits a byte  %s\n", head, o.Bits, term.Safe(o.URL))
	}
	if t.Sample != "" {
		fmt.Fprintf(w, "    it writes: %s\n", term.Safe(t.Sample))
	}
}

func indent(s, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n"+by)
}

// printCommands offers what to do next, with IDs that exist.
func (d *demoRun) printCommands(ctx context.Context, t *shards.Table) error {
	var near string
	var best float64
	err := t.Rows(ctx, shards.Select{Rejects: true, Columns: []string{"id", "reason", "similarity"}}, func(r *shards.Row) error {
		if v := r.Verdict; v.Reason == "dup.near" && (near == "" || v.Similarity < best) {
			near, best = r.ID, v.Similarity
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(d.a.Stdout, "\n  Next:\n")
	if near != "" {
		fmt.Fprintf(d.a.Stdout, "    millrace why %s --dir %s   # a near-duplicate beside its twin\n", near, d.dir)
	}
	fmt.Fprintf(d.a.Stdout, "    millrace sample --dropped --dir %s   # texts that were dropped, and why\n", d.dir)
	fmt.Fprintf(d.a.Stdout, "    duckdb -c \"select lang, count(*), sum(length(text)) from '%s/data/*.parquet' group by 1 order by 2 desc\"\n", d.dir)
	fmt.Fprintf(d.a.Stdout, "    millrace init --in YOUR-FOLDER && millrace run   # your own files\n")
	return nil
}

// cardInfo is what a run knows and the table does not.
func cardInfo(s summary) shards.CardInfo {
	info := shards.CardInfo{Facts: []shards.CardFact{{Name: "made by", Value: "millrace " + codeVersion()}}}
	if s.Train == nil {
		return info
	}
	for _, e := range s.Train.Evals {
		p := shards.Point{Step: e.Step, Train: e.TrainLoss, Val: e.ValLoss}
		if e.ValTokens == 0 {
			p.Val = math.NaN()
		}
		info.Points = append(info.Points, p)
	}
	info.Facts = append(info.Facts, shards.CardFact{Name: "model on held-out pages",
		Value: fmt.Sprintf("%.3f bits a byte after %d steps; order-0 %.3f, order-1 %.3f, order-2 %.3f", s.Train.Bits, s.Train.Steps, s.Train.Order0, s.Train.Order1, s.Train.Order2)})
	return info
}
