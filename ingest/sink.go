package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/segmentio/kafka-go"

	"millrace"
)

const (
	batchBytes = 1 << 20 // uncompressed, at which a batch is cut
	// largestValue leaves room for headers and for what zstd adds to bytes that do not compress.
	largestValue = maxMessage - 256<<10
)

// TopicSink writes Documents into a topic. It is a millrace.Sink for a belt whose Positions come from an
// ordered source. What Write has returned from is acknowledged by the broker. Several may write to one
// partition, each what comes from its own source partitions.
type TopicSink struct {
	topic  Topic
	newest func(context.Context) (millrace.Checkpoint, error)
	client *client
	rcv    *receiver // what a receiver has taken, as far as this sink knows
	ready  bool
}

// Sink makes the sink. newest gives the checkpoint of the mill's newest commit: Next of the topic that the mill
// reads, and Marks for each partition upstream of that.
func (t Topic) Sink(newest func(context.Context) (millrace.Checkpoint, error)) *TopicSink {
	return &TopicSink{topic: t, newest: newest}
}

// Close ends the connections.
func (s *TopicSink) Close() error {
	if s.client != nil {
		s.client.close()
		s.client = nil
	}
	return nil
}

// Commits may trim the topic between two looks; a commit that moves each time is one a second at most.
const resumeTries = 20

// Resume folds what stands in the topic behind the newest commit, by the receiver's own rules, and gives
// for each source partition the offset after the highest one found. Of a topic with an Own source it gives that of this
// one, and of the others at most that.
func (s *TopicSink) Resume(ctx context.Context) (millrace.Checkpoint, error) {
	s.ready = false
	s.Close()
	s.client = s.topic.open()
	for try := 1; ; try++ {
		at, err := s.newest(ctx)
		if err != nil {
			return millrace.Checkpoint{}, fmt.Errorf("read the newest commit: %w", err)
		}
		r := newReceiver(s.topic.Recipe, at.Marks)
		find := s.fold
		if s.topic.Own != (millrace.Partition{}) {
			find = s.last
		}
		err = find(ctx, r, Committed(at, s.topic.At()))
		if errors.Is(err, millrace.ErrMoved) && try < resumeTries {
			select {
			case <-time.After(backoff(s.topic.firstPause(), try)): // trimmed meanwhile: there is a newer commit
			case <-ctx.Done():
				return millrace.Checkpoint{}, ctx.Err()
			}
			continue
		}
		if errors.Is(err, millrace.ErrMoved) {
			return millrace.Checkpoint{}, fmt.Errorf("topic %s was trimmed past the newest commit: %w: %w", s.topic.At(), err, millrace.ErrIntegrity)
		}
		if err != nil {
			return millrace.Checkpoint{}, err
		}
		s.rcv, s.ready = r, true
		next := millrace.Checkpoint{Next: map[millrace.Partition]int64{}, Marks: maps.Clone(r.marks)}
		for p, m := range r.marks {
			next.Next[p] = m + 1
		}
		return next, nil
	}
}

// Committed is the offset of p below which the newest commit has everything: what the mill reads it names, and
// what stands upstream of that it has marked.
func Committed(at millrace.Checkpoint, p millrace.Partition) int64 {
	if next, ok := at.Next[p]; ok {
		return next
	}
	if mark, ok := at.Marks[p]; ok {
		return mark + 1
	}
	return 0
}

// fold takes the messages from offset from to the end.
func (s *TopicSink) fold(ctx context.Context, r *receiver, from int64) error {
	end, err := s.endBehind(ctx, from)
	if err != nil {
		return err
	}
	return s.each(ctx, from, end, func(m *message) error {
		_, _, err := r.take(m)
		return err
	})
}

// endBehind is the end of the topic, which holds offset from.
func (s *TopicSink) endBehind(ctx context.Context, from int64) (int64, error) {
	begin, end, err := s.client.ends(ctx)
	if err != nil {
		return 0, err
	}
	if from < begin {
		return 0, fmt.Errorf("offset %d is below the first one, %d: %w", from, begin, millrace.ErrMoved)
	}
	if from > end {
		return 0, shorter(s.topic.At(), from, end)
	}
	return end, nil
}

