// Command hostile gives every step of cleaning texts that were made to hurt it, twice as long each time, and wants its time
// to grow no faster than they do. It is what make hostile runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"millrace"
	"millrace/clean"
	"millrace/internal/sim"
)

const (
	rounds  = 5
	growth  = 2.5 // the median time for twice the input, at most
	perMB   = 2 * time.Second
	tooFast = 20 * time.Millisecond // below it a ratio says nothing
)

func main() {
	most := flag.Int("bytes", 10<<20, "the longest input")
	only := flag.String("step", "", "this step alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("hostile", func(_ string, b *sim.Bar) error { return hostile(ctx, *most, *only, b) }))
}

// worst is a step on a family of inputs.
type worst struct {
	Step, Family string
	Growth       float64
	MSPerMB      float64
}

// hostile runs every step on every family that it may meet.
func hostile(ctx context.Context, most int, only string, b *sim.Bar) error {
	var all []worst
	var bad []string
	for _, step := range clean.Steps() {
		if only != "" && step != only {
			continue
		}
		for _, f := range families() {
			if !meets(step, f) {
				continue
			}
			w, err := measure(ctx, step, f, most)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", step, f.name, err)
			}
			all = append(all, w)
			if w.Growth > growth || w.MSPerMB > float64(perMB/time.Millisecond) {
				bad = append(bad, fmt.Sprintf("%s on %s: %.2f times the time for twice the input, %.0f ms/MB", step, f.name, w.Growth, w.MSPerMB))
				fmt.Fprintln(os.Stderr, "hostile:", bad[len(bad)-1])
			}
		}
	}
	slices.SortFunc(all, func(a, b worst) int { return int(1e6 * (b.Growth - a.Growth)) })
	b.Figures = map[string]any{"bytes": most, "steps": len(clean.Steps()), "families": len(families()), "grew_most": all[:min(5, len(all))]}
	slices.SortFunc(all, func(a, b worst) int { return int(1e3 * (b.MSPerMB - a.MSPerMB)) })
	b.Figures["slowest"] = all[:min(5, len(all))]
	if len(bad) > 0 {
		return fmt.Errorf("%d of %d: %s", len(bad), len(all), strings.Join(bad, "; "))
	}
	return nil
}

// meets reports whether a step may meet a family: pages are met by those that make text of them.
func meets(step string, f family) bool {
	if step == "charset" {
		return f.media != "" && f.media != book // an archive is no text
	}
	return (f.media != "") == strings.HasPrefix(step, "extract")
}

// measure compares the median times for half of the bytes and for all of them.
func measure(ctx context.Context, step string, f family, most int) (worst, error) {
	w := worst{Step: step, Family: f.name}
	var half, whole []time.Duration
	short, long := f.make(most/2), f.make(most)
	for range rounds {
		for _, t := range []struct {
			text string
			to   *[]time.Duration
		}{{short, &half}, {long, &whole}} {
			d, err := timed(ctx, step, f.documentOf(t.text))
			if err != nil {
				return w, err
			}
			*t.to = append(*t.to, d)
			if d > time.Duration(len(t.text)/1e6+1)*perMB {
				w.Growth, w.MSPerMB = growth+1, float64(d.Milliseconds())*1e6/float64(len(t.text))
				return w, nil // four more would take as long
			}
		}
	}
	slices.Sort(half)
	slices.Sort(whole)
	w.Growth = float64(whole[rounds/2]) / float64(max(half[rounds/2], tooFast))
	w.MSPerMB = whole[rounds/2].Seconds() * 1000 / (float64(len(long)) / 1e6)
	return w, nil
}

// timed runs the step on one document.
func timed(ctx context.Context, step string, d *millrace.Document) (time.Duration, error) {
	r, err := clean.Single(step)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	_, err = r.Stages()[0].Process(ctx, d)
	return time.Since(began), err
}
