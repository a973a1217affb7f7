// Package run is the runner: Source -> Stages -> Sink. Documents come in batches, pass the stateless
// stages in a pool of workers, and go on in input order through the stateful stages into the sink.
// Stages hold no counters, retries or recover: they are here. So is what is done about documents that end the
// process, hang, or grow without end. Read run.go, stage.go, retry.go; then guard.go, journal.go, loops.go, watch.go.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"millrace"
)

// Belt is one line of work. Its result does not depend on Workers or Batch.
type Belt struct {
	Name   string
	Source millrace.Source
	Stages []millrace.Stage // the stateful ones last
	Sink   millrace.Sink
	// Input is the partition whose offsets count for the stateful stages.
	Input   millrace.Partition
	Workers int // at once in the stateless stages; 0 is one a core
	Batch   int // documents handed to a worker at once; 0 is 16
	// Ready, if set, is called each time that sink, state and source stand and work begins.
	Ready func()
	// Accepted, if set, sees the documents that the sink has taken, in order.
	Accepted func([]*millrace.Document)
	// Guard protects it from single documents.
	Guard Guard
	// Pulse, if set, says whether the belt moves.
	Pulse *Pulse
}

// job is one batch on its way. done is closed when the stateless stages have seen it, drained when the sink has it.
type job struct {
	millrace.Batch
	alone         bool // nothing else may be in work
	err           error
	done, drained chan struct{}
}

func newJob(b millrace.Batch) *job {
	return &job{Batch: b, done: make(chan struct{}), drained: make(chan struct{})}
}

// Run works until the source ends, then flushes the sink. Another owner's commit (ErrMoved) makes it
// start again from the newest commit, with nothing kept in memory.
func (b *Belt) Run(ctx context.Context) error {
	g, err := newGuarded(b.Guard)
	if err != nil {
		return fmt.Errorf("belt %s: %w", b.Name, err)
	}
	defer g.close()
	g.pulse = b.Pulse
	for {
		err := b.once(ctx, g)
		if err == nil || !errors.Is(err, millrace.ErrMoved) || ctx.Err() != nil {
			return err
		}
	}
}

// once restores positions, marks and state together, and works to the end of the source. At most
// workers+2 batches are in memory, so the slowest part sets the pace of all.
func (b *Belt) once(ctx context.Context, guard *guarded) error {
	free, ordered, err := split(b.Stages)
	if err != nil {
		return fmt.Errorf("belt %s: %w", b.Name, err)
	}
	workers := b.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	b.Pulse.restore(false)
	at, err := b.restore(ctx, ordered)
	if err == nil {
		err = guard.start(at, workers)
	}
	if err != nil {
		return fmt.Errorf("belt %s: %w", b.Name, err)
	}
	b.Pulse.restore(true)
	if b.Ready != nil {
		b.Ready()
	}
	defer guard.watch()()
	line := make(chan *job, workers) // in input order
	work := make(chan *job)          // for whoever is free
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := b.read(ctx, guard, line, work)
		close(work)
		if err == nil { // only the end of the source closes the line: drain flushes there
			close(line)
		}
		return err
	})
	for n := range workers {
		g.Go(func() error {
			for j := range work {
				j.err = guard.hand(j, n).process(ctx, free, j.Docs)
				close(j.done)
			}
			return nil
		})
	}
	g.Go(func() error { return b.drain(ctx, guard, line, ordered) })
	if err := g.Wait(); err != nil {
		return fmt.Errorf("belt %s: %w", b.Name, err)
	}
	return nil
}

// restore asks the sink where it stands and puts state and source there.
func (b *Belt) restore(ctx context.Context, ordered []millrace.Stage) (at millrace.Checkpoint, err error) {
	if at, err = b.Sink.Resume(ctx); err != nil {
		return at, fmt.Errorf("resume: %w", err)
	}
	for _, s := range ordered {
		if err := s.(millrace.Stateful).Load(ctx, at.Next[b.Input]); err != nil {
			return at, fmt.Errorf("load state of %s at %d: %w", s.Name(), at.Next[b.Input], err)
		}
	}
	if err := b.Source.Open(ctx, at); err != nil {
		return at, fmt.Errorf("open source: %w", err)
	}
	return at, nil
}

// read hands every batch to the workers, and to the line in the order read.
func (b *Belt) read(ctx context.Context, guard *guarded, line, work chan<- *job) error {
	size := b.Batch
	if size <= 0 {
		size = 16
	}
	var before *job
	for {
		batch, err := b.Source.Read(ctx, size)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		parts, err := guard.parts(batch)
		if err != nil {
			return err
		}
		for _, j := range parts {
			if j.alone && before != nil && !wait(ctx, before.drained) {
				return ctx.Err()
			}
			for _, to := range []chan<- *job{line, work} {
				select {
				case to <- j:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if j.alone {
				if !wait(ctx, j.drained) {
					return ctx.Err()
				}
				if err := guard.acquit(j); err != nil {
					return err
				}
			}
			before = j
		}
	}
}

// wait waits until c is closed; false says that ctx has ended before.
func wait(ctx context.Context, c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	}
}

// drain takes the batches in order through the stateful stages into the sink.
func (b *Belt) drain(ctx context.Context, guard *guarded, line <-chan *job, ordered []millrace.Stage) error {
	for {
		var j *job
		select {
		case next, ok := <-line:
			if !ok {
				return b.flush(ctx, millrace.Position{})
			}
			j = next
		case <-ctx.Done():
			return ctx.Err()
		}
		if !wait(ctx, j.done) {
			return ctx.Err()
		}
		err := j.err
		if err == nil {
			err = guard.hand(j, behind).process(ctx, ordered, j.Docs)
		}
		if err == nil {
			err = b.store(ctx, j)
		}
		if err != nil {
			return err
		}
		close(j.drained)
	}
}

// store hands a batch to the sink, and the mark behind it.
func (b *Belt) store(ctx context.Context, j *job) error {
	if len(j.Docs) > 0 {
		s := b.Pulse.begin("rows for the sink")
		err := b.Sink.Write(ctx, j.Docs)
		b.Pulse.end(s)
		if err != nil {
			return err
		}
		b.Pulse.accepted(j.Docs)
		if b.Accepted != nil {
			b.Accepted(j.Docs)
		}
	}
	if j.Flush.IsZero() {
		return nil
	}
	return b.flush(ctx, j.Flush)
}

// flush has the sink store everything.
func (b *Belt) flush(ctx context.Context, at millrace.Position) error {
	s := b.Pulse.begin("what the sink stores")
	defer b.Pulse.end(s)
	return b.Sink.Flush(ctx, at)
}
