// Package process asks a program of the user's, in any language, about documents: a line goes to its standard input, a
// line comes back from its standard output, one for one. Several copies of the program run, as many as are needed at once.
//
// A program that ends, hangs, or answers too much costs the line that it was asked about, and is started anew.
package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds on what a program may do.
const (
	maxAnswer = 16 << 20 // bytes of one line
	maxWords  = 2048     // of what it says on stderr
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
	mu      sync.Mutex
	idle    []*copyOf
	closed  bool
}

// New starts nothing yet.
func New(p Program) *Pool { return &Pool{program: p} }

// Ask sends a line, without its end, and gives the answer. It may be called from several goroutines;
// each has a copy of the program for itself.
func (p *Pool) Ask(ctx context.Context, line []byte) ([]byte, error) {
	c, err := p.take()
	if err != nil {
		return nil, err
	}
	answer, err := c.ask(ctx, line, p.program.Hang)
	if err != nil {
		return nil, err
	}
	p.give(c)
	return answer, nil
}

// take gives an idle copy, or a new one.
func (p *Pool) take() (*copyOf, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the program was ended")
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return c, nil
	}
	return start(p.program)
}

func (p *Pool) give(c *copyOf) {
	p.mu.Lock()
	if !p.closed {
		p.idle = append(p.idle, c)
		c = nil
	}
	p.mu.Unlock()
	if c != nil {
		c.end()
	}
}

// Close ends every copy that is idle, and the others when they have answered.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.end()
	}
}

// copyOf is one running copy of the program.
type copyOf struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	words  *words
	answer []byte
}

func start(p Program) (*copyOf, error) {
	c := &copyOf{words: &words{}}
	c.cmd = exec.Command(p.Args[0], p.Args[1:]...)
	c.cmd.Dir, c.cmd.Stderr, c.cmd.WaitDelay = p.Dir, c.words, time.Second // children of its own may hold stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Args[0], err)
	}
	c.out = bufio.NewReaderSize(out, 64<<10)
	return c, nil
}

// ask sends a line and waits for the answer. After an error the copy has ended.
func (c *copyOf) ask(ctx context.Context, line []byte, hang time.Duration) ([]byte, error) {
	var late atomic.Bool
	kill := func() { _ = c.cmd.Process.Kill() } // it may have ended by itself
	timer := time.AfterFunc(hang, func() { late.Store(true); kill() })
	stop := context.AfterFunc(ctx, kill)
	answer, err := c.exchange(line)
	stop()
	if !timer.Stop() && err == nil {
		err = errors.New("killed while it answered") // it is on its way
	}
	if err == nil && ctx.Err() == nil {
		return answer, nil
	}
	c.end() // and stderr is read to its end
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case late.Load():
		return nil, fmt.Errorf("no answer within %s", hang)
	case errors.Is(err, errLong):
		return nil, err
	}
	if w := c.words.String(); w != "" {
		return nil, fmt.Errorf("%w: %s", err, w)
	}
	return nil, err
}

var errLong = fmt.Errorf("an answer of more than %d bytes", maxAnswer)

func (c *copyOf) exchange(line []byte) ([]byte, error) {
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("it takes no line: %w", err)
	}
	c.answer = c.answer[:0]
	for {
		part, err := c.out.ReadSlice('\n')
		c.answer = append(c.answer, part...)
		switch {
		case len(c.answer) > maxAnswer:
			return nil, errLong
		case err == nil:
			return bytes.Clone(bytes.TrimRight(c.answer, "\r\n")), nil // the buffer is for whoever takes the copy next
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, errors.New("it ended without an answer")
		default:
			return nil, fmt.Errorf("read the answer: %w", err)
		}
	}
}

// end ends the copy, and waits for it. How it ends is no news.
func (c *copyOf) end() {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
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
