package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain makes this binary a program that answers each line in the way that the line asks for. The variable says how it
// takes lines: "each" flushes every answer, "blocks" those of all lines that came together, as the Python one does.
func TestMain(m *testing.M) {
	switch how := os.Getenv("MILLRACE_ANSWERS"); how {
	case "":
		os.Exit(m.Run())
	case "nothing": // and no line is read
	default:
		answers(how == "blocks")
	}
}

func answers(blocks bool) {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch line = strings.TrimSuffix(line, "\n"); line {
		case "end": // what it has not flushed is lost
			fmt.Fprintln(os.Stderr, "I have had enough")
			os.Exit(3)
		case "bow": // as an exception in Python does it
			out.Flush()
			os.Exit(1)
		case "hang":
			time.Sleep(time.Hour)
		case "long":
			out.WriteString(strings.Repeat("x", maxAnswer+1<<20))
		case "twice":
			fmt.Fprintf(out, "twice\ntwice\n")
		case "half":
			out.WriteString("ha")
			out.Flush()
			os.Exit(0)
		case "sulk":
			fmt.Fprintln(out, "something else")
		default:
			if n == 7 && strings.HasPrefix(line, "seven") {
				os.Exit(7)
			}
			fmt.Fprintf(out, "%s\n", line)
		}
		if !blocks || in.Buffered() == 0 {
			out.Flush()
		}
	}
}

// how are the two ways of taking lines.
func how() []string { return []string{"each", "blocks"} }

// answering makes this binary a program, also where the race detector is built in, which sleeps at each end.
func answering(t *testing.T, how string) {
	t.Setenv("MILLRACE_ANSWERS", how)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
}

func pool(t *testing.T, how string, copies int, hang time.Duration) *Pool {
	answering(t, how)
	p := New(Program{Args: []string{os.Args[0]}, Hang: hang})
	p.Limit(copies)
	t.Cleanup(p.Close)
	return p
}

// echo asks for an answer that is the line itself.
func echo(ctx context.Context, p *Pool, line string) error {
	return p.Ask(ctx, []byte(line), func(answer []byte) error {
		if string(answer) != line {
			return fmt.Errorf("%.40q is no answer", answer)
		}
		return nil
	})
}

// bad gives what the error of a line says; "" for lines that have an answer.
func bad(line string) string {
	return map[string]string{"end": "I have had enough", "bow": "ended without an answer", "half": "ended without an answer",
		"hang": "no answer within", "long": "more than", "sulk": `"something else" is no answer`}[line]
}

func want(t interface{ Errorf(string, ...any) }, line string, err error) {
	switch w := bad(line); {
	case w == "" && err != nil:
		t.Errorf("%.40q: %v", line, err)
	case w != "" && (err == nil || !strings.Contains(err.Error(), w)):
		t.Errorf("%.40q: %v, want %q", line, err, w)
	}
}

// What a line does to the program harms no other line, neither one after the other nor many at once.
func TestAsk(t *testing.T) {
	for _, how := range how() {
		t.Run(how, func(t *testing.T) {
			p := pool(t, how, 1, time.Minute)
			for _, line := range []string{"a", "b", "end", "c", strings.Repeat("y", 1<<20+5), "long", "d", "bow", "half", "sulk", "e", ""} {
				want(t, line, echo(t.Context(), p, line))
			}
			p.Close()
			if err := echo(t.Context(), p, "f"); !errors.Is(err, errEnded) {
				t.Error(err)
			}
		})
	}
}

// Whatever fails among many lines at once, it is those that fail alone, and no others.
func TestManyAtOnce(t *testing.T) {
	for _, how := range how() {
		t.Run(how, func(t *testing.T) {
			answering(t, how)
			choice := []string{"a", "b", "c", "d", "e", "f", "g", strings.Repeat("h", 1<<19), "end", "bow", "half", "sulk"}
			for seed := range uint64(12) { // few: each begins with programs
				rng := rand.New(rand.NewPCG(seed, 1))
				p := New(Program{Args: []string{os.Args[0]}, Hang: time.Minute})
				p.Limit(1 + rng.IntN(3))
				lines := make([]string, 20)
				for i := range lines {
					lines[i] = choice[rng.IntN(len(choice))]
				}
				all(t, p, lines, 1+rng.IntN(16))
				p.Close()
			}
		})
	}
}

