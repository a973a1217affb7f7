package ingest

import (
	"context"
	"fmt"
	"io"
	"sync"

	"millrace"
)

// SourceOptions say how a topic is read.
type SourceOptions struct {
	// Until is asked when everything has been read. Once it has said true, the source ends as soon as it
	// has reached the end of the topic after that. nil waits for more until the context ends.
	Until func() bool
}

// TopicSource reads Documents from a topic. It is a millrace.Source.
type TopicSource struct {
	topic  Topic
	opts   SourceOptions
	client *client
	rcv    *receiver
	next   int64     // offset of the next message to fetch
	queue  []message // fetched, not yet handed out
	moved  int64     // where Open last failed since the topic was trimmed; -1 where it did not
	end    int64     // as last seen

	mu     sync.Mutex
	counts Counts
}

// Source makes the source.
func (t Topic) Source(o SourceOptions) *TopicSource {
	return &TopicSource{topic: t, opts: o, moved: -1}
}

// Open starts at c: at Next of this partition, with its Marks.
func (s *TopicSource) Open(ctx context.Context, c millrace.Checkpoint) error {
	s.Close()
	s.client = s.topic.open()
	part := s.topic.At()
	s.next, s.queue = c.Next[part], nil
	s.rcv = newReceiver(s.topic.Recipe, c.Marks)
	begin, end, err := s.client.ends(ctx)
	if err != nil {
		return err
	}
	s.end = end
	switch {
	case s.next > end:
		return shorter(part, s.next, end)
	case s.next < begin && s.moved == s.next:
		return fmt.Errorf("topic %s begins at offset %d, the newest commit has read up to %d only: what lies between is lost: %w",
			part, begin, s.next, millrace.ErrIntegrity)
	case s.next < begin:
		s.moved = s.next
		return fmt.Errorf("offset %d of topic %s was trimmed, it begins at %d: %w", s.next, part, begin, millrace.ErrMoved)
	}
	s.moved = -1
	return nil
}

// Close ends the connections.
func (s *TopicSource) Close() error {
	if s.client != nil {
		s.client.close()
		s.client = nil
	}
	return nil
}

// Read gives the next documents, in the order of the topic. A flush mark ends a batch.
func (s *TopicSource) Read(ctx context.Context, most int) (millrace.Batch, error) {
	var b millrace.Batch
	for len(b.Docs) < most {
		if len(s.queue) == 0 {
			if len(b.Docs) > 0 {
				return b, nil // what is there need not wait for more
			}
			if err := s.fill(ctx); err != nil {
				return b, err
			}
			continue
		}
		m := s.queue[0]
		s.queue[0] = message{} // its bytes are no longer held
		s.queue = s.queue[1:]
		f, from, err := s.rcv.take(&m)
		s.publish()
		if err != nil {
			return b, err
		}
		switch f {
		case mark:
			b.Flush = m.at
			return b, nil
		case document, broken:
			b.Docs = append(b.Docs, m.document(from))
		}
	}
	return b, nil
}

// fill fetches, and waits where there is nothing. io.EOF says that Until was true before this look, and
// that there is still nothing.
func (s *TopicSource) fill(ctx context.Context) error {
	if s.opts.Until != nil && s.next >= s.end && s.opts.Until() {
		_, end, err := s.client.ends(ctx) // a fetch would wait for what will not come
		if err != nil {
			return err
		}
		if end <= s.next {
			return io.EOF
		}
	}
	f, err := s.client.fetch(ctx, s.next)
	if err != nil {
		return err
	}
	s.queue = f.messages
	s.next += int64(len(f.messages))
	s.end = max(f.high, s.next)
	return nil
}

func (s *TopicSource) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = s.rcv.Counts
}

// Next is the offset behind the last message that was fetched.
func (s *TopicSource) Next() int64 { return s.next }

// Counts says what was taken and what was ignored since Open. It may be called at any time.
func (s *TopicSource) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}
