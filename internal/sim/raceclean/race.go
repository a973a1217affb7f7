package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"millrace/internal/sim"
	"millrace/internal/term"
)

// What the whole chain has to be.
const (
	timesDatatrove = 20 // documents a second
	timesParts     = 5
	megabytes      = 8 // of HTML, a second and core
)

// entrant is who takes the archive to lines.
type entrant struct {
	name    string
	rounds  int
	command func(in, out string) *exec.Cmd
	kept    string // the files with what it kept, below out
	spent   []sim.Spent
}

// race lets all take the same two files, by turns.
func race(ctx context.Context, o options, dir string, b *sim.Bar) error {
	bin, err := sim.Build(ctx, dir)
	if err != nil {
		return err
	}
	a, truths, err := prepare(ctx, o, filepath.Join(dir, "in"))
	if err != nil {
		return err
	}
	recipe, err := recipeOf(dir)
	if err != nil {
		return err
	}
	ours := &entrant{name: "millrace", rounds: max(1, o.rounds), kept: "kept.jsonl", command: func(in, out string) *exec.Cmd {
		return bin.Program(ctx, "clean", "--in", in, "--recipe", recipe, "--quiet", "--out", out)
	}}
	all := []*entrant{ours}
	if o.python != "" {
		all = append(all,
			&entrant{name: "parts", rounds: o.rounds, kept: "*.jsonl", command: func(in, out string) *exec.Cmd {
				return exec.CommandContext(ctx, o.python, "race/clean_parts.py", in, out, o.dolma)
			}},
			&entrant{name: "datatrove", rounds: o.slow, kept: "kept/*.jsonl", command: func(in, out string) *exec.Cmd {
				return exec.CommandContext(ctx, o.python, "race/clean_datatrove.py", in, out)
			}})
	}
	all = slices.DeleteFunc(all, func(e *entrant) bool { return e.rounds < 1 && e != ours })
	judged := map[string]any{}
	var errs []error
	for round := range max(1, o.rounds, o.slow) {
		for _, e := range all {
			if round >= e.rounds {
				continue
			}
			out := filepath.Join(dir, "out-"+e.name)
			spent, err := sim.Measure(e.command(a.dir, out))
			if err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			e.spent = append(e.spent, spent)
			fmt.Fprintf(os.Stderr, "%-10s %7.2f s, %7.2f s of CPU\n", e.name, spent.Wall, spent.CPU)
			if round == 0 {
				v, err := judge(out, e, truths)
				if err != nil {
					return err
				}
				judged[e.name] = v
				if e == ours && truths != nil {
					for _, w := range v.worst[:min(o.worst, len(v.worst))] {
						fmt.Fprintln(os.Stderr, term.Safe(w))
					}
					errs = append(errs, v.holds())
				}
			}
			if err := os.RemoveAll(out); err != nil {
				return err
			}
		}
	}
	b.Figures = map[string]any{"pages": a.pages, "html_bytes": a.html, "gzip_bytes": a.gzip, "judged": judged["millrace"]}
	delete(judged, "millrace")
	b.Beside = map[string]any{"judged": judged, "peers": "datatrove 0.10.0 without its language model; FastWARC and resiliparse 2.0.1, ftfy 6.3.1, dolma 1.2.1's taggers, datatrove's PII formatter"}
	for _, e := range all {
		b.Beside[e.name] = e.spent
	}
	return errors.Join(append(errs, compare(a, all, b))...)
}

