package process

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain makes this binary a program that answers each line in the way that the line asks for.
func TestMain(m *testing.M) {
	if os.Getenv("MILLRACE_ANSWERS") == "" {
		os.Exit(m.Run())
	}
	in := bufio.NewReader(os.Stdin)
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch line = strings.TrimSuffix(line, "\n"); line {
		case "end":
			fmt.Fprintln(os.Stderr, "I have had enough")
			os.Exit(3)
		case "hang":
			time.Sleep(time.Hour)
		case "long":
			fmt.Print(strings.Repeat("x", maxAnswer+1<<20))
		default:
			fmt.Printf("%d %s\n", n, line)
		}
	}
}

func pool(t *testing.T, hang time.Duration) *Pool {
	t.Setenv("MILLRACE_ANSWERS", "1")
	p := New(Program{Args: []string{os.Args[0]}, Hang: hang})
	t.Cleanup(p.Close)
	return p
}

func ask(t *testing.T, p *Pool, line, want string) {
	t.Helper()
	got, err := p.Ask(t.Context(), []byte(line))
	switch {
	case err != nil && (strings.HasPrefix(want, "error ") && strings.Contains(err.Error(), want[len("error "):])):
	case err != nil:
		t.Errorf("%.40q: %v, want %.80q", line, err, want)
	case string(got) != want:
		t.Errorf("%.40q: %.80q, want %.80q", line, got, want)
	}
}

// What a line does to the program harms no other line.
func TestAsk(t *testing.T) {
	p := pool(t, time.Minute)
	ask(t, p, "a", "1 a")
	ask(t, p, "b", "2 b") // the same copy
	ask(t, p, "end", "error I have had enough")
	ask(t, p, "c", "1 c")
	ask(t, p, strings.Repeat("y", 1<<20), "2 "+strings.Repeat("y", 1<<20))
	ask(t, p, "long", "error more than")
	ask(t, p, "d", "1 d")
	p.Close()
	ask(t, p, "e", "error was ended")
}

func TestHang(t *testing.T) {
	p := pool(t, 500*time.Millisecond)
	ask(t, p, "hang", "error no answer within")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := pool(t, time.Minute).Ask(ctx, []byte("hang")); err != context.Canceled {
		t.Error(err)
	}
}

func TestNoProgram(t *testing.T) {
	p := New(Program{Args: []string{"/nowhere/at/all"}, Hang: time.Minute})
	ask(t, p, "a", "error start /nowhere/at/all")
}

// Each of several askers has a copy for itself.
func TestMany(t *testing.T) {
	p := pool(t, time.Minute)
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for i := range 200 {
				line := fmt.Sprintf("%d-%d", k, i)
				got, err := p.Ask(t.Context(), []byte(line))
				if err != nil || !strings.HasSuffix(string(got), " "+line) {
					t.Errorf("%s: %q, %v", line, got, err)
				}
			}
		})
	}
	wg.Wait()
	if len(p.idle) > 4 {
		t.Errorf("%d copies for four askers", len(p.idle))
	}
}
