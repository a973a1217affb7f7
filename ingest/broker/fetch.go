package broker

import (
	"errors"
	"time"

	"millrace"
)

// write is one partition's part of a Produce request.
type write struct {
	index int32
	batch batch
}

func (b *Broker) produce(version int16, r *reader, w *writer) bool {
	type topicWrite struct {
		name   string
		writes []write
	}
	r.string() // transaction
	acks := r.int16()
	r.int32() // timeout: fsync takes as long as it takes
	var want []topicWrite
	for range r.array(6) {
		t := topicWrite{name: r.string()}
		for range r.array(8) {
			t.writes = append(t.writes, write{r.int32(), r.bytes()})
		}
		want = append(want, t)
	}
	if r.bad {
		return false
	}
	w.int32(int32(len(want)))
	for _, t := range want {
		w.string(t.name)
		w.int32(int32(len(t.writes)))
		for _, x := range t.writes {
			b.produceOne(version, acks, t.name, x, w)
		}
	}
	w.int32(0) // throttle
	return acks == 0
}

func (b *Broker) produceOne(version, acks int16, topic string, x write, w *writer) {
	base, start := int64(-1), int64(-1)
	err := x.batch.check()
	if acks < -1 || acks > 1 {
		err = errAcks
	}
	if err == nil {
		err = b.roomy(frameHeader + int64(len(x.batch)))
	}
	p := b.partition(topic, x.index)
	if p != nil && err == nil {
		base, err = p.append(x.batch)
		start, _ = p.bounds()
	}
	code, what := produceCode(p, err)
	w.int32(x.index)
	w.int16(code)
	w.int64(base)
	w.int64(-1) // append time: the producer's times stay
	if version >= 5 {
		w.int64(start)
	}
	if version >= 8 {
		w.int32(0) // no errors of single records
		w.nullable(what)
	}
}

var errAcks = errors.New("acks is -1, 0 or 1")

// produceCode tells a producer what went wrong: codeStorage may go away by itself, the others not.
func produceCode(p *partition, err error) (code int16, what string) {
	if p == nil {
		return codeUnknownTopic, ""
	}
	if err == nil {
		return codeNone, ""
	}
	switch {
	case errors.Is(err, errAcks):
		code = codeInvalidAcks
	case errors.Is(err, errTooLarge):
		code = codeTooLarge
	case errors.Is(err, errCRC):
		code = codeCorrupt
	case errors.Is(err, errBatch):
		code = codeInvalidRecord
	case errors.Is(err, errFull), errors.Is(err, errClosed):
		code = codeStorage
	default:
		code = codeUnknown
	}
	return code, err.Error()
}

// wanted is one partition's part of a Fetch request.
type wanted struct {
	topic  string
	index  int32
	offset int64
	limit  int32
	first  bool // of its topic
	count  int32
}

const (
	maxAnswer = 8 << 20          // bytes of one Fetch response, but for the first batch
	maxWait   = 30 * time.Second // that a Fetch may ask for
)

func (b *Broker) fetch(version int16, r *reader, w *writer) bool {
	r.int32() // replica
	wait := min(maxWait, max(0, time.Duration(r.int32())*time.Millisecond))
	least, most := r.int32(), r.int32()
	r.int8() // isolation level
	session := int32(0)
	if version >= 7 {
		session = r.int32()
		r.int32() // epoch
	}
	want, topics := readWanted(version, r)
	if r.bad {
		return false
	}
	head := len(w.b)
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		grown := b.waker() // taken before reading, so that nothing is missed
		w.b = w.b[:head]
		w.int32(0) // throttle
		if version >= 7 {
			code := int16(codeNone)
			if session > 0 {
				code, want, topics = codeNoSession, nil, 0
			}
			w.int16(code)
			w.int32(0) // no sessions here
		}
		w.int32(topics)
		got, failed := b.fetchAll(version, want, int(most), w)
		if failed || got >= int(least) || wait == 0 || len(want) == 0 {
			return false
		}
		select {
		case <-grown:
		case <-deadline.C:
			wait = 0
		case <-b.done:
			wait = 0
		}
	}
}

func readWanted(version int16, r *reader) (want []wanted, topics int32) {
	n := r.array(6)
	for range n {
		name, parts := r.string(), r.array(16)
		topics++
		for i := range parts {
			x := wanted{topic: name, first: i == 0, count: int32(parts), index: r.int32()}
			if version >= 9 {
				r.int32() // leader epoch
			}
			x.offset = r.int64()
			if version >= 5 {
				r.int64() // log start
			}
			x.limit = r.int32()
			want = append(want, x)
		}
		if parts <= 0 {
			topics-- // nothing asked, nothing answered
		}
	}
	if version >= 7 {
		for range r.array(6) {
			r.string()
			for range r.array(4) {
				r.int32()
			}
		}
	}
	if version >= 11 {
		r.string() // rack
	}
	return want, topics
}

// fetchAll writes the answers of all partitions. It stops adding batches at most bytes, but the first
// batch goes out whatever its size, so that every reader makes progress.
func (b *Broker) fetchAll(version int16, want []wanted, most int, w *writer) (got int, failed bool) {
	most = min(max(most, 0), maxAnswer)
	for _, x := range want {
		if x.first {
			w.string(x.topic)
			w.int32(x.count)
		}
		n, ok := b.fetchOne(version, x, most-got, got == 0, w)
		got += n
		failed = failed || !ok
	}
	return got, failed
}

func (b *Broker) fetchOne(version int16, x wanted, most int, first bool, w *writer) (n int, ok bool) {
	w.int32(x.index)
	code := len(w.b)
	w.int16(codeNone)
	p := b.partition(x.topic, x.index)
	start, end := int64(-1), int64(-1)
	if p != nil {
		start, end = p.bounds()
	}
	w.int64(end) // high watermark
	w.int64(end) // last stable offset
	if version >= 5 {
		w.int64(start)
	}
	w.int32(-1) // aborted transactions
	if version >= 11 {
		w.int32(-1) // preferred replica
	}
	size := len(w.b)
	w.int32(0)
	if p == nil {
		w.b[code], w.b[code+1] = 0, codeUnknownTopic
		return 0, false
	}
	if !first && most <= 0 {
		return 0, true
	}
	var err error
	w.b, err = p.batches(w.b, x.offset, min(most, max(int(x.limit), 0)))
	n = len(w.b) - size - 4
	if err != nil {
		// What was read before the error is not worth an answer of its own.
		w.b, n = w.b[:size+4], 0
		c := fetchCode(err)
		w.b[code], w.b[code+1] = byte(uint16(c)>>8), byte(c)
	}
	w.set(size, int32(n))
	return n, err == nil
}

func fetchCode(err error) int16 {
	var d *damage
	switch {
	case errors.Is(err, errOutOfRange):
		return codeOutOfRange
	case errors.As(err, &d), errors.Is(err, millrace.ErrIntegrity):
		return codeCorrupt
	}
	return codeStorage
}
