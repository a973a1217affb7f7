package shards

import (
	"math"
	"testing"

	"millrace"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRowsComeBack(t *testing.T) {
	dir, docs := testCorpus(t, 300)
	tab, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if tab.Version() < 2 {
		t.Fatalf("%d commits, want several", tab.Version()+1)
	}
	var got []*Row
	err = tab.Rows(t.Context(), Select{Kept: true, Rejects: true}, func(r *Row) error {
		got = append(got, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(docs) {
		t.Fatalf("%d rows of %d documents", len(got), len(docs))
	}
	for i, d := range docs {
		want := newRow(d, testSignals)
		for len(want.Signals) < len(testSignals) {
			want.Signals = append(want.Signals, float32(math.NaN()))
		}
		if want.Lang == "" {
			want.LangScore = 0 // null
		}
		if want.Kept() {
			want.Attempts = 0 // only rejects have the column
		}
		ignore := cmpopts.IgnoreFields(Row{}, "File", "Number")
		if diff := cmp.Diff(want, got[i], ignore, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("row %d (-written +read):\n%s", i, diff)
		}
	}
	if err := tab.Tally().Check(); err != nil {
		t.Error(err)
	}
	if got := tab.Checkpoint().Next[pos(0).Partition]; got != 300 {
		t.Errorf("Next = %d, want 300", got)
	}
	if got := tab.Checkpoint().Marks[millrace.Partition{Topic: "warc"}]; got != 299 {
		t.Errorf("mark = %d, want 299", got)
	}
}
