package stream

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// TestRelay carries bytes both ways, ends a connection that the far side has ended or that leads to nobody, and leaves
// nothing behind.
func TestRelay(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	go func() {
		for {
			c, err := far.Accept()
			if err != nil {
				return
			}
			var word string
			fmt.Fscanln(c, &word)
			fmt.Fprintln(c, word, "back")
			c.Close()
		}
	}()
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { defer close(over); relay(ctx, near, "tcp", far.Addr().String()) }()
	ask := func() string {
		c, err := net.Dial("tcp", near.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintln(c, "there")
		b, _ := io.ReadAll(c) // a reset is an end, too
		return string(b)
	}
	for range 3 {
		if got := ask(); got != "there back\n" {
			t.Errorf("%q", got)
		}
	}
	far.Close()
	if got := ask(); got != "" {
		t.Errorf("from nobody: %q", got)
	}
	cancel()
	<-over
}
