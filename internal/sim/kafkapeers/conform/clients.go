package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func franzCases() (all []kase) {
	for name, c := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		all = append(all, kase{"franz-go", "write and read 5,000, compressed by " + name, func(e *env) string {
			return e.franzRound(5000, 200, kgo.ProducerBatchCompression(c))
		}, []string{"5000 right"}})
	}
	return append(all,
		kase{"franz-go", "lag of a group", func(e *env) string {
			e.fill(4, 6)
			cl, err := e.franz()
			if err != nil {
				return said(err)
			}
			defer cl.Close()
			adm := kadm.NewClient(cl)
			var o kadm.Offsets
			o.AddOffset(e.topic, 0, 7, -1)
			if err := adm.CommitAllOffsets(e.ctx, e.other, o); err != nil {
				return "commit: " + err.Error()
			}
			f, err := adm.FetchOffsets(e.ctx, e.other)
			if err != nil {
				return "fetch: " + err.Error()
			}
			ends, err := adm.ListEndOffsets(e.ctx, e.topic)
			if err != nil {
				return "ends: " + err.Error()
			}
			at, _ := f.Lookup(e.topic, 0)
			end, _ := ends.Lookup(e.topic, 0)
			return fmt.Sprintf("lag %d", end.Offset-at.At)
		}, []string{"lag 3"}},
		kase{"franz-go", "settings of a topic", func(e *env) string {
			cl, err := e.franz()
			if err != nil {
				return said(err)
			}
			defer cl.Close()
			all, err := kadm.NewClient(cl).DescribeTopicConfigs(e.ctx, e.topic)
			if err != nil {
				return said(err)
			}
			for _, c := range all[0].Configs {
				if c.Key == "max.message.bytes" {
					return c.MaybeValue()
				}
			}
			return "not there"
		}, []string{"4194304"}},
		kase{"franz-go", "delete records", func(e *env) string {
			e.fill(4, 6)
			cl, err := e.franz()
			if err != nil {
				return said(err)
			}
			defer cl.Close()
			var o kadm.Offsets
			o.AddOffset(e.topic, 0, 5, -1)
			r, err := kadm.NewClient(cl).DeleteRecords(e.ctx, o)
			if err != nil {
				return said(err)
			}
			x, _ := r.Lookup(e.topic, 0)
			return fmt.Sprint("low ", x.LowWatermark)
		}, []string{"low 5"}},
		kase{"franz-go", "delete a topic", func(e *env) string {
			cl, err := e.franz()
			if err != nil {
				return said(err)
			}
			defer cl.Close()
			r, err := kadm.NewClient(cl).DeleteTopics(e.ctx, e.topic)
			if err != nil {
				return said(err)
			}
			return said(r[e.topic].Err) + ", then " + e.gone(e.topic)
		}, []string{"ok, then code 3"}},
	)
}

// franzRound writes n numbered records and reads them back in order.
func (e *env) franzRound(n, size int, opts ...kgo.Opt) string {
	ctx, cancel := context.WithTimeout(e.ctx, time.Minute)
	defer cancel()
	cl, err := e.franz(append(opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{e.topic: {0: kgo.NewOffset().AtStart()}}))...)
	if err != nil {
		return said(err)
	}
	defer cl.Close()
	for i := range n {
		v := append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte{'x'}, size)...)
		cl.Produce(ctx, &kgo.Record{Topic: e.topic, Partition: 0, Value: v}, nil)
	}
	if err := cl.Flush(ctx); err != nil {
		return "write: " + err.Error()
	}
	for at := 0; at < n; {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			return "read: " + err.Error()
		}
		for _, r := range f.Records() {
			if r.Offset != int64(at) || !bytes.HasPrefix(r.Value, fmt.Appendf(nil, "%d ", at)) {
				return fmt.Sprintf("record %d: offset %d, %.20q", at, r.Offset, r.Value)
			}
			at++
		}
	}
	return fmt.Sprintf("%d right", n)
}

