package cli

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"millrace"
	"millrace/internal/sim"
	"millrace/shards"
)

// mixedTexts writes files of every kind that a clean belt can meet: prose, copies, pages, lines that are none,
// and texts that are too long for a message.
func mixedTexts(t *testing.T, dir string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 3))
	words := strings.Fields("the of and to in that it was for on with as his they at be this have from by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after")
	prose := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s%d ", words[rng.IntN(len(words))], rng.IntN(50))
			if i%11 == 10 {
				fmt.Fprintf(&b, "%s. ", words[rng.IntN(len(words))])
			}
		}
		return strings.ReplaceAll(b.String(), "0", "")
	}
	var lines strings.Builder
	texts := []string{}
	for i := range 300 {
		text := prose(60 + rng.IntN(200))
		switch {
		case i%7 == 3:
			text = texts[rng.IntN(len(texts))] // a copy
		case i%29 == 28:
			text = "short"
		case i == 96:
			text = prose(200_000) // more than 1 MiB
		}
		texts = append(texts, text)
		fmt.Fprintf(&lines, "{\"id\": \"t%d\", \"text\": %q, \"mail\": \"a%d@example.org\"}\n", i, text+" someone@example.org", i)
		if i%50 == 49 {
			lines.WriteString("{broken\n")
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a.jsonl", lines.String())
	for i := range 150 {
		write(fmt.Sprintf("page-%03d.html", i), "<html><title>Page</title><body><p>"+prose(100)+"</p><pre>code</pre><p>"+prose(100)+"</p>")
	}
}

// command runs one command in this process.
func command(ctx context.Context, t *testing.T, args ...string) int {
	a := &App{Args: args, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: testWriter{t}}
	return a.Run(ctx)
}

// rowsOf reads a corpus in its order.
func rowsOf(t *testing.T, dir string) (all []*shards.Row) {
	t.Helper()
	tab, err := shards.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = tab.Rows(t.Context(), shards.Select{Kept: true, Rejects: true}, func(r *shards.Row) error {
		row := *r
		all = append(all, &row)
		return nil
	})
	if err == nil {
		err = sim.Check(t.Context(), dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPartsMakeTheSameRows: feeder, clean workers and mill apart make what a whole line makes. With one worker the
// rows stand in the same order; with three they meet in another, and so only what looks at one document is the same.
func TestPartsMakeTheSameRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	mixedTexts(t, in)
	pipeline := func(name string) string {
		file := filepath.Join(dir, name+".yaml")
		yaml := fmt.Sprintf("dir: %q\ningest: [{in: %q}]\nshards: {flush_every: 0}\n", filepath.Join(dir, name), in)
		if err := os.WriteFile(file, []byte(yaml), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	if exit := command(t.Context(), t, "run", pipeline("whole")); exit != DeadLetters {
		t.Fatalf("the whole line ended with exit %d", exit)
	}
	want := rowsOf(t, filepath.Join(dir, "whole"))
	for _, n := range []int{1, 3} {
		name := fmt.Sprintf("parts-%d", n)
		runParts(t, pipeline(name), n)
		got := rowsOf(t, filepath.Join(dir, name))
		if len(got) != len(want) || len(want) < 450 {
			t.Fatalf("%d workers: %d rows, want %d", n, len(got), len(want))
		}
		if n == 1 {
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.IgnoreFields(shards.Row{}, "Position", "File")); diff != "" {
				t.Errorf("one worker: %s", diff)
			}
			continue
		}
		sameButDuplicates(t, want, got)
		replayParts(t, pipeline(name), n, len(want))
	}
}

// runParts runs a mill with n workers of each kind to the end.
func runParts(t *testing.T, pipeline string, n int) {
	t.Helper()
	runPartsTo(t, pipeline, n, DeadLetters)
}

// runPartsTo wants the mill to end with an exit code.
func runPartsTo(t *testing.T, pipeline string, n, exit int) {
	t.Helper()
	var g errgroup.Group
	part := func(exit int, args ...string) {
		g.Go(func() error {
			if got := command(t.Context(), t, append([]string{"run", pipeline}, args...)...); got != exit {
				return fmt.Errorf("%v ended with exit %d", args, got)
			}
			return nil
		})
	}
	part(exit, "--belt", "mill")
	for i := range n {
		worker := fmt.Sprintf("%d/%d", i, n)
		part(Done, "--belt", "crawl", "--worker", worker)
		part(Done, "--belt", "clean", "--worker", worker)
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// replayParts sends the dead letters through again, twice: the second time they have been sent.
func replayParts(t *testing.T, pipeline string, n, rows int) {
	t.Helper()
	dir := strings.TrimSuffix(pipeline, ".yaml")
	failed := 0
	for _, r := range rowsOf(t, dir) {
		if r.Verdict.Failed() {
			failed++
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	mill := make(chan int, 1)
	go func() { mill <- command(ctx, t, "run", pipeline, "--belt", "mill") }() // it serves the log
	for range 2 {
		if exit := command(t.Context(), t, "replay", "--dir", dir); exit != Done {
			t.Errorf("replay ended with exit %d", exit)
		}
	}
	stop()
	<-mill
	runParts(t, pipeline, n)
	if got := len(rowsOf(t, dir)); got != rows+failed || failed == 0 {
		t.Errorf("%d rows after the replay of %d, want %d", got, failed, rows+failed)
	}
}

// sameButDuplicates compares rows whatever their order, but for which of two copies is the kept one.
func sameButDuplicates(t *testing.T, want, got []*shards.Row) {
	t.Helper()
	at := map[string]*shards.Row{}
	for _, r := range got {
		if at[r.ID] != nil {
			t.Errorf("%s stands twice", r.ID)
		}
		at[r.ID] = r
	}
	isDup := func(r millrace.Reason) bool { return strings.HasPrefix(string(r), "dup.") }
	kept := [2]int{}
	for _, w := range want {
		g := at[w.ID]
		switch {
		case g == nil:
			t.Errorf("%s is missing", w.ID)
			continue
		case w.Text != g.Text || w.Title != g.Title || w.Meta != g.Meta || w.Lang != g.Lang || !cmp.Equal(w.Edits, g.Edits) ||
			!cmp.Equal(w.Signals, g.Signals, cmpopts.EquateNaNs()) || !cmp.Equal(w.Keys, g.Keys):
			t.Errorf("%s differs", w.ID)
		case w.Verdict.Reason != g.Verdict.Reason && (!w.Kept() && !isDup(w.Verdict.Reason) || !g.Kept() && !isDup(g.Verdict.Reason)):
			t.Errorf("%s: %s here, %s there", w.ID, w.Verdict.Reason, g.Verdict.Reason)
		}
		for i, r := range []*shards.Row{w, g} {
			if r.Kept() {
				kept[i]++
			}
		}
	}
	if kept[0] != kept[1] || kept[0] < 80 {
		t.Errorf("%d rows kept here, %d there", kept[0], kept[1])
	}
}
