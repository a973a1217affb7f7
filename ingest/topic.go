package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"millrace"
)

// Topic is one partition of a topic, in the embedded broker or in Apache Kafka.
type Topic struct {
	Addr       string // host:port of a broker; of a cluster, several with commas between
	Access     *Access
	Guest      bool // somebody else's topic, kept as its owner likes: only its size has to fit
	Name       string
	Partition  int32
	Partitions int32  // that Ensure creates; 0 is just enough for Partition
	Recipe     string // the hash of everything upstream; messages of another one are ignored
	// Own, where set, is the partition that all documents of a Sink come from, and no topic's. At its start the Sink then
	// reads the end of the topic only. Behind a topic it would not do: marks of what is upstream of that have to be exact.
	Own     millrace.Partition
	Log     *slog.Logger
	Monitor *Monitor
	// Via, where set, carries the requests in the place of connections to Addr: to a log that is simulated.
	Via   kafka.RoundTripper
	Carry *Carrier // set where readers may not see the writer's disk: what they load travels with each document

	// Tests come between client and broker, and do not wait as long.
	dial                   dialer
	fetchWait, pause, idle time.Duration
}

// At is the partition.
func (t Topic) At() millrace.Partition {
	return millrace.Partition{Topic: t.Name, Index: t.Partition}
}

func (t Topic) firstPause() time.Duration {
	if t.pause > 0 {
		return t.pause
	}
	return firstPause
}

func (t Topic) silence() time.Duration {
	if t.idle > 0 {
		return t.idle
	}
	return silence
}

func (t Topic) wait() time.Duration {
	if t.fetchWait > 0 {
		return t.fetchWait
	}
	return fetchWait
}

// ErrLayout says that a topic has another number of partitions than is asked for.
var ErrLayout = errors.New("another number of partitions")

// maxMessage is the topic's limit for a batch; ours stay well below.
const maxMessage = 4 << 20

// Ensure creates the topic where it does not exist, and waits until each partition has a leader. Nothing
// is ever deleted by time or size: Trim alone does that. A topic that is set up otherwise is refused, with a
// SettingError.
func (t Topic) Ensure(ctx context.Context) error {
	c := t.open()
	defer c.close()
	want := max(t.Partitions, t.Partition+1)
	var entries []kafka.ConfigEntry
	for _, w := range wanted() {
		entries = append(entries, kafka.ConfigEntry{ConfigName: w.key, ConfigValue: w.value})
	}
	err := c.retry(ctx, "create", func(ctx context.Context) error {
		r, err := c.kafka.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
			Topic: t.Name, NumPartitions: int(want), ReplicationFactor: -1, // the broker's default
			ConfigEntries: entries,
		}}})
		if err == nil {
			err = r.Errors[t.Name]
		}
		switch {
		case errors.Is(err, kafka.TopicAlreadyExists):
			return nil
		case errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.ClusterAuthorizationFailed):
			c.log.Warn("this user may not create topics: somebody else has to", "err", err)
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := c.retry(ctx, "wait for", func(ctx context.Context) error { return c.led(ctx, int(want)) }); err != nil {
		return err
	}
	return c.agree(ctx)
}

var errNoLeader = errors.New("a partition has no leader yet")

// led checks that the topic has the partitions, and each a leader.
func (c *client) led(ctx context.Context, want int) error {
	t, err := c.metadata(ctx)
	if err != nil {
		return err
	}
	if t.Error != nil {
		return t.Error
	}
	if have := len(t.Partitions); have != want {
		return fmt.Errorf("topic %s has %d partitions, %d were asked for: %w: %w", c.topic.Name, have, want, ErrLayout, millrace.ErrStop)
	}
	for _, p := range t.Partitions {
		if p.Error != nil {
			return p.Error
		}
		if p.Leader.Host == "" {
			return errNoLeader
		}
	}
	return nil
}

// metadata is what the broker knows of the topic.
func (c *client) metadata(ctx context.Context) (kafka.Topic, error) {
	r, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{c.topic.Name}})
	if err != nil {
		return kafka.Topic{}, err
	}
	i := slices.IndexFunc(r.Topics, func(t kafka.Topic) bool { return t.Name == c.topic.Name })
	if i < 0 {
		return kafka.Topic{}, kafka.UnknownTopicOrPartition
	}
	return r.Topics[i], nil
}

// Layout is the number of partitions that the topic has; 0 where it does not exist.
func (t Topic) Layout(ctx context.Context) (n int, err error) {
	c := t.open()
	defer c.close()
	err = c.retry(ctx, "ask for the partitions of", func(ctx context.Context) error {
		r, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{t.Name}})
		if err != nil {
			return err
		}
		for _, topic := range r.Topics {
			if topic.Name == t.Name && topic.Error == nil {
				n = len(topic.Partitions)
			}
		}
		return nil
	})
	return n, err
}

