package shards

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"millrace"
	"millrace/internal/sim/crashfs"
)

func resized(at millrace.Checkpoint) millrace.Checkpoint {
	to := at.Clone()
	to.Marks[millrace.Partition{Topic: "upstream"}] = 1 << 62
	return to
}

// TestResize: a layout is put in force once, on top of the checkpoint that it was made of, and changes nothing else.
// A mill that has written rows meanwhile has to begin anew, and goes on behind it.
func TestResize(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	docs := testDocs(4, 8)
	if err := Resize(ctx, nil, dir, Layout{2, 2, "layout-2-00000000"}, millrace.Checkpoint{}, millrace.Checkpoint{}); !errors.Is(err, millrace.ErrMoved) {
		t.Errorf("without a commit: %v", err)
	}
	if err := replay(ctx, testOptions(dir), docs[:5]); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSink(ctx, testOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantLayout(t, dir, firstLayout())
	from, err := s.Resume(ctx)
	if err == nil {
		err = s.Write(ctx, docs[5:])
	}
	if err != nil {
		t.Fatal(err)
	}
	to := resized(from)
	for _, bad := range []Layout{{0, 2, "layout-2-00000000"}, {2, 1, "layout-1-00000000"}, {2, 2, "../x"}, {2, 2, ""}} {
		if err := Resize(ctx, nil, dir, bad, from, to); err == nil || errors.Is(err, millrace.ErrMoved) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := Resize(ctx, nil, dir, Layout{2, 2, "layout-2-00000000"}, to, to); !errors.Is(err, millrace.ErrMoved) {
		t.Errorf("from another checkpoint: %v", err)
	}
	want := Layout{3, 2, "layout-2-00000001"}
	if err := Resize(ctx, nil, dir, want, from, to); err != nil {
		t.Fatal(err)
	}
	wantLayout(t, dir, want)
	for _, l := range []Layout{want, {4, 2, "layout-2-00000002"}, {4, 4, "layout-4-00000002"}} {
		if err := Resize(ctx, nil, dir, l, to, resized(to)); !errors.Is(err, millrace.ErrMoved) {
			t.Errorf("%+v behind it: %v", l, err)
		}
	}
	if err := s.Flush(ctx, millrace.Position{}); !errors.Is(err, millrace.ErrMoved) {
		t.Errorf("a mill that has not seen it: %v", err)
	}
	if at, err := s.Resume(ctx); err != nil || !sameCheckpoint(at, to) {
		t.Fatalf("%+v, %v", at, err)
	}
	if err := s.Write(ctx, docs[5:]); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx, millrace.Position{}); err != nil {
		t.Fatal(err)
	}
	tab := openTable(t, dir)
	if have, ok := tab.Layout(); !ok || have != want || tab.Version() != 2 {
		t.Errorf("layout %+v, %v, entry %d", have, ok, tab.Version())
	}
	wantLayout(t, dir, want)
	if err := FromHere(ctx, nil, dir, "r2", "two"); err != nil {
		t.Fatal(err)
	}
	wantLayout(t, dir, want)
	if r, err := Check(ctx, dir); err != nil || !r.OK || r.Rows+r.Rejects != 8 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := Rebuild(ctx, nil, dir, "r3", "three"); err != nil {
		t.Fatal(err)
	}
	wantLayout(t, dir, firstLayout())
}

// wantLayout wants the newest entry to tell the layout, and all of them to tell the same where it is of an older version.
func wantLayout(t *testing.T, dir string, want Layout) {
	t.Helper()
	if e, err := NewestEntry(dir); err != nil || e.InForce == nil || *e.InForce != want {
		t.Errorf("the newest entry tells %+v, %v, want %+v", e, err, want)
	}
	if have, err := CurrentLayout(dir); err != nil || have != want {
		t.Errorf("layout %+v, %v, want %+v", have, err, want)
	}
	old := openTable(t, dir)
	for _, e := range old.log {
		e.InForce = nil
	}
	if have, ok := old.Layout(); have != want || ok != (want != firstLayout()) {
		t.Errorf("by entries of an older version: %+v, %v, want %+v", have, ok, want)
	}
}

// TestCrashAtALayout crashes while a layout is put in force: in the end it is, once.
func TestCrashAtALayout(t *testing.T) {
	dir := t.TempDir()
	calm := filepath.Join(dir, "calm")
	if err := replay(t.Context(), testOptions(calm), testDocs(4, 5)); err != nil {
		t.Fatal(err)
	}
	from := openTable(t, calm).Checkpoint()
	x := &crashfs.Trial{Seed: 9, Pairs: 20}
	x.Life = func(ctx context.Context, p crashfs.Place) error {
		if _, ok := openTable(t, p.Dir).Layout(); ok {
			return SyncLog(p.Disk, p.Dir)
		}
		return Resize(ctx, p.Disk, p.Dir, Layout{3, 2, "layout-2-00000001"}, from, resized(from))
	}
	x.Judge = func(dir string) error {
		r, err := Check(t.Context(), dir)
		if err != nil || !r.OK || r.Rows+r.Rejects != 5 {
			return fmt.Errorf("%+v: %w", r, err)
		}
		if tab := openTable(t, dir); tab.Version() != 1 || !sameCheckpoint(tab.Checkpoint(), resized(from)) {
			return fmt.Errorf("entry %d, %+v", tab.Version(), tab.Checkpoint())
		}
		return nil
	}
	if _, err := x.Run(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
}
