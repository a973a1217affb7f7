package kafkapeers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FreePort is one below those that are handed to outgoing connections.
func FreePort() (int, error) {
	for range 100 { // ports from 32768 on are also given to outgoing connections
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port")
}

// Wire is a connection on which requests of any version, and wrong ones, can be sent.
type Wire struct {
	c    net.Conn
	next int32
}

// patience bounds how long one answer may take.
const patience = 10 * time.Second

// Dial connects.
func Dial(addr string) (*Wire, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	return &Wire{c: c}, nil
}

// Close ends the connection.
func (w *Wire) Close() { w.c.Close() }

// Send sends a request without waiting for its answer.
func (w *Wire) Send(r kmsg.Request) error {
	w.next++
	if err := w.c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := w.c.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("conform")).AppendRequest(nil, r, w.next))
	return err
}

// Receive reads the answer to r, which was sent as number id.
func (w *Wire) Receive(r kmsg.Request, id int32) (kmsg.Response, error) {
	var head [8]byte
	if _, err := io.ReadFull(w.c, head[:]); err != nil {
		return nil, err
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != id {
		return nil, fmt.Errorf("answer to request %d, not to %d", got, id)
	}
	body := make([]byte, int32(binary.BigEndian.Uint32(head[:4]))-4)
	if _, err := io.ReadFull(w.c, body); err != nil {
		return nil, err
	}
	if r.IsFlexible() && r.Key() != kmsg.ApiVersions.Int16() {
		body = body[1:] // no tags
	}
	resp := r.ResponseKind()
	resp.SetVersion(r.GetVersion())
	return resp, resp.ReadFrom(body)
}

// Ask sends a request and reads its answer.
func (w *Wire) Ask(r kmsg.Request) (kmsg.Response, error) {
	if err := w.Send(r); err != nil {
		return nil, err
	}
	return w.Receive(r, w.next)
}

// Batch is a record batch of version 2 with these values, uncompressed.
func Batch(values ...[]byte) []byte {
	var recs []byte
	for i, v := range values {
		var r []byte
		r = append(r, 0)                     // attributes
		r = append(r, 0)                     // time
		r = binary.AppendVarint(r, int64(i)) // offset
		r = binary.AppendVarint(r, -1)       // no key
		r = binary.AppendVarint(r, int64(len(v)))
		r = append(append(r, v...), 0) // no headers
		recs = append(binary.AppendVarint(recs, int64(len(r))), r...)
	}
	b := make([]byte, 61, 61+len(recs))
	b = append(b, recs...)
	now := uint64(time.Now().UnixMilli())
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], uint32(len(values)-1))
	binary.BigEndian.PutUint64(b[27:], now)
	binary.BigEndian.PutUint64(b[35:], now)
	binary.BigEndian.PutUint64(b[43:], ^uint64(0)) // no producer id,
	binary.BigEndian.PutUint16(b[51:], ^uint16(0)) // epoch
	binary.BigEndian.PutUint32(b[53:], ^uint32(0)) // or sequence
	binary.BigEndian.PutUint32(b[57:], uint32(len(values)))
	return Seal(b)
}

// Seal gives a batch its CRC.
func Seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// Records gives the base offset and the number of records of each whole batch in what Fetch has brought.
func Records(raw []byte) (bases []int64, counts []int) {
	for len(raw) >= 61 {
		n := int(binary.BigEndian.Uint32(raw[8:])) + 12
		if n > len(raw) {
			return bases, counts
		}
		bases = append(bases, int64(binary.BigEndian.Uint64(raw)))
		counts = append(counts, int(binary.BigEndian.Uint32(raw[57:])))
		raw = raw[n:]
	}
	return bases, counts
}
