package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"millrace/internal/sim"
	"millrace/internal/sim/s3"
)

// world is what runs: a server, a log that outlives every mill, and mills.
type world struct {
	dir, archive, server string
	bin                  sim.Binary
	yaml                 string
	log                  *exec.Cmd

	mu  sync.Mutex // of what follows
	rng *rand.Rand
	gw  *s3.Server

	kills, serverKills, pairs, fresh, useful int
}

func (w *world) random(n int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.Int64N(n)
}

func (w *world) gateway() *s3.Server {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gw
}

// start starts the server and the log.
func (w *world) start(ctx context.Context, yaml string) (err error) {
	if w.gw, err = s3.Start(ctx, s3.Options{Dir: w.server}); err != nil {
		return err
	}
	if err := w.gw.NewBucket(bucket); err != nil {
		return err
	}
	w.log = w.bin.Program(context.WithoutCancel(ctx), "topics", "serve", "--json", "--dir", filepath.Join(w.dir, "log"))
	out, err := w.log.StdoutPipe()
	if err != nil {
		return err
	}
	if err := w.log.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var said struct {
		Addr string `json:"addr"`
	}
	if err != nil || json.Unmarshal(line, &said) != nil || said.Addr == "" {
		return fmt.Errorf("the log says %q: %w", line, err)
	}
	w.yaml = yaml + "log: kafka://" + said.Addr + "\n" + w.gw.YAML(bucket, prefix)
	return nil
}

func (w *world) stop() {
	if w.log != nil && w.log.Process != nil {
		_ = w.log.Process.Kill()
		_ = w.log.Wait()
	}
	if gw := w.gateway(); gw != nil {
		gw.Kill()
	}
}

// life is one mill.
type life struct {
	cmd       *exec.Cmd
	stderr    *bytes.Buffer
	ready     chan struct{}
	over      chan struct{} // closed when its output has ended
	published atomic.Int64
	commits   atomic.Int64
	summary   atomic.Bool
}

