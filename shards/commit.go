package shards

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"millrace"
)

// commit completes the open files and adds one entry to the log. On return the sink stands on that entry.
//
// The order is what makes a crash harmless: the files are durable under their names before the entry can
// name them, and only the entry makes them part of the corpus. Files on the floor are orphans; nobody
// removes a file because he lost, for it may be the winner's.
func (s *Sink) commit(ctx context.Context) error {
	kept, err := closeFile(&s.kept)
	if err != nil {
		return fmt.Errorf("close shard: %w", err)
	}
	rejects, err := closeFile(&s.rejects)
	if err != nil {
		s.removeTemp(kept)
		return fmt.Errorf("close rejects: %w", err)
	}
	defer s.removeTemp(kept, rejects)
	base := s.base
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := s.entry(base)
		if e.Files, err = s.place(ctx, "data", e.Version, kept); err != nil {
			return err
		}
		if e.Rejects, err = s.place(ctx, "rejects", e.Version, rejects); err != nil {
			return err
		}
		won, newest, err := s.append(ctx, e)
		if err != nil {
			return err
		}
		if won {
			if err := s.committed(e.Version); err != nil {
				return err
			}
			return s.settle(ctx, false)
		}
		base = newest // a commit that touches neither Positions nor recipe: the same rows go on top of it
	}
}

func closeFile(w **fileWriter) (*fileInfo, error) {
	if *w == nil {
		return nil, nil
	}
	info, err := (*w).close()
	*w = nil
	return &info, err
}

func (s *Sink) removeTemp(files ...*fileInfo) {
	for _, f := range files {
		if f != nil {
			_ = s.o.Disk.Remove("shards.tidy", f.path) // what stays is an orphan
		}
	}
}

// place gives a complete file its name for the commit version, and keeps it in the store. The temporary name stays until
// the commit is over, so that a lost race can be followed by another name.
func (s *Sink) place(ctx context.Context, sub string, version int64, info *fileInfo) ([]File, error) {
	if info == nil {
		return nil, nil
	}
	stats, err := jsonString(info.stats.delta())
	if err != nil {
		return nil, err
	}
	f := File{Name: partName(version, *info), Rows: info.rows, Bytes: info.bytes, First: info.first, Last: info.last,
		SHA256: info.sha256, stats: stats}
	dir := filepath.Join(s.o.Dir, sub)
	err = s.o.Disk.Link("shards.name", info.path, filepath.Join(dir, f.Name))
	if errors.Is(err, fs.ErrExist) {
		err = s.renew(filepath.Join(dir, f.Name), info)
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s was collected: %w", info.path, millrace.ErrMoved)
		}
		return nil, fmt.Errorf("name shard: %w", err)
	}
	if err := s.o.Disk.SyncDir("shards.name.folder", dir); err != nil {
		return nil, err
	}
	if err := s.o.place().keep(ctx, sub, f); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s was collected: %w: %w", f.Name, err, millrace.ErrMoved)
		}
		return nil, fmt.Errorf("keep shard: %w", err)
	}
	return []File{f}, nil
}

// renew looks at a file that has the name of info already. It should have the same bytes, for its name says so; one
// that was damaged since a crash left it there is replaced before an entry names it.
func (s *Sink) renew(path string, info *fileInfo) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	f.Close()
	if err != nil || hex.EncodeToString(h.Sum(nil)) == info.sha256 {
		return err
	}
	s.o.Log.Warn("a shard that was never committed is damaged; it is written again", "file", path)
	again := info.path + "-again"
	if err := s.o.Disk.Link("shards.renew", info.path, again); err != nil {
		return err
	}
	return s.o.Disk.Rename("shards.renew.rename", again, path)
}

// entry describes the open commit on top of base, without its files.
func (s *Sink) entry(base *Entry) *Entry {
	e := &Entry{Version: base.Version + 1, Operation: opWrite, Time: s.newest, Recipe: s.o.Recipe, Code: s.o.Code,
		Checkpoint: s.at.Clone(), From: s.from, To: s.next, Gaps: s.gaps, Tally: *s.tally, Root: s.rows.root(),
		Previous: base.checksum, Signals: s.signals, hides: slices.Clone(s.hides)}
	slices.SortFunc(e.hides, func(a, b Hide) int { return cmp.Compare(a.Offset, b.Offset) })
	if e.Time.IsZero() {
		e.Time = base.Time
	}
	e.InForce = s.table.inForce(e)
	e.schema = !slices.Equal(signalsOf(s.table.Entries()), s.signals) || s.table.id() == ""
	e.table = s.table.id()
	if !slices.ContainsFunc(s.table.all(), func(x *Entry) bool { return x.Recipe == e.Recipe && x.RecipeText != "" }) {
		e.RecipeText = s.o.RecipeText
	}
	return e
}

// append tries to add e to the log. Where e did not win, newest is the entry to go on from; where somebody
// moved the Positions or the recipe, the error wraps millrace.ErrMoved.
func (s *Sink) append(ctx context.Context, e *Entry) (won bool, newest *Entry, err error) {
	raw, err := e.encode()
	if err != nil {
		return false, nil, err
	}
	cause := s.o.place().add(ctx, "shards.commit", e.Version, raw)
	if cause == nil {
		return true, nil, nil
	}
	// Not won, or not known: the log has the answer.
	if err := s.table.Update(ctx); err != nil {
		return false, nil, err
	}
	later := s.table.all()[s.base.Version+1:]
	for _, x := range later {
		if x.Version == e.Version && x.checksum == sum(raw) {
			s.o.Log.Warn("the answer to a commit was lost; the commit is there", "entry", e.Version, "cause", cause)
			return true, nil, s.o.Disk.SyncDir("shards.known.folder", logDir(s.o.Dir))
		}
		if x.conflicts(s.base, s.o.Recipe) {
			return false, nil, fmt.Errorf("commit %d: entry %d came first: %w", e.Version, x.Version, millrace.ErrMoved)
		}
	}
	if !errors.Is(cause, fs.ErrExist) && !errors.Is(cause, fs.ErrNotExist) || len(later) == 0 { // a collector may have taken the temporary file
		return false, nil, fmt.Errorf("commit %d: %w", e.Version, cause)
	}
	return false, later[len(later)-1], nil
}

// committed stands the sink on the entry that it has won.
func (s *Sink) committed(version int64) error {
	if err := s.table.readLog(context.Background()); err != nil {
		return err
	}
	e := s.table.all()[version]
	if err := s.begin(e); err != nil {
		return err
	}
	if err := s.o.Disk.Acknowledge("shards.committed", logDir(s.o.Dir), version); err != nil {
		return err
	}
	keptRows, rejectRows := e.Rows()
	s.o.Log.Info("committed", "entry", version, "kept", keptRows, "rejects", rejectRows, "next", e.To)
	if s.o.OnCommit != nil {
		s.o.OnCommit(e)
	}
	return nil
}
