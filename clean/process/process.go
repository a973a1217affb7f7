// Package process asks a program of the user's, in any language, about documents: a line goes to its standard input, a
// line comes back from its standard output, one for one and in order. Several copies of the program run, and each may have
// several lines in hand: it need not wait for us, nor we for it.
//
// A program that ends, hangs, answers too much or something else costs the line that it was asked about, and is started anew. Which line
// that was is not left to guesses: those that it had in hand together are asked again, one by one.
//
// Read pool.go first, then process.go.
package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// Bounds on what a program may do, and on what it is given at once.
const (
	maxAnswer = 16 << 20 // bytes of one line
	maxWords  = 2048     // of what it says on stderr
	maxLines  = 32       // in the hands of one copy
	maxBytes  = 1 << 20  // of them, but for a single line, which may be as long as it is
)

// question is a line in the hands of a copy.
type question struct {
	size  int
	take  func(answer []byte) error
	done  chan struct{} // closed once the rest is written
	err   error
	again bool // others were in the same hands when it failed
}

// copyOf is one running copy of the program. What it shares is guarded by the pool's mutex. Two goroutines serve it: one
// writes, and one reads, which alone takes lines out of its queue and sees to its end.
type copyOf struct {
	pool   *Pool
	cmd    *exec.Cmd
	in     io.WriteCloser
	pipe   io.ReadCloser // below out
	out    *bufio.Reader
	words  *words
	answer []byte // the reader's

	queue []*question // without an answer yet
	bytes int         // of them
	alone bool        // it takes no second line
	to    []byte      // not written yet
	wake  chan struct{}
	since time.Time // that the first of the queue has been the first
	timer *time.Timer
	late  bool
}

// start starts a copy. The pool is locked.
func (p *Pool) start() (*copyOf, error) {
	c := &copyOf{pool: p, words: &words{}, wake: make(chan struct{}, 1)}
	args := p.program.Args
	c.cmd = exec.Command(args[0], args[1:]...)
	c.cmd.Dir, c.cmd.Stderr, c.cmd.WaitDelay = p.program.Dir, c.words, time.Second // children of its own may hold stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.pipe, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	c.out = bufio.NewReaderSize(c.pipe, 64<<10)
	c.timer = time.AfterFunc(p.program.Hang, c.hung)
	p.copies = append(p.copies, c)
	p.running.Go(c.speak)
	p.running.Go(c.listen)
	return c, nil
}

// give puts a line into its hands. The pool is locked.
func (c *copyOf) give(q *question, line []byte) {
	if len(c.queue) == 0 {
		c.since = time.Now()
		c.timer.Reset(c.pool.program.Hang)
	}
	c.queue = append(c.queue, q)
	c.bytes += q.size
	c.to = append(append(c.to, line...), '\n')
	select {
	case c.wake <- struct{}{}:
	default: // it is awake
	}
}

// speak writes: as much at once as has come together.
func (c *copyOf) speak() {
	var buf []byte
	for range c.wake {
		c.pool.mu.Lock()
		buf, c.to = c.to, buf[:0]
		c.pool.mu.Unlock()
		if _, err := c.in.Write(buf); err != nil {
			c.kill() // it takes no line: listen tells
			return
		}
		if cap(buf) > maxBytes {
			buf = nil
		}
	}
}

// listen reads answers until there are no more.
func (c *copyOf) listen() {
	err := error(nil)
	for err == nil {
		err = c.next()
	}
	p := c.pool
	p.mu.Lock()
	p.forget(c)
	c.timer.Stop()
	close(c.wake)
	if len(c.queue) == 0 && errors.Is(err, ErrStep) && p.fault == nil {
		p.fault = err
	}
	closed, late := p.closed, c.late
	p.mu.Unlock()
	c.kill()
	_ = c.cmd.Wait() // how it ends is no news; and stderr is read to its end
	switch {
	case closed:
		err = errEnded
	case late:
		err = fmt.Errorf("no answer within %s", p.program.Hang)
	case errors.Is(err, errNothing):
		if w := c.words.String(); w != "" {
			err = fmt.Errorf("%w: %s", err, w)
		}
	}
	for _, q := range c.queue { // nobody adds to it any more
		q.err, q.again = err, len(c.queue) > 1 && !closed
		close(q.done)
	}
}

// next reads one answer and hands it over. An error means that no other is to be had.
func (c *copyOf) next() error {
	if err := c.read(); err != nil {
		return err
	}
	p := c.pool
	p.mu.Lock()
	if c.late || len(c.queue) == 0 {
		late := c.late
		p.mu.Unlock()
		if late {
			return errNothing
		}
		return fmt.Errorf("%w: %.80q", ErrStep, c.answer)
	}
	q := c.queue[0]
	p.mu.Unlock()
	if err := q.take(bytes.TrimRight(c.answer, "\r\n")); err != nil {
		return err // and q is still in the queue, with all that follow it
	}
	p.mu.Lock()
	c.queue[0] = nil
	c.queue = c.queue[1:]
	c.bytes -= q.size
	if len(c.queue) == 0 {
		c.queue, c.alone = nil, false
		c.timer.Stop()
	} else {
		c.since = time.Now()
		c.timer.Reset(p.program.Hang)
	}
	p.stir()
	p.mu.Unlock()
	close(q.done)
	return nil
}

var (
	errNothing = errors.New("it ended without an answer")
	errLong    = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
)

// read reads a line into c.answer.
func (c *copyOf) read() error {
	if c.answer = c.answer[:0]; cap(c.answer) > maxBytes {
		c.answer = nil
	}
	for {
		part, err := c.out.ReadSlice('\n')
		c.answer = append(c.answer, part...)
		switch {
		case len(c.answer) > maxAnswer:
			return errLong
		case err == nil:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return errNothing // a line without its end is none
		}
	}
}

// hung ends a copy that has had the same line before it for too long. A timer that was too late to be stopped does nothing.
func (c *copyOf) hung() {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	if len(c.queue) > 0 && time.Since(c.since) >= c.pool.program.Hang {
		c.late = true
		c.kill()
	}
}

// kill makes the copy end, where it has not ended by itself. Its pipes are closed too, for programs that it has started may have
// them, and live on.
func (c *copyOf) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.in.Close()
	_ = c.pipe.Close()
}

// words keeps the end of what is written to it.
type words struct {
	mu  sync.Mutex
	end []byte
}

// Write implements io.Writer.
func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end = append(w.end, b...)
	if len(w.end) > 2*maxWords {
		w.end = append(w.end[:0], w.end[len(w.end)-maxWords:]...)
	}
	return len(b), nil
}

// String gives the last of it.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := bytes.TrimSpace(w.end)
	return string(b[max(0, len(b)-maxWords/4):])
}
