package run

import (
	"sync"
	"time"

	"millrace"
)

// Pulse says whether a belt moves. A belt that waits, for input, for a place in the line or for its turn, does
// nothing that could hang. A document in a stage can, and rows on their way into the sink can: each of them is a
// step with the time at which it began. A nil Pulse notes nothing.
type Pulse struct {
	Accepted func([]*millrace.Document) // sees what the sink has taken, in order; may be nil

	mu       sync.Mutex
	restored bool
	steps    map[*step]struct{}
}

// step is one thing under way.
type step struct {
	what  string
	since time.Time
}

// Restored reports whether sink, state and source stand, so that the belt works.
func (p *Pulse) Restored() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restored
}

// Stuck names the step that has been under way for longest, if that is longer than limit.
func (p *Pulse) Stuck(limit time.Duration) (what string, since time.Time, stuck bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.steps {
		if since.IsZero() || s.since.Before(since) {
			what, since = s.what, s.since
		}
	}
	return what, since, !since.IsZero() && time.Since(since) > limit
}

// Touch says that whatever is under way is only waiting, as a sink does whose broker is away: it begins anew.
func (p *Pulse) Touch() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.steps {
		s.since = time.Now()
	}
}

func (p *Pulse) restore(done bool) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restored = done
}

// begin notes a step, which ends with end.
func (p *Pulse) begin(what string) *step {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.steps == nil {
		p.steps = map[*step]struct{}{}
	}
	s := &step{what, time.Now()}
	p.steps[s] = struct{}{}
	return s
}

// next says that s goes on: with another stage, or another document.
func (p *Pulse) next(s *step, stage string) {
	if p == nil || s == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.since, s.what = time.Now(), "a document in stage "+stage
}

func (p *Pulse) end(s *step) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.steps, s)
}

func (p *Pulse) accepted(docs []*millrace.Document) {
	if p != nil && p.Accepted != nil {
		p.Accepted(docs)
	}
}
