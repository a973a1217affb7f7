package objects

import (
	"context"
	"net"
	"net/http"
	"time"
)

// transport makes connections that end when nothing has moved on them for a while. A time-out of a whole request would
// have to know how long an object is, and how fast the network.
func transport(silence time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: min(silence, 10*time.Second), KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &conn{c, silence}, nil
		},
		TLSHandshakeTimeout: min(silence, 10*time.Second),
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     silence,
		DisableCompression:  true, // else a length would be another one than was asked for
	}
}

type conn struct {
	net.Conn
	silence time.Duration
}

func (c *conn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write moves the deadline of the Read, too, that waits for the answer meanwhile.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
