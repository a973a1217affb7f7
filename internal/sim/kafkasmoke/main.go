// Command kafkasmoke sends a finished archive through a real Apache Kafka and through the embedded broker,
// and wants the same shard files. It starts the Kafka by internal/sim/kafka, which needs Java and Maven.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"millrace/internal/demo"
	"millrace/internal/sim"
	"millrace/internal/sim/kafka"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("kafka", func(dir string, b *sim.Bar) error { return prove(ctx, dir, b) }))
}

// recipe makes small commits, and closes shards by bytes and at the end only.
const recipe = "agent: {token: millbot}\nshards: {target_bytes: 200kB, flush_every: 0}\n"

func prove(ctx context.Context, dir string, b *sim.Bar) error {
	bin, err := sim.Build(ctx, dir)
	if err != nil {
		return err
	}
	archive := filepath.Join(dir, "crawl")
	if err := crawl(ctx, bin, dir, archive); err != nil {
		return fmt.Errorf("crawl: %w", err)
	}
	embedded, real := filepath.Join(dir, "embedded"), filepath.Join(dir, "kafka")
	if err := bin.Run(ctx, embedded, recipe, "--archive", archive); err != nil {
		return fmt.Errorf("through the embedded broker: %w", err)
	}
	if why := kafka.Missing(ctx); why != "" {
		return errors.New(why)
	}
	if _, err := kafka.Install(ctx); err != nil {
		return err
	}
	broker, err := kafka.Start(ctx, kafka.Options{Dir: filepath.Join(dir, "broker")})
	if err != nil {
		return err
	}
	defer broker.Kill()
	if err := bin.Run(ctx, real, recipe+"log: kafka://"+broker.Addr()+"\n", "--archive", archive); err != nil {
		return fmt.Errorf("through Apache Kafka: %w", err)
	}
	if err := broker.Stop(ctx); err != nil {
		return err
	}
	b.Figures["files"], err = sim.SameFiles(ctx, embedded, real)
	return err
}

// crawl fills the archive from the demo's website, quickly.
func crawl(ctx context.Context, bin sim.Binary, dir, archive string) error {
	site, err := demo.NewSite(ctx, demo.SiteOptions{Pages: 400, Seed: 1, Dir: filepath.Join(dir, "site")})
	if err != nil {
		return err
	}
	defer site.Close()
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- site.Serve(ctx) }()
	defer func() { stop(); <-done }()
	return bin.Run(ctx, archive, strings.ReplaceAll(site.PipelineYAML("unused"), "delay: "+demo.Delay.String(), "delay: 20ms"))
}
