package ingest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"millrace"
)

// The headers of a message.
const (
	headSrc    = "src"
	headPrev   = "prev"
	headVia    = "via"
	headRecipe = "recipe"
	headSHA    = "sha"
	headKind   = "kind"
	kindMark   = "mark"
)

// message is one record as it was read.
type message struct {
	at     millrace.Position
	time   time.Time // of writing, by its writer's clock
	value  []byte
	src    string
	prev   string
	via    string
	recipe string
	sha    []byte
	kind   string
}

// headers are those of a document that came from its Position and follows prev there.
func headers(d *millrace.Document, prev int64, recipe string, value []byte) []kafka.Header {
	sum := sha256.Sum256(value)
	h := []kafka.Header{
		{Key: headSrc, Value: []byte(d.Position.String())},
		{Key: headPrev, Value: []byte(strconv.FormatInt(prev, 10))},
		{Key: headRecipe, Value: []byte(recipe)},
		{Key: headSHA, Value: sum[:]},
	}
	if !d.Via.IsZero() {
		h = append(h, kafka.Header{Key: headVia, Value: []byte(d.Via.String())})
	}
	return h
}

// readMessage copies a record out of the client's buffers.
func readMessage(rec *protocol.Record, part millrace.Partition) (message, error) {
	m := message{at: millrace.Position{Partition: part, Offset: rec.Offset}, time: rec.Time}
	for _, h := range rec.Headers {
		switch h.Key {
		case headSrc:
			m.src = string(h.Value)
		case headPrev:
			m.prev = string(h.Value)
		case headVia:
			m.via = string(h.Value)
		case headRecipe:
			m.recipe = string(h.Value)
		case headSHA:
			m.sha = bytes.Clone(h.Value)
		case headKind:
			m.kind = string(h.Value)
		}
	}
	if rec.Key != nil {
		rec.Key.Close()
	}
	if rec.Value == nil {
		return m, nil
	}
	defer rec.Value.Close()
	m.value = make([]byte, rec.Value.Len())
	if _, err := io.ReadFull(rec.Value, m.value); err != nil {
		return m, fmt.Errorf("read message %s: %w", m.at, err)
	}
	return m, nil
}

// Counts says what a receiver did not take, and why.
type Counts struct {
	Taken       int64 // documents
	Marks       int64
	Redelivered int64 // copies of what was taken before
	Foreign     int64 // of another recipe, or of none
}

// fate is what becomes of one message.
type fate int

const (
	ignored fate = iota
	mark
	document
	broken // a document of ours that cannot be read
)

// receiver holds the rules: each source partition has a mark, the highest offset taken from it. What is
// not above the mark is a redelivery and ignored; what follows something above the mark shows a gap.
type receiver struct {
	recipe string
	marks  map[millrace.Partition]int64
	gaps   bool // are there, for it does not see all
	Counts
}

func newReceiver(recipe string, marks map[millrace.Partition]int64) *receiver {
	m := maps.Clone(marks)
	if m == nil {
		m = map[millrace.Partition]int64{}
	}
	return &receiver{recipe: recipe, marks: m}
}

// above gives the mark of p; below the first offset it is -1.
func (r *receiver) above(p millrace.Partition) int64 {
	if m, ok := r.marks[p]; ok {
		return m
	}
	return -1
}

// origin is where a message comes from: where its writer had read it, and where the belt before that one
// had; zero where it names none.
type origin struct{ src, via millrace.Position }

// take decides about one message.
func (r *receiver) take(m *message) (f fate, from origin, err error) {
	if m.recipe != r.recipe {
		r.Foreign++
		return ignored, from, nil
	}
	if m.kind == kindMark {
		r.Marks++
		return mark, from, nil
	}
	if sum := sha256.Sum256(m.value); !bytes.Equal(sum[:], m.sha) {
		return ignored, from, fmt.Errorf("message %s does not match its digest: %w", m.at, millrace.ErrIntegrity)
	}
	from, prev, err := m.source()
	if err != nil {
		r.Taken++
		return broken, origin{}, nil
	}
	have := r.above(from.src.Partition)
	switch {
	case from.src.Offset <= have:
		r.Redelivered++
		return ignored, from, nil
	case prev > have && !r.gaps:
		return ignored, from, fmt.Errorf("message %s: its source %s follows offset %d, but the last one taken of it is %d: %w",
			m.at, from.src, prev, have, millrace.ErrIntegrity)
	}
	r.marks[from.src.Partition] = from.src.Offset
	if up := from.via; !up.IsZero() {
		r.marks[up.Partition] = max(up.Offset, r.above(up.Partition))
	}
	r.Taken++
	return document, from, nil
}

// source parses src, via and prev.
func (m *message) source() (from origin, prev int64, err error) {
	if from.src, err = millrace.ParsePosition(m.src); err == nil && from.src.IsZero() {
		err = errors.New("no source")
	}
	if err == nil {
		from.via, err = millrace.ParsePosition(m.via)
	}
	if err == nil {
		prev, err = strconv.ParseInt(m.prev, 10, 64)
	}
	return from, prev, err
}

// document decodes m. What cannot be decoded becomes a document that is a dead letter and holds the bytes.
func (m *message) document(from origin) *millrace.Document {
	d, err := Decode(m.value)
	if err == nil && from.src.IsZero() {
		_, _, err = m.source()
		err = fmt.Errorf("headers: %w", err)
	}
	if err != nil {
		d = undecodable("message:"+m.at.String(), "topic", m.value, err)
	}
	d.Position, d.Via, d.Origin = m.at, from.src, from.via
	return d
}

// undecodable is the dead letter for bytes that are no document.
func undecodable(url, source string, raw []byte, err error) *millrace.Document {
	sum := sha256.Sum256(raw)
	return &millrace.Document{
		ID:      millrace.NewID(url, sum),
		Page:    millrace.Page{URL: url, Source: source, Body: raw, Claim: millrace.Claim{SHA256: sum}},
		Verdict: millrace.Verdict{Reason: millrace.FailedDecode, Stage: "decode", Err: err.Error()},
	}
}
