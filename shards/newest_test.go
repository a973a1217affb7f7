package shards

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millrace"
)

// The newest entry is found without the others, whatever their number; and a table that knows what another knows is
// what one is that has read it all.
func TestNewestEntry(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(dir)
	s, docs := openTest(t, o), testDocs(3, 20)
	known := s.Table().Another()
	for n := range docs {
		e, err := NewestEntry(dir)
		if err != nil || n == 0 && e != nil || n > 0 && (e == nil || e.Version != int64(n-1) || !cmp.Equal(e.Checkpoint, openTable(t, dir).Checkpoint())) {
			t.Fatalf("%d entries: %+v, %v", n, e, err)
		}
		if err := s.Write(t.Context(), docs[n:n+1]); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(t.Context(), millrace.Position{}); err != nil {
			t.Fatal(err)
		}
	}
	if known.Version() != -1 {
		t.Error("a table has learnt what only the other one was told")
	}
	another := s.Table().Another()
	for _, x := range []*Table{known, another} {
		if err := x.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(x.Tally(), x.Checkpoint()), fmt.Sprint(s.Table().Tally(), s.Table().Checkpoint()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Another table keeps the entries of the first, and both take the same rows out of the corpus.
func TestAnotherShares(t *testing.T) {
	s := openTest(t, visitOptions(t.TempDir()))
	another := s.Table().Another()
	hid := 0
	for docs := testVisits(3, 60, 9); len(docs) > 0; docs = docs[5:] {
		if err := fill(t.Context(), s, docs[:5], 5); err != nil {
			t.Fatal(err)
		}
		if err := another.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for v, e := range s.Table().all() {
			if e.hid {
				hid++
			} else if another.all()[v] != e {
				t.Errorf("entry %d stands in memory twice", v)
			}
		}
	}
	if diff := cmp.Diff(s.Table().now, another.now, cmp.AllowUnexported(parts{}, File{}, hidden{})); diff != "" || hid == 0 {
		t.Errorf("%d entries hide rows: %s", hid, diff)
	}
}

// A lineage names the rows below an offset: commits that come later leave it as it is, what hides rows too, and another
// table with the same offsets has another.
func TestLineage(t *testing.T) {
	lineages := func(seed uint64) (all [][]string) {
		o := testOptions(t.TempDir())
		s := openTest(t, o)
		for i, docs := 0, testDocs(seed, 12); i < len(docs); i += 3 {
			if err := fill(t.Context(), s, docs[i:i+3], 3); err != nil {
				t.Fatal(err)
			}
			var list []string
			for offset := range int64(i + 3) {
				l, err := s.Table().Lineage(offset + 1)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, l)
			}
			all = append(all, list)
			if _, err := s.Table().Lineage(int64(i + 4)); err == nil {
				t.Error("an offset that is not committed has a lineage")
			}
		}
		if err := FromHere(t.Context(), nil, o.Dir, "r2", "two"); err != nil {
			t.Fatal(err)
		}
		table := openTable(t, o.Dir)
		if l, err := table.Lineage(12); err != nil || l != all[3][11] {
			t.Errorf("behind another recipe: %s, %v", l, err)
		}
		if err := Rebuild(t.Context(), nil, o.Dir, "r3", "three"); err != nil {
			t.Fatal(err)
		}
		if l, err := openTable(t, o.Dir).Lineage(12); err == nil {
			t.Errorf("behind a rebuild: %s", l)
		}
		return all
	}
	one, other := lineages(1), lineages(2)
	for i := range one {
		for k, l := range one[i] {
			if l != one[3][k] || l == other[i][k] || k > 0 && (l == one[i][k-1]) != (k%3 > 0) {
				t.Errorf("commit %d, offset %d: %s", i, k, l)
			}
		}
	}
}
