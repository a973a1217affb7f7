package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"millrace"
	"millrace/ingest"
	"millrace/internal/run"
)

// backlogEvery is the longest time between two looks at what waits in the log; measureEvery that between two at how
// long its messages are, for which some of them are read.
const (
	backlogEvery = time.Second
	measureEvery = 10 * time.Second
)

// backlogSink holds its writer back while the log holds more than limit bytes that no commit covers: the crawl asks for
// no more pages, and files are read no further, until the mill has caught up.
type backlogSink struct {
	millrace.Sink
	name   string
	limit  int64
	behind func(context.Context) (int64, error)
	wait   func(*run.Pause) // nil: it goes on
	pulse  *run.Pulse
	looked time.Time
	room   int64 // until the next look
}

// Write waits, and writes.
func (s *backlogSink) Write(ctx context.Context, docs []*millrace.Document) error {
	for _, d := range docs {
		s.room -= int64(1000 + len(d.Text) + len(d.Meta))
	}
	if s.room > 0 && time.Since(s.looked) < backlogEvery {
		return s.Sink.Write(ctx, docs)
	}
	for waits := false; ; waits = true {
		n, err := s.behind(ctx)
		if err != nil {
			return fmt.Errorf("look at what waits in the log: %w", err)
		}
		s.looked, s.room = time.Now(), (s.limit-n)/2
		if n <= s.limit {
			if waits {
				s.wait(nil)
			}
			return s.Sink.Write(ctx, docs)
		}
		if !waits {
			s.wait(&run.Pause{Stage: s.name, Err: fmt.Errorf("%s in the log wait for a commit, and limits.backlog is %s", size(n), size(s.limit))})
		}
		s.pulse.Touch()
		select {
		case <-time.After(backlogEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// held puts a backlogSink before a sink that fills partitions of pages. Where nothing but bytes closes a shard, nobody
// is held back: the shard could be waiting for him.
func (l *line) held(name string, pulse *run.Pulse, to millrace.Sink, partitions []int32) millrace.Sink {
	limit := int64(l.c.cfg.Limits.Backlog)
	if limit == 0 || len(partitions) == 0 || l.c.cfg.Shards.FlushEvery == 0 {
		return to
	}
	var all []*backlog
	for _, p := range partitions {
		t := l.topic
		t.Partition = p
		all = append(all, &backlog{topic: t})
	}
	behind := func(ctx context.Context) (sum int64, err error) {
		at, err := l.newest(ctx)
		for i := 0; i < len(all) && err == nil; i++ {
			var n int64
			n, err = all[i].bytes(ctx, at)
			sum += n
		}
		return sum, err
	}
	return &backlogSink{Sink: to, name: name, limit: limit, behind: behind, wait: func(p *run.Pause) { l.pause(name, p) }, pulse: pulse}
}

// parts are n partitions.
func parts(n int) (all []int32) {
	for p := range n {
		all = append(all, int32(p))
	}
	return all
}

// backlog measures what of a partition no commit covers.
type backlog struct {
	topic    ingest.Topic
	each     float64 // bytes of a message
	measured time.Time
}

func (b *backlog) bytes(ctx context.Context, at millrace.Checkpoint) (int64, error) {
	begin, end, err := b.topic.Ends(ctx)
	if err != nil {
		return 0, err
	}
	from := max(begin, ingest.Committed(at, b.topic.At()))
	if end <= from {
		return 0, nil
	}
	if time.Since(b.measured) > measureEvery {
		lag, err := b.topic.Backlog(ctx, from, end)
		if err != nil {
			return 0, err
		}
		b.each, b.measured = float64(lag.Bytes)/float64(lag.Records), time.Now()
	}
	return int64(b.each * float64(end-from)), nil
}

// pauses is what waits for something, by the name of who waits.
type pauses struct {
	mu  sync.Mutex
	all map[string]*run.Pause
}

// set notes that name waits, or with nil that it goes on.
func (p *pauses) set(name string, why *run.Pause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if why == nil {
		delete(p.all, name)
		return
	}
	if p.all == nil {
		p.all = map[string]*run.Pause{}
	}
	p.all[name] = why
}

// first gives one of them; nil is nobody.
func (p *pauses) first() *run.Pause {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(p.all)) {
		return p.all[name]
	}
	return nil
}
