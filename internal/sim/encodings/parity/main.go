// Command parity encodes held-out texts in 32 pairs of a language and an encoding, lets the detector read them, beside
// chardet and charset-normalizer, and counts the texts that come out as they were. What goes out is a bar (one JSON
// line), and exit code 0 only if it holds.
//
//	parity -python VENV/bin/python
//	parity -python … -input DIR     DIR/LANG.txt, a paragraph a line, instead of texts from packages
//	parity ours FILE PASSES         reads the samples of a file; what the command starts beside the peers
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"

	"millrace/clean/charset"
	"millrace/internal/sim"
	"millrace/internal/sim/encodings"
)

// least is the share of exact decodes that the bar wants, at each length.
const least = 0.97

// options are the command's flags.
type options struct {
	seed   uint64
	python string
	input  string
	each   int
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "ours" {
		if err := ours(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, "parity ours:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "which samples are cut")
	flag.StringVar(&o.python, "python", "", "a Python that has the peers")
	flag.StringVar(&o.input, "input", "", "a folder of texts")
	flag.IntVar(&o.each, "each", 30, "samples of each length for each pair")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("parity-charset", func(dir string, b *sim.Bar) error { return prove(ctx, o, dir, b) }))
}

func prove(ctx context.Context, o options, dir string, b *sim.Bar) error {
	paragraphs, err := held(ctx, o.input)
	if err != nil {
		return err
	}
	counted, err := lap(ctx, o, filepath.Join(dir, "bar"), paragraphs, encodings.Pairs(), 2)
	if err != nil {
		return err
	}
	more, err := lap(ctx, o, filepath.Join(dir, "more"), paragraphs, encodings.MorePairs(), 1)
	if err != nil {
		return err
	}
	b.Figures["pairs"], b.Figures["samples"] = counted.pairs, counted.samples
	b.Figures["exact"], b.Figures["worst"] = counted.exact["ours"], counted.worst
	b.Figures["mb_per_cpu_second"] = counted.rate
	b.Beside["chardet"], b.Beside["charset_normalizer"] = counted.exact["chardet"], counted.exact["normalizer"]
	b.Beside["versions"] = counted.versions
	b.Beside["more_pairs"] = map[string]any{"pairs": more.pairs, "ours": more.exact["ours"], "chardet": more.exact["chardet"],
		"charset_normalizer": more.exact["normalizer"], "worst": more.worst}
	for _, n := range encodings.Lengths() {
		if got := counted.exact["ours"][fmt.Sprint(n)]; got < least {
			return fmt.Errorf("%.3f of the samples of %d characters are read right, not %.2f", got, n, least)
		}
	}
	return nil
}

// held gives the texts that nothing was trained on, or those of a folder.
func held(ctx context.Context, dir string) (map[string][]string, error) {
	if dir == "" {
		split, err := encodings.Texts(ctx)
		return split.Test, err
	}
	out := map[string][]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		lang := strings.TrimSuffix(filepath.Base(name), ".txt")
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" {
				out[lang] = append(out[lang], line)
			}
		}
	}
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s has no file LANG.txt", dir)
	}
	return out, err
}

// encode cuts samples, lets Python encode them, and writes a file for each length.
func encode(ctx context.Context, o options, dir string, paragraphs map[string][]string, pairs []encodings.Pair) (map[int][]encodings.Sample, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(o.seed, 0))
	var all []encodings.Sample
	for _, p := range pairs {
		if len(paragraphs[p.Lang]) > 0 {
			all = append(all, encodings.Samples(random, p, paragraphs[p.Lang], 2*o.each)...)
		}
	}
	plain, coded := filepath.Join(dir, "plain.jsonl"), filepath.Join(dir, "coded.jsonl")
	if err := write(plain, all); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, o.python, "race/charset.py", "encode", plain, coded).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("encode: %w: %s", err, out)
	}
	all, err := read(coded)
	if err != nil {
		return nil, err
	}
	by, seen := map[int][]encodings.Sample{}, map[encodings.Pair]map[int]int{}
	for _, s := range all {
		if seen[s.Pair] == nil {
			seen[s.Pair] = map[int]int{}
		}
		if seen[s.Pair][s.Length]++; seen[s.Pair][s.Length] <= o.each {
			by[s.Length] = append(by[s.Length], s)
		}
	}
	for length, list := range by {
		if err := write(fileOf(dir, length), list); err != nil {
			return nil, err
		}
	}
	return by, nil
}

func fileOf(dir string, length int) string {
	return filepath.Join(dir, fmt.Sprintf("%d.jsonl", length))
}

// answer is what a detector says of a file of samples.
type answer struct {
	Right   []bool  `json:"right"`
	CPU     float64 `json:"cpu"`
	Version string  `json:"version"`
}

// ask lets one detector read a file, in a process of its own.
func ask(ctx context.Context, o options, who, file string) (answer, error) {
	if who != "ours" {
		a, _, err := start(exec.CommandContext(ctx, o.python, "race/charset.py", who, file))
		return a, err
	}
	self, err := os.Executable()
	if err != nil {
		return answer{}, err
	}
	// The system counts a process's CPU time. What ten passes take more than one is the detector's.
	var used [2]float64
	var a answer
	for i, passes := range []string{"1", "11"} {
		if a, used[i], err = start(exec.CommandContext(ctx, self, "ours", file, passes)); err != nil {
			return a, err
		}
	}
	a.CPU = max((used[1]-used[0])/10, 1e-6)
	return a, nil
}

// start runs a command, and gives its answer and the CPU seconds that it took in all.
func start(cmd *exec.Cmd) (a answer, cpu float64, err error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return a, 0, fmt.Errorf("%v: %w: %s", cmd.Args, err, stderr.Bytes())
	}
	return a, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), json.Unmarshal(out, &a)
}

// ours reads the samples of a file, as often as is asked.
func ours(file, passes string) error {
	n, err := strconv.Atoi(passes)
	if err != nil {
		return err
	}
	samples, err := read(file)
	if err != nil {
		return err
	}
	a := answer{Version: "millrace", Right: make([]bool, len(samples))}
	for range n {
		for i, s := range samples {
			a.Right[i] = charset.Decode(s.Bytes, "", true).Text == s.Text
		}
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

func write(file string, samples []encodings.Sample) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, s := range samples {
		if err := enc.Encode(s); err != nil {
			return err
		}
	}
	return w.Flush()
}

func read(file string) (list []encodings.Sample, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var s encodings.Sample
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
}
