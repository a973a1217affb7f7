package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace"
)

var pages = millrace.Partition{Topic: "pages"}

// list is a source of n documents with a mark behind each offset in marks.
type list struct {
	n, at int64
	marks map[int64]bool
	opens int
	salt  byte // of the IDs
}

func (l *list) Open(_ context.Context, c millrace.Checkpoint) error {
	l.at = c.Next[pages]
	l.opens++
	return nil
}

func (l *list) Read(_ context.Context, most int) (millrace.Batch, error) {
	var b millrace.Batch
	for len(b.Docs) < most && l.at < l.n {
		p := millrace.Position{Partition: pages, Offset: l.at}
		l.at++
		if l.marks[p.Offset] {
			b.Flush = p
			return b, nil
		}
		b.Docs = append(b.Docs, &millrace.Document{ID: millrace.ID{byte(p.Offset), l.salt}, Position: p, Text: fmt.Sprint(p.Offset)})
	}
	if len(b.Docs) == 0 {
		return b, io.EOF
	}
	return b, nil
}

// store is a sink that commits at marks and every few rows, and may fail or lose a race.
type store struct {
	every     int
	rows      []string
	open      []string
	at, reach millrace.Checkpoint
	failAt    int64 // Write fails once at this offset
	moveAt    int64 // Flush loses once behind this offset
}

func (s *store) Resume(context.Context) (millrace.Checkpoint, error) {
	s.open, s.reach = nil, s.at.Clone()
	return s.at.Clone(), nil
}

func (s *store) Write(ctx context.Context, docs []*millrace.Document) error {
	for _, d := range docs {
		if d.Position.Offset == s.failAt {
			s.failAt = -1
			return errors.New("disk full")
		}
		s.open = append(s.open, d.Text+" "+string(d.Verdict.Reason))
		s.reach.Take(d)
		if len(s.open) >= s.every {
			if err := s.Flush(ctx, millrace.Position{}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *store) Flush(_ context.Context, at millrace.Position) error {
	if s.moveAt >= 0 && s.reach.Next[pages] > s.moveAt {
		s.moveAt = -1
		return fmt.Errorf("commit: %w", millrace.ErrMoved)
	}
	if !at.IsZero() {
		s.reach.Take(&millrace.Document{Position: at})
	}
	s.rows = append(s.rows, s.open...)
	s.open, s.at = nil, s.reach.Clone()
	return nil
}

// picky drops, fails and panics by offset.
type picky struct{ slow bool }

func (picky) Name() string { return "picky" }

func (p picky) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	o := d.Position.Offset
	if p.slow && o%5 == 0 {
		time.Sleep(time.Microsecond * time.Duration(o%50))
	}
	switch {
	case o%7 == 3:
		return millrace.Verdict{Reason: millrace.QualityWordCount}, nil
	case o%11 == 5:
		return millrace.Verdict{}, errors.New("broken")
	case o%13 == 6:
		panic("bug")
	}
	return millrace.Verdict{}, nil
}

// first keeps the first document of each residue class: its verdicts depend on the order.
type first struct{ seen map[int64]int64 }

func (*first) Name() string { return "first" }

func (f *first) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	k := d.Position.Offset % 10
	if f.seen[k] > 1 {
		return millrace.Verdict{Reason: millrace.DupExact}, nil
	}
	f.seen[k]++
	return millrace.Verdict{}, nil
}

func (f *first) Load(_ context.Context, next int64) error {
	f.seen = map[int64]int64{}
	for o := range next { // the state is a function of the prefix
		d := &millrace.Document{Position: millrace.Position{Partition: pages, Offset: o}}
		if new(hand).apply(context.Background(), picky{}, d) == nil && d.Verdict.Kept() {
			_, _ = f.Process(context.Background(), d)
		}
	}
	return nil
}

func (f *first) Save(context.Context, int64) error { return nil }

func reference(n int64) []string {
	s := &store{every: 1, failAt: -1, moveAt: -1}
	b := Belt{Source: &list{n: n}, Stages: []millrace.Stage{picky{}, &first{}}, Sink: s, Workers: 1, Batch: 1, Input: pages}
	if err := b.Run(context.Background()); err != nil {
		panic(err)
	}
	return s.rows
}

// Law 1 and law 2: whatever the workers, batches, commits, failures and lost races, each input is
// one row, in input order, with the same verdict.
func TestSameRowsAnyway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 200).Draw(t, "n")
		s := &store{
			every:  rapid.IntRange(1, 60).Draw(t, "every"),
			failAt: rapid.Int64Range(-1, 200).Draw(t, "failAt"),
			moveAt: rapid.Int64Range(-1, 200).Draw(t, "moveAt"),
		}
		src := &list{n: n}
		b := Belt{
			Name: "mill", Source: src, Sink: s, Input: pages,
			Stages:  []millrace.Stage{picky{slow: true}, &first{}},
			Workers: rapid.IntRange(1, 7).Draw(t, "workers"),
			Batch:   rapid.IntRange(1, 50).Draw(t, "batch"),
		}
		for range 3 { // a failure stops the line; the next start resumes
			if err := b.Run(t.Context()); err == nil {
				break
			} else if !strings.Contains(err.Error(), "disk full") {
				t.Fatal(err)
			}
		}
		if want := reference(n); !slices.Equal(s.rows, want) {
			t.Fatalf("rows differ:\n got %v\nwant %v", s.rows, want)
		}
	})
}

