package stream

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Server is the log that the belts share: the embedded broker in a process of its own, or Apache Kafka.
type Server interface {
	// Start returns when it answers. After Kill it starts on the same address and data.
	Start(ctx context.Context) error
	// Kill ends it at once; of a cluster, one node.
	Kill()
	// Close ends at once whatever runs of it.
	Close()
	// Stop ends it in order.
	Stop(ctx context.Context) error
	Addr() string
}

// embedded is `millrace topics serve`.
type embedded struct {
	p    *process
	addr string
}

func newEmbedded(binary, corpus string) (*embedded, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p := &process{name: "log", kind: kindLog, path: binary, args: []string{"topics", "serve", "--json", "--dir", corpus, "--listen", addr}}
	return &embedded{p, addr}, nil
}

const startPatience = 3 * time.Minute

func (e *embedded) Start(ctx context.Context) error {
	if err := e.p.start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	return e.p.awaitReady(ctx)
}

func (e *embedded) Kill()                          { e.p.kill() }
func (e *embedded) Close()                         { e.p.kill() }
func (e *embedded) Stop(ctx context.Context) error { return e.p.stop(ctx) }
func (e *embedded) Addr() string                   { return e.addr }

// Ports from 32768 on are handed to outgoing connections.
const firstPort, lastPort = 21000, 31999

// freeAddr finds a loopback address that nobody listens on. Different calls begin at different places.
func freeAddr() (string, error) {
	from := firstPort + int(time.Now().UnixNano()/1000%(lastPort-firstPort))
	for i := range lastPort - firstPort {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+(from-firstPort+i)%(lastPort-firstPort))
		if l, err := net.Listen("tcp4", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}
