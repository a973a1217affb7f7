// Command hostile gives every step of cleaning texts that were made to hurt it, of up to 10 MB, and wants twice the text to take 2.5
// times the time at most, and each text a bounded time and memory. Then it makes sure that a busy machine makes the same of
// them. Time is the processor's: what else runs on the machine does not count. It is what make hostile runs. The steps that the
// code takes are counted by TestSteps.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"

	"millrace"
	"millrace/clean"
	"millrace/internal/sim"
)

const (
	rounds   = 5
	growth   = 2.5  // the time for twice the input, at most: the median of five
	perMB    = 1.0  // seconds
	tooFast  = 0.04 // seconds; below it, caches and pages of memory decide
	enough   = 0.25 // seconds that the longer of two texts is allowed: it is shorter than it could be where it takes more
	memoryMB = 1600 // that one text may take
)

func main() {
	most := flag.Int("bytes", 10<<20, "the longest input")
	only := flag.String("step", "", "this step alone")
	part := flag.String("family", "", "the families with this in their names alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("hostile", func(_ string, b *sim.Bar) error { return hostile(ctx, *most, *only, *part, b) }))
}

// figures are what a step on a family of inputs took.
type figures struct {
	Step, Family string
	Bytes        int     // of the longer text
	Growth       float64 // of the time, from half as long
	MSPerMB      float64
	MB           int64 // of memory
}

// hostile runs every step on every family that it may meet.
func hostile(ctx context.Context, most int, only, part string, b *sim.Bar) error {
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
			if !meets(step, f) || aside(step) || !strings.Contains(f.name, part) {
				continue
			}
			w, err := measure(ctx, stage, f, most)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", step, f.name, err)
			}
			all = append(all, w)
			if w.Growth > growth || w.MSPerMB > 1000*perMB || w.MB > memoryMB {
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

// aside are the steps that read no text, whatever its length is.
func aside(step string) bool { return step == "english" || step == "code-as-text" }

// meets reports whether a step may meet a family: pages are met by those that make text of them.
func meets(step string, f family) bool {
	if step == "charset" {
		return f.media != "" && f.media != book // an archive is no text
	}
	return (f.media != "") == strings.HasPrefix(step, "extract")
}

// measure compares the times for a text and for one of half its bytes, by turns, until it is known on which side of the limit the
// median of five is. Before that, it takes time and memory of the longest text.
func measure(ctx context.Context, stage millrace.Stage, f family, most int) (figures, error) {
	w := figures{Step: stage.Name(), Family: f.name}
	if slow(w.Step) {
		most = min(most, slowBytes)
	}
	long := f.make(most)
	m := watch()
	longest, err := timed(ctx, stage, f.documentOf(long))
	if err != nil {
		return w, err
	}
	w.MB, w.MSPerMB = m.peak(), 1000*longest/(float64(len(long))/1e6)
	for t := longest; t > enough && most > leastBytes; t /= 2 {
		most /= 2
	}
	w.Bytes = most
	long, short := f.make(most), f.make(most/2)
	var grew []float64
	more := 0
	for i := 0; max(more, i-more) <= rounds/2; i++ {
		one, err := timed(ctx, stage, f.documentOf(short))
		if err != nil {
			return w, err
		}
		two, err := timed(ctx, stage, f.documentOf(long))
		if err != nil {
			return w, err
		}
		grew = append(grew, two/max(one, tooFast))
		if grew[i] > growth {
			more++
		}
	}
	slices.Sort(grew)
	w.Growth = grew[len(grew)/2]
	return w, nil
}

const (
	leastBytes = 10 << 20 / 4 // the longer text has at least so many
	slowBytes  = 1 << 20      // of a page, at most, of which a slower extractor is asked; of longer ones it makes what the fast one makes
)

// slow reports whether a step may ask the slower extractor.
func slow(step string) bool { return step == "extract" || step == "extract-markdown" }

// timed runs the stage on one document, and gives the seconds of a processor that it took.
func timed(ctx context.Context, stage millrace.Stage, d *millrace.Document) (float64, error) {
	runtime.GC() // the garbage of others is no cost of this one
	began := sim.CPU()
	_, err := stage.Process(ctx, d)
	took := sim.CPU() - began
	if errors.Is(ctx.Err(), context.Canceled) {
		return took, ctx.Err()
	}
	if err != nil && !strings.Contains(err.Error(), "extract:") && !strings.Contains(err.Error(), "charset:") {
		return took, err // a page that is none is refused; nothing else is
	}
	return took, nil
}
