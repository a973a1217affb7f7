// Command fasttextparity lets fastText train small models, plain and quantised, of each kind of loss, and holds what
// clean/language/fasttext makes of them against what fastText itself says. It prints a bar (one JSON line), and exits 0 only if it holds:
// the same first label on each line, and the same three probabilities to four digits.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"millrace/clean/language/fasttext"
	"millrace/internal/sim"
	"millrace/internal/sim/texts"
)

// perLabel is how many lines a label has; fastText quantises the output of models with 256 labels or more.
const perLabel = 4

// near is how far two probabilities may be apart: sums of float32 in another order.
const near = 1e-4

func main() {
	f := flag.NewFlagSet("fasttextparity", flag.ExitOnError)
	python := f.String("python", "", "a Python with race/fasttext-requirements.txt")
	_ = f.Parse(os.Args[1:]) // exits on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("parity-fasttext", func(dir string, b *sim.Bar) error { return prove(ctx, *python, dir, b) }))
}

func prove(ctx context.Context, python, dir string, b *sim.Bar) error {
	list, err := texts.Load(ctx, texts.UDHR)
	if err != nil {
		return err
	}
	var train strings.Builder
	test := []string{"", "one", "  spaces \t and __label__x  ", "中文 没有 空格", "\x01\x7f"}
	labels := map[string]int{}
	for _, t := range list {
		for _, p := range t.Paragraphs {
			switch labels[t.Tag]++; {
			case labels[t.Tag] <= perLabel:
				fmt.Fprintf(&train, "__label__%s %s\n", t.Tag, p)
			case labels[t.Tag] == perLabel+1:
				test = append(test, p)
			}
		}
	}
	files := []string{filepath.Join(dir, "train.txt"), filepath.Join(dir, "test.txt")}
	for i, content := range []string{train.String(), strings.Join(test, "\n") + "\n"} {
		if err := os.WriteFile(files[i], []byte(content), 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, python, "race/fasttext_models.py", files[0], files[1], dir)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("train with fastText: %w", err)
	}
	models, err := filepath.Glob(filepath.Join(dir, "*.[bf][it][nz]"))
	if err != nil {
		return err
	}
	for _, file := range models {
		far, err := compare(file, test)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		b.Figures[filepath.Base(file)] = far
	}
	b.Figures["lines"], b.Figures["labels"] = len(test), len(labels)
	if len(models) != 10 {
		return fmt.Errorf("%d models, not 10", len(models))
	}
	return nil
}

// compare gives the largest difference of two probabilities.
func compare(file string, test []string) (far float64, err error) {
	m, err := fasttext.Open(file)
	if err != nil {
		return 0, err
	}
	raw, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ".json")
	if err != nil {
		return 0, err
	}
	var want [][][2]any
	if err := json.Unmarshal(raw, &want); err != nil {
		return 0, err
	}
	if len(want) != len(test) {
		return 0, fmt.Errorf("%d answers to %d lines", len(want), len(test))
	}
	for i, line := range test {
		got := m.Predict(line, 3)
		for k, w := range want[i] {
			p, label := w[1].(float64), w[0].(string)
			if k >= len(got) {
				return far, fmt.Errorf("%q: %d labels, want %v", line, len(got), want[i])
			}
			d := math.Abs(min(p, 1) - float64(min(got[k].P, 1)))
			far = max(far, d)
			if d > near || k == 0 && label != got[k].Name && p-want[i][1][1].(float64) > near {
				return far, fmt.Errorf("%q: %v, want %v", line, got, want[i])
			}
		}
	}
	return far, nil
}