func TestMarksFlushInOrder(t *testing.T) {
	s := &store{every: 1000, failAt: -1, moveAt: -1}
	b := Belt{Source: &list{n: 20, marks: map[int64]bool{9: true}}, Sink: s, Workers: 3, Batch: 4, Input: pages,
		Accepted: func([]*millrace.Document) {
			if len(s.rows) != 0 && len(s.rows) != 9 {
				t.Errorf("%d rows stored between the marks, want 0 or 9", len(s.rows))
			}
		}}
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.rows) != 19 || s.at.Next[pages] != 20 {
		t.Fatalf("%d rows, next %d; want 19 and 20", len(s.rows), s.at.Next[pages])
	}
}

type failing struct{ err error }

func (failing) Name() string { return "failing" }
func (f failing) Process(context.Context, *millrace.Document) (millrace.Verdict, error) {
	return millrace.Verdict{}, f.err
}

func TestVerdictOfAFailure(t *testing.T) {
	for _, c := range []struct {
		err  error
		stop bool
	}{
		{errors.New("broken\xff"), false},
		{fmt.Errorf("disk: %w", millrace.ErrStop), true},
		{fmt.Errorf("gap: %w", millrace.ErrIntegrity), true},
	} {
		d := &millrace.Document{}
		err := new(hand).apply(t.Context(), failing{c.err}, d)
		if (err != nil) != c.stop {
			t.Errorf("%v: stop is %v, want %v", c.err, err, c.stop)
		}
		if !c.stop && (d.Verdict.Reason != "failed.failing" || !d.Verdict.Failed() || d.Attempts != 1 || d.Verdict.Err != "broken\uFFFD") {
			t.Errorf("%v: verdict %+v", c.err, d.Verdict)
		}
	}
}

func TestStatelessBehindStatefulIsRefused(t *testing.T) {
	b := Belt{Source: &list{}, Sink: &store{every: 1}, Stages: []millrace.Stage{&first{}, picky{}}}
	if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "stateful") {
		t.Fatalf("got %v", err)
	}
}

// broken ends with an error behind its documents.
type broken struct{ list }

func (b *broken) Read(ctx context.Context, most int) (millrace.Batch, error) {
	got, err := b.list.Read(ctx, most)
	if errors.Is(err, io.EOF) {
		err = errors.New("torn")
	}
	return got, err
}

// counting counts the flushes.
type counting struct {
	store
	flushes int
}

func (c *counting) Flush(ctx context.Context, at millrace.Position) error {
	c.flushes++
	return c.store.Flush(ctx, at)
}

// Only the end of a source and its marks close a shard: a source that fails does not.
func TestFailedSourceFlushesNothing(t *testing.T) {
	for i := range 2000 {
		s := &counting{store: store{every: 1000, failAt: -1, moveAt: -1}}
		b := Belt{Source: &broken{list{n: int64(i % 3)}}, Sink: s, Workers: 2, Batch: 2, Input: pages}
		if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "torn") {
			t.Fatalf("got %v", err)
		}
		if s.flushes != 0 {
			t.Fatalf("round %d: the sink was flushed", i)
		}
	}
}

func TestCancelEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := Belt{Source: &list{n: 1000}, Sink: &store{every: 1, failAt: -1, moveAt: -1}, Stages: []millrace.Stage{picky{}}}
	if err := b.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
