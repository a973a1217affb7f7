package ingest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace"
	"millrace/internal/sim/proxy"
)

// TestBadNetworks: through each fault of a network, and once it is over, a writer, a reader and one who trims come to
// their ends, and each document comes once and in order. Nobody waits for what will never come.
func TestBadNetworks(t *testing.T) {
	for _, f := range []proxy.Fault{
		{Kind: proxy.Cut}, {Kind: proxy.Delay, Delay: 60 * time.Millisecond}, {Kind: proxy.Hole}, {Kind: proxy.Hole, Way: proxy.Up},
		{Kind: proxy.Hole, Way: proxy.Down}, {Kind: proxy.HalfOpen}, {Kind: proxy.Slow, Rate: 20 << 10}, {Kind: proxy.Stall},
	} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			clean := newTopic(t)
			p, err := proxy.Start(t.Context(), proxy.Options{Listen: "127.0.0.1:0", Target: clean.Addr, Kafka: true, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			topic := clean
			topic.Addr, topic.idle, topic.pause = p.Addr(), 250*time.Millisecond, 20*time.Millisecond
			var retried atomic.Int64
			topic.Monitor = &Monitor{Retried: func() { retried.Add(1) }}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			const n, phase = 120, 40 // before, during, and behind the fault
			g, ctx := errgroup.WithContext(ctx)
			g.Go(func() error { return writeThrough(ctx, topic, p, f, n, phase) })
			var got []*millrace.Document
			g.Go(func() (err error) { got, err = readThrough(ctx, topic, n); return err })
			g.Go(func() error { // what trims nothing asks all the same
				for range 20 {
					if err := topic.Trim(ctx, 0); err != nil {
						return err
					}
					time.Sleep(20 * time.Millisecond)
				}
				return nil
			})
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
			wantOrder(t, got, warc0, n)
			all, _, _ := drain(t, clean, millrace.Checkpoint{})
			wantOrder(t, all, warc0, n)
			if loses := f.Kind != proxy.Delay && f.Kind != proxy.Slow; loses && retried.Load() == 0 {
				t.Error("nobody was told that something was tried again")
			}
		})
	}
}

// writeThrough writes n documents; the fault comes with document phase and is over a while later.
func writeThrough(ctx context.Context, topic Topic, p *proxy.Proxy, f proxy.Fault, n, phase int) error {
	s := topic.Sink(at(millrace.Checkpoint{}))
	defer s.Close()
	if _, err := s.Resume(ctx); err != nil {
		return err
	}
	for i := 0; i < n; i += 5 {
		if i == phase {
			p.Set(f)
			over := time.AfterFunc(600*time.Millisecond, func() { p.Set(proxy.Fault{}) })
			defer over.Stop()
		}
		if err := s.Write(ctx, docs(warc0, i, i+5)); err != nil {
			return err
		}
	}
	return nil
}

// readThrough reads until it has n documents.
func readThrough(ctx context.Context, topic Topic, n int) (all []*millrace.Document, err error) {
	s := topic.Source(SourceOptions{})
	defer s.Close()
	if err := s.Open(ctx, millrace.Checkpoint{}); err != nil {
		return nil, err
	}
	for len(all) < n {
		b, err := s.Read(ctx, 7)
		if err != nil {
			return nil, err
		}
		all = append(all, b.Docs...)
	}
	return all, nil
}

// quietConn waits until its deadline.
type quietConn struct {
	net.Conn
	limit  time.Time
	closed bool
}

func (c *quietConn) Close() error {
	c.closed = true
	return nil
}

func (c *quietConn) SetReadDeadline(t time.Time) error {
	c.limit = t
	return nil
}

func (c *quietConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

func (c *quietConn) Read([]byte) (int, error) {
	if c.closed {
		return 0, net.ErrClosed
	}
	time.Sleep(time.Until(c.limit))
	return 0, os.ErrDeadlineExceeded
}

// slowConn gives a byte every so often, for so many bytes.
type slowConn struct {
	quietConn
	every time.Duration
	left  int
}

func (c *slowConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		return c.quietConn.Read(b)
	}
	time.Sleep(c.every)
	c.left--
	return 1, nil
}

// TestPatience: who waits for a slow answer waits as long as something comes, and no longer.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &patientConn{Conn: &slowConn{every: 20 * time.Second, left: 30}, idle: 30 * time.Second}
		began := time.Now()
		n, err := io.ReadFull(c, make([]byte, 100))
		if n != 30 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d bytes, %v: want the 30 that came slowly, and an end", n, err)
		}
		if d := time.Since(began); d != 30*20*time.Second+30*time.Second {
			t.Errorf("it ended after %v", d)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) || time.Since(began) != 30*20*time.Second+30*time.Second {
			t.Errorf("%v after %v: what has gone silent is not waited for again", err, time.Since(began))
		}
		c = &patientConn{Conn: &slowConn{}, idle: time.Minute}
		if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v: the request's own deadline is nearer", err, time.Since(began))
		}
	})
}
