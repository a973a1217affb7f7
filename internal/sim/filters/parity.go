package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"millrace/internal/sim"
	"millrace/internal/term"
)

// agreement is the share of documents on which each pack has to agree.
const agreement = 0.999

// dolmaPack is what race/dolma_tags.py speaks of.
const dolmaPack, dolmaRecipe = "gopher-dolma", "gopher@dolma-1.2"

// packs maps what race/filters.py calls a filter to the recipe that reproduces it.
func packs() map[string]string {
	m := map[string]string{}
	for _, name := range []string{"gopher-repetition", "gopher-quality", "c4", "c4-paper", "fineweb-quality"} {
		m[name] = name + "@datatrove-0.10"
	}
	m["chain"] = chainRecipe
	return m
}

const chainRecipe = "gopher-repetition@datatrove-0.10,gopher-quality@datatrove-0.10,c4@datatrove-0.10,fineweb-quality@datatrove-0.10"

// verdict is what one of the two says of a document.
type verdict struct {
	Reason string `json:"reason"` // "" where it is kept
	Text   string `json:"text"`   // SHA-256 of what is kept of it
}

// difference counts documents on which the two do not agree.
type difference struct {
	Pack   string `json:"pack"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
	Count  int    `json:"count"`
	ID     string `json:"first"` // an example
}

// parity compares verdict and text, document by document.
func parity(ctx context.Context, o options, dir string, b *sim.Bar) error {
	in, err := prepare(ctx, o, dir)
	if err != nil {
		return err
	}
	said := filepath.Join(dir, "verdicts.jsonl")
	cmd := exec.CommandContext(ctx, o.python, "race/filters.py", "verdicts", in.path, said)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("datatrove: %w\n%s", err, tail(out))
	}
	theirs, err := readTheirs(said, sorted(packs()))
	if err != nil {
		return err
	}
	shares := map[string]float64{}
	var all []difference
	var worst error
	against := func(pack, recipe string, theirs map[string]map[string]verdict) error {
		ours, err := judged(ctx, in.bin, in.path, filepath.Join(dir, pack), recipe)
		if err != nil {
			return err
		}
		same, differ := compare(pack, ours, theirs)
		shares[pack] = float64(same) / float64(in.n)
		all = append(all, differ...)
		if shares[pack] < agreement || len(ours) != in.n {
			worst = fmt.Errorf("%s agrees on %.4f of %d documents, want %.4f; %d came out", pack, shares[pack], in.n, agreement, len(ours))
		}
		return nil
	}
	for _, pack := range sorted(packs()) {
		if err := against(pack, packs()[pack], theirs); err != nil {
			return err
		}
	}
	if tags, err := dolmaTags(ctx, o, dir, in.path); err != nil {
		return err
	} else if tags != nil {
		if err := against(dolmaPack, dolmaRecipe, tags); err != nil {
			return err
		}
	}
	for _, d := range all {
		fmt.Fprintf(os.Stderr, "%-18s %4d × ours: %-40s datatrove: %-40s such as %s\n", d.Pack, d.Count, name(d.Ours), name(d.Theirs), term.Safe(d.ID))
	}
	b.Figures = map[string]any{"documents": in.n, "bytes": in.size, "agree": shares, "differences": all}
	b.Beside = map[string]any{"peers": "datatrove 0.10.0; dolma 1.2.1, where it installs", "kept": keptBy(theirs)}
	return worst
}

// dolmaTags asks dolma; nil where it is not installed.
func dolmaTags(ctx context.Context, o options, dir, docs string) (map[string]map[string]verdict, error) {
	if o.dolma == "" {
		fmt.Fprintln(os.Stderr, "dolma is not there: its pack was compared with nothing")
		return nil, nil
	}
	said := filepath.Join(dir, "dolma.jsonl")
	if out, err := exec.CommandContext(ctx, filepath.Join(o.dolma, "bin", "python"), "race/dolma_tags.py", docs, said).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("dolma: %w\n%s", err, tail(out))
	}
	return readTheirs(said, []string{dolmaPack})
}

func name(reason string) string { return cmp.Or(term.Safe(reason), "kept") }

// tail is the end of what a program said.
func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// readTheirs reads what the scripts wrote: by id, by filter.
func readTheirs(path string, filters []string) (map[string]map[string]verdict, error) {
	all := map[string]map[string]verdict{}
	err := eachLine(path, func(line []byte) error {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(line, &fields); err != nil {
			return err
		}
		var id string
		if err := json.Unmarshal(fields["id"], &id); err != nil {
			return err
		}
		of := map[string]verdict{}
		for _, pack := range filters {
			var v verdict
			if err := json.Unmarshal(fields[pack], &v); err != nil {
				return fmt.Errorf("%s of %s: %w", pack, id, err)
			}
			of[pack] = v
		}
		all[id] = of
		return nil
	})
	return all, err
}

func keptBy(all map[string]map[string]verdict) map[string]int {
	n := map[string]int{}
	for _, of := range all {
		for pack, v := range of {
			if v.Reason == "" {
				n[pack]++
			}
		}
	}
	return n
}

// judged runs the real program over the documents and reads what it says of each.
func judged(ctx context.Context, bin sim.Binary, docs, dir, recipe string) (map[string]verdict, error) {
	cmd := bin.Program(ctx, "clean", "--in", docs, "--recipe", recipe, "--quiet", "--out", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("millrace clean --recipe %s: %w\n%s", recipe, err, tail(out))
	}
	all := map[string]verdict{}
	for _, file := range []string{"kept.jsonl", "rejects.jsonl"} {
		err := eachLine(filepath.Join(dir, file), func(line []byte) error {
			var d struct {
				ID      string `json:"id"`
				Text    string `json:"text"`
				Verdict *struct{ Reason, Signal string }
			}
			if err := json.Unmarshal(line, &d); err != nil {
				return err
			}
			if v := d.Verdict; v != nil {
				all[d.ID] = verdict{Reason: strings.TrimSpace(v.Reason + " " + v.Signal)}
				return nil
			}
			sum := sha256.Sum256([]byte(d.Text))
			all[d.ID] = verdict{Text: hex.EncodeToString(sum[:])}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// compare counts the documents of which both say the same, and sorts the others by what is said.
func compare(pack string, ours map[string]verdict, theirs map[string]map[string]verdict) (same int, differ []difference) {
	for _, id := range sorted(theirs) {
		t, o := theirs[id][pack], ours[id]
		if (t.Reason == "") == (o.Reason == "") && (t.Text == o.Text || pack == dolmaPack) { // dolma changes no text
			same++
			continue
		}
		if t.Reason == "" && o.Reason == "" {
			o.Reason = "kept, another text"
		}
		i := slices.IndexFunc(differ, func(d difference) bool { return d.Ours == o.Reason && d.Theirs == t.Reason })
		if i < 0 {
			i = len(differ)
			differ = append(differ, difference{Pack: pack, Ours: o.Reason, Theirs: t.Reason, ID: id})
		}
		differ[i].Count++
	}
	return same, differ
}
