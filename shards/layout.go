package shards

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"millrace"
	"millrace/internal/durable"
)

// Layout says into how many parts a line is divided. It is in force from the entry on that names it.
type Layout struct {
	Workers int `json:"workers"`
	// Generation is the number of the topics' names, from 2 on; the first layout has no entry.
	Generation int `json:"generation"`
	// Frontiers is the folder below DIR/state that holds the frontiers of the crawl.
	Frontiers string `json:"frontiers"`
}

var layoutFolder = regexp.MustCompile(`^layout-\d+-[0-9a-f]{8}$`)

// check wants a layout of ours: its folder leads nowhere else.
func (l *Layout) check() error {
	if l.Workers < 1 || l.Generation < 2 || !layoutFolder.MatchString(l.Frontiers) {
		return fmt.Errorf("%+v is no layout", *l)
	}
	return nil
}

// firstLayout is the one that a line begins with. How many workers there are its topics tell.
func firstLayout() Layout { return Layout{Generation: 1} }

// Layout is the one in force; ok is false where the line has the one that it began with.
func (t *Table) Layout() (l Layout, ok bool) {
	for _, e := range slices.Backward(t.Entries()) {
		switch {
		case e.Layout != nil:
			return *e.Layout, true
		case e.InForce != nil:
			return *e.InForce, *e.InForce != firstLayout()
		}
	}
	return firstLayout(), false
}

// inForce is the layout that holds once e stands on top of the table.
func (t *Table) inForce(e *Entry) *Layout {
	l := firstLayout()
	switch {
	case e.Layout != nil:
		l = *e.Layout
	case e.Operation != opRebuild:
		l, _ = t.Layout()
	}
	return &l
}

// CurrentLayout is the layout in force in DIR. The newest entry tells it; only where an older version wrote that, all
// are read.
func CurrentLayout(dir string) (Layout, error) {
	e, err := NewestEntry(dir)
	switch {
	case err != nil:
		return Layout{}, err
	case e == nil:
		return firstLayout(), nil
	case e.InForce != nil:
		return *e.InForce, nil
	}
	t, err := Open(dir)
	if err != nil {
		return Layout{}, err
	}
	l, _ := t.Layout()
	return l, nil
}

// Resize puts a layout in force, and with it the checkpoint to, by a commit that changes nothing else. from is the
// checkpoint that to was made of. Where the newest commit has another one, or another layout was first, the error
// wraps millrace.ErrMoved.
func Resize(ctx context.Context, disk *durable.Disk, dir string, l Layout, from, to millrace.Checkpoint) error {
	if err := l.check(); err != nil {
		return err
	}
	err := fmt.Errorf("%s has no commit yet: %w", dir, millrace.ErrMoved)
	err2 := Place{Dir: dir, Disk: disk}.changeRecipe(ctx, func(t *Table, base *Entry) *Entry {
		have, _ := t.Layout()
		if have.Generation != l.Generation-1 || !sameCheckpoint(base.Checkpoint, from) {
			err = fmt.Errorf("set layout %+v: entry %d came first: %w", l, base.Version, millrace.ErrMoved)
			return nil
		}
		err = nil
		return &Entry{Operation: opLayout, Recipe: base.Recipe, Layout: &l, Checkpoint: to.Clone(), From: base.To, To: base.To}
	})
	if err2 != nil {
		return err2
	}
	return err
}

// SyncLog makes the names in the commit log durable: whoever goes on by an entry that he has read must be sure
// that it does not go with the power.
func SyncLog(disk *durable.Disk, dir string) error {
	return disk.SyncDir("shards.read", logDir(dir))
}
