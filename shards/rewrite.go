package shards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"millrace"
)

// What a rewrite is for: other engines read the files that the log calls live, and know nothing of hidden rows. A
// rewrite replaces a file in data/ by one without its hidden rows, and adds these, whole and with the verdict that
// took them out, to a file in rejects/. So each input stands in exactly one row of the table's files at any time,
// and everything that can be computed from a row (duplicates, ledger, Merkle root) still can.
//
// When: the time that counts is the log's, so that the same log is rewritten at the same entries.

// due lists the entries, by number, whose hidden rows have waited long enough; all of them at a commit
// of nothing but marks: then the input rests.
func (s *Sink) due(all bool) (list []int64) {
	t := s.table
	t.mu.RLock()
	defer t.mu.RUnlock()
	if n := len(t.log); n > 0 {
		e := t.log[n-1]
		all = all || e.Operation == opWrite && len(e.Files)+len(e.Rejects) == 0
	}
	for i := t.rebuilt; i < len(t.log); i++ {
		for _, h := range t.now[i].hidden {
			stale := s.o.Stale
			if h.withdrawn() {
				stale = s.o.StaleWithdrawn
			}
			if all || t.clock.Sub(h.since) >= stale {
				list = append(list, int64(i))
				break
			}
		}
	}
	return list
}

// settle makes the rewrite that is due, if any. Nothing may be written and uncommitted.
func (s *Sink) settle(ctx context.Context, all bool) error {
	for {
		list := s.due(all)
		if len(list) == 0 {
			return nil
		}
		won, err := s.rewrite(ctx, list)
		if err != nil {
			// Another owner's rewrite takes the files away under this one.
			if before := s.table.Version(); s.table.Update(ctx) == nil && s.table.Version() > before {
				return fmt.Errorf("rewrite shards: %w: %w", err, millrace.ErrMoved)
			}
			return fmt.Errorf("rewrite shards: %w", err)
		}
		if won {
			return nil
		}
	}
}

// rewritten is what becomes of the files of one entry.
type rewritten struct {
	commit
	kept, moved *fileInfo
}

// rewrite commits new files for the entries in list. Where somebody else came first it has not won, and the sink
// stands on his entry.
func (s *Sink) rewrite(ctx context.Context, list []int64) (won bool, err error) {
	var made []rewritten
	defer func() {
		for _, w := range made {
			s.removeTemp(w.kept, w.moved)
		}
	}()
	for _, version := range list {
		w := rewritten{commit: s.table.commit(version)}
		w.kept, w.moved, err = s.carry(ctx, w.commit)
		made = append(made, w)
		if err != nil {
			return false, err
		}
	}
	base := s.base
	e := &Entry{Version: base.Version + 1, Operation: opRewrite, Time: base.Time, Recipe: base.Recipe, Code: s.o.Code,
		Checkpoint: base.Checkpoint.Clone(), From: base.To, To: base.To, Tally: *millrace.NewTally(nil), Root: new(tree).root(),
		Previous: base.checksum}
	e.InForce = s.table.inForce(e)
	for _, w := range made {
		kept, err := s.place(ctx, "data", e.Version, w.kept)
		if err != nil {
			return false, err
		}
		moved, err := s.place(ctx, "rejects", e.Version, w.moved)
		if err != nil {
			return false, err
		}
		e.Files, e.Rejects = append(e.Files, kept...), append(e.Rejects, moved...)
		for _, f := range w.commit.kept {
			e.removed = append(e.removed, f.Name)
		}
		for _, f := range w.commit.moved {
			e.replaced = append(e.replaced, f.Name)
		}
	}
	won, newest, err := s.append(ctx, e)
	if err != nil {
		return false, err
	}
	if !won {
		return false, s.begin(newest)
	}
	if err := s.committed(e.Version); err != nil {
		return true, err
	}
	return true, s.retire(ctx, made)
}

// carry writes the rows of c that are in the corpus into one file, and those that no longer are into another.
func (s *Sink) carry(ctx context.Context, c commit) (kept, moved *fileInfo, err error) {
	var writers [2]*fileWriter
	defer func() {
		for _, w := range writers {
			if w != nil {
				w.abandon()
			}
		}
	}()
	c.rejects = nil // they stay
	err = s.table.entryRows(ctx, c, Select{To: maxOffset, Kept: true, Rejects: true}, func(r *Row) (err error) {
		w, dir := &writers[0], dataDir(s.o.Dir)
		if r.Moved {
			w, dir = &writers[1], rejectsDir(s.o.Dir)
		}
		if *w == nil {
			if *w, err = s.newFile(dir, r.SignalNames, r.Moved, c.Recipe, c.Code); err != nil {
				return err
			}
		}
		one := *r // without the rest of its row group
		return (*w).add(&one)
	})
	if err != nil {
		return nil, nil, err
	}
	if kept, err = closeFile(&writers[0]); err != nil {
		return kept, nil, err
	}
	moved, err = closeFile(&writers[1])
	return kept, moved, err
}

// retired is a file that was replaced. Other engines may be about to open it, so it stays for a while; CollectOrphans
// takes what is left of an earlier process.
type retired struct {
	name string // below Dir
	at   time.Time
}

const keepRetired = time.Hour

// retire notes the files that a rewrite has replaced, and removes those that were replaced long ago.
func (s *Sink) retire(ctx context.Context, made []rewritten) error {
	for _, w := range made {
		for _, f := range w.commit.kept {
			s.retired = append(s.retired, retired{"data/" + f.Name, time.Now()})
		}
		for _, f := range w.commit.moved {
			s.retired = append(s.retired, retired{"rejects/" + f.Name, time.Now()})
		}
	}
	p := s.o.place()
	for len(s.retired) > 0 && time.Since(s.retired[0].at) > keepRetired {
		name := s.retired[0].name
		err := p.Disk.Remove("shards.retire", p.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err == nil && p.Store != nil {
			err = p.drop(ctx, "shards.retire.object", name)
		}
		if err != nil {
			return fmt.Errorf("remove a replaced shard: %w", err)
		}
		s.retired = s.retired[1:]
	}
	return nil
}
