// Command hostile gives every step of cleaning texts that were made to hurt it, of 5 MB and of 10 MB, and wants twice the text to take
// 2.5 times the time at most, and each text a bounded time and memory. Then it makes sure that a busy machine makes the same
// of them. It is what make hostile runs. The steps that the code takes are counted by TestSteps.
package main

import (
	"context"
	"errors"
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
	rounds   = 5
	growth   = 2.5 // the time for twice the input, at most: the median of five
	perMB    = 2 * time.Second
	tooFast  = 20 * time.Millisecond // below it a ratio says nothing
	memoryMB = 1500                  // that one text may take
)

func main() {
	most := flag.Int("bytes", 10<<20, "the longest input")
	only := flag.String("step", "", "this step alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("hostile", func(_ string, b *sim.Bar) error { return hostile(ctx, *most, *only, b) }))
}

// figures are what a step on a family of inputs took.
type figures struct {
	Step, Family string
	Growth       float64
	MSPerMB      float64
	MB           int64 // of memory, for the longest input
}

// hostile runs every step on every family that it may meet.
func hostile(ctx context.Context, most int, only string, b *sim.Bar) error {
	var all []figures
	var bad []string
	seconds := map[string]float64{}
	for _, step := range clean.Steps() {
		if only != "" && step != only {
			continue
		}
		began := time.Now()
		stage, err := stageOf(step)
		if err != nil {
			return err
		}
		for _, f := range families() {
			if !meets(step, f) {
				continue
			}
			w, err := measure(ctx, stage, f, most)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", step, f.name, err)
			}
			all = append(all, w)
			if w.Growth > growth || w.MSPerMB > float64(perMB/time.Millisecond) || w.MB > memoryMB {
				bad = append(bad, fmt.Sprintf("%s on %s: %.2f times the time for twice the input, %.0f ms/MB, %d MB", step, f.name, w.Growth, w.MSPerMB, w.MB))
				fmt.Fprintln(os.Stderr, "hostile:", bad[len(bad)-1])
			}
		}
		seconds[step] = time.Since(began).Seconds()
	}
	b.Figures = map[string]any{"bytes": most, "steps": len(seconds), "families": len(families()), "pairs": len(all), "seconds": seconds,
		"grew_most": top(all, func(w figures) float64 { return w.Growth }), "slowest": top(all, func(w figures) float64 { return w.MSPerMB }),
		"largest": top(all, func(w figures) float64 { return float64(w.MB) })}
	if different, err := busy(ctx, only, b); err != nil {
		return err
	} else if different != "" {
		bad = append(bad, different)
	}
	if len(bad) > 0 {
		return fmt.Errorf("%d of %d: %s", len(bad), len(all), strings.Join(bad, "; "))
	}
	return nil
}

// top gives the five with the highest value.
func top(all []figures, value func(figures) float64) []figures {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b figures) int {
		if value(a) == value(b) {
			return 0
		} else if value(a) > value(b) {
			return -1
		}
		return 1
	})
	return all[:min(5, len(all))]
}

// meets reports whether a step may meet a family: pages are met by those that make text of them.
func meets(step string, f family) bool {
	if step == "charset" {
		return f.media != "" && f.media != book // an archive is no text
	}
	return (f.media != "") == strings.HasPrefix(step, "extract")
}

// measure compares the times for half of the bytes and for all of them, by turns, until it is known on which side of the limit the
// median of five is.
func measure(ctx context.Context, stage millrace.Stage, f family, most int) (figures, error) {
	w := figures{Step: stage.Name(), Family: f.name}
	short, long := f.make(most/2), f.make(most)
	var grew, whole []float64
	more := 0
	for i := 0; max(more, i-more) <= rounds/2; i++ {
		one, err := timed(ctx, stage, f.documentOf(short))
		if err != nil {
			return w, err
		}
		var m watched
		if i == 0 {
			m = watch()
		}
		two, err := timed(ctx, stage, f.documentOf(long))
		if err != nil {
			return w, err
		}
		if i == 0 {
			w.MB = m.peak()
		}
		whole = append(whole, two.Seconds())
		grew = append(grew, two.Seconds()/max(one, tooFast).Seconds())
		if grew[i] > growth {
			more++
		}
		if two > perMB*time.Duration(1+len(long)>>20) {
			break // more would take as long
		}
	}
	slices.Sort(grew)
	slices.Sort(whole)
	w.Growth = grew[len(grew)/2]
	w.MSPerMB = whole[len(whole)/2] * 1000 / (float64(len(long)) / 1e6)
	return w, nil
}

// timed runs the stage on one document.
func timed(ctx context.Context, stage millrace.Stage, d *millrace.Document) (time.Duration, error) {
	began := time.Now()
	_, err := stage.Process(ctx, d)
	took := time.Since(began)
	if errors.Is(ctx.Err(), context.Canceled) {
		return took, ctx.Err()
	}
	if err != nil && !strings.Contains(err.Error(), "extract:") && !strings.Contains(err.Error(), "charset:") {
		return took, err // a page that is none is refused; nothing else is
	}
	return took, nil
}
