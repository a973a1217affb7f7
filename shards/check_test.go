package shards

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"millrace"
)

func TestCheckFindsNothing(t *testing.T) {
	dir, docs := testCorpus(t, 200)
	r, err := Check(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK || len(r.Problems) > 0 {
		t.Fatalf("problems in a sound corpus: %+v", r.Problems)
	}
	if r.Rows+r.Rejects != int64(len(docs)) {
		t.Fatalf("%d rows and %d rejects of %d documents", r.Rows, r.Rejects, len(docs))
	}
}

// TestCheckFinds breaks a sound corpus in each way that the ledger must show.
func TestCheckFinds(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string // part of one problem, "FILE: WHAT"
	}{
		{"flipped bit", func(t *testing.T, dir string) {
			edit(t, first(t, dir, "data/part-*"), func(b []byte) []byte { b[len(b)/3] ^= 4; return b })
		}, "parquet: its SHA-256 is"},
		{"missing file", func(t *testing.T, dir string) { os.Remove(first(t, dir, "rejects/part-*")) }, "parquet: the file is missing"},
		{"cut file", func(t *testing.T, dir string) {
			edit(t, first(t, dir, "data/part-*"), func(b []byte) []byte { return b[:len(b)-1] })
		}, "bytes, the commit log says"},
		{"edited tally", func(t *testing.T, dir string) {
			edit(t, entryPath(dir, 1), func(b []byte) []byte { return bytes.Replace(b, []byte(`"in":`), []byte(`"in":1`), 1) })
		}, "the ledger says in 1"},
		{"edited recipe of an old entry", func(t *testing.T, dir string) {
			edit(t, entryPath(dir, 0), func(b []byte) []byte {
				return bytes.Replace(b, []byte("recipe: default"), []byte("recipe: another"), 1)
			})
		}, "does not continue the entry before"},
		{"missing entry", func(t *testing.T, dir string) { os.Remove(entryPath(dir, 1)) }, entryName(1) + ": the file is missing"},
		{"entry of another engine", func(t *testing.T, dir string) {
			next := entryPath(dir, openTable(t, dir).Version()+1)
			line := `{"commitInfo":{"timestamp":1,"operation":"OPTIMIZE","engineInfo":"Apache-Spark/3.5"}}`
			if err := os.WriteFile(next, []byte(line), 0o644); err != nil {
				t.Fatal(err)
			}
		}, `was not written by millrace (operation "OPTIMIZE")`},
		{"lost row", func(t *testing.T, dir string) {
			forge(t, dir, func(docs []*millrace.Document) []*millrace.Document { return append(docs[:5], docs[6:]...) })
		}, "parquet: offsets 5 to 5 are in no row and no gap"},
		{"swapped verdict", func(t *testing.T, dir string) {
			forge(t, dir, func(docs []*millrace.Document) []*millrace.Document {
				for _, d := range docs {
					if d.Verdict.Reason == millrace.QualityWordCount {
						d.Verdict.Reason = millrace.QualityAlpha
						break
					}
				}
				return docs
			})
		}, "the ledger says"},
		{"changed evidence", func(t *testing.T, dir string) {
			forge(t, dir, func(docs []*millrace.Document) []*millrace.Document {
				for _, d := range docs {
					if d.Verdict.Signal == "words" {
						d.Verdict.Limit++
						break
					}
				}
				return docs
			})
		}, "the Merkle root of the rows"},
		{"twin that was never kept", func(t *testing.T, dir string) {
			forge(t, dir, func(docs []*millrace.Document) []*millrace.Document {
				for _, d := range docs {
					if d.Verdict.Reason == millrace.DupNear {
						d.Verdict.Of = millrace.ID{1}
					}
				}
				return docs
			})
		}, "is no kept row before it"},
		{"a row that is not counted as moved", func(t *testing.T, dir string) {
			edit(t, entryPath(dir, 1), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"merkle_root"`), []byte(`"hidden":[{"reason":"superseded","offsets":[1],"of":[""]}],"merkle_root"`), 1)
			})
		}, "the ledger says that it took out map[]"},
		{"a rejected row that is taken out", func(t *testing.T, dir string) {
			edit(t, entryPath(dir, openTable(t, dir).Version()), func(b []byte) []byte {
				b = bytes.Replace(b, []byte(`"stages":`), []byte(`"moved":{"superseded":1},"stages":`), 1)
				return bytes.Replace(b, []byte(`"merkle_root"`), []byte(`"hidden":[{"reason":"superseded","offsets":[3],"of":[""]}],"merkle_root"`), 1)
			})
		}, "the row at offset 3 was taken out, and is not there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := testCorpus(t, 100)
			tt.spoil(t, dir)
			r, err := Check(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if r.OK {
				t.Fatal("check says that all is well")
			}
			for _, p := range r.Problems {
				if strings.Contains(p.File+": "+p.What, tt.want) {
					return
				}
			}
			t.Fatalf("no problem says %q: %+v", tt.want, r.Problems)
		})
	}
}

// forge replaces the first commit by one over other rows whose hashes all fit, but which keeps the ledger,
// the Merkle root and the extent of the true one: what is left to see is the rows themselves.
func forge(t *testing.T, dir string, change func([]*millrace.Document) []*millrace.Document) {
	t.Helper()
	e := openTable(t, dir).Entries()[0]
	docs := testDocs(1, int(e.To))
	other := t.TempDir()
	o := testOptions(other)
	o.TargetBytes = 1 << 40
	if err := fill(context.Background(), openTest(t, o), change(docs), 1000); err != nil {
		t.Fatal(err)
	}
	f := openTable(t, other).Entries()[0]
	for _, sub := range []string{"data", "rejects"} {
		names, _ := filepath.Glob(filepath.Join(other, sub, "part-*"))
		for _, n := range names {
			if err := os.Rename(n, filepath.Join(dir, sub, filepath.Base(n))); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.Files, e.Rejects = f.Files, f.Rejects
	raw, err := e.encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entryPath(dir, 0), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func openTable(t *testing.T, dir string) *Table {
	t.Helper()
	tab, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func first(t *testing.T, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return names[0]
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = change(b)
	if filepath.Base(filepath.Dir(path)) == "_delta_log" { // by somebody who knows about the checksum
		b = sealEntry(ownChecksum.ReplaceAll(b, checksumField(noChecksum)))
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

var ownChecksum = regexp.MustCompile(`"checksum":"[0-9a-f]{64}"`)

// TestEntryChecksum flips each bit of the newest entry, which has none behind it. Only the name of the checksum itself can
// go unseen, for then nothing else has changed.
func TestEntryChecksum(t *testing.T) {
	dir, _ := testCorpus(t, 20)
	version := openTable(t, dir).Version()
	raw, err := os.ReadFile(entryPath(dir, version))
	if err != nil {
		t.Fatal(err)
	}
	name := bytes.Index(raw, []byte(`"checksum":"`))
	if name < 0 {
		t.Fatalf("no checksum in %s", raw)
	}
	for bit := range 8 * len(raw) {
		b := bytes.Clone(raw)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeEntry(version, b); err == nil && (bit/8 <= name || bit/8 > name+len("checksum")) {
			t.Errorf("bit %d of byte %d (%.30q) changes nothing", bit%8, bit/8, b[max(0, bit/8-10):])
		}
	}
	if _, err := decodeEntry(version, ownChecksum.ReplaceAll(raw, []byte(`"old":1`))); err != nil {
		t.Errorf("an entry of an older version: %v", err)
	}
}
