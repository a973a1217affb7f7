package broker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestManyConnections: clients that have gone without a word hold connections, and new ones are served all the same.
func TestManyConnections(t *testing.T) {
	b := start(t, Options{})
	c := dial(t, b)
	create(t, c, "pages", 1)
	for range 2*maxConns + 10 {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if _, err := produce(dial(t, b), "pages", 0, "a"); err == nil {
			break
		}
	}
	if ctx.Err() != nil {
		t.Fatal("the dead ones keep the living out")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.conns) > maxConns {
		t.Errorf("%d connections, %d are allowed", len(b.conns), maxConns)
	}
}

// TestSlowRequest: a request and an answer may be slow, and may not stand still.
func TestSlowRequest(t *testing.T) {
	const size, step = 1 << 20, 32 << 10
	want := bytes.Repeat([]byte("slow"), size/4)
	for _, tt := range []struct {
		name  string
		pause time.Duration
		stops bool
	}{{"slow", moveTimeout - time.Second, false}, {"silent", moveTimeout + time.Second, true}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var others sync.WaitGroup
				defer others.Wait()
				here, there := net.Pipe()
				s := &session{Conn: here}
				others.Go(func() {
					there.Write(binary.BigEndian.AppendUint32(nil, size))
					for at := 0; at < size; at += step {
						time.Sleep(tt.pause)
						if _, err := there.Write(want[at : at+step]); err != nil {
							return
						}
					}
				})
				got, err := new(Broker).readRequest(s, nil)
				if stopped := errors.Is(err, os.ErrDeadlineExceeded); stopped != tt.stops || !stopped && !bytes.Equal(got, want) {
					t.Errorf("read %d bytes, %v", len(got), err)
				}
				here.Close()
				there.Close()
				others.Wait()

				here, there = net.Pipe()
				others.Go(func() {
					buf := make([]byte, step)
					for {
						time.Sleep(tt.pause / 2) // two of these are one of the sender's
						if _, err := there.Read(buf); err != nil {
							return
						}
					}
				})
				err = send(&session{Conn: here}, want)
				if stopped := errors.Is(err, os.ErrDeadlineExceeded); stopped != tt.stops {
					t.Errorf("sent: %v", err)
				}
				here.Close()
				there.Close()
			})
		})
	}
}

// TestIdleConnection: one that asks for nothing for long is closed.
func TestIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		began := time.Now()
		if _, err := new(Broker).readRequest(&session{Conn: here}, nil); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != idleTimeout {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		here.Close()
		there.Close()
	})
}
