package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func (w *world) judge(t *testing.T, dir string) *report {
	t.Helper()
	r, err := judge(dir, []string{w.input}, 0.8)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestGood(t *testing.T) {
	w := goodWorld(t)
	r := w.judge(t, w.write(t))
	if !r.OK {
		t.Fatalf("faults in a good world: %v", r.Faults)
	}
	if r.Inputs != 7 || r.Rows != 2 || r.Rejects != 5 || r.Failed != 1 || r.Commits != 2 || r.Gaps != 2 || r.Orphans != 0 || len(r.Parts) != 4 {
		t.Errorf("the figures are wrong: %+v", r)
	}
}

// TestFaults plants one fault of each kind and wants it found, and nothing else.
func TestFaults(t *testing.T) {
	near := func(w *world) *madeRow { return &w.commits[0].rows[2] }
	tests := []struct {
		name  string
		wants []string
		plant func(w *world)
	}{
		{"an input without a row", []string{lost}, func(w *world) {
			c := w.commits[0]
			c.rows = slices.Delete(c.rows, 3, 4)
			c.gaps = append(c.gaps, gap{4, 5})
		}},
		{"an offset in no row", []string{lost}, func(w *world) { w.commits[0].gaps = nil }},
		{"a row at an offset that is a gap", []string{doubled}, func(w *world) { w.commits[0].gaps[0].From = 1 }},
		{"an input with two rows", []string{doubled, keptTwins, idTwice}, func(w *world) {
			c := w.commits[1]
			x := w.row(0, 8, textOf(1, 60), verdict{})
			c.rows, c.gaps = append(c.rows, x), nil
		}},
		{"an input with a kept row and a reject", []string{doubled}, func(w *world) {
			c := w.commits[1]
			x := w.row(0, 8, textOf(1, 60), verdict{reason: "dup.exact", stage: "dedup", of: "r-0"})
			c.rows, c.gaps = append(c.rows, x), nil
		}},
		{"a row of no input", []string{invented, lost}, func(w *world) {
			c := w.commits[1]
			c.rows[1].url += "0"
		}},
		{"an ID twice in data", []string{idTwice, content}, func(w *world) { w.commits[1].rows[0].mid = w.commits[0].rows[0].mid }},
		{"a row of other bytes", []string{content}, func(w *world) { w.commits[1].rows[0].sha = w.commits[0].rows[0].sha }},
		{"a row with the id of another", []string{content}, func(w *world) { w.commits[1].rows[1].id = "r-99" }},
		{"a broken line that is kept", []string{content}, func(w *world) { w.commits[0].rows[4].verdict = verdict{} }},
		{"a good line that is a dead letter", []string{content}, func(w *world) {
			w.commits[0].rows[3].verdict = verdict{reason: "failed.decode", stage: "decode"}
		}},
		{"a commit that begins too late", []string{chain, lost}, func(w *world) {
			w.commits[1].from = 5
			w.commits[1].edit = nil
			w.commits[0].to, w.commits[0].next = 6, 6
		}},
		{"a wrong checksum of the entry before", []string{checksum}, func(w *world) {
			w.commits[1].edit = func(i *commitInfo) { i.Previous = strings.Repeat("0", 64) }
		}},
		{"a wrong Merkle root", []string{checksum}, func(w *world) { w.commits[1].edit = func(i *commitInfo) { i.Root = strings.Repeat("0", 64) } }},
		{"a wrong checksum of a file", []string{checksum, lost, lost, tallies, checksum}, func(w *world) {
			w.commits[0].edit = func(i *commitInfo) { i.Rejects[0].SHA256 = strings.Repeat("0", 64) }
		}},
		{"a Position that goes down", []string{position, position}, func(w *world) { w.commits[1].next = 5 }},
		{"a mark that goes down", []string{position}, func(w *world) { w.commits[1].mark = 3 }},
		{"an entry of another operation", []string{chain}, func(w *world) { w.commits[1].edit = func(i *commitInfo) { i.Operation = "OPTIMIZE" } }},
		{"a file named by two entries", []string{fileTwice, doubled, doubled, tallies, checksum, idTwice, keptTwins}, func(w *world) {
			var of []any
			w.commits[0].files = func(f []any) []any { of = f; return f }
			w.commits[1].files = func(f []any) []any { return append(f, of...) }
		}},
		{"a file outside the corpus", []string{chain, lost, tallies, checksum, lost, twin}, func(w *world) {
			w.commits[1].files = func(f []any) []any { f[0].(action).Add.Path = "../../x.parquet"; return f }
		}},
		{"a wrong row count", []string{tallies}, func(w *world) {
			w.commits[1].files = func(f []any) []any { f[0].(action).Add.Stats = `{"numRecords":7}`; return f }
		}},
		{"a ledger that counts too many", []string{tallies}, func(w *world) { w.commits[1].edit = func(i *commitInfo) { i.Tally.In++ } }},
		{"a ledger with another reason", []string{tallies}, func(w *world) {
			w.commits[1].edit = func(i *commitInfo) { i.Tally.Stages[2].Reasons = map[string]int64{"dup.near": 1} }
		}},
		{"a copy of a row that is not there", []string{twin}, func(w *world) { w.commits[1].rows[1].of = "r-77" }},
		{"a copy of a row that was dropped", []string{twin}, func(w *world) { near(w).of = "r-1" }},
		{"a copy of another text", []string{twin}, func(w *world) { w.commits[1].rows[1].of = "r-0" }},
		{"a copy of what comes later", []string{twin, twin}, func(w *world) {
			c := w.commits[0]
			c.rows[0], c.rows[1] = w.row(0, 0, textOf(1, 60), verdict{reason: "dup.exact", stage: "dedup", of: "r-1"}), w.row(1, 1, textOf(1, 60), verdict{})
		}},
		{"a near-duplicate that is not near", []string{twin}, func(w *world) { near(w).text = textOf(3, 60) }},
		{"one text in two kept rows", []string{keptTwins}, func(w *world) { w.commits[1].rows[1].verdict = verdict{} }},
		{"a reject of an unknown kind", []string{twin}, func(w *world) { w.commits[1].rows[1].reason = "dup.same" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := goodWorld(t)
			tt.plant(w)
			r := w.judge(t, w.write(t))
			if r.OK || kinds(r) != joined(tt.wants) {
				t.Errorf("found %s, want %s: %v", kinds(r), joined(tt.wants), r.Faults)
			}
		})
	}
}

// kinds are those of the faults that were found, each once.
func kinds(r *report) string {
	var all []string
	for _, f := range r.Faults {
		all = append(all, f.Kind)
	}
	return joined(all)
}

func joined(kinds []string) string {
	set := map[string]bool{}
	for _, k := range kinds {
		set[k] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), " ")
}

