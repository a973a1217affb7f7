package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"millrace"
	"millrace/clean"
	"millrace/internal/sim"
)

// someBytes is the length of the texts whose outcomes are compared.
const someBytes = 100 << 10

// busy runs every step on every family twice: with nothing beside it, and on a machine whose processors all have other work to do,
// several texts at a time. It says which outcome was another one.
func busy(ctx context.Context, only string, b *sim.Bar) (string, error) {
	type work struct {
		stage millrace.Stage
		family
	}
	var all []work
	for _, step := range clean.Steps() {
		stage, err := stageOf(step)
		if err != nil {
			return "", err
		}
		for _, f := range families() {
			if meets(step, f) && (only == "" || only == step) {
				all = append(all, work{stage, f})
			}
		}
	}
	outcomes := func(workers int) ([][sha256.Size]byte, error) {
		out, failed := make([][sha256.Size]byte, len(all)), make([]error, workers)
		var next atomic.Int64
		var done sync.WaitGroup
		for k := range workers {
			done.Go(func() {
				for i := next.Add(1) - 1; int(i) < len(all) && failed[k] == nil && ctx.Err() == nil; i = next.Add(1) - 1 {
					out[i], failed[k] = outcome(ctx, all[i].stage, all[i].document(someBytes))
				}
			})
		}
		done.Wait()
		for _, err := range append(failed, ctx.Err()) {
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	quiet, err := outcomes(1)
	if err != nil {
		return "", err
	}
	var stop atomic.Bool
	var rest sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		rest.Go(func() {
			for n := 0; !stop.Load(); n++ {
				_ = make([]byte, n&0xffff) // the collector has work, too
			}
		})
	}
	loud, err := outcomes(2 * runtime.NumCPU())
	stop.Store(true)
	rest.Wait()
	if err != nil {
		return "", err
	}
	hash, different := sha256.New(), ""
	for i, w := range all {
		hash.Write(quiet[i][:])
		if quiet[i] != loud[i] {
			different = fmt.Sprintf("%s on %s: another output where the machine is busy", w.stage.Name(), w.name)
		}
	}
	b.Figures["outputs"], b.Figures["outputs_sha256"] = len(all), fmt.Sprintf("%x", hash.Sum(nil))
	return different, nil
}
