package cli

import (
	"context"
	"sync"

	"millrace"
	"millrace/shards"
)

// sharedLog is the commit log of a store, as far as a line has read it: writers ask for its end every second.
type sharedLog struct {
	mu    sync.Mutex
	table *shards.Table
}

// newest is the newest entry of the log in a store; nil where there is none.
func (s *sharedLog) newest(ctx context.Context, at shards.Place) (e *shards.Entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table == nil {
		s.table, err = at.Open(ctx)
	} else {
		err = s.table.Update(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s.table.Newest(), nil
}

// newest is what the newest commit says, for whoever writes to a topic.
func (l *line) newest(ctx context.Context) (millrace.Checkpoint, error) {
	var e *shards.Entry
	var err error
	if l.c.at.Store == nil {
		e, err = shards.NewestEntry(l.c.dir)
	} else {
		e, err = l.shared.newest(ctx, l.c.at)
	}
	if err != nil || e == nil {
		return millrace.Checkpoint{}, err
	}
	return e.Checkpoint, nil
}
