package simlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go/protocol"

	"millrace"
	"millrace/dedup"
	"millrace/internal/durable"
)

// mutant is a mistake in the protocol, planted around the real parts.
type mutant interface {
	written(w *world, part millrace.Partition, recs []record) []record // what of a batch is stored
	read(w *world, part millrace.Partition, r record) record           // what a reader gets
	disk(w *world, s *durable.Step) error                              // in the place of a step on the disk
	answered(w *world, s *durable.Step, err error) error               // behind a step on the disk
	collect(w *world)                                                  // behind the collector
	checkpoint(c millrace.Checkpoint) millrace.Checkpoint              // that a topic sink resumes from
	trim(before, end int64) int64
	source(w *world, s millrace.Source) millrace.Source
	state(x *dedup.Index) digester
}

// digester is a duplicate index as the judge sees it.
type digester interface {
	millrace.Observer
	Digest() [32]byte
}

// none is no mistake: every mutant is this, but for one thing.
type none struct{}

func (none) written(_ *world, _ millrace.Partition, recs []record) []record { return recs }
func (none) read(_ *world, _ millrace.Partition, r record) record           { return r }
func (none) disk(*world, *durable.Step) error                               { return nil }
func (none) answered(_ *world, _ *durable.Step, err error) error            { return err }
func (none) collect(*world)                                                 {}
func (none) checkpoint(c millrace.Checkpoint) millrace.Checkpoint           { return c }
func (none) trim(before, _ int64) int64                                     { return before }
func (none) source(_ *world, s millrace.Source) millrace.Source             { return s }
func (none) state(x *dedup.Index) digester                                  { return x }

// opens lets a source begin elsewhere than it is told.
type opens struct {
	millrace.Source
	at func(millrace.Checkpoint) millrace.Checkpoint
}

func (s opens) Open(ctx context.Context, c millrace.Checkpoint) error {
	return s.Source.Open(ctx, s.at(c.Clone()))
}

// resumeAtEnd goes on where the log ends, not where the newest commit does.
type resumeAtEnd struct{ none }

func (resumeAtEnd) source(w *world, s millrace.Source) millrace.Source {
	return opens{s, func(c millrace.Checkpoint) millrace.Checkpoint {
		for p, l := range w.log {
			if _, ok := c.Next[p]; ok {
				c.Next[p] = l.end()
			}
		}
		return c
	}}
}

// noMarks restores Positions, and not the marks that belong to them.
type noMarks struct{ none }

func (noMarks) source(_ *world, s millrace.Source) millrace.Source {
	return opens{s, func(c millrace.Checkpoint) millrace.Checkpoint { c.Marks = nil; return c }}
}

// stops ends where what it reads is trimmed, and does not start again from the commit.
type stops struct{ none }

type stopping struct{ millrace.Source }

func (s stopping) Open(ctx context.Context, c millrace.Checkpoint) error {
	return stop(s.Source.Open(ctx, c))
}

func (s stopping) Read(ctx context.Context, most int) (millrace.Batch, error) {
	b, err := s.Source.Read(ctx, most)
	return b, stop(err)
}

func stop(err error) error {
	if errors.Is(err, millrace.ErrMoved) {
		return fmt.Errorf("%v: %w", err, millrace.ErrStop)
	}
	return err
}

func (stops) source(_ *world, s millrace.Source) millrace.Source { return stopping{s} }

// keepsState throws a commit away, with Positions and marks, and keeps what the stages have seen.
type keepsState struct{ none }

type kept struct {
	*dedup.Index
	loaded bool
}

func (x *kept) Load(ctx context.Context, next int64) error {
	if x.loaded {
		return nil
	}
	x.loaded = true
	return x.Index.Load(ctx, next)
}

func (keepsState) state(x *dedup.Index) digester { return &kept{Index: x} }

// newerSnapshot begins with the state that an earlier life had when it ended, however far that was.
type newerSnapshot struct {
	none
	last *dedup.Index
}

type snapshot struct {
	*dedup.Index
	m *newerSnapshot
}

func (x *snapshot) Load(ctx context.Context, next int64) error {
	if x.m.last != nil {
		x.Index = x.m.last
		return nil
	}
	x.m.last = x.Index
	return x.Index.Load(ctx, next)
}

func (m *newerSnapshot) state(x *dedup.Index) digester { return &snapshot{x, m} }

// overwrites puts an entry into the log whether there is one of its number or not.
type overwrites struct{ none }

func (overwrites) disk(_ *world, s *durable.Step) error {
	if s.Point != stepCommit {
		return nil
	}
	if err := os.Rename(s.Path, s.To); err != nil {
		return err
	}
	return durable.ErrSkip
}

// deletes removes what it has written for an entry where that ends with an error.
type deletes struct {
	none
	behind error
}

func (m deletes) answered(w *world, s *durable.Step, err error) error {
	if s.Point == stepCommit && errors.Is(err, m.behind) {
		number := strings.TrimLeft(strings.TrimSuffix(filepath.Base(s.To), ".json"), "0")
		w.removeParts(func(name string) bool { return strings.HasPrefix(name, fmt.Sprintf("part-%08s-", number)) })
	}
	return err
}

// collects takes every file for an orphan that no entry names yet.
type collects struct{ none }

func (collects) collect(w *world) {
	named := map[string]bool{}
	for name := range w.book.now(len(w.book.entries) - 1) {
		named[filepath.Base(name)] = true
	}
	w.removeParts(func(name string) bool { return !named[name] })
}

