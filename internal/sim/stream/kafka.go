package stream

import (
	"context"
	"net"

	"millrace/internal/sim/kafka"
)

// apache is one Apache Kafka.
type apache struct {
	addr string
	o    kafka.Options
	b    *kafka.Broker
}

// NewKafka prepares an Apache Kafka with its data in dir. It does not run before Start.
func NewKafka(dir string) (Server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		return nil, err
	}
	return &apache{addr: addr, o: kafka.Options{Dir: dir, Port: n}}, nil
}

func (a *apache) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	b, err := kafka.Start(ctx, a.o)
	if err == nil {
		a.b = b
	}
	return err
}

func (a *apache) Kill() {
	if a.b != nil {
		a.b.Kill()
	}
}

func (a *apache) Stop(ctx context.Context) error { return a.b.Stop(ctx) }

func (a *apache) Addr() string { return a.addr }
