package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// Ports from 32768 on are handed to outgoing connections, and a connection in TIME_WAIT
// makes a bind fail: test ports stay below.
const (
	firstPort = 20000
	lastPort  = 32000
)

// started is what the broker logs when it takes requests.
var started = []byte("Kafka Server started")

// ports returns the port asked for, or a free one, and a free port above it for the controller.
func ports(port int) (broker, controller int, err error) {
	if port == 0 {
		// Different processes begin at different places, so that they rarely meet.
		if port, err = freePort(firstPort + os.Getpid()%(lastPort-firstPort)); err != nil {
			return 0, 0, err
		}
	} else if !isFree(port) {
		return 0, 0, fmt.Errorf("port %d is taken", port)
	}
	controller, err = freePort(port + 1)
	return port, controller, err
}

// freePort finds the first free port from the given one on.
func freePort(from int) (int, error) {
	for p := from; p < from+500; p++ {
		if isFree(p) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d", from, from+500)
}

func isFree(port int) bool {
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// waitReady waits until the broker says that it has started and answers a request.
func (b *Broker) waitReady(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		case <-b.done:
			return errors.New("the broker ended while it started")
		case <-tick.C:
		}
		log, err := os.ReadFile(b.path("broker.log"))
		if err == nil && bytes.Contains(log, started) && answers(ctx, b.addr) == nil {
			return nil
		}
	}
}

// answers sends one ApiVersions request, version 0, and looks at the answer's head.
func answers(ctx context.Context, addr string) error {
	const correlation = 7
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp4", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return err
		}
	}
	var req []byte
	req = binary.BigEndian.AppendUint32(req, 10)          // bytes that follow
	req = binary.BigEndian.AppendUint16(req, 18)          // ApiVersions
	req = binary.BigEndian.AppendUint16(req, 0)           // its version
	req = binary.BigEndian.AppendUint32(req, correlation) // comes back in the answer
	req = binary.BigEndian.AppendUint16(req, 0)           // client id ""
	if _, err := conn.Write(req); err != nil {
		return err
	}
	var head [10]byte // size, correlation id, error code
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint32(head[4:]); got != correlation {
		return fmt.Errorf("answer to request %d, not to %d", got, correlation)
	}
	if code := binary.BigEndian.Uint16(head[8:]); code != 0 {
		return fmt.Errorf("error code %d", code)
	}
	return nil
}

// logTail is the end of the broker's log, for an error message.
func (b *Broker) logTail() []byte {
	log, err := os.ReadFile(b.path("broker.log"))
	if err != nil {
		return nil
	}
	return log[max(0, len(log)-2000):]
}
