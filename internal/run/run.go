// Package run is the runner: Source -> Stages -> Sink. Documents come in batches, pass the stateless
// stages in a pool of workers, and go on in input order through the stateful stages into the sink.
// Stages hold no counters, retries or recover: they are here. Read run.go, then stage.go.
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
	// Pulse, if set, says whether the belt moves.
	Pulse *Pulse
}

// job is one batch on its way. done is closed when the stateless stages have seen it.
type job struct {
	millrace.Batch
	err  error
	done chan struct{}
}

// Run works until the source ends, then flushes the sink. Another owner's commit (ErrMoved) makes it
// start again from the newest commit, with nothing kept in memory.
func (b *Belt) Run(ctx context.Context) error {
	for {
		err := b.once(ctx)
		if err == nil || !errors.Is(err, millrace.ErrMoved) || ctx.Err() != nil {
			return err
		}
	}
}

// once restores positions, marks and state together, and works to the end of the source. At most
// workers+2 batches are in memory, so the slowest part sets the pace of all.
func (b *Belt) once(ctx context.Context) error {
	free, ordered, err := split(b.Stages)
	if err != nil {
		return fmt.Errorf("belt %s: %w", b.Name, err)
	}
	b.Pulse.restore(false)
	if err := b.restore(ctx, ordered); err != nil {
		return fmt.Errorf("belt %s: %w", b.Name, err)
	}
	b.Pulse.restore(true)
	if b.Ready != nil {
		b.Ready()
	}
	workers := b.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	line := make(chan *job, workers) // in input order
	work := make(chan *job)          // for whoever is free
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := b.read(ctx, line, work)
		close(work)
		if err == nil { // only the end of the source closes the line: drain flushes there
			close(line)
		}
		return err
	})
	for range workers {
		g.Go(func() error {
			for j := range work {
				j.err = b.process(ctx, free, j.Docs)
				close(j.done)
			}
			return nil
		})
	}
	g.Go(func() error { return b.drain(ctx, line, ordered) })
	if err := g.Wait(); err != nil {
		return fmt.Errorf("belt %s: %w", b.Name, err)
	}
	return nil
}

// restore asks the sink where it stands and puts state and source there.
func (b *Belt) restore(ctx context.Context, ordered []millrace.Stage) error {
	at, err := b.Sink.Resume(ctx)
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	for _, s := range ordered {
		if err := s.(millrace.Stateful).Load(ctx, at.Next[b.Input]); err != nil {
			return fmt.Errorf("load state of %s at %d: %w", s.Name(), at.Next[b.Input], err)
		}
	}
	if err := b.Source.Open(ctx, at); err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	return nil
}

// read hands every batch to the workers, and to the line in the order read.
func (b *Belt) read(ctx context.Context, line, work chan<- *job) error {
	size := b.Batch
	if size <= 0 {
		size = 16
	}
	for {
		batch, err := b.Source.Read(ctx, size)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		j := &job{Batch: batch, done: make(chan struct{})}
		select {
		case line <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case work <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// drain takes the batches in order through the stateful stages into the sink.
func (b *Belt) drain(ctx context.Context, line <-chan *job, ordered []millrace.Stage) error {
	for {
		var j *job
		select {
		case next, ok := <-line:
			if !ok {
				s := b.Pulse.begin("the sink, at the end")
				defer b.Pulse.end(s)
				return b.Sink.Flush(ctx, millrace.Position{})
			}
			j = next
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-j.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := j.err
		if err == nil {
			err = b.process(ctx, ordered, j.Docs)
		}
		if err == nil {
			err = b.store(ctx, j)
		}
		if err != nil {
			return err
		}
	}
}

// store hands a batch to the sink, and the mark behind it.
func (b *Belt) store(ctx context.Context, j *job) error {
	s := b.Pulse.begin("the sink")
	defer b.Pulse.end(s)
	if len(j.Docs) > 0 {
		if err := b.Sink.Write(ctx, j.Docs); err != nil {
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
	b.Pulse.next(s)
	return b.Sink.Flush(ctx, j.Flush)
}
