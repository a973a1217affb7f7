package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSnapshotsOfALine runs a line over files of which the second is full of copies of the first. In between it has kept
// a snapshot of its duplicate index; with it, and where it is damaged, it makes the same rows.
func TestSnapshotsOfALine(t *testing.T) {
	const docs, copies = 1050, 100
	dir := t.TempDir()
	someTexts(t, dir, 2*docs) // of two files only the first is looked at
	config := filepath.Join(dir, "pipeline.yaml")
	text := fmt.Sprintf("ingest:\n  - {in: '%s', name: first}\n  - {in: '%s', name: copies}\nshards: {target_bytes: 300kB}\n",
		filepath.Join(dir, "texts-0.jsonl"), filepath.Join(dir, "copies*.jsonl"))
	first, err := os.ReadFile(filepath.Join(dir, "texts-0.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var again strings.Builder
	n := 0
	for line := range strings.Lines(string(first)) {
		if n++; n > copies {
			break
		}
		again.WriteString(strings.Replace(line, `"id":"`, `"id":"copy of `, 1))
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(config, text)
	write(filepath.Join(dir, "copies-0.jsonl"), "")
	corpus := filepath.Join(dir, "corpus")
	run := func(corpus string) {
		t.Helper()
		if exit, out := lineOf(t.Context(), nil, "run", config, "--dir", corpus); exit != Done {
			t.Fatalf("run: exit %d: %s", exit, out)
		}
	}
	run(corpus)
	snapshots, err := filepath.Glob(filepath.Join(corpus, "state", "dedup", "index-*.steps"))
	if err != nil || len(snapshots) != 1 {
		t.Fatalf("snapshots %v, %v", snapshots, err)
	}
	write(filepath.Join(dir, "copies-1.jsonl"), again.String())
	var want []string
	for _, how := range []string{"sound", "damaged"} {
		one := filepath.Join(dir, how)
		if err := os.CopyFS(one, os.DirFS(corpus)); err != nil {
			t.Fatal(err)
		}
		kept := filepath.Join(one, "state", "dedup", filepath.Base(snapshots[0]))
		if how == "damaged" {
			b, err := os.ReadFile(kept)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/3]++
			write(kept, string(b))
		}
		run(one)
		rows, _, err := tableOf(t.Context(), one)
		if want == nil {
			want = rows
		}
		same := 0
		for _, r := range rows[len(rows)-copies:] {
			if strings.Contains(r, "dup.exact") {
				same++
			}
		}
		if err != nil || len(rows) != docs+copies || !slices.Equal(rows, want) || same < copies/2 {
			t.Errorf("%s: %d rows, %d of the last %d are copies, %v", how, len(rows), same, copies, err)
		}
		if now, err := filepath.Glob(filepath.Join(filepath.Dir(kept), "index-"+strings.Repeat("0", 19)+"-*.steps")); err != nil || len(now) != 1 {
			t.Errorf("%s: snapshots %v, %v", how, now, err)
		}
	}
}
