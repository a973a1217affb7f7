package simlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/produce"

	"millrace"
)

// record is one message of the log.
type record struct {
	at      int64
	time    time.Time
	headers []protocol.Header
	value   []byte
}

func (r *record) head(key string) string {
	for _, h := range r.headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// topicLog is one partition. Nothing is ever forgotten: trimming moves begin, and the judge reads all of it.
type topicLog struct {
	records []record
	begin   int64
}

func (l *topicLog) end() int64 { return int64(len(l.records)) }

func (l *topicLog) append(recs []record) int64 {
	base := l.end()
	for i, r := range recs {
		r.at = base + int64(i)
		l.records = append(l.records, r)
	}
	return base
}

var (
	errCut  = errors.New("simulated: the connection was cut")
	errDead = errors.New("simulated: this process is dead")
)

// wire carries the requests of one incarnation to the log. It is a kafka.RoundTripper.
type wire struct {
	w   *world
	inc *incarnation
}

func (x wire) RoundTrip(_ context.Context, _ net.Addr, req kafka.Request) (kafka.Response, error) {
	switch r := req.(type) {
	case *produce.Request:
		return x.produce(r)
	case *fetch.Request:
		return x.fetch(r)
	case *listoffsets.Request:
		return x.ends(r)
	}
	if req.ApiKey() == protocol.DeleteRecords {
		return x.trim(req)
	}
	return nil, fmt.Errorf("simulated: %T: %w", req, errCut)
}

func (x wire) produce(r *produce.Request) (kafka.Response, error) {
	p := r.Topics[0].Partitions[0]
	part := millrace.Partition{Topic: r.Topics[0].Topic, Index: p.Partition}
	recs, err := readAll(p.RecordSet.Records)
	if err != nil {
		return nil, err
	}
	base := int64(0)
	do := func() { base = x.w.at(part).append(x.w.h.mutant.written(x.w, part, recs)) }
	if err := x.w.ask(&gate{inc: x.inc, what: stepProduce, part: part, do: do}); err != nil {
		return nil, err
	}
	return &produce.Response{Topics: []produce.ResponseTopic{{Topic: part.Topic,
		Partitions: []produce.ResponsePartition{{Partition: part.Index, BaseOffset: base}}}}}, nil
}

func readAll(in protocol.RecordReader) (recs []record, err error) {
	for {
		r, err := in.ReadRecord()
		if errors.Is(err, io.EOF) {
			return recs, nil
		}
		if err != nil {
			return nil, err
		}
		x := record{time: time.Now(), headers: slices.Clone(r.Headers)}
		if r.Value != nil {
			x.value = make([]byte, r.Value.Len())
			if _, err := io.ReadFull(r.Value, x.value); err != nil {
				return nil, err
			}
		}
		recs = append(recs, x)
	}
}

func (x wire) fetch(r *fetch.Request) (kafka.Response, error) {
	p := r.Topics[0].Partitions[0]
	part := millrace.Partition{Topic: r.Topics[0].Topic, Index: p.Partition}
	l := x.w.at(part)
	answer := fetch.ResponsePartition{Partition: part.Index}
	do := func() {
		x.w.seeFetch(x.inc, part, p.FetchOffset)
		answer.HighWatermark = l.end()
		if p.FetchOffset < l.begin || p.FetchOffset > l.end() {
			answer.ErrorCode = int16(kafka.OffsetOutOfRange)
			x.w.outOfRange(x.inc, part)
			return
		}
		var out []protocol.Record
		for _, m := range l.records[p.FetchOffset:min(l.end(), p.FetchOffset+int64(x.w.h.fetch))] {
			m = x.w.h.mutant.read(x.w, part, m)
			out = append(out, protocol.Record{Offset: m.at, Time: m.time, Value: protocol.NewBytes(m.value), Headers: m.headers})
		}
		answer.RecordSet.Records = protocol.NewRecordReader(out...)
	}
	idle := func() bool { return p.FetchOffset == l.end() && !x.inc.until() }
	if err := x.w.ask(&gate{inc: x.inc, what: stepFetch, part: part, do: do, idle: idle}); err != nil {
		return nil, err
	}
	return &fetch.Response{Topics: []fetch.ResponseTopic{{Topic: part.Topic, Partitions: []fetch.ResponsePartition{answer}}}}, nil
}

func (x wire) ends(r *listoffsets.Request) (kafka.Response, error) {
	t := r.Topics[0]
	part := millrace.Partition{Topic: t.Topic, Index: t.Partitions[0].Partition}
	var answers []listoffsets.ResponsePartition
	do := func() {
		x.inc.lost[part] = false
		l := x.w.at(part)
		for _, p := range t.Partitions {
			at := l.begin
			if p.Timestamp == kafka.LastOffset {
				at = l.end()
			}
			answers = append(answers, listoffsets.ResponsePartition{Partition: part.Index, Timestamp: p.Timestamp, Offset: at})
		}
	}
	if err := x.w.ask(&gate{inc: x.inc, what: stepEnds, part: part, do: do}); err != nil {
		return nil, err
	}
	return &listoffsets.Response{Topics: []listoffsets.ResponseTopic{{Topic: part.Topic, Partitions: answers}}}, nil
}

// trim reads the request of ingest, whose type is its own, by its fields.
func (x wire) trim(req kafka.Request) (kafka.Response, error) {
	t := reflect.ValueOf(req).Elem().FieldByName("Topics").Index(0)
	p := t.FieldByName("Partitions").Index(0)
	part := millrace.Partition{Topic: t.FieldByName("Name").String(), Index: int32(p.FieldByName("Partition").Int())}
	before := p.FieldByName("Offset").Int()
	do := func() {
		x.w.seeTrim(part, before)
		l := x.w.at(part)
		l.begin = max(l.begin, min(before, l.end()))
	}
	if err := x.w.ask(&gate{inc: x.inc, what: stepTrim, part: part, do: do}); err != nil {
		return nil, err
	}
	answer := binary.BigEndian.AppendUint32(nil, 12) // an answer of no topics, which is one without an error
	answer = append(answer, make([]byte, 12)...)
	_, msg, err := protocol.ReadResponse(bytes.NewReader(answer), protocol.DeleteRecords, 0)
	return msg, err
}
