// Package kafkapeers runs three brokers of Kafka's protocol beside each other: millrace's own, franz-go's kfake and
// Apache Kafka. What comes in is a folder, what goes out is an address. It is a module of its own, so that the peers
// weigh on nobody else.
//
// The commands are conform (do they answer alike?) and race (how fast are they?). Read peers.go, wire.go, then those.
package kafkapeers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"

	"millrace/ingest/broker"
	"millrace/internal/sim/kafka"
)

// The names of the brokers.
const (
	Millrace = "millrace"
	Kfake    = "kfake"
	Apache   = "kafka"
)

// serveEnv makes a process one of the brokers: its name, a space, and its folder.
const serveEnv = "MILLRACE_PEER"

// Serve is the first call of a command. Where the process is to be a broker, it serves until its stdin ends, and
// never returns.
func Serve() {
	name, dir, ok := strings.Cut(os.Getenv(serveEnv), " ")
	if !ok {
		return
	}
	stop, addr, err := serve(name, dir)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(addr)
	io.Copy(io.Discard, os.Stdin)
	stop()
	os.Exit(0)
}

func serve(name, dir string) (stop func(), addr string, err error) {
	if name == Millrace {
		b, err := broker.Start(context.Background(), broker.Options{Dir: dir})
		if err != nil {
			return nil, "", err
		}
		return func() { b.Close() }, b.Addr(), nil
	}
	port, err := FreePort()
	if err != nil {
		return nil, "", err
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": "4194304"}))
	if err != nil {
		return nil, "", err
	}
	return c.Close, c.ListenAddrs()[0], nil
}

// Peer is one broker that runs.
type Peer struct {
	Name, Addr string
	PID        int
	Kill       func() // at once; it returns when the process is gone
}

// Start starts a broker by its name, in a process of its own. props are Apache Kafka's.
func Start(ctx context.Context, name, dir string, props ...string) (*Peer, error) {
	dir = filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if name == Apache {
		b, err := kafka.Start(ctx, kafka.Options{Dir: dir, Props: props})
		if err != nil {
			return nil, err
		}
		return &Peer{Name: name, Addr: b.Addr(), Kill: b.Kill}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), serveEnv+"="+name+" "+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // its end is the child's sign that this process is gone
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	kill := func() {
		cmd.Process.Kill()
		in.Close()
		_ = cmd.Wait() // killed: its exit code says nothing
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if addr = strings.TrimSpace(addr); err != nil || strings.HasPrefix(addr, "error") {
		kill()
		return nil, fmt.Errorf("start %s: %s %w", name, addr, err)
	}
	return &Peer{Name: name, Addr: addr, PID: cmd.Process.Pid, Kill: kill}, nil
}
