package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
)

// away fails so many times before it answers.
type away struct {
	times int
	err   error
	seen  func()
}

func (*away) Name() string { return "away" }

func (a *away) Process(context.Context, *millrace.Document) (millrace.Verdict, error) {
	a.seen()
	if a.times--; a.times >= 0 {
		return millrace.Verdict{}, a.err
	}
	return millrace.Verdict{Reason: millrace.QualityWordCount}, nil
}

// What is transient is tried again in its place until it is over, for however long, and the row says nothing of it.
func TestTransient(t *testing.T) {
	outage := fmt.Errorf("no answer: %w", millrace.ErrTransient)
	for _, c := range []struct {
		name    string
		times   int
		err     error
		paused  bool
		least   time.Duration
		most    time.Duration
		attempt int
	}{
		{"once", 1, outage, false, firstWait / 2, firstWait, 0},
		{"for seconds", quietly, outage, true, 31 * firstWait / 2, 63 * firstWait, 0},
		{"for hours", 500, outage, true, 3 * time.Hour / 2, 5 * time.Hour, 0},
		{"not at all", 1, errors.New("broken"), false, 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said []string
				g := &guarded{Guard: Guard{Paused: func(p *Pause) {
					if p == nil {
						said = append(said, "on")
					} else {
						said = append(said, p.Stage)
					}
				}}}
				began := time.Now()
				d := &millrace.Document{}
				h := &hand{g: g}
				if err := h.process(t.Context(), []millrace.Stage{&away{times: c.times, err: c.err, seen: func() {}}}, []*millrace.Document{d}); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("it took %v, want %v to %v", took, c.least, c.most)
				}
				if got := strings.Join(said, " "); got != map[bool]string{true: "away on"}[c.paused] {
					t.Errorf("said %q", got)
				}
				if d.Attempts != c.attempt || c.attempt == 0 && d.Verdict != (millrace.Verdict{Reason: millrace.QualityWordCount, Stage: "away"}) {
					t.Errorf("%d attempts, %+v", d.Attempts, d.Verdict)
				}
			})
		})
	}
}

// Who waits holds nothing: a process that is ended meanwhile accuses nobody. And an interruption ends the wait.
func TestWaitingIsNoWork(t *testing.T) {
	j := &journal{path: t.TempDir() + "/a", deaths: map[millrace.Position]*death{}}
	if err := j.write(1); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.release() }()
	noted := func() bool { _, ok := parseNote(string(j.slots[headSize:])); return ok }
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := &hand{g: &guarded{journal: j}}
		d := &millrace.Document{Position: millrace.Position{Partition: pages, Offset: 3}}
		s := &away{times: 1e6, err: millrace.ErrTransient, seen: func() {
			if !noted() {
				t.Error("a document in work is not noted")
			}
		}}
		done := make(chan error)
		go func() { done <- h.process(ctx, []millrace.Stage{s}, []*millrace.Document{d}) }()
		for range 100 {
			synctest.Wait()
			if noted() {
				t.Fatal("a document that waits is noted as in work")
			}
			time.Sleep(10 * time.Second)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		if !d.Verdict.Kept() || d.Attempts != 0 {
			t.Fatalf("%d attempts, %+v", d.Attempts, d.Verdict)
		}
	})
}

// Two that wait are one pause.
func TestOnePause(t *testing.T) {
	var said []bool
	g := &guarded{Guard: Guard{Paused: func(p *Pause) { said = append(said, p != nil) }}}
	g.pause(&Pause{})
	g.pause(&Pause{})
	g.resume()
	if len(said) != 1 || !said[0] {
		t.Fatalf("%v", said)
	}
	if g.resume(); len(said) != 2 || said[1] {
		t.Fatalf("%v", said)
	}
}

// A document that a stage has made too large is a dead letter, and is not handed on.
func TestTooLarge(t *testing.T) {
	grow := func(d *millrace.Document) { d.Text = strings.Repeat("x", MaxBytes/2) }
	for _, c := range []struct {
		meta int
		fail bool
	}{{MaxBytes / 2, false}, {MaxBytes/2 + 1, true}} {
		d := &millrace.Document{Meta: strings.Repeat("m", c.meta)}
		if err := new(hand).apply(t.Context(), growing{grow}, d); err != nil {
			t.Fatal(err)
		}
		if v := d.Verdict; v.Failed() != c.fail || c.fail && (v.Reason != "failed.growing" || v.Value != float64(MaxBytes+1) || size(d) != 0 || d.Attempts != 1) {
			t.Fatalf("%d bytes: %d are left, %+v", c.meta, size(d), v)
		}
	}
}

type growing struct{ grow func(*millrace.Document) }

func (growing) Name() string { return "growing" }

func (g growing) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	g.grow(d)
	return millrace.Verdict{}, nil
}