// all asks for lines from several goroutines.
func all(t interface{ Errorf(string, ...any) }, p *Pool, lines []string, askers int) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range askers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(lines)); i = next.Add(1) - 1 {
				want(t, lines[i], echo(context.Background(), p, lines[i]))
			}
		})
	}
	wg.Wait()
}

// A program that ends behind every sixth line costs none: who had others beside him is asked again.
func TestEndsByCount(t *testing.T) {
	p := pool(t, "blocks", 2, time.Minute)
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("seven %d", i))
	}
	var failed atomic.Int64
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for i := k; i < len(lines); i += 8 {
				if echo(t.Context(), p, lines[i]) != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n > 200/7 { // alone at that moment
		t.Errorf("%d of 200 lines failed", n)
	}
}

func TestHang(t *testing.T) {
	for _, how := range how() {
		p := pool(t, how, 2, 300*time.Millisecond)
		all(t, p, []string{"a", "hang", "b", "c", "d", "e", "f", "g", "h", "i"}, 10)
	}
}

// A cancelled asker goes at once, whatever the program does, and whether its line was written or waits for room.
func TestCancel(t *testing.T) {
	p := pool(t, "each", 1, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i, line := range []string{"hang", "a", strings.Repeat("b", 2<<20), strings.Repeat("c", 2<<20)} {
		wg.Go(func() {
			if err := echo(ctx, p, line); !errors.Is(err, context.Canceled) {
				t.Errorf("%.10q: %v", line, err)
			}
		})
		for began := time.Now(); i == 0 && !busy(p) && time.Since(began) < time.Minute; {
			time.Sleep(time.Millisecond)
		}
	}
	time.AfterFunc(100*time.Millisecond, cancel)
	wg.Wait()
}

// busy says whether a line is on its way.
func busy(p *Pool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.copies) > 0 && len(p.copies[0].queue) > 0
}

func TestNoProgram(t *testing.T) {
	p := New(Program{Args: []string{"/nowhere/at/all"}, Hang: time.Minute})
	if err := echo(t.Context(), p, "a"); err == nil || !strings.Contains(err.Error(), "start /nowhere/at/all") {
		t.Error(err)
	}
	p = pool(t, "nothing", 2, time.Minute)
	for _, line := range []string{"a", "b", strings.Repeat("c", 1<<20)} {
		if err := echo(t.Context(), p, line); !errors.Is(err, errNothing) {
			t.Errorf("of a program that ends at once: %v", err)
		}
	}
}

// More lines than were asked for end everything: nobody can say whose they are.
func TestOutOfStep(t *testing.T) {
	p := pool(t, "each", 1, time.Minute)
	if err := echo(t.Context(), p, "twice"); err != nil {
		t.Fatal(err)
	}
	var err error
	for began := time.Now(); time.Since(began) < 10*time.Second && !errors.Is(err, ErrStep); {
		err = echo(t.Context(), p, "a") // "twice" is no answer to it, and it is asked again
		if err != nil && !errors.Is(err, ErrStep) && !strings.Contains(err.Error(), "is no answer") {
			t.Fatal(err)
		}
		if err == nil {
			_ = echo(t.Context(), p, "twice")
		}
	}
	if !errors.Is(err, ErrStep) {
		t.Error("a second answer was not noticed")
	}
}

// There are no more copies than are allowed, nor more than askers.
func TestCopies(t *testing.T) {
	p := pool(t, "each", 3, time.Minute)
	for range 20 {
		want(t, "a", echo(t.Context(), p, "a"))
	}
	if len(p.copies) != 1 {
		t.Errorf("%d copies for one asker", len(p.copies))
	}
	all(t, p, strings.Split(strings.Repeat("a ", 2000)+"a", " "), 16)
	if len(p.copies) != 3 {
		t.Errorf("%d copies for sixteen askers, of three", len(p.copies))
	}
}

func TestWords(t *testing.T) {
	w := &words{}
	for range 100 {
		w.Write(bytes.Repeat([]byte("x"), 99))
		w.Write([]byte("\n"))
	}
	w.Write([]byte("the last\n"))
	if s := w.String(); !strings.HasSuffix(s, "x\nthe last") || len(s) > maxWords/4 || len(w.end) > 3*maxWords {
		t.Errorf("%d bytes kept, %q", len(w.end), s)
	}
}
