package shards

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"millrace"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
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

// TestBatchesDoNotShow is law 2: the same documents give the same bytes, however they are handed over, and
// whatever the process has compressed before.
func TestBatchesDoNotShow(t *testing.T) {
	docs := testDocs(4, 250)
	var want map[string]string
	for _, batch := range []int{250, 1, 17, 64} {
		dir := t.TempDir()
		if err := fill(t.Context(), openTest(t, testOptions(dir)), docs, batch); err != nil {
			t.Fatal(err)
		}
		got := files(t, dir)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b string) bool { return a == b })); diff != "" {
			t.Fatalf("batches of %d differ", batch)
		}
	}
	if len(want) < 6 {
		t.Fatalf("only %d files", len(want))
	}
}

func TestFlush(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, testOptions(dir))
	flush := func(at millrace.Position, version, next int64) {
		t.Helper()
		if err := s.Flush(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		if v, n := s.Table().Version(), s.Table().Checkpoint().Next[pos(0).Partition]; v != version || n != next {
			t.Fatalf("entry %d, next %d; want %d and %d", v, n, version, next)
		}
	}
	flush(millrace.Position{}, -1, 0) // nothing to say
	docs := testDocs(1, 10)
	if err := s.Write(t.Context(), docs[:4]); err != nil {
		t.Fatal(err)
	}
	for _, d := range docs[4:] {
		d.Position.Offset += 3 // a mark at 4, and two that were ignored
	}
	flush(pos(4), 0, 5)
	flush(millrace.Position{}, 0, 5)
	if err := s.Write(t.Context(), docs[4:]); err != nil {
		t.Fatal(err)
	}
	flush(millrace.Position{}, 1, 13)
	flush(pos(13), 2, 14)
	r, err := Check(t.Context(), dir)
	if err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
	if e := s.Table().Entries()[1]; len(e.Gaps) != 1 || e.Gaps[0] != (Gap{5, 7}) {
		t.Errorf("gaps %v", e.Gaps)
	}
}

func TestOffsetsOnlyRise(t *testing.T) {
	s := openTest(t, testOptions(t.TempDir()))
	docs := testDocs(1, 3)
	if err := s.Write(t.Context(), []*millrace.Document{docs[1], docs[0]}); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("a falling offset: %v", err)
	}
	if err := s.Write(t.Context(), docs[2:]); err == nil {
		t.Fatal("a write after an error, without Resume")
	}
	if _, err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := *docs[1]
	other.Position.Topic = "other"
	if err := s.Write(t.Context(), []*millrace.Document{docs[0], &other}); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("a second partition: %v", err)
	}
}

