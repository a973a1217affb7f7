package broker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// serveDir, in the environment, makes this test binary a broker that runs until its stdin ends or it is
// killed.
const serveDir = "MILLRACE_TEST_BROKER_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(serveDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	b, err := Start(context.Background(), Options{Dir: dir, SegmentBytes: 16 << 10})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(b.Addr())
	io.Copy(io.Discard, os.Stdin)
	b.Close()
}

// A broker process that is killed while it is written to loses no batch that it acknowledged, and keeps
// their order.
func TestKilledProcess(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(11, 12))
	var acked []int
	next := 0
	for life := range 6 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), serveDir+"="+dir)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		addr, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || strings.HasPrefix(addr, "error") {
			t.Fatalf("life %d: %s %v", life, addr, err)
		}
		c, pool := dialAddr(strings.TrimSpace(addr))
		if life == 0 {
			create(t, c, "pages", 1)
		}
		kill := time.AfterFunc(time.Duration(20+r.IntN(60))*time.Millisecond, func() { cmd.Process.Kill() })
		for {
			n := next
			next++
			if _, err := produce(c, "pages", 0, fmt.Sprint(n)); err != nil {
				break // it may be stored all the same
			}
			acked = append(acked, n)
		}
		kill.Stop()
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
		pool.CloseIdleConnections()
	}
	b := start(t, Options{Dir: dir, SegmentBytes: 16 << 10})
	last, found := -1, map[int]bool{}
	for _, v := range readAll(t, dial(t, b), "pages", 0, 0) {
		var n int
		if _, err := fmt.Sscan(v, &n); err != nil || n <= last {
			t.Fatalf("%q follows %d", v, last)
		}
		last, found[n] = n, true
	}
	for _, n := range acked {
		if !found[n] {
			t.Errorf("%d was acknowledged and is gone", n)
		}
	}
	if len(acked) < 20 {
		t.Fatalf("only %d batches were acknowledged", len(acked))
	}
}

func dialAddr(addr string) (*kafka.Client, *kafka.Transport) {
	pool := &kafka.Transport{MetadataTTL: 200 * time.Millisecond}
	return &kafka.Client{Addr: kafka.TCP(addr), Timeout: 10 * time.Second, Transport: pool}, pool
}
