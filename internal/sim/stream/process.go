package stream

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// process is a belt, or the log, in a process of its own, over all its lives. A goroutine of each life reads what
// it says and notes how it ends.
type process struct {
	name string // "clean 1"
	kind string // "clean"
	path string
	args []string
	env  []string // more than this process has

	mu   sync.Mutex
	life *life
	all  int           // commits of all lives
	past time.Duration // of the processor, in the lives that are over
}

// life is one life of a process.
type life struct {
	cmd  *exec.Cmd
	tail tail
	done chan struct{} // closed when it is over and reaped
	// Under the process's lock:
	addr    string // where it listens
	ready   bool
	since   time.Time // it is ready
	commits int
	killed  bool
	over    bool
	exit    int // once over
	ended   time.Time
}

// start begins a life. ctx ends it as a kill does.
func (p *process) start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &life{done: make(chan struct{})}
	l.cmd = exec.CommandContext(ctx, p.path, p.args...)
	l.cmd.Env = append(os.Environ(), p.env...)
	l.cmd.Stderr = &l.tail
	dieWithParent(l.cmd)
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := l.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.life = l
	go p.watch(l, out)
	return nil
}

// watch reads the JSON lines of one life to its end.
func (p *process) watch(l *life, out io.Reader) {
	s := bufio.NewScanner(out)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		var said struct{ Type, Addr string }
		if json.Unmarshal(s.Bytes(), &said) != nil {
			continue // a line cut by the kill
		}
		p.mu.Lock()
		switch said.Type {
		case "listening":
			l.addr, l.ready, l.since = said.Addr, true, time.Now()
		case "ready":
			l.ready, l.since = true, time.Now()
		case "commit":
			l.commits++
			p.all++
		}
		p.mu.Unlock()
	}
	_ = l.cmd.Wait() // how it ended is in its state
	p.mu.Lock()
	l.over, l.exit, l.ended = true, l.cmd.ProcessState.ExitCode(), time.Now()
	p.past += l.cmd.ProcessState.UserTime() + l.cmd.ProcessState.SystemTime()
	p.mu.Unlock()
	close(l.done)
}

// state is what is known of the life that goes on, or was the last.
type state struct {
	ready   bool
	since   time.Time
	over    bool // by itself
	exit    int
	commits int
	ended   time.Time
}

func (p *process) state() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life == nil {
		return state{}
	}
	l := p.life
	return state{l.ready && !l.over, l.since, l.over && !l.killed, l.exit, l.commits, l.ended}
}

// commits counts those of all lives.
func (p *process) commits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}

// kill ends the life at once, and waits until it is reaped. counts reports whether it was ready and had not ended by itself.
func (p *process) kill() (s state, counts bool) {
	p.mu.Lock()
	l := p.life
	if l == nil {
		p.mu.Unlock()
		return state{}, false
	}
	counts = l.ready && !l.over
	l.killed = l.killed || !l.over
	p.mu.Unlock()
	_ = l.cmd.Process.Kill() // fails only when it is gone
	<-l.done
	s = p.state()
	if s.exit >= 0 && counts { // it was faster than the kill
		counts = false
		p.mu.Lock()
		l.killed = false
		p.mu.Unlock()
		s.over = true
	}
	return s, counts
}

const (
	exitDone        = 0
	exitFailed      = 1
	exitDeadLetters = 3
	exitLocked      = 6
	exitInterrupted = 130
)

// fault says what is wrong with how the last life ended by itself, if it has.
func (p *process) fault() error {
	s := p.state()
	if !s.over || s.exit == exitDone || s.exit == exitDeadLetters {
		return nil
	}
	return fmt.Errorf("%s ended by itself with exit %d: %s", p.name, s.exit, p.words())
}

// words is the end of what the last life said on stderr.
func (p *process) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life == nil {
		return ""
	}
	return p.life.tail.String()
}

// awaitReady waits until it is.
func (p *process) awaitReady(ctx context.Context) error {
	return p.await(ctx, "ready", func(s state) bool { return s.ready })
}

// awaitEnd waits until it has ended by itself, well.
func (p *process) awaitEnd(ctx context.Context) error {
	return p.await(ctx, "over", func(s state) bool { return s.over })
}

func (p *process) await(ctx context.Context, what string, is func(state) bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := p.fault(); err != nil {
			return err
		}
		s := p.state()
		if is(s) {
			return nil
		}
		if s.over {
			return fmt.Errorf("%s ended before it was %s: %s", p.name, what, p.words())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is not %s: %w: %s", p.name, what, context.Cause(ctx), p.words())
		}
	}
}

// stop asks it to end, and kills it when ctx is over first.
func (p *process) stop(ctx context.Context) error {
	p.mu.Lock()
	l := p.life
	p.mu.Unlock()
	if l == nil {
		return nil
	}
	err := interrupt(l.cmd.Process)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err == nil {
		select {
		case <-l.done:
			return p.fault()
		case <-ctx.Done():
			err = fmt.Errorf("%s does not stop: %w", p.name, context.Cause(ctx))
		}
	}
	p.kill()
	return err
}

// asked asks it to end, and gives the exit code.
func (p *process) asked(ctx context.Context, within time.Duration) (exit int, err error) {
	p.mu.Lock()
	l := p.life
	p.mu.Unlock()
	if err := interrupt(l.cmd.Process); err != nil {
		return 0, err
	}
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-l.done:
		return p.state().exit, nil
	case <-late.C:
		return 0, fmt.Errorf("%s does not end within %v: %s", p.name, within, p.words())
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// pause lets the process sleep, or wakes it.
func (p *process) pause(asleep bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life != nil && !p.life.over {
		sleep(p.life.cmd.Process, asleep)
	}
}

// tail keeps the last bytes that were written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