func TestRecipe(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(dir)
	docs := testDocs(1, 60)
	if err := FromHere(t.Context(), nil, dir, "r2", "two"); err != nil {
		t.Fatal(err)
	}
	if err := fill(t.Context(), openTest(t, o), docs[:30], 30); err != nil {
		t.Fatal(err)
	}
	before := openTable(t, dir)
	o.Recipe, o.RecipeText, o.Signals = "r2", "two", []string{"stop_words", "digits", "words"}
	if _, err := OpenSink(t.Context(), o); !errors.Is(err, ErrRecipe) {
		t.Fatalf("another recipe: %v", err)
	}
	for range 2 { // the second time there is nothing to do
		if err := FromHere(t.Context(), nil, dir, "r2", "two"); err != nil {
			t.Fatal(err)
		}
	}
	if err := fill(t.Context(), openTest(t, o), docs[30:], 30); err != nil {
		t.Fatal(err)
	}
	tab := openTable(t, dir)
	if e := tab.Entries()[before.Version()+1]; e.Operation != "SET RECIPE" || e.RecipeText != "two" || !sameCheckpoint(e.Checkpoint, before.Checkpoint()) {
		t.Errorf("the change of the recipe: %+v", e)
	}
	if diff := cmp.Diff([]string{"words", "stop_words", "digits"}, tab.Signals()); diff != "" {
		t.Errorf("signals: %s", diff)
	}
	got := map[int64]float32{}
	if err := tab.Rows(t.Context(), Select{Kept: true}, func(r *Row) error {
		got[r.Offset] = r.Signals[slices.Index(r.SignalNames, "words")]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got[2] != 2 || !math.IsNaN(float64(got[31])) {
		t.Errorf("words of rows 2 and 31: %v, %v", got[2], got[31]) // the tests' documents have two signals
	}
	if r, err := Check(t.Context(), dir); err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestRebuild(t *testing.T) {
	dir, docs := testCorpus(t, 120)
	old := openTable(t, dir)
	if err := Rebuild(t.Context(), nil, dir, "r2", "two"); err != nil {
		t.Fatal(err)
	}
	o := testOptions(dir)
	o.Recipe = "r2"
	s := openTest(t, o)
	if at, err := s.Resume(t.Context()); err != nil || len(at.Next)+len(at.Marks) != 0 {
		t.Fatalf("a rebuilt table starts at %v, %v", at, err)
	}
	if err := fill(t.Context(), s, docs[:90], 8); err != nil {
		t.Fatal(err)
	}
	tab := openTable(t, dir)
	if in := tab.Tally().In; in != 90 {
		t.Errorf("ledger of the new table: %d, want 90", in)
	}
	n := 0
	if err := tab.Rows(t.Context(), Select{Kept: true, Rejects: true}, func(*Row) error { n++; return nil }); err != nil || n != 90 {
		t.Errorf("%d rows, %v; want 90", n, err)
	}
	if got, err := CollectOrphans(nil, dir); err != nil || len(got) > 0 {
		t.Errorf("collected %v, %v: older versions must stay readable", got, err)
	}
	r, err := Check(t.Context(), dir)
	if err != nil || !r.OK || r.Rows+r.Rejects != 90 {
		t.Fatalf("%+v, %v", r, err)
	}
	if tab.id() != old.id() {
		t.Errorf("the table is another one for Delta Lake: %s, was %s", tab.id(), old.id())
	}
}

func TestFormat(t *testing.T) {
	dir, _ := testCorpus(t, 10)
	path := filepath.Join(dir, "format")
	if b, err := os.ReadFile(path); err != nil || string(b) != "1\n" {
		t.Fatalf("format %q, %v", b, err)
	}
	for content, want := range map[string]error{"2\n": ErrFormat, "x": millrace.ErrIntegrity, "": millrace.ErrIntegrity} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); !errors.Is(err, want) {
			t.Errorf("Open with format %q: %v", content, err)
		}
		if _, err := OpenSink(t.Context(), testOptions(dir)); !errors.Is(err, want) {
			t.Errorf("OpenSink with format %q: %v", content, err)
		}
		if _, err := Check(t.Context(), dir); !errors.Is(err, want) {
			t.Errorf("Check with format %q: %v", content, err)
		}
	}
}

// TestHostileStrings writes what other readers would refuse, and reads it back mended.
func TestHostileStrings(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := testDocs(1, 1)[0]
		any := func() string { return string(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "bytes")) }
		d.UserID, d.Title, d.Text, d.Meta, d.Page.Licence, d.Lang = any(), any(), any(), any(), any(), any()
		d.AddEdit(any(), 3)
		if rapid.Bool().Draw(rt, "dropped") {
			d.Verdict = millrace.Verdict{Reason: millrace.Failed(any()), Stage: any(), Signal: any(), Value: rapid.Float64().Draw(rt, "value"), Err: any(), OfUser: any()}
		}
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		s, err := OpenSink(t.Context(), testOptions(dir))
		if err != nil {
			rt.Fatal(err)
		}
		if err := fill(t.Context(), s, []*millrace.Document{d}, 1); err != nil {
			rt.Fatal(err)
		}
		var got *Row
		if err := s.Table().Rows(t.Context(), Select{Kept: true, Rejects: true}, func(r *Row) error { got = r; return nil }); err != nil {
			rt.Fatal(err)
		}
		want := newRow(d, testSignals)
		if got.Text != want.Text || got.ID != want.ID || got.Title != want.Title || got.Verdict.Reason != want.Verdict.Reason ||
			got.Verdict.Err != want.Verdict.Err || !slices.Equal(got.Edits, want.Edits) {
			rt.Fatalf("wrote %+v, read %+v", want, got)
		}
		if r, err := Check(t.Context(), dir); err != nil || len(r.Problems) > 0 && want.Verdict.Stage != "" {
			rt.Fatalf("%+v, %v", r, err)
		}
	})
}
