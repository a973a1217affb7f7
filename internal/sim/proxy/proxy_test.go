package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

// echo gives back what it gets, and says how each connection ends.
func echo(t *testing.T) (addr string, ends <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan error, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, err := io.Copy(c, c)
				c.Close()
				out <- err
			}()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), out
}

func through(t *testing.T, o Options) (*Proxy, net.Conn) {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	p, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, dial(t, p)
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const short = 150 * time.Millisecond

// said sends b and gives what comes back within d, up to as many bytes.
func said(t *testing.T, c net.Conn, b []byte, d time.Duration) ([]byte, error) {
	t.Helper()
	c.SetDeadline(time.Now().Add(d))
	if _, err := c.Write(b); err != nil {
		return nil, err
	}
	got := make([]byte, len(b))
	n, err := io.ReadFull(c, got)
	return got[:n], err
}

func works(t *testing.T, c net.Conn) {
	t.Helper()
	if got, err := said(t, c, []byte("hello"), 5*time.Second); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestFaults(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 1000)
	addr, _ := echo(t)
	t.Run("cut", func(t *testing.T) {
		p, c := through(t, Options{Target: addr, Seed: 3})
		works(t, c)
		p.Set(Fault{Kind: Cut})
		got, err := said(t, c, text, 5*time.Second)
		if len(got) == len(text) || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%d bytes of %d, %v: want a part, and a reset", len(got), len(text), err)
		}
		if p.Touched() == 0 {
			t.Error("it touched nothing, it says")
		}
		p.Set(Fault{})
		works(t, dial(t, p))
	})
	t.Run("hole", func(t *testing.T) {
		for _, way := range []Way{Both, Up, Down} {
			addr, ends := echo(t)
			p, c := through(t, Options{Target: addr})
			works(t, c)
			p.Set(Fault{Kind: Hole, Way: way})
			for range 2 { // the second time it is over, and what it has swallowed from stays lost
				if got, err := said(t, c, text, short); len(got) > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%v: %d bytes, %v: want silence", way, len(got), err)
				}
				p.Set(Fault{})
			}
			c.Close()
			select {
			case err := <-ends:
				if way != Down {
					t.Errorf("%v: the server was told of the end: %v", way, err)
				}
			case <-time.After(short):
				if way == Down {
					t.Error("down: the way up is whole, and the server was not told of the end")
				}
			}
			works(t, dial(t, p))
		}
	})
	t.Run("half-open", func(t *testing.T) {
		p, c := through(t, Options{Target: addr})
		works(t, c)
		p.Set(Fault{Kind: HalfOpen})
		_, err := said(t, c, text, short)
		if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%v: want silence, or the client is the side that is gone", err)
		}
		p.Set(Fault{})
		works(t, dial(t, p))
	})
	t.Run("slow, stall, delay", func(t *testing.T) {
		for _, f := range []Fault{{Kind: Slow, Rate: 10_000}, {Kind: Stall}} {
			p, c := through(t, Options{Target: addr})
			works(t, c)
			p.Set(f)
			got, err := said(t, c, text, short)
			if len(got) > len(text)/2 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v: %d bytes of %d within %v, %v", f, len(got), len(text), short, err)
			}
			p.Set(Fault{}) // nothing is lost
			rest := make([]byte, len(text)-len(got))
			c.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.ReadFull(c, rest); err != nil || !bytes.Equal(append(got, rest...), text) {
				t.Errorf("%v: what came behind it: %v", f, err)
			}
		}
		p, c := through(t, Options{Target: addr})
		works(t, c)
		p.Set(Fault{Kind: Delay, Delay: 20 * time.Millisecond})
		for range 5 {
			works(t, c)
		}
		if p.Touched() < 10 {
			t.Errorf("%d pieces came late, at least 10 did", p.Touched())
		}
	})
}

// TestSwap: a broker's address is replaced in a frame, wherever the pieces of it end, and in no other bytes.
func TestSwap(t *testing.T) {
	swap, err := swapAddress("127.0.0.1:1000", "127.0.0.1:2000")
	if err != nil {
		t.Fatal(err)
	}
	frame := func(port uint32) []byte {
		body := binary.BigEndian.AppendUint32([]byte("node \x00\x09127.0.0.1"), port)
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	}
	r := &pieces{in: iotest.OneByteReader(bytes.NewReader(append(frame(1000), frame(3000)...))), swap: swap}
	var got []byte
	for {
		b, err := r.next()
		got = append(got, b...)
		if err != nil {
			break
		}
	}
	if want := append(frame(2000), frame(3000)...); !bytes.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := swapAddress("127.0.0.1:1000", "127.51.0.10:1000"); err == nil {
		t.Error("an address of another length would move what follows")
	}
}

// FuzzPieces: whatever a server says, the client gets it as it is.
func FuzzPieces(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05hello\x00\x00"))
	f.Add(binary.BigEndian.AppendUint32(nil, 1<<31))
	f.Add(append([]byte("\x00\x02\x00\x00"), bytes.Repeat([]byte("long"), 40<<10)...))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := &pieces{in: bytes.NewReader(in), swap: func([]byte) {}}
		var got []byte
		for {
			b, err := r.next()
			got = append(got, b...)
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, in) {
			t.Fatalf("%d bytes of %d, or others", len(got), len(in))
		}
	})
}
