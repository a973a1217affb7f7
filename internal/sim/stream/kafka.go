package stream

import (
	"context"
	"math/rand/v2"
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

func (a *apache) Close() { a.Kill() }

func (a *apache) Stop(ctx context.Context) error { return a.b.Stop(ctx) }

func (a *apache) Addr() string { return a.addr }

// cluster is three Apache Kafka nodes, of which a kill takes one: the leaders on it fail over.
type cluster struct {
	c   *kafka.Cluster
	rng *rand.Rand
}

// NewCluster prepares three nodes with their data in dir. The seed says which is killed.
func NewCluster(dir string, seed uint64) (Server, error) {
	c, err := kafka.NewCluster(dir, 3)
	if err != nil {
		return nil, err
	}
	return &cluster{c, rand.New(rand.NewPCG(seed, 9))}, nil
}

func (c *cluster) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*startPatience)
	defer cancel()
	return c.c.Start(ctx)
}

func (c *cluster) Kill() { c.c.KillNode(c.rng.IntN(c.c.Nodes())) }

func (c *cluster) Close() { c.c.Kill() }

func (c *cluster) Stop(context.Context) error {
	c.c.Kill()
	return nil
}

func (c *cluster) Addr() string { return c.c.Addr() }
