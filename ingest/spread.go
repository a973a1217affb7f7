package ingest

import (
	"context"
	"errors"
	"fmt"

	"millrace"
)

// blockBits: so many records of a file, and so many files of one record, stay together in a partition.
const blockBits = 6

// SpreadSink spreads the documents of files over the partitions of a topic, by their Positions and nothing
// else, so that after any crash each goes where it went before. It is a millrace.Sink.
//
// What goes to partition p has a source partition p of its own, with its own marks. One batch is on its way at a
// time, over all partitions, and so everything below the highest Position found in any of them is stored.
type SpreadSink struct{ parts []*TopicSink }

// Spread makes the sink; t.Partitions says over how many partitions. newest is that of Sink.
func (t Topic) Spread(newest func(context.Context) (millrace.Checkpoint, error)) *SpreadSink {
	s := &SpreadSink{}
	for p := range t.Partitions {
		t.Partition, t.Own = p, millrace.Partition{Topic: filesPartition().Topic, Index: p}
		s.parts = append(s.parts, t.Sink(newest))
	}
	return s
}

// FilesUpTo is the highest offset of files that c has a mark of, in whichever partition; -1 where there is none. All
// records up to it are stored, for they are written in their order.
func FilesUpTo(c millrace.Checkpoint) int64 {
	most := int64(-1)
	for p, mark := range c.Marks {
		if p.Topic == filesPartition().Topic {
			most = max(most, mark)
		}
	}
	return most
}

// Respread marks, for each of so many partitions, that all files' records up to an offset were taken: from there on
// they are spread anew.
func Respread(c millrace.Checkpoint, partitions int, upTo int64) {
	for p := range partitions {
		part := millrace.Partition{Topic: filesPartition().Topic, Index: int32(p)}
		if old, ok := c.Marks[part]; upTo >= 0 && (!ok || old < upTo) {
			c.Marks[part] = upTo
		}
	}
}

// route is the partition of a record.
func (s *SpreadSink) route(offset int64) int32 {
	file, record := offset>>recordBits, offset&(1<<recordBits-1)
	return int32((file>>blockBits + record>>blockBits) % int64(len(s.parts)))
}

// Resume gives the offset after the highest one that was found.
func (s *SpreadSink) Resume(ctx context.Context) (millrace.Checkpoint, error) {
	files := filesPartition()
	all := millrace.Checkpoint{Next: map[millrace.Partition]int64{}}
	for i, part := range s.parts {
		at, err := part.Resume(ctx)
		if err != nil {
			return millrace.Checkpoint{}, err
		}
		own := millrace.Partition{Topic: files.Topic, Index: int32(i)}
		all.Next[files] = max(all.Next[files], at.Next[own])
	}
	return all, nil
}

// Write appends documents in their order.
func (s *SpreadSink) Write(ctx context.Context, docs []*millrace.Document) error {
	for len(docs) > 0 {
		to := s.route(docs[0].Position.Offset)
		n := 0
		for n < len(docs) && s.route(docs[n].Position.Offset) == to {
			if docs[n].Position.Partition != filesPartition() {
				return fmt.Errorf("document at %s is of no file: %w", docs[n].Position, millrace.ErrStop)
			}
			docs[n].Position.Index = to
			n++
		}
		if err := s.parts[to].Write(ctx, docs[:n]); err != nil {
			return err
		}
		docs = docs[n:]
	}
	return nil
}

// Flush does nothing, for Write returns only when everything is stored.
func (s *SpreadSink) Flush(context.Context, millrace.Position) error { return nil }

// Close ends the connections.
func (s *SpreadSink) Close() error {
	var errs []error
	for _, p := range s.parts {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
