package kafka

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestClusterConfiguration(t *testing.T) {
	c, err := NewCluster(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	addrs := strings.Split(c.Addr(), ",")
	if len(addrs) != 3 || c.Nodes() != 3 || addrs[0] == addrs[1] || addrs[1] == addrs[2] {
		t.Errorf("three nodes at %v", addrs)
	}
	for i, o := range c.options {
		b := &Broker{dir: o.Dir}
		if err := b.configure(o.Port, 1, o); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(o.Dir, "server.properties"))
		if err != nil {
			t.Fatal(err)
		}
		last := map[string]string{} // of a key that stands there twice, Kafka takes the last
		for line := range strings.Lines(string(raw)) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			last[k] = v
		}
		if last["node.id"] != string(rune('1'+i)) || strings.Count(last["controller.quorum.voters"], "@") != 3 ||
			!strings.Contains(last["listeners"], addrs[i]) || last["min.insync.replicas"] != "2" || last["default.replication.factor"] != "3" {
			t.Errorf("node %d: %v", i+1, last)
		}
	}
}

// TestRealCluster kills each node in turn: the other two go on, and it comes back.
func TestRealCluster(t *testing.T) {
	if os.Getenv("MILLRACE_KAFKA") == "" {
		t.Skip("set MILLRACE_KAFKA=1 to run three nodes of Apache Kafka (about a minute; needs Java 17 and Maven)")
	}
	if why := Missing(t.Context()); why != "" {
		t.Skip(why)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	c, err := NewCluster(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Kill()
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	addrs := strings.Split(c.Addr(), ",")
	for i := range addrs {
		c.KillNode(i)
		for j, addr := range addrs {
			if err := answers(ctx, addr); (err == nil) == (i == j) {
				t.Errorf("node %d was killed, node %d says %v", i+1, j+1, err)
			}
		}
		if err := c.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
