// Command soak runs a line of several processes at full speed for so many minutes, and wants its memory and its open
// files to stay what they are. What is wanted stands in internal/sim/stream (soak.go); the last line that it prints is
// its bar. Its input is made on the fly and removed again; what the corpus itself has grown to is in the bar.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"time"

	"millrace/internal/sim"
	"millrace/internal/sim/stream"
)

func main() {
	o := stream.SoakOptions{}
	minutes := flag.Float64("minutes", 30, "how long")
	flag.Uint64Var(&o.Seed, "seed", 1, "seed of the documents")
	flag.IntVar(&o.File, "file", 5000, "documents a file of the input")
	flag.Parse()
	o.For = time.Duration(*minutes * float64(time.Minute))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("soak", func(dir string, b *sim.Bar) error {
		w, err := (&stream.Options{Seed: o.Seed, Docs: 8}).Build(ctx, dir)
		if err != nil {
			return err
		}
		b.Beside["minutes"], b.Beside["seed"] = *minutes, o.Seed
		return o.Soak(ctx, w, b)
	}))
}
