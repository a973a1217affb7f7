package shards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Newest is NewestEntry for a corpus in any place: what a store has beyond Dir is brought here.
func (p Place) Newest(ctx context.Context) (*Entry, error) {
	if p.Store == nil {
		return NewestEntry(p.Dir)
	}
	t, err := p.Open(ctx)
	if err != nil {
		return nil, err
	}
	return t.Newest(), nil
}

// NewestEntry reads the newest entry of the commit log of DIR and no other: what a start needs that writes no rows. It is
// nil where there is none. Entries have no holes, so that few questions find the last one, however many there are.
func NewestEntry(dir string) (*Entry, error) {
	below, above := int64(0), int64(1) // the number of entries is at least below, and less than above
	for {
		there, err := hasEntry(dir, above-1)
		if err != nil {
			return nil, err
		}
		if !there {
			break
		}
		below, above = above, 2*above
	}
	for above-below > 1 {
		middle := below + (above-below)/2
		there, err := hasEntry(dir, middle-1)
		if err != nil {
			return nil, err
		}
		if there {
			below = middle
		} else {
			above = middle
		}
	}
	if below == 0 {
		return nil, nil
	}
	e, err := readEntry(dir, below-1)
	if err != nil {
		return nil, fmt.Errorf("read commit log: %w", err)
	}
	return e, nil
}

func hasEntry(dir string, version int64) (bool, error) {
	_, err := os.Stat(entryPath(dir, version))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read commit log: %w", err)
	}
	return true, nil
}

// Another gives a Table of the same folder that knows what t knows, without reading it again. Each is brought up to
// date by itself; the entries that t has by then are shared.
func (t *Table) Another() *Table {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return &Table{at: t.at, first: t, texts: newTextCache(textCacheBytes), log: append([]*Entry(nil), t.log...), now: append([]parts(nil), t.now...),
		rebuilt: t.rebuilt, clock: t.clock}
}
