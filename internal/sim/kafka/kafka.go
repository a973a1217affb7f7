// Package kafka runs a real Apache Kafka for tests: one KRaft node on loopback, without Docker.
// What comes in is a data folder and a port; what goes out is a broker that can be stopped,
// killed and started again on the same data. It needs Java 17 and, once, Maven; Missing tells.
//
// Read in this order: kafka.go (Start, Stop, Kill), install.go (the jars), ready.go (is it up?).
// `go run ./internal/sim/kafka/up` runs the same broker by hand.
package kafka

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

//go:embed server.properties
var properties string

//go:embed log4j2.properties
var log4j []byte

// clusterID is 16 bytes in base64url, as StorageTool wants it. Each test has a cluster of its own
// by its folder and port, so that a fixed id does no harm.
const clusterID = "bWlsbHJhY2UtdGVzdC1rYQ"

// Options say where a broker runs.
type Options struct {
	Dir   string   // data, configuration and broker.log; one broker a folder
	Port  int      // 0 = a free one below 32768
	Props []string // more lines for server.properties; they win
	// Listeners are more of them, as NAME://HOST:PORT; Props say what they are.
	Listeners []string
}

// Broker is one running Kafka node.
type Broker struct {
	addr string
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone and its sockets are closed
}

// Start installs Kafka when it is not there, starts it and waits until it answers.
// ctx bounds the start only: the broker runs until Stop or Kill.
func Start(ctx context.Context, o Options) (*Broker, error) {
	home, err := Install(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	port, controller, err := ports(o.Port)
	if err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	b := &Broker{addr: fmt.Sprintf("127.0.0.1:%d", port), dir: dir, done: make(chan struct{})}
	if err := b.configure(port, controller, o); err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	if err := b.format(ctx, home); err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	if err := b.launch(home); err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	if err := b.waitReady(ctx); err != nil {
		b.Kill()
		return nil, fmt.Errorf("start Kafka: %w\n%s", err, b.logTail())
	}
	return b, nil
}

// Addr is the host and port for clients.
func (b *Broker) Addr() string { return b.addr }

// Stop ends the broker in order. When ctx ends first, it is killed.
func (b *Broker) Stop(ctx context.Context) error {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		b.Kill()
		return fmt.Errorf("stop Kafka: %w", err)
	}
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		b.Kill()
		return fmt.Errorf("stop Kafka: killed: %w", ctx.Err())
	}
}

// Kill ends the broker at once, as a power cut does to a process, and waits until its port is free.
func (b *Broker) Kill() {
	b.cmd.Process.Kill() // fails only when the process is gone already
	<-b.done
}

// configure writes the files that the broker reads.
func (b *Broker) configure(port, controller int, o Options) error {
	if strings.ContainsAny(b.dir, ", \t\n") {
		return fmt.Errorf("data folder %q: Kafka's log.dirs takes no comma and no space", b.dir)
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	clients := strings.Join(append([]string{fmt.Sprintf("PLAINTEXT://127.0.0.1:%d", port)}, o.Listeners...), ",")
	lines := append([]string{
		strings.TrimSpace(properties),
		fmt.Sprintf("controller.quorum.voters=1@127.0.0.1:%d", controller),
		fmt.Sprintf("listeners=%s,CONTROLLER://127.0.0.1:%d", clients, controller),
		"advertised.listeners=" + clients,
		"log.dirs=" + filepath.ToSlash(b.path("log")),
	}, o.Props...)
	if err := os.WriteFile(b.path("server.properties"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(b.path("log4j2.properties"), log4j, 0o644)
}

// format writes the cluster's id into an empty data folder; a formatted one stays as it is.
func (b *Broker) format(ctx context.Context, home string) error {
	if _, err := os.Stat(b.path("log", "meta.properties")); err == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, "java", b.java(home, "128m", "kafka.tools.StorageTool",
		"format", "--cluster-id", clusterID, "--config", b.path("server.properties"))...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("format %s: %w: %s", b.dir, err, bytes.TrimSpace(said))
	}
	return nil
}

// launch starts the broker's process and the goroutine that reaps it.
func (b *Broker) launch(home string) error {
	// The log of the life before must not answer waitReady's question.
	if err := os.Rename(b.path("broker.log"), b.path("broker.log.1")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	log, err := os.Create(b.path("broker.log"))
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own handle
	b.cmd = exec.Command("java", b.java(home, "512m", "kafka.Kafka", b.path("server.properties"))...)
	b.cmd.Stdout, b.cmd.Stderr = log, log
	dieWithParent(b.cmd)
	if err := b.cmd.Start(); err != nil {
		return err
	}
	go func() {
		// Wait returns when all threads are gone, and with them the sockets.
		// The exit code says only how it was ended.
		_ = b.cmd.Wait()
		close(b.done)
	}()
	return nil
}

// java gives the arguments of a small JVM with Kafka's jars.
func (b *Broker) java(home, heap, class string, args ...string) []string {
	return append([]string{"-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError",
		"-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true",
		"-Dlog4j2.configurationFile=" + b.path("log4j2.properties"),
		"-cp", filepath.Join(home, "*"), class}, args...)
}

func (b *Broker) path(elem ...string) string {
	return filepath.Join(append([]string{b.dir}, elem...)...)
}
