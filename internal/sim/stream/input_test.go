package stream

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestInput wants equal files of equal seeds, lines of at most 2 KB, and some of each kind.
func TestInput(t *testing.T) {
	const docs = 4000
	var made [3][]byte
	for i, seed := range []uint64{1, 1, 2} {
		names, err := WriteInput(t.TempDir(), docs, seed)
		if err != nil || len(names) != inputFiles {
			t.Fatalf("%d files, %v", len(names), err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			made[i] = append(made[i], b...)
		}
	}
	if !bytes.Equal(made[0], made[1]) || bytes.Equal(made[0], made[2]) {
		t.Error("files have to follow from the seed, and from nothing else")
	}
	lines, blank, broken, seen, copies := 0, 0, 0, map[string]bool{}, 0
	ids := []string{}
	for line := range bytes.Lines(made[0]) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			blank++
			continue
		}
		lines++
		if len(line) > 2048 {
			t.Errorf("a line of %d bytes", len(line))
		}
		var d struct{ ID, Text string }
		if json.Unmarshal(line, &d) != nil {
			broken++
			continue
		}
		ids = append(ids, d.ID)
		if seen[d.Text] {
			copies++
		}
		seen[d.Text] = true
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != docs-broken {
		t.Error("an id comes twice")
	}
	if lines != docs || blank == 0 || broken < docs/100 || broken > docs/20 || copies < docs/20 {
		t.Errorf("%d lines, %d blank, %d broken, %d copies", lines, blank, broken, copies)
	}
}

// TestShare finds how much of the input lies below a Position, and when the feeder is too far.
func TestShare(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for i, text := range []string{"a\nb\n\nc\n", "d\n", "e\nf\ng\n"} {
		names = append(names, filepath.Join(dir, strconv.Itoa(i)))
		if err := os.WriteFile(names[i], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w := &World{Dir: dir, Input: names}
	var err error
	if w.lines, err = countLines(names); err != nil || !slices.Equal(w.lines, []int64{4, 1, 3}) {
		t.Fatalf("%v lines, %v", w.lines, err)
	}
	for at, want := range map[int64]float64{0: 0, 2: 0.25, 1 << recordBits: 0.5, 2<<recordBits | 1: 0.75} {
		if got := w.share(at); got != want {
			t.Errorf("%d: %v, want %v", at, got, want)
		}
	}
	k := &killer{l: &line{w: w}, o: KillOptions{Kills: 99}}
	for kills, least := range map[int]float64{0: 0.01, 49: 0.43, 99: 0.86} {
		k.Kills.Kills = kills
		if k.fed = least; !k.ahead() {
			t.Errorf("after %d kills of 99, %v is not ahead", kills, least)
		}
		if k.fed = least - 0.02; k.ahead() {
			t.Errorf("after %d kills of 99, %v is ahead", kills, k.fed)
		}
	}
	part, err := w.Part("x", 3)
	if err != nil || len(part.Input) != 1 || len(part.lines) != 1 || part.Dir == w.Dir {
		t.Errorf("a third: %+v, %v", part, err)
	}
}

// TestWorn: once a writer remembers enough, hardly anything is new, and few documents are copies.
func TestWorn(t *testing.T) {
	w := newWriter(3)
	w.stale = true
	for len(w.texts) < remembered {
		w.document()
	}
	before := map[string]bool{}
	for _, text := range w.texts {
		before[text] = true
	}
	fresh, copied := 0, 0
	const n = 5000
	for range n {
		switch text := w.document(); {
		case before[text]:
			copied++
		case len(strings.Fields(text)) >= 50 && !strings.Contains(text, "#"):
			fresh++ // or nearly a copy
		}
	}
	if copied == 0 || copied > n/20 || fresh == 0 || fresh > n/20 {
		t.Errorf("of %d documents %d are copies, and %d new or nearly copies", n, copied, fresh)
	}
}
