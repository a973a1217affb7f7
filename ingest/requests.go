package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go"

	"millrace"
)

// Link is an address that one crawl worker has found and another one owns.
type Link struct {
	URL     string
	Depth   int
	Hops    int
	Sitemap bool
}

// Standing is what a worker says of itself.
type Standing struct {
	Worker int
	Idle   bool
	Next   int64 // what stands in its partition below is done
	Ended  bool
	Kind   string // what kind of worker; "" is one of the crawl
}

// The other kinds of workers. KindFiles reads files into pages; KindClean has brought what stands in its
// partition of pages below Next to docs, which stays true whatever becomes of the worker.
const (
	KindFiles = "files"
	KindClean = "clean"
)

// The kinds of messages in the topic requests.
const (
	kindLinks    = "links"
	kindStanding = "standing"
)

// RequestsTopic is its name.
const RequestsTopic = "requests"

// Named is the name of a topic in a generation of them: "pages" in the first, which is "", and "pages.2" in "2".
func Named(topic, generation string) string {
	if generation == "" {
		return topic
	}
	return topic + "." + generation
}

// Requests is the topic through which crawl workers hand each other links: a partition for each worker, and
// one behind those for what the workers say of themselves. Nothing in it is ever trimmed, so that a worker
// that has lost its frontier can read it again. Each method is used by one goroutine at a time; different
// ones may be used at once.
type Requests struct {
	worker, workers int
	inbox           *client // Receive
	out             []*client
	said, heard     *client // Report, Standings
	ends            []*client
}

// Requests makes the topic where it does not exist, that of the generation of t, and opens it for one of so many workers, or with worker
// -1 for somebody who only watches. A topic that was made for another number of them is refused.
func (t Topic) Requests(ctx context.Context, worker, workers int) (*Requests, error) {
	_, generation, _ := strings.Cut(t.Name, ".")
	t.Name, t.Partition, t.Partitions = Named(RequestsTopic, generation), 0, int32(workers)+1
	if err := t.Ensure(ctx); err != nil {
		return nil, fmt.Errorf("open the topic of %d crawl workers: %w", workers, err)
	}
	on := func(part int) *client {
		t.Partition = int32(part)
		return t.open()
	}
	r := &Requests{worker: worker, workers: workers, said: on(workers), heard: on(workers)}
	if worker >= 0 {
		r.inbox = on(worker)
	}
	for i := range workers {
		r.out, r.ends = append(r.out, on(i)), append(r.ends, on(i))
	}
	return r, nil
}

// Close ends the connections.
func (r *Requests) Close() error {
	if r.inbox != nil {
		r.inbox.close()
	}
	r.said.close()
	r.heard.close()
	for i := range r.out {
		r.out[i].close()
		r.ends[i].close()
	}
	return nil
}

// Send appends links to the partition of a worker, in messages of about batchBytes.
func (r *Requests) Send(ctx context.Context, to int, links []Link) error {
	for len(links) > 0 {
		var b out
		n := 0
		for n < len(links) && len(b) < batchBytes {
			b.message(1, encodeLink(links[n]))
			n++
		}
		if err := write(ctx, r.out[to], kindLinks, b); err != nil {
			return err
		}
		links = links[n:]
	}
	return nil
}

// Receive gives what stands in this worker's partition from an offset on, and the offset behind it. It waits
// for a second or so where there is nothing.
func (r *Requests) Receive(ctx context.Context, from int64) (links []Link, next int64, err error) {
	next, err = read(ctx, r.inbox, from, kindLinks, func(f field) error {
		if f.key() != 1<<3|blob {
			return nil
		}
		l, err := decodeLink(f.raw)
		links = append(links, l)
		return err
	})
	return links, next, err
}

// Report appends a worker's standing.
func (r *Requests) Report(ctx context.Context, s Standing) error {
	var b, v out
	v.int(1, int64(s.Worker))
	v.bool(2, s.Idle)
	v.bool(3, s.Ended)
	v.int(4, s.Next)
	v.string(5, s.Kind)
	b.message(1, v)
	return write(ctx, r.said, kindStanding, b)
}

// Standings gives those of all workers, of every kind, from an offset on, oldest first, as Receive does.
func (r *Requests) Standings(ctx context.Context, from int64) (all []Standing, next int64, err error) {
	next, err = read(ctx, r.heard, from, kindStanding, func(f field) error {
		if f.key() != 1<<3|blob {
			return nil
		}
		s, err := decodeStanding(f.raw)
		all = append(all, s)
		return err
	})
	return all, next, err
}

// Ends gives the offset behind the last message of each worker's partition.
func (r *Requests) Ends(ctx context.Context) ([]int64, error) {
	var all []int64
	for _, c := range r.ends {
		_, end, err := c.ends(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, end)
	}
	return all, nil
}

// write appends one message, and returns when it is acknowledged.
func write(ctx context.Context, c *client, kind string, value []byte) error {
	sum := sha256.Sum256(value)
	rec := kafka.Record{Headers: []kafka.Header{{Key: headKind, Value: []byte(kind)}, {Key: headSHA, Value: sum[:]}}}
	_, err := c.produce(ctx, []kafka.Record{rec}, [][]byte{value})
	return err
}

// read fetches messages from an offset on, checks them, and calls do with their fields.
func read(ctx context.Context, c *client, from int64, kind string, do func(field) error) (next int64, err error) {
	f, err := c.fetch(ctx, from)
	if err != nil {
		return from, err
	}
	for i := range f.messages {
		m := &f.messages[i]
		if sum := sha256.Sum256(m.value); !bytes.Equal(sum[:], m.sha) || m.kind != kind {
			return from, fmt.Errorf("message %s is not what was written: %w", m.at, millrace.ErrIntegrity)
		}
		if err := each(m.value, do); err != nil {
			return from, fmt.Errorf("message %s: %w: %w", m.at, err, millrace.ErrIntegrity)
		}
	}
	return from + int64(len(f.messages)), nil
}

func encodeLink(l Link) (b out) {
	b.string(1, l.URL)
	b.int(2, int64(l.Depth))
	b.int(3, int64(l.Hops))
	b.bool(4, l.Sitemap)
	return b
}

func decodeLink(b []byte) (l Link, err error) {
	err = each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			l.URL = f.string()
		case 2<<3 | varint:
			l.Depth = int(f.num)
		case 3<<3 | varint:
			l.Hops = int(f.num)
		case 4<<3 | varint:
			l.Sitemap = f.num != 0
		}
		return nil
	})
	return l, err
}

func decodeStanding(b []byte) (s Standing, err error) {
	err = each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | varint:
			s.Worker = int(f.num)
		case 2<<3 | varint:
			s.Idle = f.num != 0
		case 3<<3 | varint:
			s.Ended = f.num != 0
		case 4<<3 | varint:
			s.Next = int64(f.num)
		case 5<<3 | blob:
			s.Kind = f.string()
		}
		return nil
	})
	return s, err
}
