package ingest

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// patientConn waits for a byte, but not for ever: a request over a slow network takes as long as something moves, and
// one that has gone silent ends. kafka-go alone would give each request so many seconds in all, a login and a request
// without a deadline any number.
type patientConn struct {
	net.Conn
	idle  time.Duration
	until atomic.Int64 // the request's own deadline, in nanoseconds since 1970; 0 is none
}

// mostAtOnce is written within one deadline.
const mostAtOnce = 64 << 10

// patiently makes connections of that kind.
func patiently(dial dialer, idle time.Duration) dialer {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &patientConn{Conn: c, idle: idle}, nil
	}
}

// limit is when the next byte has to have come.
func (c *patientConn) limit() time.Time {
	t := time.Now().Add(c.idle)
	if n := c.until.Load(); n != 0 && time.Unix(0, n).Before(t) {
		return time.Unix(0, n)
	}
	return t
}

func (c *patientConn) Read(b []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(c.limit()); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.Conn.Close() // kafka-go reads once more after an error, and would wait once more
	}
	return n, err
}

func (c *patientConn) Write(b []byte) (n int, err error) {
	for err == nil && n < len(b) {
		if err = c.Conn.SetWriteDeadline(c.limit()); err != nil {
			break
		}
		var m int
		m, err = c.Conn.Write(b[n:min(len(b), n+mostAtOnce)])
		n += m
	}
	return n, err
}

// SetDeadline sets the request's own deadline.
func (c *patientConn) SetDeadline(t time.Time) error {
	at := int64(0)
	if !t.IsZero() {
		at = t.UnixNano()
	}
	c.until.Store(at)
	return c.Conn.SetDeadline(t) // ends what waits now
}
