package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"millrace/internal/sim/kafkapeers"
)

func produceCases() (all []kase) {
	for v := int16(3); v <= 8; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("Produce version %d", v), func(e *env) string {
			e.fill(3)
			what, base := e.produce(v, e.topic, 0, kafkapeers.Batch(values(2, 10)...))
			return fmt.Sprintf("%s at %d", what, base)
		}, []string{"ok at 3"}})
	}
	refused := func(name string, make func() []byte, want ...string) {
		all = append(all, kase{"kmsg", "produce " + name, func(e *env) string {
			e.fill(1)
			what, _ := e.produce(7, e.topic, 0, make())
			g := e.look(look{offset: 0})
			return fmt.Sprintf("%s, the log ends at %d", what, g.high)
		}, want})
	}
	// Which of the codes for a bad batch it is matters little: that it is refused for good, and not stored, does.
	bad := func(n int) []string {
		return []string{fmt.Sprintf("code 87, the log ends at %d", n), fmt.Sprintf("code 2, the log ends at %d", n)}
	}
	refused("with a wrong CRC", func() []byte { b := kafkapeers.Batch(values(2, 10)...); b[70] ^= 1; return b }, "code 2, the log ends at 1")
	refused("without records", func() []byte {
		b := kafkapeers.Batch([]byte("x"))[:61]
		binary.BigEndian.PutUint32(b[8:], 61-12)
		binary.BigEndian.PutUint32(b[57:], 0)
		binary.BigEndian.PutUint32(b[23:], ^uint32(0))
		return kafkapeers.Seal(b)
	}, bad(1)...)
	refused("of no bytes", func() []byte { return []byte{} }, bad(1)...)
	refused("of null", func() []byte { return nil }, bad(1)...)
	refused("of two batches in one", func() []byte {
		return append(kafkapeers.Batch([]byte("x")), kafkapeers.Batch([]byte("y"))...)
	}, bad(1)...)
	refused("of half a batch", func() []byte { return kafkapeers.Batch(values(4, 50)...)[:120] }, bad(1)...)
	refused("with a count that is not true", func() []byte {
		b := kafkapeers.Batch(values(2, 10)...)
		binary.BigEndian.PutUint32(b[57:], 9)
		return kafkapeers.Seal(b)
	}, bad(1)...)
	refused("of the format before", oldMessage, bad(1)...)
	refused("of 5 MiB", func() []byte { return kafkapeers.Batch(make([]byte, 5<<20)) }, "code 10, the log ends at 1")
	refused("of 4 MiB and a bit", func() []byte { return kafkapeers.Batch(make([]byte, 4<<20)) }, "code 10, the log ends at 1")
	refused("of a bit less than 4 MiB", func() []byte { return kafkapeers.Batch(make([]byte, 4<<20-100)) }, "ok, the log ends at 2")
	all = append(all,
		kase{"kmsg", "produce to an unknown topic", func(e *env) string {
			what, _ := e.produce(7, e.other, 0, kafkapeers.Batch([]byte("x")))
			return what
		}, []string{"code 3"}},
		kase{"kmsg", "produce to an unknown partition", func(e *env) string {
			what, _ := e.produce(7, e.topic, 2, kafkapeers.Batch([]byte("x")))
			return what
		}, []string{"code 3"}},
		kase{"kmsg", "produce to partition -1", func(e *env) string {
			what, _ := e.produce(7, e.topic, -1, kafkapeers.Batch([]byte("x")))
			return what
		}, []string{"code 3"}},
		kase{"kmsg", "produce with one acknowledgement", func(e *env) string { return e.acks(1) }, []string{"ok at 0"}},
		kase{"kmsg", "produce with two acknowledgements", func(e *env) string { return e.acks(2) }, []string{"code 21 at -1"}},
		kase{"kmsg", "produce without acknowledgement", func(e *env) string {
			w, err := kafkapeers.Dial(e.addr)
			if err != nil {
				return said(err)
			}
			defer w.Close()
			r := produceRequest(e.topic, 0, 0, kafkapeers.Batch([]byte("x")))
			r.SetVersion(7)
			if err := w.Send(r); err != nil {
				return said(err)
			}
			m := kmsg.NewPtrMetadataRequest() // the next answer is this one's
			m.SetVersion(5)
			if _, err := w.Ask(m); err != nil {
				return said(err)
			}
			g := e.look(look{least: 1, wait: 3000})
			return fmt.Sprintf("%s, %d batch", g.what, len(g.bases))
		}, []string{"ok, 1 batch"}},
		kase{"kmsg", "two topics in one request, one unknown", func(e *env) string {
			r := produceRequest(e.topic, 1, -1, kafkapeers.Batch([]byte("x")))
			r.Topics = append(r.Topics, produceRequest(e.other, 0, -1, kafkapeers.Batch([]byte("y"))).Topics...)
			resp, err := e.ask(7, r)
			if err != nil {
				return said(err)
			}
			codes := map[string]string{}
			for _, t := range resp.(*kmsg.ProduceResponse).Topics {
				codes[t.Topic] = code(t.Partitions[0].ErrorCode)
			}
			return codes[e.topic] + ", " + codes[e.other]
		}, []string{"ok, code 3"}},
		kase{"kmsg", "times of records stay", func(e *env) string {
			b := kafkapeers.Batch([]byte("x"))
			then := uint64(time.Now().Add(-48 * time.Hour).UnixMilli())
			binary.BigEndian.PutUint64(b[27:], then)
			binary.BigEndian.PutUint64(b[35:], then)
			what, _ := e.produce(7, e.topic, 0, kafkapeers.Seal(b))
			r, err := e.kg.Fetch(e.ctx, &kafka.FetchRequest{Topic: e.topic, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
			if err != nil {
				return said(err)
			}
			rec, err := r.Records.ReadRecord()
			if err != nil {
				return said(err)
			}
			return fmt.Sprint(what, ", same: ", uint64(rec.Time.UnixMilli()) == then)
		}, []string{"ok, same: true"}},
	)
	return all
}

func (e *env) acks(n int16) string {
	resp, err := e.ask(7, produceRequest(e.topic, 0, n, kafkapeers.Batch([]byte("x"))))
	if err != nil {
		return said(err)
	}
	p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return fmt.Sprintf("%s at %d", code(p.ErrorCode), p.BaseOffset)
}

// oldMessage is a message set of version 1.
func oldMessage() []byte {
	m := []byte{1, 0} // magic, attributes
	m = binary.BigEndian.AppendUint64(m, uint64(time.Now().UnixMilli()))
	m = binary.BigEndian.AppendUint32(m, ^uint32(0))
	m = append(binary.BigEndian.AppendUint32(m, 3), "old"...)
	b := make([]byte, 8, 64)
	b = binary.BigEndian.AppendUint32(b, uint32(4+len(m)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(m))
	return append(b, m...)
}

func fetchCases() (all []kase) {
	for v := int16(4); v <= 11; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("Fetch version %d", v), func(e *env) string {
			e.fill(3, 2)
			g := e.look(look{version: v})
			return fmt.Sprint(g.what, g.bases, g.counts, " high ", g.high)
		}, []string{"ok[0 3] [3 2] high 5"}})
	}
	at := func(name string, l look, trim int64, want ...string) {
		all = append(all, kase{"kmsg", "fetch " + name, func(e *env) string {
			e.fill(3, 3, 4)
			if trim > 0 {
				e.trim(e.topic, trim)
			}
			g := e.look(l)
			return fmt.Sprint(g.what, g.bases)
		}, want})
	}
	at("from within a batch", look{offset: 4}, 0, "ok[3 6]")
	at("from the last record", look{offset: 9}, 0, "ok[6]")
	at("from the end", look{offset: 10}, 0, "ok[]")
	at("from behind the end", look{offset: 11}, 0, "code 1[]")
	at("from below zero", look{offset: -5}, 0, "code 1[]")
	at("from what was deleted", look{offset: 2}, 4, "code 1[]")
	at("from where the log begins, within a batch", look{offset: 4}, 4, "ok[3 6]")
	at("an unknown partition", look{partition: 2}, 0, "code 3[]")
	at("in a session that is not known", look{session: 4711}, 0, "code 70[]")
	at("at most one byte: the first batch all the same", look{most: 1, least: 1}, 0, "ok[0]")
	at("at most one byte of a partition", look{partMost: 1}, 0, "ok[0]")
	return append(all,
		kase{"kmsg", "fetch an unknown topic", func(e *env) string { return e.look(look{topic: e.other}).what }, []string{"code 3"}},
		kase{"kmsg", "fetch no more of a partition than was asked for", func(e *env) string {
			for range 6 {
				if what, _ := e.produce(7, e.topic, 0, kafkapeers.Batch(make([]byte, 100<<10))); what != "ok" {
					return what
				}
			}
			return fmt.Sprint(e.look(look{partMost: 350 << 10}).bytes <= 350<<10)
		}, []string{"true"}},
		kase{"kmsg", "fetch waits at the end as long as it may", func(e *env) string {
			g := e.look(look{least: 1, wait: 400})
			return fmt.Sprint(g.what, g.bases, g.waited >= 350*time.Millisecond && g.waited < 5*time.Second)
		}, []string{"ok[] true"}},
		kase{"kmsg", "fetch without waiting", func(e *env) string {
			g := e.look(look{})
			return fmt.Sprint(g.what, g.bases, g.waited < time.Second)
		}, []string{"ok[] true"}},
		kase{"kmsg", "fetch waits for so many bytes", func(e *env) string {
			e.fill(1)
			g := e.look(look{least: 1 << 20, wait: 400})
			return fmt.Sprint(g.what, g.bases, g.waited >= 350*time.Millisecond)
		}, []string{"ok[0] true"}},
		kase{"kmsg", "fetch returns when there is enough", func(e *env) string {
			e.fill(1)
			g := e.look(look{least: 50, wait: 10000})
			return fmt.Sprint(g.what, g.bases, g.waited < 5*time.Second)
		}, []string{"ok[0] true"}},
		kase{"kmsg", "fetch wakes when something is produced", func(e *env) string {
			c := make(chan got)
			go func() { c <- e.look(look{least: 1, wait: 15000}) }()
			time.Sleep(200 * time.Millisecond)
			e.fill(2)
			g := <-c
			return fmt.Sprint(g.what, g.bases, g.waited < 10*time.Second)
		}, []string{"ok[0] true"}},
		kase{"kmsg", "fetch two partitions", func(e *env) string {
			e.fill(2)
			e.produce(7, e.topic, 1, kafkapeers.Batch(values(5, 10)...))
			r := fetchRequest(look{topic: e.topic, least: 1, wait: 1000})
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition, p.PartitionMaxBytes = 1, 1<<20
			r.Topics[0].Partitions = append(r.Topics[0].Partitions, p)
			resp, err := e.ask(11, r)
			if err != nil {
				return said(err)
			}
			var ends [2]int64
			for _, p := range resp.(*kmsg.FetchResponse).Topics[0].Partitions {
				ends[p.Partition] = p.HighWatermark
			}
			return fmt.Sprint(ends)
		}, []string{"[2 5]"}},
	)
}

