package sim

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// Killer runs the binary and kills it at random moments.
type Killer struct {
	Binary
	Rng *rand.Rand
}

// Span is how long a process lives after it was ready: at least, and up to so much more.
type Span struct {
	Least, More time.Duration
	// Growth lets four lives in five begin to count when they have archived, published or committed
	// something. How soon that is depends on the machine.
	Growth bool
}

// Lives is what a series of kills came to.
type Lives struct {
	Lives  int `json:"kills"`
	Useful int `json:"useful"` // published or committed before they were killed
}

var errWorkRanOut = errors.New("the work was done before all the kills: more pages are needed")

// Kill kills it n times, while there are fewer than rows rows, and then lets it end. A kill counts only if
// the process was ready and had work left.
func (w *Killer) Kill(ctx context.Context, corpus, yaml string, n int, of Span, rows int64, flags ...string) (Lives, error) {
	var l Lives
	for misses := 0; l.Lives < n; {
		before := amount(corpus)
		done, counted, err := w.life(ctx, corpus, yaml, of, flags)
		if err != nil {
			return l, err
		}
		have, err := Inputs(corpus)
		if err != nil {
			return l, err
		}
		if done || have >= rows {
			return l, errWorkRanOut
		}
		if !counted {
			if misses++; misses > n+20 {
				return l, fmt.Errorf("%d processes ended before they were ready", misses)
			}
			continue
		}
		l.Lives++
		if amount(corpus) != before {
			l.Useful++
		}
	}
	return l, w.Run(ctx, corpus, yaml, flags...)
}

// life starts it, waits until it is ready, and kills it a random moment later. done: it had nothing left to do.
func (w *Killer) life(ctx context.Context, corpus, yaml string, of Span, flags []string) (done, counted bool, err error) {
	cmd, stderr, err := w.Command(ctx, corpus, yaml, flags...)
	if err != nil {
		return false, false, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, false, err
	}
	if err := cmd.Start(); err != nil {
		return false, false, err
	}
	ready, over := make(chan struct{}), make(chan bool, 1)
	go watch(out, ready, over)
	select {
	case <-ready:
	case <-over:
		err := cmd.Wait()
		return false, false, fmt.Errorf("it ended before it was ready: %v: %s", err, stderr)
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return false, false, fmt.Errorf("not ready within a minute: %s", stderr)
	}
	if of.Growth && w.Rng.IntN(5) > 0 {
		waitGrowth(ctx, corpus, over)
	}
	select {
	case done = <-over:
	case <-time.After(of.Least + time.Duration(w.Rng.Int64N(int64(of.More)))):
		if err := cmd.Process.Kill(); err != nil {
			return false, false, err
		}
		done = <-over
	}
	_ = cmd.Wait() // the exit status of a killed process says nothing
	if code := cmd.ProcessState.ExitCode(); !done && code >= 0 {
		return false, false, fmt.Errorf("it ended by itself with exit %d: %s", code, stderr)
	}
	return done, !done, nil
}

// waitGrowth returns when something was added to the corpus, or nothing for ten seconds, or when the process
// has ended.
func waitGrowth(ctx context.Context, corpus string, over chan bool) {
	before := amount(corpus)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		select {
		case <-tick.C:
			if amount(corpus) != before {
				return
			}
		case done := <-over:
			over <- done // has room for one
			return
		case <-ctx.Done():
			return
		}
	}
}

// watch reads the JSON lines: ready is closed at that event, over says at the end whether there was a summary.
func watch(out io.Reader, ready chan<- struct{}, over chan<- bool) {
	summary, told := false, false
	s := bufio.NewScanner(out)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		var head struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(s.Bytes(), &head) != nil {
			continue // a line cut by the kill
		}
		if head.Type == "ready" && !told {
			told = true
			close(ready)
		}
		summary = summary || head.Type == "summary"
	}
	over <- summary
}

// amount changes when something was archived, published or committed.
func amount(corpus string) (n int64) {
	for _, sub := range []string{"warc", "log", filepath.Join("data", "_delta_log")} {
		_ = filepath.WalkDir(filepath.Join(corpus, sub), func(_ string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					n += info.Size()
				}
			}
			return nil
		})
	}
	return n
}
