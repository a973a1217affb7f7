package shards

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	"millrace"
)

func TestStale(t *testing.T) {
	page := func(i, minute int, url string, v millrace.Verdict) *millrace.Document {
		d := testDocs(3, i+1)[i]
		d.URLKey, d.Page.URL, d.Verdict, d.Cluster, d.UserID = url, url, v, d.ID, ""
		d.Page.FetchedAt = time.Date(2024, 1, 1, 0, minute, 0, 0, time.UTC)
		return d
	}
	no := millrace.Verdict{Reason: millrace.ConsentNoTrain, Stage: "fetch"}
	var docs []*millrace.Document
	s := openTest(t, visitOptions(t.TempDir()))
	// step writes one page, flushes at a mark, and says what other engines see then.
	step := func(minute int, url string, v millrace.Verdict, want ...int64) {
		t.Helper()
		d := page(len(docs), minute, url, v)
		docs = append(docs, d)
		at := d.Position
		at.Offset = int64(len(docs))
		docs = append(docs, nil) // the mark
		if err := errors.Join(s.Write(t.Context(), []*millrace.Document{d}), s.Flush(t.Context(), at)); err != nil {
			t.Fatal(err)
		}
		if got := liveElsewhere(t, s.o.Dir); !slices.Equal(got, want) {
			t.Fatalf("minute %d: other engines see %v, want %v", minute, got, want)
		}
	}
	step(0, "a", millrace.Verdict{}, 0)
	step(1, "b", millrace.Verdict{}, 0, 2)
	step(2, "a", millrace.Verdict{}, 0, 2, 4)
	step(10, "c", millrace.Verdict{}, 0, 2, 4, 6)
	step(22, "d", millrace.Verdict{}, 2, 4, 6, 8) // 20 minutes later
	step(23, "b", no, 2, 4, 6, 8)
	step(28, "e", millrace.Verdict{}, 4, 6, 8, 12) // 5 minutes later
	step(29, "e", millrace.Verdict{}, 4, 6, 8, 12, 14)
	mark := pos(int64(len(docs)))
	if err := s.Flush(t.Context(), mark); err != nil { // the input rests
		t.Fatal(err)
	}
	if got := liveElsewhere(t, s.o.Dir); !slices.Equal(got, []int64{4, 6, 8, 14}) {
		t.Fatalf("at rest other engines see %v", got)
	}
}

// TestReaderDuringRewrite reads with a table that was opened before its files were replaced and collected.
func TestReaderDuringRewrite(t *testing.T) {
	docs := testVisits(7, 80, 6)
	o := visitOptions(t.TempDir())
	o.Stale, o.StaleWithdrawn = 1000*time.Hour, 1000*time.Hour
	s := openTest(t, o)
	if err := s.Write(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	tab := openTable(t, o.Dir)
	if err := s.Flush(t.Context(), millrace.Position{}); err != nil {
		t.Fatal(err)
	}
	if got, err := CollectOrphans(nil, o.Dir); err != nil || len(got) == 0 {
		t.Fatalf("collected %v, %v", got, err)
	}
	if text, err := tab.Text(t.Context(), firstKept(docs), docs[firstKept(docs)].ID); err != nil || text == "" {
		t.Fatal(err)
	}
	tab = openTable(t, o.Dir)
	n := 0
	if err := tab.Rows(t.Context(), Select{Kept: true, Rejects: true}, func(*Row) error { n++; return nil }); err != nil || n != len(docs) {
		t.Fatalf("%d rows, %v", n, err)
	}
}

func firstKept(docs []*millrace.Document) int64 {
	return int64(slices.IndexFunc(docs, func(d *millrace.Document) bool { return d.Verdict.Kept() }))
}

// TestRetire lets replaced files lie for an hour, for engines that are about to open them.
func TestRetire(t *testing.T) {
	docs := testVisits(8, 40, 3)
	s := openTest(t, visitOptions(t.TempDir()))
	if err := fill(t.Context(), s, docs, 40); err != nil {
		t.Fatal(err)
	}
	if len(s.retired) < 2 {
		t.Fatalf("%d files were replaced", len(s.retired))
	}
	old := s.o.place().path(s.retired[0].name)
	s.retired[0].at = time.Now().Add(-keepRetired - time.Second)
	if err := s.retire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s after an hour: %v", old, err)
	}
	if _, err := os.Stat(s.o.place().path(s.retired[0].name)); err != nil {
		t.Errorf("a file that was replaced just now: %v", err)
	}
	wantCorpus(t, s.o.Dir, docs, false, true)
}
