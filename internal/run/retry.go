package run

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"millrace"
)

// How long a stage waits between tries of what failed for a while, and after how many tries the belt says so.
const (
	firstWait = 50 * time.Millisecond // it doubles
	longWait  = 30 * time.Second
	quietly   = 6 // tries: a second or two
)

// try runs a stage until it gives an answer. An error that wraps ErrTransient is none: the document waits in
// its place, and leaves no trace of it in its row. After some tries the belt is said to pause; it goes on
// trying all the same, until ctx ends.
func (h *hand) try(ctx context.Context, s millrace.Stage, d *millrace.Document) (millrace.Verdict, error) {
	paused := false
	for n := 1; ; n++ {
		v, err := guard(ctx, s, d)
		if !errors.Is(err, millrace.ErrTransient) || stops(err) || ctx.Err() != nil {
			if paused {
				h.g.resume()
			}
			return v, err
		}
		if n >= quietly && h.g != nil && !paused {
			paused = true
			h.g.pause(&Pause{Stage: s.Name(), Position: d.Position, Err: err})
		}
		if err := h.wait(ctx, s, d, n); err != nil {
			if paused {
				h.g.resume()
			}
			return millrace.Verdict{}, err
		}
	}
}

// wait is the pause before try n+1. Meanwhile the document is in nobody's hands: whoever ends the process now
// says nothing about it.
func (h *hand) wait(ctx context.Context, s millrace.Stage, d *millrace.Document, n int) error {
	h.rest()
	pause := min(longWait, firstWait<<min(n-1, 10))
	t := time.NewTimer(pause/2 + rand.N(pause/2))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	h.begin(d, s.Name(), true)
	return nil
}

// pause tells of the first hand that waits, resume of the last one that goes on.
func (g *guarded) pause(p *Pause) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.paused++; g.paused == 1 && g.Paused != nil {
		g.Paused(p)
	}
}

func (g *guarded) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.paused--; g.paused == 0 && g.Paused != nil {
		g.Paused(nil)
	}
}
