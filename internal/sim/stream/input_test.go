package stream

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
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
