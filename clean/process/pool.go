package process

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Program says what is started, and in which folder.
type Program struct {
	Args []string
	Dir  string
	Hang time.Duration // how long it may take for an answer, its start included
}

// Pool keeps copies of the program.
type Pool struct {
	program Program
	running sync.WaitGroup // goroutines of copies

	mu       sync.Mutex
	copies   []*copyOf
	most     int           // copies
	suspects int           // askers who wait for a copy of their own
	freed    chan struct{} // closed when something changes; nil where nobody waits
	fault    error         // ends all
	closed   bool
}

// ErrStep says that the program has written a line that nobody had asked for. Answers belong to questions by their order alone, so
// none of them can be trusted.
var ErrStep = errors.New("the program is out of step, it wrote a line that it was not asked for")

var errEnded = errors.New("the program was ended")

// New starts nothing yet. There will be a copy for each core, as far as they are needed at once.
func New(p Program) *Pool { return &Pool{program: p, most: max(1, runtime.GOMAXPROCS(0))} }

// Limit says how many copies there may be.
func (p *Pool) Limit(copies int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = max(1, copies)
}

// Ask sends a line, without its end, and has take look at the answer, which is valid during the call. An error of
// take's means that this is no answer to the line. Then, and when the program ends, hangs or says too much, the copy is ended. Where it
// had other lines in hand, each of them is asked again alone: only what fails alone fails.
//
// Ask may be called from several goroutines. It is another one that calls take, perhaps more than once; after
// an error nobody may look at what take has written.
func (p *Pool) Ask(ctx context.Context, line []byte, take func(answer []byte) error) error {
	for alone := false; ; alone = true {
		q := &question{size: len(line), take: take, done: make(chan struct{})}
		if err := p.send(ctx, q, line, alone); err != nil {
			return err
		}
		select {
		case <-q.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !q.again || ctx.Err() != nil {
			return q.err
		}
	}
}

// send gives a line to a copy, once there is room.
func (p *Pool) send(ctx context.Context, q *question, line []byte, alone bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if alone {
		p.suspects++
		defer func() { p.suspects--; p.stir() }()
	}
	for {
		c, err := p.choose(q.size, alone)
		if err != nil {
			return err
		}
		if c != nil {
			c.alone = alone
			c.give(q, line)
			return nil
		}
		if p.freed == nil {
			p.freed = make(chan struct{})
		}
		wait := p.freed
		p.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
		}
		p.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// choose gives the copy that has least to do, or a new one; nil where there is no room now. Suspects go first: while one
// waits, nobody else is served.
func (p *Pool) choose(size int, alone bool) (best *copyOf, err error) {
	switch {
	case p.closed:
		return nil, errEnded
	case p.fault != nil:
		return nil, p.fault
	case p.suspects > 0 && !alone:
		return nil, nil
	}
	for _, c := range p.copies {
		n := len(c.queue)
		room := n == 0 || !alone && !c.alone && n < maxLines && c.bytes+size <= maxBytes
		if room && (best == nil || n < len(best.queue)) {
			best = c
		}
	}
	if len(p.copies) < p.most && (best == nil || len(best.queue) > 0) {
		return p.start()
	}
	return best, nil
}

// stir wakes who waits for room.
func (p *Pool) stir() {
	if p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
}

// forget takes a copy out, which is about to end.
func (p *Pool) forget(c *copyOf) {
	if i := slices.Index(p.copies, c); i >= 0 {
		p.copies = slices.Delete(p.copies, i, i+1)
	}
	p.stir()
}

// Close ends all copies, and waits for them.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	for _, c := range p.copies {
		c.kill()
	}
	p.stir()
	p.mu.Unlock()
	p.running.Wait()
}
