package run

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
)

// slow is source, stage and sink at once: each part takes as long as the test says.
type slow struct {
	waits, stage, sink time.Duration // of one document
	docs               int
	given              int
}

func (s *slow) Open(context.Context, millrace.Checkpoint) error { return nil }

func (s *slow) Read(ctx context.Context, _ int) (millrace.Batch, error) {
	if s.given == s.docs {
		return millrace.Batch{}, io.EOF
	}
	s.given++
	return millrace.Batch{Docs: []*millrace.Document{{}}}, pass(ctx, s.waits)
}

func (s *slow) Name() string { return "slow" }

func (s *slow) Process(ctx context.Context, _ *millrace.Document) (millrace.Verdict, error) {
	return millrace.Verdict{}, pass(ctx, s.stage)
}

func (s *slow) Resume(context.Context) (millrace.Checkpoint, error) {
	return millrace.Checkpoint{}, nil
}
func (s *slow) Write(ctx context.Context, _ []*millrace.Document) error { return pass(ctx, s.sink) }
func (s *slow) Flush(context.Context, millrace.Position) error          { return nil }

func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestPulse(t *testing.T) {
	const limit = 5 * time.Minute
	tests := map[string]struct {
		parts slow
		stuck string // after 20 minutes; "" is a belt that moves
	}{
		"waits for input":              {slow{waits: time.Hour, docs: 1}, ""},
		"slow, but each step ends":     {slow{stage: 4 * time.Minute, sink: 4 * time.Minute, docs: 10}, ""},
		"a stage that hangs":           {slow{stage: time.Hour, docs: 1}, "slow"},
		"a sink that hangs":            {slow{sink: time.Hour, docs: 1}, "rows for the sink"},
		"a line that is full of waits": {slow{stage: time.Second, sink: 4 * time.Minute, docs: 50}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				accepted := 0
				p := &Pulse{Accepted: func(d []*millrace.Document) { accepted += len(d) }}
				if p.Restored() {
					t.Error("restored before it began")
				}
				ctx, cancel := context.WithCancel(t.Context())
				b := Belt{Source: &tt.parts, Stages: []millrace.Stage{&tt.parts}, Sink: &tt.parts, Workers: 2, Pulse: p}
				ended := make(chan error, 1)
				go func() { ended <- b.Run(ctx) }()
				time.Sleep(20 * time.Minute)
				if !p.Restored() {
					t.Error("not restored")
				}
				what, since, stuck := p.Stuck(limit)
				if stuck != (tt.stuck != "") || stuck && !strings.Contains(what, tt.stuck) {
					t.Errorf("stuck %v in %q since %v", stuck, what, since)
				}
				p.Touch()
				if what, _, stuck := p.Stuck(limit); stuck {
					t.Errorf("stuck in %q, and was just touched", what)
				}
				cancel()
				if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if len(p.steps) > 0 {
					t.Errorf("%d steps did not end", len(p.steps))
				}
				if want := tt.parts.given > 3 && tt.stuck == ""; want && accepted == 0 {
					t.Error("nothing was accepted")
				}
			})
		})
	}
}