func (w *world) removeParts(which func(string) bool) {
	for _, sub := range []string{"data", "rejects"} {
		list, _ := os.ReadDir(filepath.Join(w.dir, sub))
		for _, f := range list {
			if strings.HasSuffix(f.Name(), ".parquet") && which(f.Name()) {
				os.Remove(filepath.Join(w.dir, sub, f.Name()))
			}
		}
	}
}

// trimsAhead deletes what was read, committed or not.
type trimsAhead struct{ none }

func (trimsAhead) trim(_, end int64) int64 { return end }

// tailAlone lets a topic sink resume by the end of its topic, whatever the commit says.
type tailAlone struct{ none }

func (tailAlone) checkpoint(millrace.Checkpoint) millrace.Checkpoint { return millrace.Checkpoint{} }

// blind is a writer that goes on behind a batch that was not stored, before a receiver that sees no gaps.
type blind struct {
	none
	batches int
	sees    bool // the receiver does see them
}

func (m *blind) written(_ *world, p millrace.Partition, recs []record) []record {
	if p != pages(0) {
		return recs
	}
	if m.batches++; m.batches == 1 {
		return nil
	}
	return recs
}

func (m *blind) read(_ *world, _ millrace.Partition, r record) record {
	if m.sees {
		return r
	}
	return r.with("prev", "-1")
}

func (r record) with(key, value string) record {
	r.headers = slices.Clone(r.headers)
	for i := range r.headers {
		if r.headers[i].Key == key {
			r.headers[i] = protocol.Header{Key: key, Value: []byte(value)}
		}
	}
	return r
}

// twice takes a copy of what came before for something new: the receiver ignores nothing.
type twice struct{ none }

func (twice) read(w *world, p millrace.Partition, r record) record {
	for _, x := range w.at(p).records[:r.at] {
		if src := r.head("src"); src != "" && x.head("src") == src && x.head("recipe") == r.head("recipe") {
			part, offset := split(src)
			return r.with("src", fmt.Sprintf("%s/%d", part, offset+1)) // which is above the mark
		}
	}
	return r
}

// anyRecipe takes messages of every recipe.
type anyRecipe struct{ none }

func (anyRecipe) read(w *world, p millrace.Partition, r record) record {
	if p == w.h.feed() {
		now := w.recipe.pages
		if w.h.parts {
			now = w.recipe.docs
		}
		return r.with("recipe", now)
	}
	return r
}

// planted is a mistake, where it is tried, and at which invariants it may come to light.
type planted struct {
	name string
	make func() mutant
	h    *history
	of   []int
	kind fault // of what a step is tried with; without one the quiet history has to do
}

func plants() []planted {
	dies, wakes, lost := fault{kind: faultCrash}, fault{kind: faultZombie, delay: 9}, fault{kind: faultLose}
	return []planted{
		{"resumes at the log's end", func() mutant { return resumeAtEnd{} }, whole(), []int{1}, dies},
		{"restores Positions without marks", func() mutant { return noMarks{} }, whole(), []int{1, 2, 4}, dies},
		{"stops where it should start again", func() mutant { return stops{} }, whole(), []int{1}, wakes},
		{"keeps the state of a lost commit", func() mutant { return keepsState{} }, whole(), []int{6}, wakes},
		{"a snapshot newer than the commit", func() mutant { return &newerSnapshot{} }, whole(), []int{6}, dies},
		{"commits over another's entry", func() mutant { return overwrites{} }, whole(), []int{1, 4, 9}, wakes},
		{"the loser deletes files", func() mutant { return deletes{behind: fs.ErrExist} }, whole(), []int{9}, wakes},
		{"deletes files when an answer is lost", func() mutant { return deletes{behind: errCut} }, whole(), []int{9}, lost},
		{"collects what is to be committed", func() mutant { return collects{} }, whole(), []int{1, 9}, fault{}},
		{"trims ahead of the commit", func() mutant { return trimsAhead{} }, whole(), []int{7}, fault{}},
		{"resumes by the tail alone", func() mutant { return tailAlone{} }, inParts(), []int{1, 8}, dies},
		{"goes on behind a lost batch", func() mutant { return &blind{sees: true} }, inParts(), []int{1}, fault{}},
		{"and its reader sees no gap", func() mutant { return &blind{} }, inParts(), []int{1, 5}, fault{}},
		{"takes a copy for something new", func() mutant { return twice{} }, whole(), []int{1, 2, 4}, lost},
		{"takes messages of another recipe", func() mutant { return anyRecipe{} }, changed(inParts(), 0), []int{1, 2, 4, 12}, fault{}},
	}
}

// TestMutants plants mistakes. Each has to come to light, at an invariant that is named for it, in the quiet history or
// when one step of it is tried with one fault.
func TestMutants(t *testing.T) {
	t.Parallel()
	warm(t)
	for _, m := range plants() {
		t.Run(m.name, func(t *testing.T) {
			quiet := m.h.live(t)
			if err := quiet.err(); err != nil {
				t.Fatal(err)
			}
			n := 0
			found := func(f ...fault) bool {
				h := m.h.with(f...)
				h.mutant = m.make()
				n++
				r := h.live(t)
				if r.err() == nil {
					return false
				}
				if !slices.Contains(m.of, r.number()) {
					t.Errorf("found at another invariant than %v: %v", m.of, r.err())
				}
				t.Logf("history %d, %v: %v", n, h.faults, r.found[0])
				return true
			}
			if m.kind.kind == "" {
				if !found() {
					t.Error("nobody has seen it")
				}
				return
			}
			for k, g := range quiet.w.steps {
				f := m.kind
				if f.at = k + 1; fits(f.kind, g) && found(f) {
					return
				}
			}
			t.Error("nobody has seen it")
		})
	}
}
