// Command faults proves that a line of several processes loses nothing and doubles nothing while its surroundings fail:
// networks that cut, delay, swallow and crawl, disks that fill up, owners that are stopped and wake up. What is wanted
// stands in internal/sim/stream (faults.go); the last line that it prints is its bar.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"millrace/internal/sim"
	"millrace/internal/sim/stream"
)

// kafka is the network's part on a real Apache Kafka, which is done only where it is asked for.
const kafka = "kafka"

func main() {
	o := stream.FaultOptions{}
	flag.Uint64Var(&o.Seed, "seed", 1, "seed of the documents and of what happens at random")
	flag.DurationVar(&o.Nap, "nap", time.Minute, "how long an owner is stopped")
	flag.DurationVar(&o.Random, "random", time.Minute, "how long faults come at random")
	flag.IntVar(&o.Docs, "docs", 500, "documents a second")
	only := flag.String("only", "", "of network, pause, disk, crawl, kafka: these alone, with commas between (default: all but kafka)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("faults", func(dir string, b *sim.Bar) error {
		w, err := (&stream.Options{Seed: o.Seed, Docs: 8}).Build(ctx, dir)
		if err != nil {
			return err
		}
		return run(ctx, o, w, b, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }))
	}))
}

// run runs the parts of the proof that are asked for.
func run(ctx context.Context, o stream.FaultOptions, w *stream.World, b *sim.Bar, only []string) error {
	b.Beside["seed"], b.Beside["nap_s"] = o.Seed, o.Nap.Seconds()
	for _, p := range []struct {
		name string
		do   func() error
	}{
		{"network", func() error { return o.Network(ctx, w, "network", nil, b) }},
		{"pause", func() error { return o.Pause(ctx, w, b) }},
		{"disk", func() error { return o.Disk(ctx, w, b) }},
		{"crawl", func() error { return o.Crawl(ctx, w, b) }},
		{kafka, func() error {
			log, err := stream.NewKafka(filepath.Join(w.Dir, "kafka"))
			if err != nil {
				return err
			}
			return o.Network(ctx, w, kafka, log, b)
		}},
	} {
		if len(only) > 0 && !slices.Contains(only, p.name) || len(only) == 0 && p.name == kafka {
			continue
		}
		if err := p.do(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}