// TestDamage breaks what lies on the disk.
func TestDamage(t *testing.T) {
	first := func(dir, sub string) string {
		all, _ := filepath.Glob(filepath.Join(dir, sub, "part-*"))
		return all[0]
	}
	tests := []struct {
		name   string
		want   string
		damage func(dir string) error
	}{
		{"a flipped bit in a file", checksum, func(dir string) error { return flip(first(dir, "data")) }},
		{"a flipped bit in a file of rejects", checksum, func(dir string) error { return flip(first(dir, "rejects")) }},
		{"a file that is not there", unreadable, func(dir string) error { return os.Remove(first(dir, "rejects")) }},
		{"a file that is cut", checksum, func(dir string) error { return os.Truncate(first(dir, "data"), 40) }},
		{"a blank more in an entry", checksum, func(dir string) error {
			f, err := os.OpenFile(filepath.Join(logFolder(dir), entryName(0)), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			f.WriteString("\n")
			return f.Close()
		}},
		{"a hole in the log", chain, func(dir string) error {
			return os.Rename(filepath.Join(logFolder(dir), entryName(1)), filepath.Join(logFolder(dir), entryName(2)))
		}},
		{"an entry that is no JSON", chain, func(dir string) error {
			return os.WriteFile(filepath.Join(logFolder(dir), entryName(1)), []byte(`{"commitInfo"`), 0o644)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := goodWorld(t)
			dir := w.write(t)
			if err := tt.damage(dir); err != nil {
				t.Fatal(err)
			}
			if r := w.judge(t, dir); r.OK || !strings.Contains(kinds(r), tt.want) {
				t.Errorf("found %s, want %s: %v", kinds(r), tt.want, r.Faults)
			}
		})
	}
}

func flip(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	return os.WriteFile(name, b, 0o644)
}

// TestDigests wants equal content where only offsets differ, and an orphan to be counted and nothing more.
func TestDigests(t *testing.T) {
	w := goodWorld(t)
	dir := w.write(t)
	a := w.judge(t, dir)
	c := w.commits[1] // one copy more was ignored before its rows
	c.gaps, c.to, c.next = []gap{{6, 7}, {9, 10}}, 10, 10
	for i := range c.rows {
		c.rows[i].offset++
	}
	b := w.judge(t, w.write(t))
	if !a.OK || !b.OK || a.Content != b.Content || a.IDs != b.IDs || a.Ordered == b.Ordered {
		t.Errorf("two corpora that differ by offsets only: %+v, %+v", a, b)
	}
	for i := range a.Parts {
		if a.Parts[i].Digest != b.Parts[i].Digest {
			t.Errorf("part %d differs", i)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "part-00000001-x.parquet"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := w.judge(t, dir); !r.OK || r.Orphans != 1 {
		t.Errorf("with an orphan: %+v", r)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"commitInfo":{"operation":"WRITE","from":0,"to":1}}` + "\n" + `{"add":{"path":"x","stats":"{\"numRecords\":1}","tags":{"first":"0","last":"0"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := readEntry(0, b); err == nil && e.info.Operation == "" && len(b) == 0 {
			t.Error("an empty entry passed")
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = eachRow(b, true, func(*row, string) error { return nil }) // it must not panic
	})
}
