// Command kafkasmoke sends a finished archive through a real Apache Kafka and through the embedded broker,
// and wants the same shard files. It starts the Kafka by internal/sim/kafka, which needs Java and Maven.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"millrace/internal/demo"
	"millrace/internal/sim"
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
	port, err := freePort()
	if err != nil {
		return err
	}
	stop, err := startKafka(ctx, port, filepath.Join(dir, "broker"))
	if err != nil {
		return err
	}
	defer stop()
	if err := bin.Run(ctx, real, fmt.Sprintf("%slog: kafka://127.0.0.1:%d\n", recipe, port), "--archive", archive); err != nil {
		return fmt.Errorf("through Apache Kafka: %w", err)
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

// startKafka starts a broker of its own and gives the function that stops it.
func startKafka(ctx context.Context, port int, data string) (stop func(), err error) {
	script := filepath.Join("internal", "sim", "kafka", "kafka.sh")
	for _, args := range [][]string{{"install"}, {"start", fmt.Sprint(port), data}} {
		cmd := exec.CommandContext(ctx, script, args...)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%s %s: %w", script, args[0], err)
		}
	}
	return func() { _ = exec.Command(script, "stop", data).Run() }, nil // the folder goes with the test
}

// freePort finds a port below those that outgoing connections are given, with its neighbour free for the controller.
func freePort() (int, error) {
	for port := 21000; port < 32000; port += 7 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no port between 21000 and 32000 is free")
}
