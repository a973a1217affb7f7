// Command racepii plants personal data, and what only looks like it, in sentences of many languages, lets clean/pii mask
// them, and judges that by kind. Beside it runs datatrove's PII formatter, on the same documents. On text without hits both
// are timed, in turns, in CPU seconds. What goes out is a bar (one JSON line), and exit code 0 only if it holds.
//
// Read in this order: main.go, judge.go, text.go.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"millrace/clean/pii"
	"millrace/internal/sim"
	"millrace/internal/sim/piiplant"
)

// The bar.
const (
	leastShare = 0.98 // recall and precision, of each kind
	leastSpeed = 500  // MB/s of text without hits, on one core
	rounds     = 5
)

// options are the command's flags.
type options struct {
	seed   uint64
	docs   int
	input  string
	python string
	show   int
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "of what is planted")
	flag.IntVar(&o.docs, "docs", 6000, "with something planted in them")
	flag.StringVar(&o.input, "input", "", "text for the race: JSONL with a field text, or a folder of text; empty takes the comments of Go's own source")
	flag.StringVar(&o.python, "python", "", "a Python that has datatrove; without, nobody runs beside it")
	flag.IntVar(&o.show, "show", 3, "mistakes of each kind to print")
	flag.Parse()
	runtime.GOMAXPROCS(1) // the bar is about one core
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("race-pii", func(dir string, b *sim.Bar) error { return prove(ctx, dir, o, b) }))
}

func prove(ctx context.Context, dir string, o options, b *sim.Bar) error {
	docs := piiplant.Documents(o.seed, o.docs)
	planted := make([]string, len(docs))
	for i, d := range docs {
		planted[i] = d.Text()
	}
	masked := make([]string, len(docs))
	for i, text := range planted {
		masked[i], _, _ = pii.Mask(text, nil)
	}
	ours := judgeAll(docs, masked, tagged, o.show)
	b.Figures = map[string]any{"documents": len(docs), "kinds": ours.kinds(), "sorts_recall": ours.sorts(), "traps_taken": ours.trapsTaken}

	text, err := load(o.input)
	if err != nil {
		return err
	}
	clean, found := split(text)
	b.Figures["text"] = map[string]any{"documents": len(text), "mb": megabytes(text), "hits": found.counts, "samples": found.samples}
	if len(clean) == 0 {
		return errors.New("the text has no document without hits")
	}
	if err := race(ctx, dir, o, b, docs, planted, clean); err != nil {
		return err
	}
	return errors.Join(ours.holds(), fast(b))
}

// fast holds the speed against the bar.
func fast(b *sim.Bar) error {
	if s, ok := b.Figures["mb_per_s"].(float64); !ok || s < leastSpeed {
		return fmt.Errorf("%v MB/s of text without hits, and not %d", b.Figures["mb_per_s"], leastSpeed)
	}
	return nil
}

// race times both on the same documents, in turns, and judges what datatrove makes of what was planted. Of the rounds the best one
// counts, on either side: what else runs on the machine only takes away, caches too.
func race(ctx context.Context, dir string, o options, b *sim.Bar, docs []piiplant.Document, planted, clean []string) error {
	part := clean
	for n, size := 0, 0; n < len(clean); n++ { // the peer does not need all of it to show its rate
		if size += len(clean[n]); size > 4e6 {
			part = clean[:n+1]
			break
		}
	}
	plantedFile, partFile, outFile := filepath.Join(dir, "planted.jsonl"), filepath.Join(dir, "clean.jsonl"), filepath.Join(dir, "masked.jsonl")
	if err := errors.Join(write(plantedFile, planted), write(partFile, part)); err != nil {
		return err
	}
	var whole, same, peer []float64
	for range rounds {
		s, err := rate(clean)
		if err != nil {
			return err
		}
		whole = append(whole, s)
		if s, err = rate(part); err != nil {
			return err
		}
		same = append(same, s)
		if o.python == "" {
			continue
		}
		if s, err = datatrove(ctx, o.python, partFile, ""); err != nil {
			return err
		}
		peer = append(peer, s)
	}
	b.Figures["mb_per_s"], b.Figures["mb_per_s_rounds"], b.Figures["mb_without_hits"] = slices.Max(whole), whole, megabytes(clean)
	if o.python == "" {
		return nil
	}
	if _, err := datatrove(ctx, o.python, plantedFile, outFile); err != nil {
		return err
	}
	masked, err := readTexts(outFile)
	if err != nil {
		return err
	}
	if len(masked) != len(docs) {
		return fmt.Errorf("datatrove gave %d documents back, of %d", len(masked), len(docs))
	}
	theirs := judgeAll(docs, masked, changed, 0)
	b.Beside["datatrove"] = map[string]any{"mb_per_s": slices.Max(peer), "mb_per_s_rounds": peer, "mb": megabytes(part), "kinds": theirs.kinds("email", "ipv4"), "traps_taken": theirs.trapsTaken}
	b.Figures["mb_per_s_same_documents"], b.Figures["times_datatrove"] = slices.Max(same), slices.Max(same)/slices.Max(peer)
	return nil
}

// rate masks all texts for a while and gives megabytes a CPU second.
func rate(texts []string) (float64, error) {
	const least = 0.4 // seconds
	began := sim.CPU()
	for passes := 1.0; ; passes++ {
		for _, t := range texts {
			if _, _, n := pii.Mask(t, nil); n.Any() {
				return 0, errors.New("a text without hits has one now")
			}
		}
		if used := sim.CPU() - began; used >= least {
			return passes * megabytes(texts) / used, nil
		}
	}
}

// datatrove runs the peer over a file and gives its megabytes a CPU second.
func datatrove(ctx context.Context, python, in, out string) (float64, error) {
	cmd := exec.CommandContext(ctx, python, "race/pii.py", in, out)
	cmd.Stderr = os.Stderr
	line, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("race/pii.py: %w", err)
	}
	var said struct {
		MB  float64 `json:"mb"`
		CPU float64 `json:"cpu_s"`
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return 0, fmt.Errorf("race/pii.py said %q: %w", line, err)
	}
	return said.MB / said.CPU, nil
}

func megabytes(texts []string) float64 {
	n := 0
	for _, t := range texts {
		n += len(t)
	}
	return float64(n) / 1e6
}

// write writes JSONL with a field text.
func write(name string, texts []string) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for i, t := range texts {
		if err := e.Encode(map[string]string{"id": strconv.Itoa(i), "text": t}); err != nil {
			return err
		}
	}
	return w.Flush()
}