// Mark appends a flush mark: the mill closes its shard there.
func (t Topic) Mark(ctx context.Context) (millrace.Position, error) {
	c := t.open()
	defer c.close()
	rec := kafka.Record{Headers: []kafka.Header{
		{Key: headKind, Value: []byte(kindMark)},
		{Key: headRecipe, Value: []byte(t.Recipe)},
	}}
	at, err := c.produce(ctx, []kafka.Record{rec}, [][]byte{nil})
	if err != nil {
		return millrace.Position{}, err
	}
	return millrace.Position{Partition: c.part, Offset: at}, nil
}

// Ends gives the first offset of the partition, and the one after the last.
func (t Topic) Ends(ctx context.Context) (begin, end int64, err error) {
	c := t.open()
	defer c.close()
	return c.ends(ctx)
}

// Backlog is what a topic holds of messages that somebody has not taken yet.
type Backlog struct {
	Records int64
	Bytes   int64     // of their values, uncompressed; where there are many, by what a few places hold
	Since   time.Time // when the first of them was written
}

// backlogPlaces is how many places of a backlog are read to tell its size.
const backlogPlaces = 4

// Backlog looks at the messages from one offset to another.
func (t Topic) Backlog(ctx context.Context, from, to int64) (b Backlog, err error) {
	c := t.open()
	defer c.close()
	b.Records = max(0, to-from)
	var read, bytes int64
	for place, next := int64(0), from; place < backlogPlaces && next < to; place++ {
		f, err := c.fetch(ctx, max(next, from+b.Records*place/backlogPlaces))
		if err != nil || len(f.messages) == 0 {
			return b, err
		}
		if place == 0 {
			b.Since = f.messages[0].time
		}
		for _, m := range f.messages {
			if m.at.Offset < to {
				read, bytes, next = read+1, bytes+int64(len(m.value)), m.at.Offset+1
			}
		}
	}
	if read > 0 {
		b.Bytes = int64(float64(bytes) / float64(read) * float64(b.Records))
	}
	return b, nil
}

// Trim deletes what lies below offset before. Only what the newest commit has behind it may go.
func (t Topic) Trim(ctx context.Context, before int64) error {
	c := t.open()
	defer c.close()
	return c.retry(ctx, "trim", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		r, err := c.kafka.Transport.RoundTrip(ctx, c.kafka.Addr, &deleteRecordsRequest{
			TimeoutMs: int32(silence.Milliseconds()),
			Topics: []deleteRecordsTopic{{Name: t.Name, Partitions: []deleteRecordsPartition{
				{Partition: t.Partition, Offset: before},
			}}},
		})
		if err != nil {
			return err
		}
		for _, topic := range r.(*deleteRecordsResponse).Topics {
			for _, p := range topic.Partitions {
				if p.ErrorCode != 0 {
					return kafka.Error(p.ErrorCode)
				}
			}
		}
		return nil
	})
}

// kafka-go has no DeleteRecords; these are its messages, version 0 and 1.
type deleteRecordsRequest struct {
	Topics    []deleteRecordsTopic `kafka:"min=v0,max=v1"`
	TimeoutMs int32                `kafka:"min=v0,max=v1"`
}

type deleteRecordsTopic struct {
	Name       string                   `kafka:"min=v0,max=v1"`
	Partitions []deleteRecordsPartition `kafka:"min=v0,max=v1"`
}

type deleteRecordsPartition struct {
	Partition int32 `kafka:"min=v0,max=v1"`
	Offset    int64 `kafka:"min=v0,max=v1"`
}

type deleteRecordsResponse struct {
	ThrottleTimeMs int32                 `kafka:"min=v0,max=v1"`
	Topics         []deletedRecordsTopic `kafka:"min=v0,max=v1"`
}

type deletedRecordsTopic struct {
	Name       string                    `kafka:"min=v0,max=v1"`
	Partitions []deletedRecordsPartition `kafka:"min=v0,max=v1"`
}

type deletedRecordsPartition struct {
	Partition    int32 `kafka:"min=v0,max=v1"`
	LowWatermark int64 `kafka:"min=v0,max=v1"`
	ErrorCode    int16 `kafka:"min=v0,max=v1"`
}

func (*deleteRecordsRequest) ApiKey() protocol.ApiKey  { return protocol.DeleteRecords }
func (*deleteRecordsResponse) ApiKey() protocol.ApiKey { return protocol.DeleteRecords }

// Broker sends the request to the leader of its only partition.
func (r *deleteRecordsRequest) Broker(c protocol.Cluster) (protocol.Broker, error) {
	t := r.Topics[0]
	p, ok := c.Topics[t.Name].Partitions[t.Partitions[0].Partition]
	if !ok {
		return protocol.Broker{}, protocol.NewErrNoTopic(t.Name)
	}
	b, ok := c.Brokers[p.Leader]
	if !ok {
		return protocol.Broker{}, protocol.NewErrNoLeader(t.Name, p.ID)
	}
	return b, nil
}

// registerDeleteRecords makes the messages known to kafka-go. It has to happen before the first
// connection, for kafka-go then looks up every key that a broker offers.
var registerDeleteRecords = sync.OnceFunc(func() {
	protocol.Register(&deleteRecordsRequest{}, &deleteRecordsResponse{})
})
