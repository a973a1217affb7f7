package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"millrace"
)

const (
	silence        = 30 * time.Second // in which not a byte comes: the connection is dead
	requestTimeout = 10 * time.Minute // for a request that moves: 1 MiB at 2 kB a second
	dialTimeout    = 10 * time.Second // with a first answer, which may come over a slow network
	metadataTTL    = 5 * time.Second
	fetchWait      = time.Second // shorter waits end in time-outs
	fetchBytes     = 1 << 20
	firstPause     = 50 * time.Millisecond // after a failure; it doubles up to 100 times as much
	patience       = 8                     // answers "no such topic" in a row before it is believed
)

// client talks to one partition. It is used by one goroutine at a time.
type client struct {
	topic    Topic
	part     millrace.Partition
	pool     *kafka.Transport
	kafka    *kafka.Client
	log      *slog.Logger
	unknown  int // answers "no such topic" in a row
	denied   int // logins refused in a row
	attempts int // failures in a row
}

// open gives a client. Whoever opens it closes it.
func (t Topic) open() *client {
	registerDeleteRecords()
	log := t.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	part := t.At()
	pool := &kafka.Transport{Dial: patiently(t.dial, t.silence()), DialTimeout: dialTimeout, MetadataTTL: metadataTTL, ClientID: "millrace",
		MetadataTopics: []string{t.Name}}
	t.Access.secure(pool)
	c := &client{topic: t, part: part, pool: pool, log: log.With("topic", part.String()),
		kafka: &kafka.Client{Addr: kafka.TCP(strings.Split(t.Addr, ",")...), Timeout: requestTimeout, Transport: pool}}
	if t.Via != nil {
		c.kafka.Transport = t.Via
	}
	return c
}

func (c *client) close() { c.pool.CloseIdleConnections() }

// retry calls do until it succeeds, fails for good, or ctx ends. An outage of the broker may last for
// hours: kafka-go's own attempts are over within seconds.
func (c *client) retry(ctx context.Context, what string, do func(context.Context) error) error {
	for {
		err := do(ctx)
		if err == nil {
			c.attempts, c.unknown, c.denied = 0, 0, 0
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = c.reason(ctx, err)
		if err := c.permanent(err); err != nil {
			return fmt.Errorf("%s %s at %s: %w", what, c.part, c.topic.Addr, err)
		}
		c.attempts++
		c.topic.Monitor.retried()
		pause := backoff(c.topic.firstPause(), c.attempts)
		c.log.Warn("the broker does not answer as it should, trying again", "to", what, "attempt", c.attempts, "pause", pause, "err", err)
		// A new pool has new connections and new metadata.
		c.pool.CloseIdleConnections()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// backoff is the pause after n failures in a row. Half of it is chance, so that workers do not come back
// all at once.
func backoff(first time.Duration, n int) time.Duration {
	pause := min(first<<min(n-1, 10), 100*first)
	return pause/2 + rand.N(pause/2)
}

// permanent gives the error to end with, or nil where trying again may help.
func (c *client) permanent(err error) error {
	if errors.Is(err, millrace.ErrIntegrity) || errors.Is(err, millrace.ErrMoved) || errors.Is(err, millrace.ErrStop) {
		return err
	}
	if noTopic(err) {
		return c.missing(err)
	}
	if errors.Is(err, kafka.BrokerNotAvailable) { // of one that is being started anew; kafka-go takes it for lasting
		return nil
	}
	c.unknown = 0
	if err := c.refused(err); err != nil || c.denied > 0 {
		return err
	}
	var code kafka.Error
	if errors.As(err, &code) && !code.Temporary() {
		return err
	}
	return nil
}

// reason is why a request failed. Where kafka-go could ask nobody for the topics, it says that there is no
// such topic or broker, and keeps the reason.
func (c *client) reason(ctx context.Context, err error) error {
	if !noTopic(err) && !errors.Is(err, kafka.BrokerNotAvailable) {
		return err
	}
	if _, down := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{c.topic.Name}}); down != nil {
		return down
	}
	return err
}

// missing believes that there is no such topic after the broker has said so several times: one that has
// just started may not know its topics yet.
func (c *client) missing(err error) error {
	if c.unknown++; c.unknown < patience {
		return nil
	}
	return fmt.Errorf("no such topic or partition; create it first: %w", err)
}

func noTopic(err error) bool {
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, protocol.ErrNoTopic) ||
		errors.Is(err, protocol.ErrNoPartition)
}

