package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	maxRequest  = 2 * maxBatch // so that a batch that is too large gets an answer
	maxConns    = 256
	readTimeout = 30 * time.Second // for the rest of a request whose first bytes have come
	sendTimeout = 30 * time.Second
)

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
		if !b.keep(c) {
			c.Close()
			continue
		}
		b.conn.Go(func() {
			defer b.drop(c)
			if err := b.serve(c); err != nil {
				b.opts.Log.Debug("connection ended", "from", c.RemoteAddr().String(), "err", err)
			}
		})
	}
}

func (b *Broker) keep(c net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.conns) >= maxConns {
		return false
	}
	b.conns[c] = struct{}{}
	return true
}

func (b *Broker) drop(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
	c.Close()
}

// serve answers the requests of one connection in order.
func (b *Broker) serve(c net.Conn) error {
	var in, out []byte
	for {
		var err error
		if in, err = readRequest(c, in); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		if out, err = b.answer(in, out[:0]); err != nil {
			return err
		}
		if len(out) == 0 {
			continue // a Produce that asked for no answer
		}
		if err := c.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
			return err
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
		if cap(out) > 1<<20 { // an idle connection keeps no large buffers
			out = nil
		}
		if cap(in) > 1<<20 {
			in = nil
		}
	}
}

// readRequest reads one request without its length, into buf if that is large enough.
func readRequest(c net.Conn, buf []byte) ([]byte, error) {
	var head [4]byte
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(head[:]))
	if n < 8 || n > maxRequest {
		return nil, fmt.Errorf("request of %d bytes", n)
	}
	if cap(buf) < int(n) {
		buf = make([]byte, n)
	}
	if err := c.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
		return nil, err
	}
	_, err := io.ReadFull(c, buf[:n])
	return buf[:n], err
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
