// Command mojibake holds clean/repair against ftfy, which is what undoes mojibake in Python: ftfy's own cases,
// generated strings, and clean texts, which both have to leave alone. What goes out is the classes of difference,
// a bar (one JSON line), and exit code 0 only if it holds.
//
// Read in this order: main.go, make.go, judge.go.
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
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"millrace/clean/repair"
	"millrace/internal/sim"
	"millrace/internal/sim/texts"
)

// What has to hold.
const (
	minCases     = 0.99
	minStrings   = 0.995
	minLanguages = 80
	minScan      = 500 // MB/s on clean text of one script
	minMixed     = 50  // MB/s where some lines are damaged
	rounds       = 3
)

type options struct {
	seed                  uint64
	count                 int
	input, python, script string
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the generated strings")
	flag.IntVar(&o.count, "count", 20000, "generated strings")
	flag.StringVar(&o.input, "input", "", "a file or folder whose lines stand for the generated strings")
	flag.StringVar(&o.python, "python", "", "a Python that has ftfy")
	flag.StringVar(&o.script, "script", "race/mojibake.py", "its program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("parity-ftfy", func(dir string, b *sim.Bar) error { return prove(ctx, o, dir, b) }))
}

func prove(ctx context.Context, o options, dir string, b *sim.Bar) error {
	p := peer{ctx, o.python, o.script, dir}
	list, err := texts.Load(ctx, texts.UDHR)
	if err != nil {
		return err
	}
	all := samples(list)
	damage := generate(all, o.count, o.seed)
	if o.input != "" {
		if damage, err = lines(o.input); err != nil {
			return err
		}
	}
	return errors.Join(
		proveCases(p, b),
		proveStrings(p, b, damage),
		proveClean(p, b, list, len(all)),
		proveSpeed(p, b, list, damage),
	)
}

// proveCases asks both for ftfy's own cases, which it brings along.
func proveCases(p peer, b *sim.Bar) error {
	cases, err := p.cases()
	if err != nil {
		return err
	}
	same, written, ftfy, skipped := 0, 0, 0, 0
	for _, c := range cases {
		if c.Surrogates { // no text that a Go program can be given
			skipped++
			continue
		}
		got := repair.Encoding(c.Original)
		if got == c.Expected {
			written++
		}
		if c.Got == c.Expected {
			ftfy++
		}
		if got == c.Got {
			same++
			continue
		}
		fmt.Printf("case %+q\n  gives %+q\n  ftfy  %+q\n", c.Original, got, c.Got)
	}
	n := len(cases) - skipped
	b.Figures["cases"], b.Figures["cases_as_ftfy"], b.Figures["cases_as_written"] = n, same, written
	b.Beside["ftfy_cases_as_written"], b.Figures["cases_left_out"] = ftfy, skipped
	if n < 100 || float64(same) < minCases*float64(n) || float64(written) < minCases*float64(ftfy) {
		return fmt.Errorf("%d of %d cases are as ftfy mends them, %d as they are written", same, n, written)
	}
	return nil
}

func proveStrings(p peer, b *sim.Bar, list []damaged) error {
	want, _, err := p.fix("strings", list)
	if err != nil {
		return err
	}
	var d differences
	changed := 0
	for i, s := range list {
		d.compare(s, repair.Encoding(s.text), want[i])
		if want[i] != s.text {
			changed++
		}
	}
	d.print(os.Stdout)
	same := len(list) - d.count
	b.Figures["strings"], b.Figures["strings_as_ftfy"], b.Figures["differences"] = len(list), same, d.byClass()
	b.Beside["ftfy_strings_mended"] = changed
	if len(list) == 0 || float64(same) < minStrings*float64(len(list)) {
		return fmt.Errorf("%d of %d strings are as ftfy mends them", same, len(list))
	}
	return nil
}

// proveClean wants no paragraph of any language to be changed. Those that hold control characters are not clean:
// they are Windows-1252 that somebody read as Latin-1.
func proveClean(p peer, b *sim.Bar, list []texts.Text, languages int) error {
	var clean []damaged
	dirty := 0
	for _, t := range list {
		for _, s := range t.Paragraphs {
			if strings.ContainsFunc(s, unicode.IsControl) {
				dirty++
				continue
			}
			clean = append(clean, damaged{s, "clean", t.Lang})
		}
	}
	want, _, err := p.fix("clean", clean)
	if err != nil {
		return err
	}
	changed, ftfy, other := 0, 0, 0
	for i, s := range clean {
		if want[i] != s.text {
			ftfy++
		}
		got, what := repair.Encoding(s.text), "by mojibake"
		if got != s.text {
			changed++
		} else if got, _, _ = repair.Text(s.text, nil); got != s.text {
			other++
			what = "by characters"
		}
		if got != s.text && changed+other <= 20 {
			fmt.Printf("clean text in %s is changed %s: %+q\n  becomes %+q\n", s.lang, what, cut(s.text, got), cut(got, s.text))
		}
	}
	b.Figures["languages"], b.Figures["paragraphs"], b.Figures["paragraphs_left_out"] = languages, len(clean), dirty
	b.Figures["clean_changed"], b.Figures["clean_changed_by_characters"], b.Beside["ftfy_clean_changed"] = changed, other, ftfy
	if languages < minLanguages || changed > 0 {
		return fmt.Errorf("%d of %d clean paragraphs in %d languages were changed", changed, len(clean), languages)
	}
	return nil
}

// peer runs ftfy in its own process.
type peer struct {
	ctx                 context.Context
	python, script, dir string
}

// aCase is one of ftfy's own.
type aCase struct {
	Label      string `json:"label"`
	Original   string `json:"original"`
	Expected   string `json:"expected"` // what the case says
	Got        string `json:"got"`      // what ftfy makes of it
	Surrogates bool   `json:"surrogates"`
}

func (p peer) cases() ([]aCase, error) {
	out := filepath.Join(p.dir, "cases.jsonl")
	if _, err := p.run("cases", out); err != nil {
		return nil, err
	}
	return readLines[aCase](out)
}

// fix asks ftfy to mend strings, and gives the seconds of a processor that it took.
func (p peer) fix(name string, list []damaged) (mended []string, seconds float64, err error) {
	in, out := filepath.Join(p.dir, name+".in.jsonl"), filepath.Join(p.dir, name+".out.jsonl")
	f, err := os.Create(in)
	if err != nil {
		return nil, 0, err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, s := range list {
		err = errors.Join(err, enc.Encode(s.text))
	}
	if err := errors.Join(err, w.Flush(), f.Close()); err != nil {
		return nil, 0, err
	}
	printed, err := p.run("fix", in, out)
	if err != nil {
		return nil, 0, err
	}
	var used struct{ CPU float64 }
	if err := json.Unmarshal(printed, &used); err != nil {
		return nil, 0, fmt.Errorf("read what %s printed: %w", p.script, err)
	}
	if mended, err = readLines[string](out); err == nil && len(mended) != len(list) {
		err = fmt.Errorf("%d strings came back for %d", len(mended), len(list))
	}
	return mended, used.CPU, err
}

func (p peer) run(args ...string) ([]byte, error) {
	if p.python == "" {
		return nil, errors.New("no Python with ftfy. Try: make parity-ftfy")
	}
	cmd := exec.CommandContext(p.ctx, p.python, slices.Insert(args, 0, p.script)...)
	var fault bytes.Buffer
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", p.script, args[0], err, fault.Bytes())
	}
	return out, nil
}

// readLines reads a file of JSON values.
func readLines[T any](name string) (list []T, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var v T
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		list = append(list, v)
	}
}
