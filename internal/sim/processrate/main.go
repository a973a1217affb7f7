// Command processrate measures how fast a filter in Python decides: the one that `millrace clean new-stage --python` writes,
// in two copies, over documents of 2 KB, as a user runs it: from lines in a file to lines in a file. Beside it is the same
// filter without millrace: a plain loop in Python over the same lines, in two processes, that writes verdicts and nothing else. Both have to
// keep the same documents. What goes out is a bar (one JSON line), and exit code 0 only if it holds.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"millrace/internal/sim"
)

// The bar.
const (
	leastRate = 15_000 // documents a second
	copies    = 2
	size      = 2000 // bytes of a document's text
)

const recipe = "steps:\n  - {step: process, name: shouting, run: [python3, shouting.py]}\n"

// plain is the filter without millrace.
const plain = `import json, subprocess, sys
import shouting
if len(sys.argv) == 3:
    with open(sys.argv[1], "rb") as lines, open(sys.argv[2], "w") as verdicts:
        for line in lines:
            print(json.dumps(shouting.judge(json.loads(line))), file=verdicts)
else:
    both = [subprocess.Popen([sys.executable, __file__, f"in/{i}.jsonl", f"{i}.verdicts"]) for i in range(2)]
    sys.exit(max(p.wait() for p in both))
`

// options are the command's flags.
type options struct {
	seed      uint64
	documents int
	rounds    int
	input     string
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "of the documents")
	flag.IntVar(&o.documents, "documents", 60_000, "how many are made")
	flag.IntVar(&o.rounds, "rounds", 3, "of both, by turns; the best one counts")
	flag.StringVar(&o.input, "input", "", "JSON lines with text, instead of documents that are made")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("bench-process", func(dir string, b *sim.Bar) error { return prove(ctx, dir, o, b) }))
}

func prove(ctx context.Context, dir string, o options, b *sim.Bar) error {
	bin, err := sim.Build(ctx, dir)
	if err != nil {
		return err
	}
	write := bin.Program(ctx, "clean", "new-stage", "--python", "shouting")
	write.Dir = dir
	if out, err := write.CombinedOutput(); err != nil {
		return fmt.Errorf("write the filter: %w\n%s", err, out)
	}
	n, err := input(o, dir)
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(dir, "loud.yaml"), []byte(recipe), 0o644), os.WriteFile(filepath.Join(dir, "plain.py"), []byte(plain), 0o644))
	}
	if err != nil {
		return err
	}
	var ours, loop []sim.Spent
	for range o.rounds {
		cmd := bin.Program(ctx, "clean", "--in", "in", "--recipe", "loud.yaml", "--workers", strconv.Itoa(copies), "--quiet", "--out", "out")
		for _, t := range []struct {
			cmd *exec.Cmd
			to  *[]sim.Spent
		}{{cmd, &ours}, {exec.CommandContext(ctx, "python3", "plain.py"), &loop}} {
			t.cmd.Dir = dir
			spent, err := sim.Measure(t.cmd)
			if err != nil {
				return fmt.Errorf("%s: %w", strings.Join(t.cmd.Args, " "), err)
			}
			*t.to = append(*t.to, spent)
		}
	}
	kept, err := same(dir, n)
	if err != nil {
		return err
	}
	wall := func(s sim.Spent) float64 { return s.Wall }
	cpu := func(s sim.Spent) float64 { return 1e6 * s.CPU / float64(n) }
	rate := float64(n) / best(ours, wall)
	b.Figures = map[string]any{"documents": n, "kept": kept, "documents_per_s": rate, "cpu_us_a_document": best(ours, cpu), "rounds": ours}
	b.Beside["plain loop"] = map[string]any{"documents_per_s": float64(n) / best(loop, wall), "cpu_us_a_document": best(loop, cpu), "rounds": loop}
	if rate < leastRate {
		return fmt.Errorf("%.0f documents a second, and not %d", rate, leastRate)
	}
	return nil
}

// best is the lowest of the rounds: what else runs on the machine only takes away.
func best(list []sim.Spent, of func(sim.Spent) float64) float64 {
	return of(slices.MinFunc(list, func(a, b sim.Spent) int {
		if of(a) < of(b) {
			return -1
		}
		return 1
	}))
}

// input writes two files of lines, in dir/in, and gives their number.
func input(o options, dir string) (n int, err error) {
	if err := os.Mkdir(filepath.Join(dir, "in"), 0o755); err != nil {
		return 0, err
	}
	var to [copies]*bufio.Writer
	for i := range to {
		f, ferr := os.Create(filepath.Join(dir, "in", fmt.Sprintf("%d.jsonl", i)))
		if ferr != nil {
			return 0, ferr
		}
		to[i] = bufio.NewWriter(f)
		defer func() { err = errors.Join(err, to[i].Flush(), f.Close()) }()
	}
	add := func(line []byte) error {
		n++
		_, err := to[n%copies].Write(append(line, '\n'))
		return err
	}
	if o.input == "" {
		rng := rand.New(rand.NewPCG(o.seed, 1))
		for i := range o.documents {
			line, err := json.Marshal(map[string]string{"id": strconv.Itoa(i), "url": fmt.Sprintf("https://mill.example/%d", i), "text": text(rng)})
			if err == nil {
				err = add(line)
			}
			if err != nil {
				return n, err
			}
		}
		return n, nil
	}
	f, err := os.Open(o.input)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var d struct {
			Text string `json:"text"`
		}
		if json.Unmarshal(lines.Bytes(), &d) != nil || d.Text == "" {
			continue
		}
		if err := add(bytes.Clone(lines.Bytes())); err != nil {
			return n, err
		}
	}
	if n == 0 && lines.Err() == nil {
		return 0, fmt.Errorf("%s holds no line with a text", o.input)
	}
	return n, lines.Err()
}

// text is prose of so many bytes, some of it loud.
func text(rng *rand.Rand) string {
	words := strings.Fields("the mill stands at the end of the lane where a brook comes down from the hills and in wet years its wheel turns from autumn to spring")
	loud := rng.IntN(8) == 0
	var b strings.Builder
	for b.Len() < size {
		w := words[rng.IntN(len(words))]
		if loud && rng.IntN(3) > 0 {
			w = strings.ToUpper(w)
		}
		b.WriteString(w)
		if rng.IntN(12) == 0 {
			b.WriteString(".\n")
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()[:size-1] + "."
}

// same holds what both made against each other, and gives how many documents were kept.
func same(dir string, n int) (kept int, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, "out", "summary.json"))
	if err != nil {
		return 0, err
	}
	var sum struct{ In, Kept, Dropped int }
	if err := json.Unmarshal(raw, &sum); err != nil {
		return 0, err
	}
	var no int
	for i := range copies {
		verdicts, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.verdicts", i)))
		if err != nil {
			return 0, err
		}
		kept += bytes.Count(verdicts, []byte(`"keep": true`))
		no += bytes.Count(verdicts, []byte(`"keep": false`))
	}
	if sum.In != n || sum.Kept != kept || sum.Dropped != no || kept+no != n {
		return 0, fmt.Errorf("of %d documents millrace has kept %d and dropped %d, and the loop %d and %d", n, sum.Kept, sum.Dropped, kept, no)
	}
	return kept, nil
}