// each reads the messages from one offset to another.
func (s *TopicSink) each(ctx context.Context, from, to int64, do func(*message) error) error {
	for from < to {
		f, err := s.client.fetch(ctx, from)
		if err != nil {
			return err
		}
		for i := range f.messages {
			if err := do(&f.messages[i]); err != nil {
				return err
			}
		}
		from += int64(len(f.messages))
	}
	return nil
}

// firstLook is how many messages are looked at first. Each further look is at four times as many.
const firstLook = 64

// last finds the newest messages of the sink's own source, from the end of the topic back to offset from at most. What comes
// before such a one in its source stands in the topic or in a commit, for a writer goes on only behind what was
// acknowledged; so it need not be read, however much of it waits there. A second writer that was behind makes the result
// too low at worst, and then receivers pass over what comes again.
func (s *TopicSink) last(ctx context.Context, r *receiver, from int64) error {
	end, err := s.endBehind(ctx, from)
	if err != nil {
		return err
	}
	r.gaps = true
	defer func() { r.gaps = false }()
	for n := int64(firstLook); ; n *= 4 {
		start, found := max(from, end-n), false
		err := s.each(ctx, start, end, func(m *message) error {
			_, at, err := r.take(m)
			found = found || at.src.Partition == s.topic.Own
			return err
		})
		if err != nil || found || start == from {
			return err
		}
	}
}

// shorter is the error for a log that has lost its end, or is another one.
func shorter(p millrace.Partition, from, end int64) error {
	return fmt.Errorf("the newest commit has read topic %s up to offset %d, but it ends at %d: it is another log, or has lost its end: %w",
		p, from, end, millrace.ErrIntegrity)
}

// Write appends docs in order and returns when all are acknowledged. After an error the sink takes no
// more until Resume: a batch that failed never lets a later one pass.
func (s *TopicSink) Write(ctx context.Context, docs []*millrace.Document) (err error) {
	if !s.ready {
		return fmt.Errorf("write to topic %s: the sink has to resume first: %w", s.topic.At(), millrace.ErrStop)
	}
	defer func() { s.ready = err == nil }()
	var recs []kafka.Record
	var values [][]byte
	size := 0
	for _, d := range docs {
		src := d.Position
		if src.IsZero() || src.Offset <= s.rcv.above(src.Partition) {
			return fmt.Errorf("write to topic %s: document at %q does not follow offset %d of its source: %w",
				s.topic.At(), src, s.rcv.above(src.Partition), millrace.ErrIntegrity)
		}
		out, err := s.topic.Carry.carry(ctx, d)
		if err != nil {
			return err
		}
		value := encodeWithin(out, largestValue)
		if size > 0 && size+len(value) > batchBytes {
			if _, err := s.client.produce(ctx, recs, values); err != nil {
				return err
			}
			recs, values, size = nil, nil, 0
		}
		recs = append(recs, kafka.Record{Headers: headers(d, s.rcv.above(src.Partition), s.topic.Recipe, value)})
		values, size = append(values, value), size+len(value)
		s.rcv.marks[src.Partition] = src.Offset
	}
	if size == 0 {
		return nil
	}
	_, err = s.client.produce(ctx, recs, values)
	return err
}

// Flush does nothing, for Write returns only when everything is stored.
func (s *TopicSink) Flush(context.Context, millrace.Position) error { return nil }

// encodeWithin encodes d. A document whose fields are so large that no broker would take the message
// becomes a dead letter with what says where it came from.
func encodeWithin(d *millrace.Document, limit int) []byte {
	b := Encode(d)
	if len(b) <= limit {
		return b
	}
	const short = 4 << 10
	cut := func(s string) string { return s[:min(len(s), short)] }
	return Encode(&millrace.Document{
		ID: d.ID, UserID: cut(d.UserID), URLKey: cut(d.URLKey), Attempts: d.Attempts, Settles: d.Settles,
		Page: millrace.Page{URL: cut(d.Page.URL), FetchedAt: d.Page.FetchedAt, Status: d.Page.Status,
			MediaType: cut(d.Page.MediaType), Consent: d.Page.Consent, Source: cut(d.Page.Source),
			Licence: cut(d.Page.Licence), Claim: d.Page.Claim},
		Verdict: millrace.Verdict{Reason: millrace.FailedDecode, Stage: "decode", Signal: "message_bytes",
			Value: float64(len(b)), Limit: float64(limit), Err: "the document's fields do not fit into one message"},
	})
}
