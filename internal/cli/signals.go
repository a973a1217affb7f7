package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"millrace"
)

const (
	defaultDrain = 30 * time.Second
	lastWords    = time.Second // for them to be taken, before the process ends without
)

// drain is how a signal ends the command: the first one asks, and it has until the deadline; a second one does not ask.
type drain struct {
	allowed  atomic.Int64 // nanoseconds
	deadline atomic.Int64 // in nanoseconds since 1970; 0 before a signal
}

// allowDrain says how long a run may take to end.
func (a *App) allowDrain(c *corpus, o runOptions) {
	d := o.drain
	if d < 0 {
		d = time.Duration(c.cfg.Drain)
	}
	a.drain.allowed.Store(int64(d))
}

// timeToTidy is how long an interrupted run may still work: most of what is left of its time, for it has to end, too.
func (a *App) timeToTidy() time.Duration {
	at := a.drain.deadline.Load()
	if at == 0 {
		return defaultDrain // interrupted by its caller, not by a signal
	}
	return max(0, time.Until(time.Unix(0, at))*3/4)
}

// onSignals ends ctx at the first SIGINT or SIGTERM. Where the command has not ended by its deadline, or a second
// signal comes, the process ends at once: that is as safe as kill -9. Signals are caught all the time, for the first
// process of a container is not ended by those that it does not catch.
func (a *App) onSignals(ctx context.Context) (_ context.Context, stop func()) {
	a.drain.allowed.Store(int64(defaultDrain))
	ctx, cancel := context.WithCancel(ctx)
	signals, done, over := make(chan os.Signal, 2), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(over)
		select {
		case <-done:
			return
		case <-signals:
		}
		allowed := time.Duration(a.drain.allowed.Load())
		a.drain.deadline.Store(time.Now().Add(allowed).UnixNano())
		cancel()
		late := time.NewTimer(allowed)
		defer late.Stop()
		select {
		case <-done:
		case <-signals:
			a.endNow(&Error{Exit: Interrupted, Err: errors.New("interrupted twice: ended at once"), Means: "everything committed is safe",
				Try: "the same command again; it resumes"})
		case <-late.C:
			a.endNow(&Error{Exit: Failure, Err: fmt.Errorf("interrupted, and not at its end after %s: ended at once", allowed),
				Means: "everything committed is safe", Try: "the same command again, it resumes; or a longer --drain"})
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		<-over
		cancel()
	}
}

// endNow says why, and ends the process. Nobody waits for a reader of the words who does not read.
func (a *App) endNow(e *Error) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		e.print(a.Stderr)
		if a.json {
			a.emit(map[string]any{"type": "summary", "exit": e.Exit, "error": message(e.Err)})
		}
	}()
	select {
	case <-said:
	case <-time.After(lastWords):
	}
	os.Exit(e.Exit)
}

// tidy leaves data/ without rows that are out of the corpus and without files that were replaced: a corpus that is
// kept fresh ends in no other way than by an interruption. What is not done in time is done by the next run.
func (l *line) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.a.timeToTidy())
	defer cancel()
	_, err := l.sink.Resume(ctx)
	if err == nil {
		err = l.sink.Flush(ctx, millrace.Position{})
	}
	if err == nil {
		_, err = l.c.at.CollectOrphans(ctx)
	}
	if err != nil {
		l.a.log.Warn("older versions of pages are still in data", "error", err)
	}
}