// produce appends records as one batch and returns the offset of the first. The same batch is sent again
// until it is acknowledged; copies that this makes are ignored by the receiver.
func (c *client) produce(ctx context.Context, recs []kafka.Record, values [][]byte) (base int64, err error) {
	began := time.Now()
	err = c.retry(ctx, "write to", func(ctx context.Context) error {
		again := make([]kafka.Record, len(recs))
		for i, r := range recs {
			r.Value = kafka.NewBytes(values[i]) // the last attempt may have consumed it
			again[i] = r
		}
		r, err := c.kafka.Produce(ctx, &kafka.ProduceRequest{
			Topic: c.topic.Name, Partition: int(c.topic.Partition), RequiredAcks: kafka.RequireAll,
			Compression: kafka.Zstd, Records: kafka.NewRecordReader(again...),
		})
		if err != nil {
			return err
		}
		if r.Error != nil {
			return r.Error
		}
		base = r.BaseOffset
		c.topic.Monitor.produced(began)
		return nil
	})
	return base, err
}

// fetched is what one Fetch brought: messages without holes from the offset that was asked for.
type fetched struct {
	messages []message
	high     int64
}

// fetch reads messages from offset on. It checks that no offset is missing; the CRC of each batch is
// checked by kafka.Client (and not by kafka.Reader, which is why that is not used).
func (c *client) fetch(ctx context.Context, offset int64) (f fetched, err error) {
	var damaged, stuck int
	err = c.retry(ctx, "read from", func(ctx context.Context) error {
		f, err = c.fetchOnce(ctx, offset)
		switch {
		case corrupt(err):
			damaged++
		case errors.Is(err, errNoProgress):
			stuck++
		}
		if damaged > 2 || stuck > patience { // neither the network nor a race, then
			return fmt.Errorf("offset %d: %w: %w: %w", offset, ErrDamaged, err, millrace.ErrIntegrity)
		}
		return err
	})
	return f, err
}

// ErrDamaged says that a message that the log has acknowledged cannot be read any more.
var ErrDamaged = errors.New("the log is damaged there")

// corrupt reports whether a broker says, or the client found, that a batch is not what was written.
func corrupt(err error) bool {
	return errors.Is(err, kafka.InvalidMessage) || err != nil && strings.Contains(err.Error(), "crc32 checksum mismatch")
}

var errNoProgress = errors.New("the broker says that there is more, and gives nothing")

func (c *client) fetchOnce(ctx context.Context, offset int64) (fetched, error) {
	r, err := c.kafka.Fetch(ctx, &kafka.FetchRequest{
		Topic: c.topic.Name, Partition: int(c.topic.Partition), Offset: offset,
		MinBytes: 1, MaxBytes: fetchBytes, MaxWait: c.topic.wait(),
	})
	if err != nil {
		return fetched{}, err
	}
	if errors.Is(r.Error, kafka.OffsetOutOfRange) {
		return fetched{}, fmt.Errorf("offset %d: %w: %w", offset, r.Error, millrace.ErrMoved)
	}
	if r.Error != nil {
		return fetched{}, r.Error
	}
	f := fetched{high: r.HighWatermark}
	for next := offset; ; {
		rec, err := r.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fetched{}, err
		}
		m, err := readMessage(rec, c.part)
		if err != nil {
			return fetched{}, err
		}
		if m.at.Offset < next {
			continue // the batch began before
		}
		if m.at.Offset > next {
			return fetched{}, fmt.Errorf("offset %d is missing, the next one is %d: %w", next, m.at.Offset, millrace.ErrIntegrity)
		}
		f.messages = append(f.messages, m)
		next++
	}
	if len(f.messages) == 0 && f.high > offset {
		return fetched{}, errNoProgress
	}
	return f, nil
}

// errOneEnd is kafka-go's code -1 for one of two requests that failed on the network.
var errOneEnd = errors.New("one end was answered, the other was not")

// ends asks for the first offset and the one after the last.
func (c *client) ends(ctx context.Context) (begin, end int64, err error) {
	p := int(c.topic.Partition)
	err = c.retry(ctx, "ask for the ends of", func(ctx context.Context) error {
		r, err := c.kafka.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
			c.topic.Name: {kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p)},
		}})
		if err != nil {
			return err
		}
		for _, o := range r.Topics[c.topic.Name] {
			if o.Partition == p && o.Error == nil && o.FirstOffset >= 0 && o.LastOffset >= o.FirstOffset {
				begin, end = o.FirstOffset, o.LastOffset
				return nil
			}
			if errors.Is(o.Error, kafka.Unknown) {
				return errOneEnd
			}
			if o.Error != nil {
				return o.Error
			}
		}
		return kafka.UnknownTopicOrPartition
	})
	return begin, end, err
}

// dialer lets a test come between client and broker.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)
