package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Cluster is several KRaft nodes, each broker and controller: what one of them has acknowledged, with acks=all,
// outlives the death of any one.
type Cluster struct {
	options []Options

	mu    sync.Mutex
	nodes []*Broker // nil where one is down
}

// NewCluster prepares n nodes with their data below dir. None runs before Start.
func NewCluster(dir string, n int) (*Cluster, error) {
	c := &Cluster{nodes: make([]*Broker, n)}
	port := firstPort + 2000
	free := func() (p int, err error) {
		p, err = freePort(port)
		port = p + 1
		return p, err
	}
	var brokers, controllers []int
	for range n {
		b, err := free()
		if err != nil {
			return nil, err
		}
		k, err := free()
		if err != nil {
			return nil, err
		}
		brokers, controllers = append(brokers, b), append(controllers, k)
	}
	var voters []string
	for i, k := range controllers {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i+1, k))
	}
	copies, in := min(n, 3), min(n, 2)
	for i := range n {
		c.options = append(c.options, Options{Dir: filepath.Join(dir, fmt.Sprintf("node-%d", i+1)), Port: brokers[i], Props: []string{
			fmt.Sprintf("node.id=%d", i+1),
			"controller.quorum.voters=" + strings.Join(voters, ","),
			fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", brokers[i], controllers[i]),
			fmt.Sprintf("default.replication.factor=%d", copies),
			fmt.Sprintf("min.insync.replicas=%d", in),
			fmt.Sprintf("offsets.topic.replication.factor=%d", copies),
			"unclean.leader.election.enable=false",
			"replica.lag.time.max.ms=3000",
			"controller.quorum.election.timeout.ms=500",
			"controller.quorum.fetch.timeout.ms=1000",
		}})
	}
	return c, nil
}

// Addr is what clients begin with: every node.
func (c *Cluster) Addr() string {
	var all []string
	for _, o := range c.options {
		all = append(all, net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port)))
	}
	return strings.Join(all, ",")
}

// Start starts the nodes that do not run, at once: a single one would wait for the others.
func (c *Cluster) Start(ctx context.Context) error {
	if _, err := Install(ctx); err != nil { // once, and not by each node
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i := range c.nodes {
		if c.nodes[i] == nil {
			wg.Go(func() { c.nodes[i], errs[i] = Start(ctx, c.options[i]) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// KillNode ends one node at once.
func (c *Cluster) KillNode(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes[i] != nil {
		c.nodes[i].Kill()
		c.nodes[i] = nil
	}
}

// Nodes is their number.
func (c *Cluster) Nodes() int { return len(c.options) }

// Kill ends all nodes at once.
func (c *Cluster) Kill() {
	for i := range c.nodes {
		c.KillNode(i)
	}
}
