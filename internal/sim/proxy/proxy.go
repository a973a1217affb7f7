// Package proxy is a bad network: it stands between a client and a server, both on this machine, and lets what goes
// through it come late, in crumbs, or not at all. In come connections and the fault of the hour; out come the same
// bytes, or what the fault leaves of them. It never alters a byte, but for the port that a Kafka broker names.
//
// Read in this order: proxy.go (listening, and what is set), pump.go (one direction of one connection).
package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is what is wrong with a network.
type Kind string

// The kinds of faults.
const (
	None Kind = ""
	// Cut resets each connection in the middle of something, both sides hear of it; new ones do not live long either.
	Cut Kind = "cut"
	// Delay lets each piece come late, by up to Fault.Delay.
	Delay Kind = "delay"
	// Hole accepts and swallows. What it has swallowed from is lost for good, also when the fault is over, and nobody
	// hears of the end of the other side.
	Hole Kind = "hole"
	// HalfOpen takes one side of each connection away without a word to the other.
	HalfOpen Kind = "half-open"
	// Slow lets Fault.Rate bytes a second through, in each direction.
	Slow Kind = "slow"
	// Stall holds everything back until the fault is over. Nothing is lost.
	Stall Kind = "stall"
)

// Fault is what is wrong now.
type Fault struct {
	Kind  Kind
	Way   Way           // of a Hole: where it is; Both otherwise
	Delay time.Duration // of a Delay: the longest
	Rate  int64         // of a Slow: bytes a second
}

// Way is a direction.
type Way int

// The directions: Up is from the client to the server.
const (
	Both Way = iota
	Up
	Down
)

func (w Way) String() string { return [...]string{"", "up", "down"}[w] }

func (f Fault) String() string {
	if f.Way != Both {
		return string(f.Kind) + " " + f.Way.String()
	}
	return string(f.Kind)
}

// has reports whether the fault is in that direction.
func (f Fault) has(way Way) bool { return f.Way == Both || f.Way == way }

// Options say between whom a proxy stands.
type Options struct {
	Listen string // a loopback address; its port may be 0
	Target string
	Kafka  bool // the server names itself to its clients: it is to name the proxy instead
	Seed   uint64
}

// Proxy is between one address and one server, until Close.
type Proxy struct {
	o       Options
	ln      net.Listener
	touched atomic.Int64
	bytes   atomic.Int64
	conns   sync.WaitGroup
	swap    func([]byte) // of what a broker says, in whole frames; nil where it says nothing of itself

	mu      sync.Mutex
	rng     *rand.Rand
	fault   Fault
	changed chan struct{} // closed when another fault is set
	open    map[*pair]struct{}
	closed  bool
}

// Start listens. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Proxy, error) {
	p := &Proxy{o: o, rng: rand.New(rand.NewPCG(o.Seed, 21)), changed: make(chan struct{}), open: map[*pair]struct{}{}}
	var lc net.ListenConfig
	var err error
	if p.ln, err = lc.Listen(ctx, "tcp", o.Listen); err != nil {
		return nil, err
	}
	if o.Kafka {
		if p.swap, err = swapAddress(o.Target, p.Addr()); err != nil {
			return nil, errors.Join(err, p.ln.Close())
		}
	}
	p.conns.Go(p.accept)
	return p, nil
}

// swapAddress replaces one address by another one in an answer of Kafka's: the host as a string, and the port.
func swapAddress(from, to string) (func([]byte), error) {
	a, err := inKafka(from)
	if err != nil {
		return nil, err
	}
	b, err := inKafka(to)
	if err != nil {
		return nil, err
	}
	if len(a) != len(b) {
		return nil, fmt.Errorf("hosts of %s and %s have to be of one length", from, to)
	}
	return func(frame []byte) {
		for i := bytes.Index(frame, a); i >= 0; i = bytes.Index(frame, a) {
			copy(frame[i:], b)
		}
	}, nil
}

func inKafka(addr string) ([]byte, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := net.LookupPort("tcp", port)
	return binary.BigEndian.AppendUint32([]byte(host), uint32(n)), err
}

// Addr is where clients go.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// Set sets a fault, for those connections that are there and for new ones; Fault{} ends it.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
	p.touched.Store(0)
}

// Touched counts the pieces and connections that have felt the fault since it was set.
func (p *Proxy) Touched() int64 { return p.touched.Load() }

// Bytes counts what came through, in both directions.
func (p *Proxy) Bytes() int64 { return p.bytes.Load() }

// Open counts the connections, dead ones included.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// now is the fault, and what tells when there is another one.
func (p *Proxy) now() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

// draw gives a number from 0 to n-1.
func (p *Proxy) draw(n int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rng.Int64N(max(1, n))
}

// Close ends everything.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		c.end()
	}
	p.mu.Unlock()
	p.Set(Fault{}) // whoever waits goes on, and finds his connection closed
	p.ln.Close()
	p.conns.Wait()
}

func (p *Proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of file handles, perhaps
			continue
		}
		p.conns.Go(func() { p.serve(c.(*net.TCPConn)) })
	}
}

const dialPatience = 5 * time.Second

// serve takes a client to the server. One that comes while there is a hole is never taken there.
func (p *Proxy) serve(client *net.TCPConn) {
	c := &pair{p: p, client: client, lives: -1}
	f, _ := p.now()
	switch {
	case f.Kind == Hole && f.has(Up):
		p.touched.Add(1)
		c.lost[0].Store(true)
	case f.Kind == Cut || f.Kind == HalfOpen:
		c.lives = p.draw(20)
	}
	if !c.lost[0].Load() {
		s, err := net.DialTimeout("tcp", p.o.Target, dialPatience)
		if err != nil {
			reset(client)
			return
		}
		c.server = s.(*net.TCPConn)
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		c.end()
		return
	}
	p.open[c] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { c.pump(Up) })
	if c.server != nil {
		both.Go(func() { c.pump(Down) })
	}
	both.Wait()
	c.end()
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
}