func kcatCases() (all []kase) {
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "line %d %s\n", i, strings.Repeat("x", i%60))
		}
		return b.String()
	}
	for _, z := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		all = append(all, kase{"kcat", "write and read 500 lines, compressed by " + z, func(e *env) string {
			in := lines(500)
			if what := e.kcat(in, "-P", "-t", e.topic, "-p", "0", "-z", z); what != "" {
				return what
			}
			if out := e.kcat("", "-C", "-t", e.topic, "-p", "0", "-o", "beginning", "-e", "-q"); out != strings.TrimSpace(in) {
				return fmt.Sprintf("%d bytes of %d: %.80q", len(out), len(in), out)
			}
			return "500 right"
		}, []string{"500 right"}})
	}
	return append(all,
		kase{"kcat", "list topics", func(e *env) string {
			return fmt.Sprint(strings.Contains(e.kcat("", "-L", "-t", e.topic), "with 2 partitions"))
		}, []string{"true"}},
		kase{"kcat", "ask for the ends", func(e *env) string {
			e.fill(3, 4)
			e.trim(e.topic, 2)
			first := e.kcat("", "-Q", "-t", e.topic+":0:-2")
			last := e.kcat("", "-Q", "-t", e.topic+":0:-1")
			return strings.ReplaceAll(first+" "+last, e.topic, "T")
		}, []string{"T [0] offset 2 T [0] offset 7"}},
		kase{"kcat", "read the last two", func(e *env) string {
			e.fill(3, 4)
			out := e.kcat("", "-C", "-t", e.topic, "-p", "0", "-o", "-2", "-e", "-q", "-f", "%o ")
			return out
		}, []string{"5 6"}},
		kase{"kcat", "read an offset that was deleted", func(e *env) string {
			e.fill(3, 4)
			e.trim(e.topic, 5)
			return e.kcat("", "-C", "-t", e.topic, "-p", "0", "-o", "1", "-c", "1", "-q", "-f", "%o ", "-X", "topic.auto.offset.reset=earliest")
		}, []string{"5"}},
		kase{"kcat", "write to an unknown topic", func(e *env) string {
			out := e.kcat("x\n", "-P", "-t", e.other, "-X", "message.timeout.ms=3000")
			return fmt.Sprint("refused: ", strings.Contains(out, "Unknown topic") || strings.Contains(out, "Message timed out"))
		}, []string{"refused: true"}},
	)
}

// bigCase sends documents of 1 MiB that do not compress, one a batch, as millrace's writer does, and reads them back.
func bigCase(n int) kase {
	const size = 1 << 20
	return kase{"kafka-go", fmt.Sprintf("%d documents of 1 MiB that do not compress", n), func(e *env) string {
		rng := rand.NewChaCha8([32]byte{1})
		sums := make([][32]byte, n)
		buf := make([]byte, size)
		for i := range n {
			rng.Read(buf)
			binary.BigEndian.PutUint64(buf, uint64(i))
			sums[i] = sha256.Sum256(buf)
			w, err := e.kg.Produce(e.ctx, &kafka.ProduceRequest{Topic: e.topic, RequiredAcks: kafka.RequireAll, Compression: kafka.Zstd,
				Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes(buf)})})
			if err == nil {
				err = w.Error
			}
			if err != nil {
				return fmt.Sprintf("document %d: %s", i, said(err))
			}
		}
		for at := 0; at < n; {
			r, err := e.kg.Fetch(e.ctx, &kafka.FetchRequest{Topic: e.topic, Offset: int64(at), MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
			if err == nil {
				err = r.Error
			}
			if err != nil {
				return fmt.Sprintf("reading document %d: %s", at, said(err))
			}
			for {
				rec, err := r.Records.ReadRecord()
				if err != nil {
					break
				}
				v, err := kafka.ReadAll(rec.Value)
				if err != nil || rec.Offset != int64(at) || sha256.Sum256(v) != sums[at] {
					return fmt.Sprintf("document %d: offset %d, %d bytes, %v", at, rec.Offset, len(v), err)
				}
				at++
			}
		}
		return fmt.Sprintf("%d right", n)
	}, []string{fmt.Sprintf("%d right", n)}}
}
