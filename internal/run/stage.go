package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"millrace"
)

// maxErr bounds the error text that a dead letter carries.
const maxErr = 1024

// split parts the stages into the stateless ones and the stateful ones, which have to come last.
func split(stages []millrace.Stage) (free, ordered []millrace.Stage, err error) {
	for _, s := range stages {
		if _, ok := s.(millrace.Stateful); ok {
			ordered = append(ordered, s)
		} else if len(ordered) > 0 {
			return nil, nil, fmt.Errorf("stage %s is stateless and stands behind %s, which is stateful", s.Name(), ordered[0].Name())
		} else {
			free = append(free, s)
		}
	}
	return free, ordered, nil
}

// process sends each document through the stages until one decides. Observers see it nevertheless. It returns only what ends the belt.
func (b *Belt) process(ctx context.Context, stages []millrace.Stage, docs []*millrace.Document) error {
	if len(stages) == 0 || len(docs) == 0 {
		return nil
	}
	now := b.Pulse.begin("a document in the stages from " + stages[0].Name() + " on")
	defer b.Pulse.end(now)
	for _, d := range docs {
		b.Pulse.next(now)
		for _, s := range stages {
			if !d.Verdict.Kept() {
				if o, ok := s.(millrace.Observer); ok {
					o.Observe(d)
				}
				continue
			}
			if err := apply(ctx, s, d); err != nil {
				return fmt.Errorf("%s at %s: %w", s.Name(), d.Position, err)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// apply runs one stage on one document. An error or a panic becomes the verdict failed.<stage>, unless
// the error says that the line has to stop.
func apply(ctx context.Context, s millrace.Stage, d *millrace.Document) (stop error) {
	v, err := guard(ctx, s, d)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, millrace.ErrStop) || errors.Is(err, millrace.ErrIntegrity) || errors.Is(err, millrace.ErrMoved) {
			return err
		}
		d.Attempts++
		v = millrace.Verdict{Reason: millrace.Failed(s.Name()), Err: clip(err.Error())}
	}
	if !v.Kept() && v.Stage == "" {
		v.Stage = s.Name()
	}
	d.Verdict = v
	return nil
}

// guard turns a panic of the stage into an error.
func guard(ctx context.Context, s millrace.Stage, d *millrace.Document) (v millrace.Verdict, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = millrace.Verdict{}, fmt.Errorf("panic: %v", p)
		}
	}()
	return s.Process(ctx, d)
}

func clip(s string) string {
	if len(s) > maxErr {
		s = s[:maxErr]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
