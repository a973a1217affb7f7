package cli

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// TestAskLog: a log that does not answer is told of; an answer, an error and an interruption are what they are.
func TestAskLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		var e *Error
		err := askLog(t.Context(), "127.0.0.1:1", time.Minute, silent)
		if !errors.As(err, &e) || e.Exit != Failure || e.Try == "" || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := askLog(t.Context(), "", time.Minute, func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
		if err := askLog(t.Context(), "", time.Minute, func(context.Context) error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &e) {
			t.Errorf("an error of the log's own: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := askLog(ctx, "", time.Minute, silent); errors.As(err, &e) {
			t.Errorf("interrupted: %v", err)
		}
	})
}
