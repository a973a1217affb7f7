package ingest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"millrace"
)

// The headers of a message.
const (
	headSrc    = "src"
	headPrev   = "prev"
	headRecipe = "recipe"
	headSHA    = "sha"
	headKind   = "kind"
	kindMark   = "mark"
)

// message is one record as it was read.
type message struct {
	at     millrace.Position
	value  []byte
	src    string
	prev   string
	recipe string
	sha    []byte
	kind   string
}

// headers are those of a document that came from src and follows prev.
func headers(src millrace.Position, prev int64, recipe string, value []byte) []kafka.Header {
	sum := sha256.Sum256(value)
	return []kafka.Header{
		{Key: headSrc, Value: []byte(src.String())},
		{Key: headPrev, Value: []byte(strconv.FormatInt(prev, 10))},
		{Key: headRecipe, Value: []byte(recipe)},
		{Key: headSHA, Value: sum[:]},
	}
}

// readMessage copies a record out of the client's buffers.
func readMessage(rec *protocol.Record, part millrace.Partition) (message, error) {
	m := message{at: millrace.Position{Partition: part, Offset: rec.Offset}}
	for _, h := range rec.Headers {
		switch h.Key {
		case headSrc:
			m.src = string(h.Value)
		case headPrev:
			m.prev = string(h.Value)
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

// take decides about one message; src is zero where it names no source.
func (r *receiver) take(m *message) (f fate, src millrace.Position, err error) {
	if m.recipe != r.recipe {
		r.Foreign++
		return ignored, src, nil
	}
	if m.kind == kindMark {
		r.Marks++
		return mark, src, nil
	}
	if sum := sha256.Sum256(m.value); !bytes.Equal(sum[:], m.sha) {
		return ignored, src, fmt.Errorf("message %s does not match its digest: %w", m.at, millrace.ErrIntegrity)
	}
	src, prev, err := m.source()
	if err != nil {
		r.Taken++
		return broken, millrace.Position{}, nil
	}
	have := r.above(src.Partition)
	switch {
	case src.Offset <= have:
		r.Redelivered++
		return ignored, src, nil
	case prev > have:
		return ignored, src, fmt.Errorf("message %s: its source %s follows offset %d, but the last one taken of it is %d: %w",
			m.at, src, prev, have, millrace.ErrIntegrity)
	}
	r.marks[src.Partition] = src.Offset
	r.Taken++
	return document, src, nil
}

// source parses src and prev.
func (m *message) source() (src millrace.Position, prev int64, err error) {
	src, err = millrace.ParsePosition(m.src)
	if err == nil && src.IsZero() {
		err = errors.New("no source")
	}
	if err == nil {
		prev, err = strconv.ParseInt(m.prev, 10, 64)
	}
	return src, prev, err
}

// document decodes m. What cannot be decoded becomes a document that is a dead letter and holds the bytes.
func (m *message) document(src millrace.Position) *millrace.Document {
	d, err := Decode(m.value)
	if err == nil && src.IsZero() {
		_, _, err = m.source()
		err = fmt.Errorf("headers: %w", err)
	}
	if err != nil {
		d = undecodable("message:"+m.at.String(), "topic", m.value, err)
	}
	d.Position, d.Via = m.at, src
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
