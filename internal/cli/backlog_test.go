package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
	"millrace/internal/run"
)

// counted is a sink that counts what it takes.
type counted struct {
	millrace.Sink
	docs int
}

func (c *counted) Write(_ context.Context, docs []*millrace.Document) error {
	c.docs += len(docs)
	return nil
}

// A writer waits while too much waits for a commit, says so once, and goes on.
func TestBacklogSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waiting int64
		var told []string
		to := &counted{}
		s := &backlogSink{Sink: to, name: "crawl", limit: 10_000, pulse: &run.Pulse{},
			behind: func(context.Context) (int64, error) { return waiting, nil },
			wait: func(p *run.Pause) {
				if p == nil {
					told = append(told, "goes on")
				} else {
					told = append(told, p.Err.Error())
				}
			}}
		one := []*millrace.Document{{Text: strings.Repeat("x", 1000)}}
		for range 3 {
			if err := s.Write(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
		waiting = 10_001 // within the second, when its room is used up
		begin := time.Now()
		go func() {
			time.Sleep(30*time.Second + time.Millisecond)
			waiting = 9000
		}()
		if err := s.Write(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(begin); got != 31*time.Second || to.docs != 4 {
			t.Errorf("%d documents, the last one after %s", to.docs, got)
		}
		if fmt.Sprint(told) != "[10.0 kB in the log wait for a commit, and limits.backlog is 10.0 kB goes on]" {
			t.Errorf("told: %q", told)
		}
		waiting = 1 << 40
		time.Sleep(2 * backlogEvery)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Write(ctx, one); !errors.Is(err, context.DeadlineExceeded) || to.docs != 4 {
			t.Errorf("interrupted: %v", err)
		}
	})
}

// A whole line with hardly any room in its log comes to its end, with pauses.
func TestBacklog(t *testing.T) {
	dir := t.TempDir()
	var lines strings.Builder
	for i := range 150 {
		fmt.Fprintf(&lines, "{\"text\":\"number %d %s\"}\n", i, strings.Repeat("of them ", 100))
	}
	yaml := filepath.Join(dir, "p.yaml")
	config := "ingest: [{in: " + filepath.Join(dir, "in.jsonl") + "}]\nlimits: {backlog: 50kB}\nshards: {flush_every: 100ms}\n"
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "in.jsonl"), []byte(lines.String()), 0o644), os.WriteFile(yaml, []byte(config), 0o644)); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	a := &App{Args: []string{"run", "--json", "--batch", "20", "--dir", filepath.Join(dir, "corpus"), yaml}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: t.Output()}
	if code := a.Run(t.Context()); code != Done {
		t.Fatalf("exit %d", code)
	}
	for _, want := range []string{`"type":"paused"`, "limits.backlog is 50.0 kB", `"type":"resumed"`, `"in":150`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %s", want)
		}
	}
}
