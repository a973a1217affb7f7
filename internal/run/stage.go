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

// apply runs one stage on one document. An error or a panic becomes the verdict failed.<stage>, unless
// the error says that the line has to stop. So does a document that the stage has made too large: what is
// too large is not handed on.
func (h *hand) apply(ctx context.Context, s millrace.Stage, d *millrace.Document) (stop error) {
	v, err := h.try(ctx, s, d)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if stops(err) {
			return err
		}
		d.Attempts++
		v = millrace.Verdict{Reason: millrace.Failed(s.Name()), Err: clip(err.Error())}
	}
	if n := size(d); n > MaxBytes {
		d.Text, d.Title, d.Meta, d.Page.Body, d.Keys, d.Code = "", "", "", nil, nil, nil
		d.Attempts++
		v = millrace.Verdict{Reason: millrace.Failed(s.Name()), Signal: "document_bytes", Value: float64(n), Limit: MaxBytes,
			Err: "the stage made more of the document than is handed on"}
	}
	if !v.Kept() && v.Stage == "" {
		v.Stage = s.Name()
	}
	d.Verdict = v
	return nil
}

// stops reports whether an error ends the belt instead of failing one document.
func stops(err error) bool {
	return errors.Is(err, millrace.ErrStop) || errors.Is(err, millrace.ErrIntegrity) || errors.Is(err, millrace.ErrMoved)
}

// size is what a document holds of what stages make.
func size(d *millrace.Document) int {
	return len(d.Text) + len(d.Title) + len(d.Meta) + len(d.Page.Body) + len(d.Keys)
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
