package simlog

import (
	"os"
	"testing"
	"time"

	"millrace"
	"millrace/shards"
)

// scratch is a folder in memory where there is one: what is tried here is no disk.
func scratch(t *testing.T) string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return t.TempDir()
}

// warm makes a commit outside any bubble of synctest: what the libraries keep for later is made here.
func warm(t *testing.T) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	s, err := shards.OpenSink(ctx, shards.Options{Dir: dir, Recipe: "r", Stages: []string{"clean"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := &millrace.Document{ID: input{url: page}.id(), Text: "warm", Position: millrace.Position{Partition: docs()}}
	if err := s.Write(ctx, []*millrace.Document{d}); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx, millrace.Position{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Table().Text(ctx, 0, d.ID); err != nil {
		t.Fatal(err)
	}
}

// each is what is tried at every step.
func each() []fault {
	return []fault{{kind: faultCrash}, {kind: faultZombie, delay: 9}, {kind: faultZombie, delay: sleeping}, {kind: faultAll},
		{kind: faultLose}, {kind: faultLate, delay: 12}, {kind: faultLate, delay: sleeping}, {kind: faultTwice, delay: 6}}
}

// fits reports whether a fault of a kind can be at a step; elsewhere it would be another one.
func fits(kind string, g *gate) bool {
	switch kind {
	case faultLate, faultTwice:
		return g.what == stepProduce
	case faultLose:
		return g.loses() || g.what == stepFetch
	}
	return true
}

func TestEveryStep(t *testing.T) {
	warm(t)
	for name, h := range map[string]*history{"whole": whole(), "parts": inParts()} {
		t.Run(name, func(t *testing.T) {
			began, n := time.Now(), 0
			quiet := h.live(t)
			if err := quiet.err(); err != nil {
				t.Fatal(err)
			}
			for k, g := range quiet.w.steps {
				for _, f := range each() {
					if !fits(f.kind, g) {
						continue
					}
					f.at = k + 1
					n++
					if err := h.with(f).live(t).err(); err != nil {
						t.Errorf("%v", err)
					}
				}
				if t.Failed() {
					break
				}
			}
			t.Logf("%d steps, %d histories in %s", len(quiet.w.steps), n, time.Since(began))
		})
	}
}
