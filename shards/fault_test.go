package shards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/sim/crashfs"
)

var errFault = errors.New("fault")

// replay goes on from where the table in dir stands, as a process does that starts again.
func replay(ctx context.Context, o Options, docs []*millrace.Document) error {
	s, err := OpenSink(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	return resume(ctx, s, docs)
}

func resume(ctx context.Context, s *Sink, docs []*millrace.Document) error {
	at, err := s.Resume(ctx)
	if err != nil {
		return err
	}
	return fill(ctx, s, docs[at.Next[pos(0).Partition]:], 9)
}

// watch is a durable.Watcher of two functions.
type watch struct {
	before func(*durable.Step) error
	after  func(*durable.Step, error) error
}

func (w watch) Before(s *durable.Step) error {
	if w.before == nil {
		return nil
	}
	return w.before(s)
}

func (w watch) After(s *durable.Step, result error) error {
	if w.after == nil || result != nil {
		return result
	}
	return w.after(s, nil)
}

// crashTrial crashes a sink that gets docs: what the log names in the end must be what an undisturbed run makes,
// byte for byte, and no commit that was told of may be another one.
func crashTrial(t *testing.T, docs []*millrace.Document, o func(dir string) Options) *crashfs.Trial {
	t.Helper()
	calm := t.TempDir()
	if err := replay(t.Context(), o(calm), docs); err != nil {
		t.Fatal(err)
	}
	if _, err := CollectOrphans(nil, calm); err != nil {
		t.Fatal(err)
	}
	if r, err := Check(t.Context(), calm); err != nil || !r.OK {
		t.Fatal(r, err)
	}
	want := files(t, calm)
	return &crashfs.Trial{
		Seed: 1, Pairs: 20,
		Life: func(ctx context.Context, p crashfs.Place) error {
			o := o(p.Dir)
			o.Disk = p.Disk
			if _, err := CollectOrphans(p.Disk, p.Dir); err != nil {
				return err
			}
			table, err := Open(p.Dir)
			if err != nil {
				return err
			}
			if last := p.Promised("shards.committed"); table.Version() < last {
				return fmt.Errorf("entry %d was promised, the newest is %d", last, table.Version())
			}
			if err := replay(ctx, o, docs); err != nil {
				return err
			}
			_, err = CollectOrphans(p.Disk, p.Dir)
			return err
		},
		Judge: func(dir string) error {
			if got := files(t, dir); !maps.Equal(got, want) {
				return fmt.Errorf("files %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
			left := slices.DeleteFunc(temps(t, dir), func(name string) bool { return strings.HasPrefix(filepath.Base(name), ".tmp-format-") })
			if len(left) > 0 {
				return fmt.Errorf("%v left", left)
			}
			return nil
		},
	}
}

// TestCrashAtEachStep crashes before and after every step, and before and after some of the steps of what follows.
func TestCrashAtEachStep(t *testing.T) {
	x := crashTrial(t, testDocs(5, 40), func(dir string) Options {
		o := testOptions(dir)
		o.TargetBytes = 15_000
		return o
	})
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if r.Singles < 100 || r.Pairs < 20 {
		t.Fatal("too few")
	}
}

func temps(t *testing.T, dir string) []string {
	t.Helper()
	var left []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), ".tmp") {
			left = append(left, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestFullDisk fails each step in turn: the error comes out, nothing temporary is left, and the same sink
// goes on after Resume.
func TestFullDisk(t *testing.T) {
	docs := testDocs(6, 40)
	noise := make([]byte, 500_000)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	docs[20].Text = fmt.Sprintf("%x", noise) // does not fit any buffer
	want := ""
	for fail := 0; ; fail++ {
		n, full := 0, true
		dir := t.TempDir()
		o := testOptions(dir)
		o.TargetBytes = 15_000
		s := openTest(t, o)
		s.o.Disk = durable.Watched(watch{before: func(s *durable.Step) error {
			if s.Op == durable.OpRemove {
				return nil // makes room
			}
			if n++; n > fail && full {
				return &fs.PathError{Op: "write", Path: dir, Err: syscall.ENOSPC}
			}
			if s.Op == durable.OpSync || s.Op == durable.OpSyncDir {
				return durable.ErrSkip
			}
			return nil
		}})
		err := resume(t.Context(), s, docs)
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("step %d: %v", fail, err)
		}
		if left := temps(t, o.Dir); len(left) > 0 {
			t.Fatalf("step %d: %v left", fail, left)
		}
		full = false
		if err := resume(t.Context(), s, docs); err != nil {
			t.Fatalf("step %d, with space again: %v", fail, err)
		}
		if got := history(t, o.Dir); want == "" {
			want = got
		} else if got != want {
			t.Fatalf("step %d: %s\nwant %s", fail, got, want)
		}
		if err == nil {
			return // no step was left to fail
		}
	}
}

// history tells the log in one string.
func history(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, e := range openTable(t, dir).Entries() {
		fmt.Fprintln(&b, e.Version, e.From, e.To, e.Root, e.checksum)
	}
	return b.String()
}

// TestLostAnswer makes commits succeed and report an error: rows and log are those of a run without.
func TestLostAnswer(t *testing.T) {
	docs := testDocs(7, 80)
	calm, dir := t.TempDir(), t.TempDir()
	if err := replay(t.Context(), testOptions(calm), docs); err != nil {
		t.Fatal(err)
	}
	lost := 0
	o := testOptions(dir)
	o.Disk = durable.Watched(watch{after: func(s *durable.Step, _ error) error {
		if s.Point == "shards.commit.link" {
			lost++
			return errFault
		}
		return nil
	}})
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	if lost < 2 || !maps.Equal(files(t, dir), files(t, calm)) {
		t.Fatalf("%d answers were lost, and the corpus is another one", lost)
	}
	// A commit that never happened is no lost answer.
	o = testOptions(t.TempDir())
	o.Disk = durable.Watched(watch{before: func(s *durable.Step) error {
		if s.Point == "shards.commit.link" {
			return errFault
		}
		return nil
	}})
	if err := replay(t.Context(), o, docs); !errors.Is(err, errFault) {
		t.Fatalf("got %v, want the fault", err)
	}
}

// TestTwoOwners lets two sinks race over the same input, each dropping everything when the other has moved.
// Invariants 1, 4 and 9 of the protocol must hold, with the collector running all the time.
func TestTwoOwners(t *testing.T) {
	const n = 600
	docs := testDocs(8, n)
	dir := t.TempDir()
	o := testOptions(dir)
	o.TargetBytes = 1500 // two or three rows: above 200 commits
	s := openTest(t, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var owners, collector sync.WaitGroup
	done := make(chan struct{})
	moved := make([]int, 2)
	for i := range 2 {
		owners.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			o := o
			o.TargetBytes = int64(1200 + rng.IntN(900)) // so that the two do not commit the same bytes
			moved[i] = ownToTheEnd(ctx, t, o, docs)
		})
	}
	collector.Go(func() {
		for {
			if _, err := CollectOrphans(nil, dir); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	owners.Wait()
	close(done)
	collector.Wait()
	if _, err := CollectOrphans(nil, dir); err != nil {
		t.Fatal(err)
	}
	r, err := Check(t.Context(), dir)
	if err != nil || !r.OK || len(r.Orphans) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Rows+r.Rejects != n {
		t.Fatalf("%d rows of %d documents", r.Rows+r.Rejects, n)
	}
	if v := openTable(t, dir).Version(); v < 200 {
		t.Fatalf("only %d commits", v+1)
	}
	t.Logf("%d commits, lost races %v", openTable(t, dir).Version()+1, moved)
}

// TestHarmlessEntry lets a commit that moves neither Positions nor recipe take the number that a sink has
// prepared: the same rows go on top of it, and nobody deletes a file for having lost.
func TestHarmlessEntry(t *testing.T) {
	docs := testDocs(9, 60)
	dir := t.TempDir()
	o := testOptions(dir)
	o.TargetBytes = 1 << 40
	s := openTest(t, o)
	if err := fill(t.Context(), s, docs[:30], 30); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), docs[30:]); err != nil {
		t.Fatal(err)
	}
	base := openTable(t, dir).Newest()
	harmless := *base
	harmless.Version, harmless.Previous, harmless.From, harmless.To = 1, base.checksum, base.To, base.To
	harmless.Files, harmless.Rejects, harmless.schema, harmless.Root = nil, nil, false, new(tree).root()
	harmless.Tally = *millrace.NewTally(testStages)
	raw, err := harmless.encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entryPath(dir, 1), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context(), millrace.Position{}); err != nil {
		t.Fatal(err)
	}
	r, err := Check(t.Context(), dir)
	if err != nil || !r.OK || r.Rows+r.Rejects != 60 {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(r.Orphans) != 2 {
		t.Fatalf("orphans %v, want the two files named for entry 1", r.Orphans)
	}
	if got, err := CollectOrphans(nil, dir); err != nil || !slices.Equal(got, r.Orphans) {
		t.Fatalf("collected %v, %v", got, err)
	}
	if r, err := Check(t.Context(), dir); err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestCollectedUnderTheHand removes the open files of a sink, as a collector of a newer owner may.
func TestCollectedUnderTheHand(t *testing.T) {
	dir := t.TempDir()
	docs := testDocs(9, 30)
	s := openTest(t, testOptions(dir))
	if err := s.Write(t.Context(), docs[:5]); err != nil {
		t.Fatal(err)
	}
	for _, f := range temps(t, dir) {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context(), millrace.Position{}); !errors.Is(err, millrace.ErrMoved) {
		t.Fatalf("got %v, want ErrMoved", err)
	}
	if err := resume(t.Context(), s, docs); err != nil {
		t.Fatal(err)
	}
}

// ownToTheEnd is an owner who commits all of docs beside others, and tells how often one of them was first.
func ownToTheEnd(ctx context.Context, t *testing.T, o Options, docs []*millrace.Document) (moved int) {
	own, err := OpenSink(ctx, o)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer own.Close()
	for {
		err := resume(ctx, own, docs)
		if err == nil {
			return moved
		}
		if !errors.Is(err, millrace.ErrMoved) {
			t.Error(err)
			return moved
		}
		moved++
	}
}
