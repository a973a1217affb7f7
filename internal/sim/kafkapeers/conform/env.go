package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"millrace/internal/sim/kafkapeers"
)

// env is what one case works with: a broker, and a topic of two partitions of its own.
type env struct {
	ctx   context.Context
	addr  string
	topic string
	other string // a name that nobody has used
	kg    *kafka.Client
}

// kase is one thing that is tried on each broker. What a broker does becomes one line of text; want lists what is
// right for ours. The others may differ: where, is printed.
type kase struct {
	client, name string
	run          func(*env) string
	want         []string
}

func code(n int16) string {
	if n == 0 {
		return "ok"
	}
	return fmt.Sprintf("code %d", n)
}

// said puts an error into a form that does not depend on the client.
func said(err error) string {
	var k kafka.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &k):
		return code(int16(k))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "connection reset"):
		return "closed"
	}
	return err.Error()
}

// ask sends one request on a connection of its own.
func (e *env) ask(version int16, r kmsg.Request) (kmsg.Response, error) {
	w, err := kafkapeers.Dial(e.addr)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	r.SetVersion(version)
	return w.Ask(r)
}

func produceRequest(topic string, partition int32, acks int16, records []byte) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = acks, 5000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, records
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}

// produce appends raw records and gives the base offset.
func (e *env) produce(version int16, topic string, partition int32, records []byte) (string, int64) {
	resp, err := e.ask(version, produceRequest(topic, partition, -1, records))
	if err != nil {
		return said(err), -1
	}
	p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return code(p.ErrorCode), p.BaseOffset
}

// values are n of so many bytes.
func values(n, size int) (all [][]byte) {
	for i := range n {
		all = append(all, bytes.Repeat([]byte{byte('a' + i%26)}, size))
	}
	return all
}

// fill appends batches of so many records each to partition 0.
func (e *env) fill(counts ...int) {
	for _, n := range counts {
		if what, _ := e.produce(7, e.topic, 0, kafkapeers.Batch(values(n, 100)...)); what != "ok" {
			panic("produce: " + what)
		}
	}
}

// got is what one Fetch brought.
type got struct {
	what        string
	bases       []int64
	counts      []int
	bytes       int
	high, start int64
	waited      time.Duration
}

type look struct {
	topic             string
	partition         int32
	offset            int64
	wait, least, most int32
	partMost          int32
	session           int32
	version           int16
}

func (e *env) look(l look) got {
	if l.topic == "" {
		l.topic = e.topic
	}
	if l.version == 0 {
		l.version = 11
	}
	r := fetchRequest(l)
	began := time.Now()
	resp, err := e.ask(l.version, r)
	g := got{what: said(err), waited: time.Since(began)}
	if err != nil {
		return g
	}
	f := resp.(*kmsg.FetchResponse)
	if f.ErrorCode != 0 || len(f.Topics) == 0 {
		g.what = code(f.ErrorCode)
		return g
	}
	p := f.Topics[0].Partitions[0]
	g.what, g.high, g.start, g.bytes = code(p.ErrorCode), p.HighWatermark, p.LogStartOffset, len(p.RecordBatches)
	g.bases, g.counts = kafkapeers.Records(p.RecordBatches)
	return g
}

func fetchRequest(l look) *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.SessionID = l.wait, l.least, 8<<20, l.session
	r.SessionEpoch = -1
	if l.session > 0 {
		r.SessionEpoch = 1
	}
	if l.most > 0 {
		r.MaxBytes = l.most
	}
	t := kmsg.NewFetchRequestTopic()
	t.Topic = l.topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = l.partition, l.offset, 8<<20
	if l.partMost > 0 {
		p.PartitionMaxBytes = l.partMost
	}
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}

// create makes a topic by kafka-go and waits until it can be used.
func (e *env) create(t kafka.TopicConfig, dry bool) string {
	r, err := e.kg.CreateTopics(e.ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{t}, ValidateOnly: dry})
	if err == nil {
		err = r.Errors[t.Topic]
	}
	return said(err)
}

// prepare makes the topics of n cases at once, and waits until they can be used.
func (e *env) prepare(n int, at func(int) *env) (err error) {
	var topics []kafka.TopicConfig
	var names []string
	for i := range n {
		topics = append(topics, kafka.TopicConfig{Topic: at(i).topic, NumPartitions: 2, ReplicationFactor: 1, ConfigEntries: own()})
		names = append(names, at(i).topic)
	}
	for range 300 {
		if err = e.prepared(topics, names); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("make the topics: %w", err)
}

func (e *env) prepared(topics []kafka.TopicConfig, names []string) error {
	c, err := e.kg.CreateTopics(e.ctx, &kafka.CreateTopicsRequest{Topics: topics})
	if err != nil {
		return err
	}
	for _, err := range c.Errors {
		if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			return err
		}
	}
	ends := map[string][]kafka.OffsetRequest{}
	for _, name := range names {
		ends[name] = []kafka.OffsetRequest{kafka.LastOffsetOf(0), kafka.LastOffsetOf(1)}
	}
	r, err := e.kg.ListOffsets(e.ctx, &kafka.ListOffsetsRequest{Topics: ends}) // which leaders answer, and nobody else
	if err != nil {
		return err
	}
	for _, name := range names {
		for _, p := range r.Topics[name] {
			if p.Error != nil {
				return fmt.Errorf("topic %s: %w", name, p.Error)
			}
		}
	}
	if what := e.coordinator(2, e.other, 0); what != "here: true" { // Kafka makes it when it is asked first
		return fmt.Errorf("coordinator: %s", what)
	}
	return nil
}

// franz gives a client of franz-go.
func (e *env) franz(more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(e.addr), kgo.DisableIdempotentWrite(), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(3 << 20), kgo.RecordRetries(3), kgo.RequestTimeoutOverhead(10 * time.Second)}, more...)...)
}

// kcat runs kcat with these arguments and input.
func (e *env) kcat(in string, args ...string) string {
	ctx, cancel := context.WithTimeout(e.ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kcat", append([]string{"-b", e.addr}, args...)...)
	cmd.Stdin = strings.NewReader(in)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		return fmt.Sprintf("%v: %s", err, strings.TrimSpace(talk.String()))
	}
	return strings.TrimSpace(out.String())
}