func (w *world) begin(ctx context.Context, folder string) (*life, error) {
	cmd, stderr, err := w.bin.Command(ctx, filepath.Join(w.dir, folder), w.yaml, "--archive", w.archive, "--batch", "4")
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	l := &life{cmd: cmd, stderr: stderr, ready: make(chan struct{}), over: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go l.watch(out)
	return l, nil
}

// watch follows the JSON lines.
func (l *life) watch(out io.Reader) {
	defer close(l.over)
	s := bufio.NewScanner(out)
	s.Buffer(nil, 16<<20)
	isReady := false
	for s.Scan() {
		var e struct {
			Type      string `json:"type"`
			Published int64  `json:"published"`
		}
		if json.Unmarshal(s.Bytes(), &e) != nil {
			continue // cut by the kill
		}
		switch e.Type {
		case "ready":
			if !isReady {
				isReady = true
				close(l.ready)
			}
		case "progress":
			l.published.Store(e.Published)
		case "commit":
			l.commits.Add(1)
		case "summary":
			l.summary.Store(true)
		}
	}
}

// kill ends it. An exit of its own is right only behind a summary, or where another owner was quicker at its very end.
func (l *life) kill() (counted bool, err error) {
	_ = l.cmd.Process.Kill() // fails when it is gone already
	<-l.over
	_ = l.cmd.Wait()
	switch code := l.cmd.ProcessState.ExitCode(); {
	case code < 0:
		return true, nil
	case l.summary.Load():
		return false, nil
	default:
		return false, fmt.Errorf("a mill ended by itself with exit %d: %s", code, l.stderr)
	}
}

// publish lets a mill fill the topic while the server is away, so that later none of several does.
func (w *world) publish(ctx context.Context, rows int64) error {
	l, err := w.begin(ctx, "here-0")
	if err != nil {
		return err
	}
	if err := l.awaitReady(ctx); err != nil {
		return err
	}
	w.gateway().Kill()
	for l.published.Load() < rows {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.over:
			_, err := l.kill()
			return errors.Join(errors.New("a mill has ended while its store was away"), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if _, err := l.kill(); err != nil {
		return err
	}
	return w.restart(ctx)
}

func (l *life) awaitReady(ctx context.Context) error {
	select {
	case <-l.ready:
		return nil
	case <-ctx.Done():
		_, _ = l.kill()
		return ctx.Err()
	case <-l.over:
		if l.summary.Load() {
			return nil // it was ready too
		}
		_, err := l.kill()
		return errors.Join(errors.New("it ended before it was ready"), err)
	case <-time.After(3 * time.Minute):
		_, _ = l.kill()
		return fmt.Errorf("not ready within three minutes: %s", l.stderr)
	}
}

// restart brings the server back where it was.
func (w *world) restart(ctx context.Context) error {
	gw, err := s3.Start(ctx, s3.Options{Dir: w.server, Port: w.gateway().Port()})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gw = gw
	return nil
}

// killAll kills mills and the server until both have been killed often enough, or the work is done.
func (w *world) killAll(ctx context.Context, kills int) error {
	work, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.killServer(work) }()
	err := func() error {
		for w.kills < kills || w.gatewayKills() < kills {
			finished, err := w.round(ctx)
			if err != nil {
				return err
			}
			if finished {
				return fmt.Errorf("the work was done after %d kills of mills and %d of the server: more pages are needed", w.kills, w.gatewayKills())
			}
		}
		return nil
	}()
	cancel()
	return errors.Join(err, <-done)
}

func (w *world) gatewayKills() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.serverKills
}

// killServer kills the server again and again, and lets it be away for a while.
func (w *world) killServer(ctx context.Context) error {
	for {
		w.pause(ctx, 1500*time.Millisecond)
		if ctx.Err() != nil {
			return nil
		}
		w.gateway().Kill()
		w.mu.Lock()
		w.serverKills++
		w.mu.Unlock()
		w.pause(ctx, 400*time.Millisecond)
		if err := w.restart(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
}

// round runs one mill or two, and kills them. The first folder is that of the round before, or an empty one; a second
// mill has one of its own.
func (w *world) round(ctx context.Context) (finished bool, err error) {
	folders := []string{fmt.Sprint("here-", w.fresh)}
	if w.random(2) == 0 {
		w.fresh++
		folders[0] = fmt.Sprint("here-", w.fresh)
	}
	if w.random(3) == 0 {
		w.pairs++
		folders = append(folders, fmt.Sprint("second-", w.random(2)))
	}
	type end struct {
		life    *life
		counted bool
		err     error
	}
	ends := make(chan end)
	for _, f := range folders {
		go func() {
			l, counted, err := w.live(ctx, f)
			ends <- end{l, counted, err}
		}()
	}
	for range folders {
		e := <-ends
		err = errors.Join(err, e.err)
		switch {
		case e.counted:
			w.kills++
			if e.life.commits.Load() > 0 {
				w.useful++
			}
		case e.err == nil:
			finished = true
		}
	}
	return finished, err
}

// live runs one mill in a folder until it is killed: most live until they have committed something.
func (w *world) live(ctx context.Context, folder string) (l *life, counted bool, err error) {
	if l, err = w.begin(ctx, folder); err != nil {
		return nil, false, err
	}
	if err := l.awaitReady(ctx); err != nil {
		return l, false, err
	}
	if w.random(4) > 0 {
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && !l.done(); {
			w.pause(ctx, 10*time.Millisecond)
		}
	}
	w.pause(ctx, 150*time.Millisecond)
	counted, err = l.kill()
	return l, counted, err
}

// done reports whether it has committed something, or has ended.
func (l *life) done() bool {
	select {
	case <-l.over:
		return true
	default:
		return l.commits.Load() > 0
	}
}
