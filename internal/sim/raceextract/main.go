// Command raceextract lets millrace take the main text out of pages, beside trafilatura and resiliparse, and judges
// all of them by what people marked, with rules of its own. What goes out is a bar (one JSON line), and exit code 0
// only if it holds.
//
// The marked pages are a folder: html/ID.html.gz and ground-truth.json, {ID: {articleBody, url}}. One half of them, by
// a hash of the ID, is there to look at while one works on the extractor; only the other half is reported. Where no
// folder is given, there are the pages of a Go module, on which pieces of text are marked. A further set are pages of
// documentation, from packages of Debian: of these, most of the main text has to be kept.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"

	"millrace/internal/sim"
)

// options are the command's flags.
type options struct {
	seed    uint64
	input   string
	python  string
	rounds  int
	seconds float64
	half    string
	worst   int
	docs    string
}

func main() {
	o := options{}
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the intervals")
	flag.StringVar(&o.input, "input", "", "a folder of pages with marked articles; without one, the pages that a Go module carries; - for none")
	flag.StringVar(&o.python, "python", "", "a Python that has trafilatura and resiliparse; without it nobody is beside us")
	flag.IntVar(&o.rounds, "rounds", 3, "laps of each extractor")
	flag.Float64Var(&o.seconds, "seconds", 2, "CPU seconds of a lap")
	flag.StringVar(&o.half, "half", "report", "report, tune or all: the pages that are judged")
	flag.IntVar(&o.worst, "worst", 0, "print the pages on which we do worst")
	flag.StringVar(&o.docs, "docs", "", "a folder for packages of documentation; - for none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if flag.NArg() > 0 { // a lap of ours, in a process of its own
		if err := lap(flag.Args()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(sim.Prove("race-extract", func(dir string, b *sim.Bar) error { return race(ctx, o, dir, b) }))
}

// Of whoever has a lap. The name "fast" and "best" are ours.
func entrants(o options) []string {
	if o.python == "" {
		return []string{"fast", "best"}
	}
	return []string{"fast", "resiliparse", "best", "trafilatura", "trafilatura-fast"}
}

func race(ctx context.Context, o options, dir string, b *sim.Bar) error {
	var errs []error
	if o.input != "-" {
		errs = append(errs, articles(ctx, o, dir, b))
	}
	if o.docs != "-" {
		errs = append(errs, documentation(ctx, o, dir, b))
	}
	return errors.Join(errs...)
}

// result is what an entrant did on the articles.
type result struct {
	Score
	Low   float64 `json:"f1_low"` // the interval that 95 % of resampled sets give
	High  float64 `json:"f1_high"`
	Pages float64 `json:"pages_per_second"`
	Bytes float64 `json:"mb_per_second"`
	each  []counts
}

// articles measures on the marked pages: those of INPUT by shingles, those of a module by pieces.
func articles(ctx context.Context, o options, dir string, b *sim.Bar) error {
	var set *pageSet
	var judged []page
	var parts map[string]pieces
	var err error
	if o.input == "" {
		set, parts, err = readSegments(ctx)
		if err == nil {
			judged, b.Figures["set"] = set.half(o.half), marked+", "+o.half
		}
	} else {
		set, err = readArticles(o.input)
		if err == nil {
			judged, b.Figures["set"] = set.half(o.half), "INPUT, "+o.half
		}
	}
	if err != nil {
		return err
	}
	b.Figures["pages"], b.Figures["judged"] = len(set.pages), len(judged)
	texts, speeds, err := laps(ctx, o, dir, set)
	if err != nil {
		return err
	}
	results := map[string]*result{}
	for name, list := range texts {
		r := &result{}
		for _, p := range judged {
			text, ok := list[p.id]
			if !ok {
				return fmt.Errorf("%s gave nothing for page %s", name, p.id)
			}
			c := match(p.want, text)
			if parts != nil {
				c = parts[p.id].found(text)
			}
			r.each = append(r.each, c)
		}
		r.Score = score(r.each)
		r.Low, r.High = interval(o.seed, r.each)
		r.Pages, r.Bytes = speeds[name].Pages, speeds[name].MB
		results[name] = r
		if o.worst > 0 && (name == "fast" || name == "best") {
			printWorst(name, o.worst, judged, r.each, parts, list)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(results)) {
		r := results[name]
		fmt.Fprintf(os.Stderr, "%-18s F1 %.4f [%.4f, %.4f]  P %.4f  R %.4f  %7.0f pages/s  %6.1f MB/s\n", name, r.F1, r.Low, r.High, r.Precision, r.Recall, r.Pages, r.Bytes)
	}
	b.Figures["fast"], b.Figures["best"] = results["fast"], results["best"]
	return compare(o, results, b)
}

// What millrace has to be.
const (
	aboveResiliparse  = 0.02 // in F1
	belowTrafilatura  = 0.01
	timesTrafilatura  = 5.0
	keptDocumentation = 0.95
)

// compare holds ours against the others.
func compare(o options, r map[string]*result, b *sim.Bar) error {
	if o.python == "" {
		return nil
	}
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	for _, name := range [...]string{"resiliparse", "trafilatura", "trafilatura-fast"} {
		b.Beside[name] = r[name]
	}
	fast, best, quick, slow := r["fast"], r["best"], r["resiliparse"], r["trafilatura"]
	for key, pair := range map[string][2]*result{"fast_above_resiliparse": {fast, quick}, "best_above_trafilatura": {best, slow}} {
		low, high := between(o.seed, pair[0].each, pair[1].each)
		b.Figures[key] = map[string]float64{"f1": pair[0].F1 - pair[1].F1, "low": low, "high": high, "times": pair[0].Pages / pair[1].Pages}
	}
	want(fast.F1 >= quick.F1+aboveResiliparse, "fast: F1 %.4f, resiliparse's is %.4f", fast.F1, quick.F1)
	want(fast.Pages >= quick.Pages, "fast: %.0f pages/s, resiliparse has %.0f", fast.Pages, quick.Pages)
	want(best.F1 >= slow.F1-belowTrafilatura, "best: F1 %.4f, trafilatura's is %.4f", best.F1, slow.F1)
	want(best.Pages >= timesTrafilatura*slow.Pages, "best: %.0f pages/s, trafilatura has %.0f", best.Pages, slow.Pages)
	return errors.Join(errs...)
}

// speed is what a lap took.
type speed struct {
	Pages float64 `json:"pages_per_second"` // of CPU
	MB    float64 `json:"mb_per_second"`
}

// laps lets each entrant read all pages, in turns, and gives the texts and the median speeds.
func laps(ctx context.Context, o options, dir string, set *pageSet) (map[string]map[string]string, map[string]speed, error) {
	folder := filepath.Join(dir, "pages")
	if err := set.spread(folder); err != nil {
		return nil, nil, err
	}
	texts, all := map[string]map[string]string{}, map[string][]speed{}
	for range o.rounds {
		for _, name := range entrants(o) {
			out := filepath.Join(dir, name+".json")
			s, err := runLap(ctx, o, name, folder, out)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
			all[name] = append(all[name], s)
			if texts[name] == nil {
				if texts[name], err = readTexts(out); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	middle := map[string]speed{}
	for name, list := range all {
		slices.SortFunc(list, func(a, b speed) int { return int(a.Pages - b.Pages) })
		middle[name] = list[len(list)/2]
	}
	return texts, middle, nil
}

// runLap lets one entrant read the pages until it has used the CPU seconds of a lap.
func runLap(ctx context.Context, o options, name, folder, out string) (s speed, err error) {
	seconds := strconv.FormatFloat(o.seconds, 'f', -1, 64)
	var cmd *exec.Cmd
	if name == "fast" || name == "best" {
		self, err := os.Executable()
		if err != nil {
			return s, err
		}
		cmd = exec.CommandContext(ctx, self, name, folder, out, seconds)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	} else {
		cmd = exec.CommandContext(ctx, o.python, "race/extract.py", name, folder, out, seconds)
	}
	cmd.Stderr = os.Stderr
	line, err := cmd.Output()
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(line, &s)
}

func readTexts(name string) (texts map[string]string, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return texts, json.Unmarshal(data, &texts)
}

// printWorst names the pages with the least F1.
func printWorst(name string, n int, pages []page, each []counts, parts map[string]pieces, texts map[string]string) {
	order := make([]int, len(pages))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return int(1e6 * (each[a].worth() - each[b].worth()))
	})
	for _, i := range order[:min(n, len(order))] {
		s := score(each[i : i+1])
		fmt.Fprintf(os.Stderr, "%s %.3f P %.3f R %.3f %s %.80s\n", name, s.F1, s.Precision, s.Recall, pages[i].id, pages[i].url)
		parts[pages[i].id].print(texts[pages[i].id])
	}
}
