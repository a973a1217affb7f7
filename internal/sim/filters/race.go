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

	"millrace/internal/sim"
)

// What the chain of filters has to be.
const (
	timesDatatrove = 30 // documents a second
	megabytes      = 14 // of text, a second and core
)

// race lets both take the same two files through the same filters, by turns.
func race(ctx context.Context, o options, dir string, b *sim.Bar) error {
	s, err := prepare(ctx, o, dir)
	if err != nil {
		return err
	}
	in := filepath.Join(dir, "in")
	if err := halve(s.path, in); err != nil {
		return err
	}
	var ours, theirs []sim.Spent
	for range o.rounds {
		out := filepath.Join(dir, "out")
		cmd := s.bin.Program(ctx, "clean", "--in", in, "--recipe", chainRecipe, "--quiet", "--out", out)
		spent, err := sim.Measure(cmd)
		if err != nil {
			return fmt.Errorf("millrace: %w", err)
		}
		ours = append(ours, spent)
		if err := os.RemoveAll(out); err != nil {
			return err
		}
		if spent, err = sim.Measure(exec.CommandContext(ctx, o.python, "race/filters.py", "race", in, out)); err != nil {
			return fmt.Errorf("datatrove: %w", err)
		}
		theirs = append(theirs, spent)
		if err := os.RemoveAll(out); err != nil {
			return err
		}
	}
	times := ratio(ours, theirs, func(s sim.Spent) float64 { return s.Wall })
	cpu := median(ours, func(s sim.Spent) float64 { return s.CPU })
	rate := float64(s.size) / 1e6 / cpu
	b.Figures = map[string]any{"documents": s.n, "bytes": s.size, "times_datatrove": times, "times_datatrove_cpu": ratio(ours, theirs, func(s sim.Spent) float64 { return s.CPU }),
		"mb_per_cpu_s": rate, "documents_per_cpu_s": float64(s.n) / cpu}
	b.Beside = map[string]any{"millrace": ours, "datatrove": theirs}
	if times < timesDatatrove || rate < megabytes {
		return fmt.Errorf("%.1f times datatrove, want %d; %.1f MB/s a core, want %d", times, timesDatatrove, rate, megabytes)
	}
	return nil
}

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

// ratio is the median over the rounds of theirs by ours.
func ratio(ours, theirs []sim.Spent, of func(sim.Spent) float64) float64 {
	var all []float64
	for i := range ours {
		all = append(all, of(theirs[i])/of(ours[i]))
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
