package proxy

import (
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// pair is one connection: the client's, and the one to the server, which is nil in a hole.
type pair struct {
	p              *Proxy
	client, server *net.TCPConn
	lives          int64          // pieces that a connection made during a Cut or HalfOpen lets through; -1 for one from before
	seen           atomic.Int64   // pieces
	lost           [2]atomic.Bool // up and down: bytes were swallowed, so that nothing may come through any more
	mute           atomic.Bool    // the end of one side is kept from the other
}

func (c *pair) end() {
	c.client.Close()
	if c.server != nil {
		c.server.Close()
	}
}

// reset ends a connection as a crashed machine does that comes back: with RST.
func reset(c *net.TCPConn) {
	if c == nil {
		return
	}
	_ = c.SetLinger(0) // fails only on a closed one
	c.Close()
}

const (
	piece       = 32 << 10
	wholeFrames = 64 << 10 // a longer one names no address
	crumb       = 512      // of a slow network
)

// pump carries one direction, until either side ends.
func (c *pair) pump(way Way) {
	from, to := c.client, c.server
	if way == Down {
		from, to = c.server, c.client
	}
	r := &pieces{in: from}
	if way == Down {
		r.swap = c.p.swap
	}
	lost := &c.lost[way-Up]
	for {
		b, err := r.next()
		if len(b) > 0 && !c.pass(way, b, to, lost) {
			break
		}
		if err != nil {
			break
		}
	}
	f, _ := c.p.now()
	switch {
	case c.mute.Load() || lost.Load() || f.Kind == Hole && f.has(way):
		c.mute.Store(true) // the other side is not told, and waits
		from.Close()
	default:
		c.end()
	}
}

// pass carries a piece, or what the fault leaves of it. false: the direction has come to its end.
func (c *pair) pass(way Way, b []byte, to *net.TCPConn, lost *atomic.Bool) bool {
	if lost.Load() {
		return true
	}
	n := c.seen.Add(1)
	f, changed := c.p.now()
	if f.Kind != None && f.has(way) {
		c.p.touched.Add(1)
	}
	switch f.Kind {
	case Hole:
		if f.has(way) {
			lost.Store(true)
			return true
		}
	case Cut:
		if n > c.lives {
			to.Write(b[:c.p.draw(int64(len(b)))]) // the connection ends in any case
			reset(c.client)
			reset(c.server)
			return false
		}
	case HalfOpen:
		if n > c.lives {
			c.halve()
			return true
		}
	case Stall:
		<-changed
	case Delay:
		pause(time.Duration(c.p.draw(int64(f.Delay))), changed)
	case Slow:
		b = c.crumbs(b, to, f.Rate, changed)
	}
	if len(b) == 0 {
		return true
	}
	_, err := to.Write(b)
	c.p.bytes.Add(int64(len(b)))
	return err == nil
}

// halve takes one side away. The other one keeps its connection, and nobody answers there.
func (c *pair) halve() {
	if !c.mute.CompareAndSwap(false, true) {
		return
	}
	c.lost[0].Store(true)
	c.lost[1].Store(true)
	if c.p.draw(2) == 0 {
		reset(c.server)
	} else {
		reset(c.client)
	}
}

// crumbs sends b slowly, and gives what is left when the fault is over.
func (c *pair) crumbs(b []byte, to *net.TCPConn, rate int64, changed <-chan struct{}) []byte {
	for len(b) > 0 {
		n := min(crumb, len(b))
		if !pause(time.Duration(n)*time.Second/time.Duration(max(1, rate)), changed) {
			return b
		}
		if _, err := to.Write(b[:n]); err != nil {
			return nil // its own direction finds out
		}
		b = b[n:]
	}
	return nil
}

// pause waits; false says that the fault has changed meanwhile.
func pause(d time.Duration, changed <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-changed:
		return false
	}
}

// pieces reads what comes, piece by piece. Where addresses are swapped, a short frame comes whole.
type pieces struct {
	in   io.Reader
	swap func([]byte)
	buf  [wholeFrames + 4]byte
	left int64 // bytes of a long frame that are still to come
}

func (r *pieces) next() ([]byte, error) {
	if r.swap == nil {
		n, err := r.in.Read(r.buf[:piece])
		return r.buf[:n], err
	}
	if r.left > 0 {
		n, err := r.in.Read(r.buf[:min(piece, r.left)])
		r.left -= int64(n)
		return r.buf[:n], err
	}
	if n, err := io.ReadFull(r.in, r.buf[:4]); err != nil {
		return r.buf[:n], err
	}
	size := int64(binary.BigEndian.Uint32(r.buf[:4]))
	if size > wholeFrames {
		r.left = size
		return r.buf[:4], nil
	}
	n, err := io.ReadFull(r.in, r.buf[4:4+size])
	r.swap(r.buf[:4+n])
	return r.buf[:4+n], err
}
