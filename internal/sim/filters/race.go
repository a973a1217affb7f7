package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"millrace/internal/sim"
)

// What the chain of filters has to be.
const (
	timesDatatrove = 30 // documents a second
	timesDolma     = 10 // of its tagger, beside the pack that reproduces it
	megabytes      = 14 // of text, a second and core
)

// race lets us and each peer take the same two files through the same filters, by turns.
func race(ctx context.Context, o options, dir string, b *sim.Bar) error {
	s, err := prepare(ctx, o, dir)
	if err != nil {
		return err
	}
	in := filepath.Join(dir, "in")
	if err := halve(s.path, in); err != nil {
		return err
	}
	race := rounds{ctx: ctx, bin: s.bin, in: in, out: filepath.Join(dir, "out"), n: o.rounds}
	datatrove, err := race.run(chainRecipe, o.python, "race/filters.py")
	if err != nil {
		return fmt.Errorf("datatrove: %w", err)
	}
	rate := float64(s.size) / 1e6 / median(datatrove.ours, cpuOf)
	times := datatrove.times(wallOf)
	b.Figures = map[string]any{"documents": s.n, "bytes": s.size, "times_datatrove": times, "times_datatrove_cpu": datatrove.times(cpuOf),
		"mb_per_cpu_s": rate, "documents_per_cpu_s": float64(s.n) / median(datatrove.ours, cpuOf)}
	b.Beside = map[string]any{"millrace": datatrove.ours, "datatrove": datatrove.theirs}
	var faults []string
	if times < timesDatatrove {
		faults = append(faults, fmt.Sprintf("%.1f times datatrove, want %d", times, timesDatatrove))
	}
	if rate < megabytes {
		faults = append(faults, fmt.Sprintf("%.1f MB/s a core, want %d", rate, megabytes))
	}
	if o.dolma == "" {
		return errors.New("dolma is not there to race against")
	}
	dolma, err := race.run(dolmaRecipe, filepath.Join(o.dolma, "bin", "python"), "race/dolma_tags.py")
	if err != nil {
		return fmt.Errorf("dolma: %w", err)
	}
	times = dolma.times(wallOf)
	b.Figures["times_dolma"], b.Figures["times_dolma_cpu"] = times, dolma.times(cpuOf)
	b.Beside["millrace_dolma"], b.Beside["dolma"] = dolma.ours, dolma.theirs
	if times < timesDolma {
		faults = append(faults, fmt.Sprintf("%.1f times dolma's tagger, want %d", times, timesDolma))
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}

// rounds lets a recipe and a program of theirs take the same folder of files by turns.
type rounds struct {
	ctx     context.Context
	bin     sim.Binary
	in, out string
	n       int
}

// laps are what both took, round by round.
type laps struct{ ours, theirs []sim.Spent }

func (r rounds) run(recipe, python, script string) (l laps, err error) {
	for range r.n {
		for _, lap := range []struct {
			to  *[]sim.Spent
			cmd *exec.Cmd
		}{
			{&l.ours, r.bin.Program(r.ctx, "clean", "--in", r.in, "--recipe", recipe, "--quiet", "--out", r.out)},
			{&l.theirs, exec.CommandContext(r.ctx, python, script, "race", r.in, r.out)},
		} {
			spent, err := sim.Measure(lap.cmd)
			if err != nil {
				return l, fmt.Errorf("%s: %w", lap.cmd.Path, err)
			}
			*lap.to = append(*lap.to, spent)
			if err := os.RemoveAll(r.out); err != nil {
				return l, err
			}
		}
	}
	return l, nil
}

func wallOf(s sim.Spent) float64 { return s.Wall }

func cpuOf(s sim.Spent) float64 { return s.CPU }

// halve writes two files of alternate lines.
func halve(docs, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var files [2]*os.File
	var to [2]*bufio.Writer
	for i := range files {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.jsonl", i)))
		if err != nil {
			return err
		}
		files[i], to[i] = f, bufio.NewWriter(f)
	}
	n := 0
	err := eachLine(docs, func(line []byte) error {
		w := to[n%2]
		n++
		if _, err := w.Write(line); err != nil {
			return err
		}
		return w.WriteByte('\n')
	})
	for i := range files {
		err = errors.Join(err, to[i].Flush(), files[i].Close())
	}
	return err
}

// times is the median over the rounds of theirs by ours.
func (l laps) times(of func(sim.Spent) float64) float64 {
	var all []float64
	for i := range l.ours {
		all = append(all, of(l.theirs[i])/of(l.ours[i]))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func median(list []sim.Spent, of func(sim.Spent) float64) float64 {
	var all []float64
	for _, s := range list {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
