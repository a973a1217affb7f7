// Command killstream proves that a line of several processes loses nothing and doubles nothing while one of them is
// killed every 0.45 seconds, the log among them, each with a second owner that wakes up again and again. What is
// compared stands in internal/sim/stream; the last line that it prints is its bar.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"

	"millrace/internal/sim"
	"millrace/internal/sim/stream"
)

func main() {
	o := stream.Options{}
	flag.IntVar(&o.Kills, "kills", 400, "kills")
	flag.Uint64Var(&o.Seed, "seed", 1, "seed of the documents and of who is killed")
	flag.IntVar(&o.Docs, "docs", 0, "documents (default: 100,000, or more where the kills need them)")
	flag.StringVar(&o.Input, "input", "", "a JSONL file, or a folder of them, instead")
	rate := flag.Bool("rate", false, "only: documents a second, undisturbed and with a kill a second")
	restart := flag.Bool("restart", false, "only: how soon each process does something new behind a kill -9, and in what memory")
	ro := stream.RestartOptions{}
	flag.Int64Var(&ro.Rows, "rows", 200_000, "with -restart: rows that are committed before")
	gigabytes := flag.Float64("gigabytes", 10, "with -restart: what the log holds; 2 where the disk is short")
	flag.IntVar(&ro.Restarts, "restarts", 50, "with -restart: of each process")
	flag.Parse()
	ro.LogBytes = int64(*gigabytes * 1e9)
	if *restart && o.Docs == 0 {
		o.Docs = ro.Docs()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	name := "kill-stream"
	switch {
	case *rate:
		name = "rate-killed"
	case *restart:
		name = "restart"
	}
	os.Exit(sim.Prove(name, func(dir string, b *sim.Bar) error {
		w, err := o.Build(ctx, dir)
		if err != nil {
			return err
		}
		if *rate {
			return o.Rate(ctx, w, b)
		}
		if *restart {
			return o.Restart(ctx, w, ro, b)
		}
		if err := o.One(ctx, w, b); err != nil {
			return err
		}
		return o.Many(ctx, w, b)
	}))
}
