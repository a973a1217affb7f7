package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"millrace/internal/sim"
	apache "millrace/internal/sim/kafka"
	"millrace/internal/sim/kafkapeers"
)

const (
	partitions  = 8
	messageSize = 1 << 10
	batchOf     = 1000 // about 1 MiB, at which millrace's writer cuts its batches
)

// speed is what one broker did in one round, in messages a second.
type speed struct{ produce, fetch float64 }

// throughput runs the brokers in turns, so that a busy moment of the machine meets all of them.
func throughput(ctx context.Context, dir string, o options, b *sim.Bar) error {
	names := []string{kafkapeers.Millrace, kafkapeers.Kfake}
	if why := apache.Missing(ctx); why != "" {
		fmt.Fprintln(os.Stderr, "not run: Apache Kafka:", why)
		b.Beside[kafkapeers.Apache] = "not run: " + why
	} else {
		names = append(names, kafkapeers.Apache)
	}
	var peers []*kafkapeers.Peer
	for _, name := range names {
		p, err := kafkapeers.Start(ctx, name, dir, "log.flush.interval.messages=1", "broker.session.timeout.ms=9000")
		if err != nil {
			return err
		}
		defer p.Kill()
		peers = append(peers, p)
	}
	rng := rand.New(rand.NewPCG(o.seed, 1))
	all := map[string][]speed{}
	for round := range o.rounds + 1 {
		for _, i := range rng.Perm(len(peers)) {
			s, err := measure(ctx, peers[i], fmt.Sprintf("round-%d", round), o.messages)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", peers[i].Name, round, err)
			}
			if round > 0 { // the first one warms up
				all[peers[i].Name] = append(all[peers[i].Name], s)
			}
		}
	}
	return compare(all, b)
}

// compare takes the median of the ratios of each round.
func compare(all map[string][]speed, b *sim.Bar) error {
	ours := all[kafkapeers.Millrace]
	for name, speeds := range all {
		var p, f []float64
		for _, s := range speeds {
			p, f = append(p, s.produce), append(f, s.fetch)
		}
		figures := map[string]any{"produce_per_s": int(median(p)), "fetch_per_s": int(median(f))}
		if name == kafkapeers.Millrace {
			b.Figures["produce_per_s"], b.Figures["fetch_per_s"] = figures["produce_per_s"], figures["fetch_per_s"]
		} else {
			b.Beside[name] = figures
		}
	}
	ratio := func(of string, get func(speed) float64) float64 {
		var r []float64
		for i := range ours {
			r = append(r, get(ours[i])/get(all[of][i]))
		}
		return median(r)
	}
	produce := func(s speed) float64 { return s.produce }
	fetch := func(s speed) float64 { return s.fetch }
	pk, fk := ratio(kafkapeers.Kfake, produce), ratio(kafkapeers.Kfake, fetch)
	b.Figures["produce_to_kfake"], b.Figures["fetch_to_kfake"] = pk, fk
	errs := []error{least("produce with fsync, beside kfake without,", pk, leastProduceKfake), least("fetch, beside kfake,", fk, leastFetchKfake)}
	if all[kafkapeers.Apache] == nil {
		return errors.Join(append(errs, errors.New("Apache Kafka was not run"))...)
	}
	pa := ratio(kafkapeers.Apache, produce)
	b.Figures["produce_to_kafka"], b.Figures["fetch_to_kafka"] = pa, ratio(kafkapeers.Apache, fetch)
	return errors.Join(append(errs, least("produce, beside Apache Kafka with a flush for each message,", pa, leastProduceKafka))...)
}

// measure writes n messages to a new topic, and reads them.
func measure(ctx context.Context, p *kafkapeers.Peer, topic string, n int) (s speed, err error) {
	if err := makeTopic(ctx, p.Addr, topic); err != nil {
		return s, err
	}
	each := n / partitions / batchOf
	timed := func(do func(context.Context, *kafka.Client, int) error) (float64, error) {
		var wg sync.WaitGroup
		errs := make([]error, partitions)
		began := time.Now()
		for i := range partitions {
			wg.Go(func() {
				pool := &kafka.Transport{MetadataTopics: []string{topic}}
				defer pool.CloseIdleConnections()
				errs[i] = do(ctx, &kafka.Client{Addr: kafka.TCP(p.Addr), Timeout: time.Minute, Transport: pool}, i)
			})
		}
		wg.Wait()
		return float64(partitions*each*batchOf) / time.Since(began).Seconds(), errors.Join(errs...)
	}
	if s.produce, err = timed(func(ctx context.Context, c *kafka.Client, part int) error { return write(ctx, c, topic, part, each) }); err != nil {
		return s, err
	}
	s.fetch, err = timed(func(ctx context.Context, c *kafka.Client, part int) error {
		return read(ctx, c, topic, part, each*batchOf)
	})
	return s, err
}

func makeTopic(ctx context.Context, addr, topic string) error {
	pool := &kafka.Transport{MetadataTTL: 50 * time.Millisecond}
	defer pool.CloseIdleConnections()
	c := &kafka.Client{Addr: kafka.TCP(addr), Timeout: time.Minute, Transport: pool}
	r, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
	if err == nil {
		err = r.Errors[topic]
	}
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		if err = led(ctx, c, topic); err == nil || try == 200 {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func led(ctx context.Context, c *kafka.Client, topic string) error {
	var ends []kafka.OffsetRequest
	for i := range partitions {
		ends = append(ends, kafka.LastOffsetOf(i))
	}
	r, err := c.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: ends}})
	if err != nil {
		return err
	}
	for _, p := range r.Topics[topic] {
		if p.Error != nil {
			return p.Error
		}
	}
	return nil
}

// write sends batches one after the other, as millrace's writer does.
func write(ctx context.Context, c *kafka.Client, topic string, part, batches int) error {
	value := make([]byte, messageSize)
	rand.NewChaCha8([32]byte{byte(part)}).Read(value) // which hardly compresses
	for range batches {
		recs := make([]kafka.Record, batchOf)
		for i := range recs {
			recs[i].Value = kafka.NewBytes(value)
		}
		r, err := c.Produce(ctx, &kafka.ProduceRequest{Topic: topic, Partition: part, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(recs...)})
		if err == nil {
			err = r.Error
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func read(ctx context.Context, c *kafka.Client, topic string, part, n int) error {
	for at := int64(0); at < int64(n); {
		r, err := c.Fetch(ctx, &kafka.FetchRequest{Topic: topic, Partition: part, Offset: at, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
		if err == nil {
			err = r.Error
		}
		if err != nil {
			return err
		}
		for {
			rec, err := r.Records.ReadRecord()
			if err != nil {
				break
			}
			if rec.Offset < at {
				continue
			}
			if rec.Offset != at || rec.Value.Len() != messageSize {
				return fmt.Errorf("offset %d, %d bytes, want offset %d", rec.Offset, rec.Value.Len(), at)
			}
			at++
		}
	}
	return nil
}
