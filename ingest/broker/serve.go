package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"
)

const (
	maxRequest  = 2 * maxBatch // so that a batch that is too large gets an answer
	maxConns    = 256
	idleTimeout = 10 * time.Minute // between two requests; clients come again
	moveTimeout = 30 * time.Second // in which some of a request or of its answer has to move, however slowly
	moveBytes   = 64 << 10         // that are moved in one go
)

// session is one connection.
type session struct {
	net.Conn
	since atomic.Int64 // it waits for a request, in nanoseconds since 1970; 0 while it has one
}

// accept serves connections until the listener closes.
func (b *Broker) accept() {
	for {
		c, err := b.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			b.opts.Log.Warn("accept", "err", err)
			select {
			case <-b.done:
				return
			case <-time.After(50 * time.Millisecond): // out of file handles, perhaps
			}
			continue
		}
		s := &session{Conn: c}
		if !b.keep(s) {
			c.Close()
			continue
		}
		b.conn.Go(func() {
			defer b.drop(s)
			if err := b.serve(s); err != nil {
				b.opts.Log.Debug("connection ended", "from", c.RemoteAddr().String(), "err", err)
			}
		})
	}
}

// keep takes a connection in. Of too many, the one that has been idle for longest goes: its client may be gone
// without a word, and one that lives comes again.
func (b *Broker) keep(s *session) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	if len(b.conns) >= maxConns {
		idle := b.longestIdle()
		if idle == nil {
			b.opts.Log.Warn("a connection was refused: all others are at work", "connections", len(b.conns), "from", s.RemoteAddr().String())
			return false
		}
		b.opts.Log.Warn("there are many connections: the one that has been idle for longest was closed", "connections", len(b.conns), "from", idle.RemoteAddr().String())
		idle.Close()
		delete(b.conns, idle)
	}
	s.since.Store(time.Now().UnixNano())
	b.conns[s] = struct{}{}
	return true
}

func (b *Broker) longestIdle() (idle *session) {
	var since int64
	for s := range b.conns {
		if n := s.since.Load(); n != 0 && (idle == nil || n < since) {
			idle, since = s, n
		}
	}
	return idle
}

func (b *Broker) drop(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, s)
	s.Close()
}

// serve answers the requests of one connection in order.
func (b *Broker) serve(s *session) error {
	var in, out []byte
	for {
		var err error
		if in, err = b.readRequest(s, in); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		if out, err = b.answer(in, out[:0]); err != nil {
			return err
		}
		if err := send(s, out); err != nil { // nothing, for a Produce that asked for no answer
			return err
		}
		if cap(out) > 1<<20 { // an idle connection keeps no large buffers
			out = nil
		}
		if cap(in) > moveBytes {
			last := in
			b.large.Put(&last)
			in = nil
		}
	}
}

// readRequest reads one request without its length, into buf or, if it is large, into what another one has left. Memory is
// taken as bytes come.
func (b *Broker) readRequest(s *session, buf []byte) ([]byte, error) {
	var head [4]byte
	s.since.Store(time.Now().UnixNano())
	if err := s.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(s, head[:]); err != nil {
		return nil, err
	}
	s.since.Store(0)
	n := int(int32(binary.BigEndian.Uint32(head[:])))
	if n < 8 || n > maxRequest {
		return nil, fmt.Errorf("request of %d bytes", n)
	}
	if n > moveBytes {
		if last, ok := b.large.Get().(*[]byte); ok {
			buf = *last
		}
	}
	buf = buf[:0]
	for len(buf) < n {
		at := len(buf)
		buf = slices.Grow(buf, min(moveBytes, n-at))
		if err := s.SetReadDeadline(time.Now().Add(moveTimeout)); err != nil {
			return nil, err
		}
		m, err := s.Read(buf[at:min(at+moveBytes, n)])
		buf = buf[:at+m]
		if err != nil && len(buf) < n {
			return nil, fmt.Errorf("the rest of a request: %w", err)
		}
	}
	return buf, nil
}

// send writes an answer.
func send(s *session, out []byte) error {
	for len(out) > 0 {
		if err := s.SetWriteDeadline(time.Now().Add(moveTimeout)); err != nil {
			return err
		}
		n, err := s.Write(out[:min(len(out), moveBytes)])
		if err != nil {
			return err
		}
		out = out[n:]
	}
	return nil
}

// answer appends the whole response to req to out. An error ends the connection: it is Kafka's way to
// refuse what cannot be answered.
func (b *Broker) answer(req, out []byte) ([]byte, error) {
	r := &reader{b: req}
	key, version, id := r.int16(), r.int16(), r.int32()
	w := &writer{b: out}
	w.int32(0) // the length
	w.int32(id)
	if key == keyApiVersions && (version < 0 || version > 2) {
		// A newer client learns from this which versions to use.
		w.int16(codeUnsupportedVersion)
		writeVersions(w)
	} else {
		_ = r.string() // the client's name
		a := findAPI(key)
		if a == nil || version < a.min || version > a.max {
			return nil, fmt.Errorf("request with API key %d in version %d is not served", key, version)
		}
		silent := a.handle(b, version, r, w)
		if r.bad {
			return nil, fmt.Errorf("malformed request with API key %d in version %d", key, version)
		}
		if silent {
			return w.b[:0], nil
		}
	}
	w.set(0, int32(len(w.b)-4))
	return w.b, nil
}
