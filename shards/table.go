package shards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"millrace"
)

// Table is what the commit log says. It may be used by several goroutines at once.
type Table struct {
	at    Place
	texts *textCache
	first *Table       // the one that this is Another of
	asked atomic.Int64 // when the store was asked for more, in nanoseconds since 1970

	mu      sync.RWMutex
	log     []*Entry  // all entries
	now     []parts   // of each of them: the files that hold its rows
	rebuilt int       // number of the last rebuild: the table is made of the entries from there on
	clock   time.Time // newest fetched_at of the log, which is the time of this table
}

// Open reads the commit log of a corpus that is kept in dir alone. A folder without one is an empty table.
func Open(dir string) (*Table, error) { return Place{Dir: dir}.Open(context.Background()) }

// askEvery is how often Refresh asks a store: whoever works in the same process links what he commits into the folder.
const askEvery = 2 * time.Second

// Refresh reads the entries that have come since. It asks for the next number until there is none, and
// never lists the folder. A store is asked only every two seconds; Update asks it in any case.
func (t *Table) Refresh(ctx context.Context) error {
	if t.at.Store != nil && time.Since(time.Unix(0, t.asked.Load())) >= askEvery {
		return t.Update(ctx)
	}
	return t.readLog(ctx)
}

// readLog reads the entries that have come into the folder.
func (t *Table) readLog(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := t.next()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && t.at.Store != nil && len(t.log) > 0 && e.Previous != t.log[len(t.log)-1].checksum {
			err = fmt.Errorf("%s does not continue the entry before: the hash differs: %w: %w", entryName(e.Version), ErrStore, millrace.ErrIntegrity)
		}
		if err != nil {
			return fmt.Errorf("read commit log: %w", err)
		}
		t.take(e)
	}
}

// next is the entry that follows. What the first table has read is not read again, and stands in memory once; but an entry that
// hides rows is, for take makes it forget them.
func (t *Table) next() (*Entry, error) {
	n := len(t.log)
	if e := t.first.has(n); e != nil && !e.hid {
		return e, nil
	}
	return readEntry(t.at.Dir, int64(n))
}

// has is entry n, nil where t has not read it or is nil. It keeps nobody waiting for a disk.
func (t *Table) has(n int) *Entry {
	if t == nil {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if n >= len(t.log) {
		return nil
	}
	return t.log[n]
}

// all gives every entry of the log.
func (t *Table) all() []*Entry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Clone(t.log)
}

// Wait blocks until the entry version exists.
func (t *Table) Wait(ctx context.Context, version int64) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := t.Refresh(ctx); err != nil {
			return err
		}
		if t.Version() >= version {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Dir is the folder of the corpus.
func (t *Table) Dir() string { return t.at.Dir }

// Version is the number of the newest entry, -1 where there is none.
func (t *Table) Version() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return int64(len(t.log)) - 1
}

// Entries are the commits that make the table, the oldest first: all, or those since the last rebuild.
// They must not be changed. Files says in which files their rows stand now.
func (t *Table) Entries() []*Entry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Clone(t.log[t.rebuilt:])
}

// Files names the files of the table as it is, below DIR. What a rewrite has replaced is not among them.
func (t *Table) Files() (kept, rejects []File) {
	for _, c := range t.commits() {
		kept = append(kept, c.kept...)
		rejects = append(append(rejects, c.rejects...), c.moved...)
	}
	return kept, rejects
}

// Hidden counts the rows that are out of the corpus and that other engines still see: older versions, and rows
// that were withdrawn.
func (t *Table) Hidden() (superseded, withdrawn int) {
	for _, c := range t.commits() {
		for _, h := range c.hidden {
			if h.withdrawn() {
				withdrawn++
			} else {
				superseded++
			}
		}
	}
	return superseded, withdrawn
}

// Newest is the newest commit, nil where there is none.
func (t *Table) Newest() *Entry {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.log) == 0 {
		return nil
	}
	return t.log[len(t.log)-1]
}

// Checkpoint is where the newest commit stands. The zero Checkpoint is the start.
func (t *Table) Checkpoint() millrace.Checkpoint {
	e := t.Newest()
	if e == nil {
		return millrace.Checkpoint{}.Clone()
	}
	return e.Checkpoint.Clone()
}

// Tally is the ledger of the whole table, its stages in the order of the newest commit.
func (t *Table) Tally() *millrace.Tally {
	entries := t.Entries()
	var names []string
	if len(entries) > 0 {
		for _, s := range entries[len(entries)-1].Tally.Stages {
			names = append(names, s.Name)
		}
	}
	sum := millrace.NewTally(names)
	for _, e := range entries {
		sum.Add(&e.Tally)
	}
	return sum
}

// Signals are the names of all signals that any file has.
func (t *Table) Signals() []string { return signalsOf(t.Entries()) }

// id is the table's ID in Delta Lake, "" before the first commit.
func (t *Table) id() string {
	for _, e := range t.all() {
		if e.table != "" {
			return e.table
		}
	}
	return ""
}

func signalsOf(entries []*Entry) []string {
	for _, e := range slices.Backward(entries) {
		if e.schema {
			return e.Signals
		}
	}
	return nil
}
