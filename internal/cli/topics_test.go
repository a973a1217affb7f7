package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serveLog runs `topics serve` until the returned function is called, which gives the exit code.
func serveLog(t *testing.T, dir, listen string) (addr string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, w := io.Pipe()
	a := &App{Args: []string{"topics", "serve", "--json", "--dir", dir, "--listen", listen}, Stdin: strings.NewReader(""), Stdout: w, Stderr: t.Output()}
	exit := make(chan int, 1)
	go func() { exit <- a.Run(ctx); w.Close() }()
	lines := bufio.NewReader(out)
	var said struct{ Type, Addr string }
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err != nil || said.Type != "listening" {
		cancel()
		t.Fatalf("topics serve said %q: %v", line, err)
	}
	return said.Addr, func() int {
		cancel()
		go io.Copy(io.Discard, lines) // the summary
		return <-exit
	}
}

// TestTopicsServe lets two runs write to a log that another process serves, on one address, before and after a restart.
func TestTopicsServe(t *testing.T) {
	dir := t.TempDir()
	corpus, in, yaml := filepath.Join(dir, "corpus"), filepath.Join(dir, "in"), filepath.Join(dir, "p.yaml")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(name string) string {
		if err := os.WriteFile(filepath.Join(in, name), []byte(`{"id":"`+name+`","text":"some words"}`+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		a := &App{Args: []string{"run", "--json", "--dir", corpus, yaml}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: t.Output()}
		if code := a.Run(t.Context()); code != Done {
			t.Fatalf("run: exit %d", code)
		}
		return out.String()
	}
	addr, stop := serveLog(t, corpus, "")
	if err := os.WriteFile(yaml, []byte("ingest: [{in: "+in+"}]\nlog: kafka://"+addr+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run("a.jsonl")
	if code := stop(); code != Done {
		t.Errorf("topics serve was stopped, and ended with exit %d", code)
	}
	again, stop := serveLog(t, corpus, addr)
	defer stop()
	if again != addr {
		t.Errorf("started again on %s, it serves %s", addr, again)
	}
	if said := run("b.jsonl"); !strings.Contains(said, `"in":2`) {
		t.Errorf("after a restart of the log: %s", said)
	}
	b := &App{Args: []string{"topics", "serve", "--dir", corpus}, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard}
	if code := b.Run(t.Context()); code != Locked {
		t.Errorf("a second one on the same log: exit %d, want %d", code, Locked)
	}
}

func TestTopicsServeOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:20001", "example.org:20001", "20001", "[::]:20001"} {
		a := &App{Args: []string{"topics", "serve", "--dir", t.TempDir(), "--listen", addr}, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard}
		if code := a.Run(t.Context()); code != Usage {
			t.Errorf("--listen %s: exit %d, want %d", addr, code, Usage)
		}
	}
}
