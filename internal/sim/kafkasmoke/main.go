// Command kafkasmoke sends a finished archive through a real Apache Kafka and through the embedded broker,
// and wants the same shard files. Then it kills Kafka and the belts around it, again and again, as kill-stream
// does with the embedded broker: one Kafka, and three of which one is killed at a time. It starts Kafka by
// internal/sim/kafka, which needs Java and Maven.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"millrace/internal/demo"
	"millrace/internal/sim"
	"millrace/internal/sim/kafka"
	"millrace/internal/sim/stream"
)

func main() {
	o := stream.Options{}
	o.NetworkFlags(flag.CommandLine, 90, "kills in all, as kill-stream does them; a third is of Kafka; 0 leaves them out")
	flag.Parse()
	o.Brokers = max(3, o.Kills/3)
	o.NetworkDocs()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("kafka", func(dir string, b *sim.Bar) error {
		if err := prove(ctx, dir, b); err != nil || o.Kills == 0 {
			return err
		}
		return killed(ctx, o, dir, b)
	}))
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

// killed is kill-stream on Apache Kafka: on one node, and on three with a part of the documents and of the kills.
func killed(ctx context.Context, o stream.Options, dir string, b *sim.Bar) error {
	w, err := o.Build(ctx, dir)
	if err != nil {
		return err
	}
	o.Server = func(name string) (stream.Server, error) { return stream.NewKafka(filepath.Join(dir, "kafka-"+name)) }
	if err := o.Many(ctx, w, b); err != nil {
		return err
	}
	if w, err = w.Part("cluster", 4); err != nil {
		return err
	}
	three := &sim.Bar{Figures: map[string]any{}}
	b.Figures["three_nodes"] = three.Figures
	o.Kills, o.Brokers = max(8, o.Kills/3), max(3, o.Brokers/3)
	o.Server = func(name string) (stream.Server, error) {
		return stream.NewCluster(filepath.Join(w.Dir, "kafka-"+name), o.Seed)
	}
	if err := o.Many(ctx, w, three); err != nil {
		return fmt.Errorf("three nodes: %w", err)
	}
	return nil
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