// roundTrip is what kafka-go reads back of what it wrote, with each way to compress.
func compressionCases() (all []kase) {
	for _, c := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		name := "none"
		if c != 0 {
			name = c.String()
		}
		all = append(all, kase{"kafka-go", "write and read, compressed by " + name, func(e *env) string {
			var recs []kafka.Record
			for i := range 1000 {
				recs = append(recs, kafka.Record{Key: kafka.NewBytes(fmt.Appendf(nil, "key %d", i)), Value: kafka.NewBytes([]byte(strings.Repeat("text ", i%50))),
					Headers: []kafka.Header{{Key: "h", Value: []byte{byte(i)}}}})
			}
			w, err := e.kg.Produce(e.ctx, &kafka.ProduceRequest{Topic: e.topic, RequiredAcks: kafka.RequireAll, Compression: c, Records: kafka.NewRecordReader(recs...)})
			if err != nil || w.Error != nil {
				return said(err) + " " + said(w.Error)
			}
			return e.readBack(1000)
		}, []string{"1000 right"}})
	}
	return all
}

// readBack reads what a compression case wrote.
func (e *env) readBack(n int) string {
	for at := int64(0); ; {
		r, err := e.kg.Fetch(e.ctx, &kafka.FetchRequest{Topic: e.topic, Offset: at, MinBytes: 1, MaxBytes: 4 << 20, MaxWait: time.Second})
		if err == nil {
			err = r.Error
		}
		if err != nil {
			return said(err)
		}
		for {
			rec, err := r.Records.ReadRecord()
			if err != nil {
				break
			}
			k, _ := kafka.ReadAll(rec.Key)
			v, _ := kafka.ReadAll(rec.Value)
			if rec.Offset != at || string(k) != fmt.Sprintf("key %d", at) || string(v) != strings.Repeat("text ", int(at)%50) || len(rec.Headers) != 1 {
				return fmt.Sprintf("record %d: offset %d, %q, %d bytes", at, rec.Offset, k, len(v))
			}
			if at++; int(at) == n {
				return fmt.Sprintf("%d right", n)
			}
		}
	}
}
