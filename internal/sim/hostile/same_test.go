package main

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"millrace"
	"millrace/clean"
)

// A busy machine makes of each text what a quiet one does: alone on one processor, and beside three others and a goroutine
// that never rests.
func TestSameWhenBusy(t *testing.T) {
	type work struct {
		stage millrace.Stage
		family
	}
	var all []work
	for _, step := range clean.Steps() {
		stage, err := stageOf(step)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families() {
			if meets(step, f) {
				all = append(all, work{stage, f})
			}
		}
	}
	hashes := func(processors, workers int) [][sha256.Size]byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		out := make([][sha256.Size]byte, len(all))
		var next atomic.Int64
		var done sync.WaitGroup
		for range workers {
			done.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(all); i = next.Add(1) - 1 {
					h, err := outcome(t.Context(), all[i].stage, all[i].document(3000))
					if err != nil {
						t.Error(err)
					}
					out[i] = h
				}
			})
		}
		done.Wait()
		return out
	}
	quiet := hashes(1, 1)
	var stop atomic.Bool
	var rest sync.WaitGroup
	rest.Go(func() {
		for n := 0; !stop.Load(); n++ {
			_ = make([]byte, n&0xffff) // the collector has work, too
		}
	})
	busy := hashes(2, 4)
	stop.Store(true)
	rest.Wait()
	different := map[[sha256.Size]byte]bool{}
	for i, w := range all {
		if different[quiet[i]] = true; quiet[i] != busy[i] {
			t.Errorf("%s on %s: another output where the machine is busy", w.stage.Name(), w.name)
		}
	}
	if len(different) < len(all)/3 {
		t.Errorf("%d different outputs of %d", len(different), len(all))
	}
}