// compare holds our times against theirs.
func compare(a archive, all []*entrant, b *sim.Bar) error {
	ours := all[0]
	cpu := func(s sim.Spent) float64 { return s.CPU }
	wall := func(s sim.Spent) float64 { return s.Wall }
	rate := float64(a.html) / 1e6 / median(ours.spent, cpu)
	b.Figures["mb_per_cpu_s"] = rate
	b.Figures["mb_per_cpu_s_range"] = [2]float64{float64(a.html) / 1e6 / extreme(ours.spent, cpu, slices.Max), float64(a.html) / 1e6 / extreme(ours.spent, cpu, slices.Min)}
	var errs []error
	if rate < megabytes {
		errs = append(errs, fmt.Errorf("%.1f MB/s of HTML a core, want %d", rate, megabytes))
	}
	for _, e := range all {
		b.Figures["pages_per_s_"+e.name] = float64(a.pages) / median(e.spent, wall)
		b.Figures["pages_per_cpu_s_"+e.name] = float64(a.pages) / median(e.spent, cpu)
		if e == ours {
			continue
		}
		times := median(e.spent, wall) / median(ours.spent, wall)
		b.Figures["times_"+e.name] = times
		b.Figures["times_"+e.name+"_range"] = [2]float64{extreme(e.spent, wall, slices.Min) / extreme(ours.spent, wall, slices.Max), extreme(e.spent, wall, slices.Max) / extreme(ours.spent, wall, slices.Min)}
		b.Figures["times_"+e.name+"_cpu"] = median(e.spent, cpu) / median(ours.spent, cpu)
		want := map[string]float64{"parts": timesParts, "datatrove": timesDatatrove}[e.name]
		if times < want {
			errs = append(errs, fmt.Errorf("%.1f times the documents a second of %s, want %.0f", times, e.name, want))
		}
	}
	return errors.Join(errs...)
}

// prepare makes the archive, or takes the user's.
func prepare(ctx context.Context, o options, dir string) (a archive, truths map[string]*truth, err error) {
	if o.input != "" {
		a, err = splitArchive(dir, o.input)
		return a, nil, err
	}
	list, err := pages(ctx, o)
	if err != nil {
		return a, nil, err
	}
	truths = map[string]*truth{}
	for _, p := range list {
		if p.truth != nil {
			truths[p.url] = p.truth
		}
	}
	if a, err = writeArchive(dir, list); err == nil && o.keep != "" {
		err = os.CopyFS(o.keep, os.DirFS(dir))
	}
	return a, truths, err
}

// recipeOf writes the recipe: FineWeb's chain, as it is built in, without the rule that drops what is not English. datatrove's
// model of languages cannot be fetched, so its chain takes all languages through all filters, and so does ours.
func recipeOf(dir string) (string, error) {
	data, err := os.ReadFile("clean/recipes/fineweb.yaml")
	if err != nil {
		return "", err
	}
	from := bytes.Index(data, []byte("  - step: english\n"))
	if from < 0 {
		return "", errors.New("the recipe fineweb has no step english")
	}
	length := bytes.Index(data[from+1:], []byte("\n  - step: "))
	if length < 0 {
		return "", errors.New("in the recipe fineweb, nothing follows the step english")
	}
	name := filepath.Join(dir, "recipe.yaml")
	text := slices.Concat(data[:from], data[from+1+length+1:])
	return name, os.WriteFile(name, bytes.Replace(text, []byte("name: fineweb\n"), []byte("name: race-clean\n"), 1), 0o644)
}

// row is a line of what comes out, of anybody's.
type row struct {
	URL      string `json:"url"`
	Text     string `json:"text"`
	Lang     string `json:"lang"`
	Charset  string `json:"charset"`
	Metadata struct {
		URL string `json:"url"`
	} `json:"metadata"`
	Verdict *struct {
		Reason, Stage, Err string
	} `json:"verdict"`
}

// eachRow reads the lines of the files that fit a pattern.
func eachRow(pattern string, yield func(*row)) error {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no %s", pattern)
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		s := bufio.NewScanner(f)
		s.Buffer(nil, 64<<20)
		for s.Scan() {
			r := &row{}
			if err := json.Unmarshal(s.Bytes(), r); err != nil {
				return errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
			}
			if r.URL == "" {
				r.URL = strings.TrimSpace(r.Metadata.URL)
			}
			yield(r)
		}
		if err := errors.Join(s.Err(), f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func median(list []sim.Spent, of func(sim.Spent) float64) float64 {
	all := values(list, of)
	slices.Sort(all)
	return all[len(all)/2]
}

func extreme(list []sim.Spent, of func(sim.Spent) float64, which func([]float64) float64) float64 {
	return which(values(list, of))
}

func values(list []sim.Spent, of func(sim.Spent) float64) (all []float64) {
	for _, s := range list {
		all = append(all, of(s))
	}
	return all
}
