package shards

import (
	"context"
	"errors"
	"io/fs"
	"math"

	"millrace"
)

const maxOffset = math.MaxInt64

// Select says which rows are read, and what of them.
type Select struct {
	From, To      int64 // offsets of the mill's input, From ≤ offset < To; To 0 is no bound
	Kept, Rejects bool
	Columns       []string // none is all; position, mid and reason always come
}

// Rows hands over the selected rows in the order of their offsets. A Row may be kept after yield returns.
func (t *Table) Rows(ctx context.Context, sel Select, yield func(*Row) error) error {
	if sel.To == 0 {
		sel.To = maxOffset
	}
	for _, c := range t.commits() {
		if c.To <= sel.From || c.From >= sel.To || c.From == c.To {
			continue
		}
		open, err := t.open(ctx, c, sel)
		if errors.Is(err, fs.ErrNotExist) && t.rewritten(ctx, &c) {
			open.close()
			open, err = t.open(ctx, c, sel)
		}
		if err == nil {
			err = open.merge(ctx, c, sel, yield)
		}
		open.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// cursors are the open files of one commit.
type cursors []*cursor

func (open cursors) close() {
	for _, c := range open {
		c.file.close()
	}
}

// open opens the files of one commit that have selected rows.
func (t *Table) open(ctx context.Context, c commit, sel Select) (open cursors, err error) {
	start := func(sub string, files []File, moved bool) {
		for _, f := range files {
			if err != nil || f.Last < sel.From || f.First >= sel.To {
				continue
			}
			var r *fileReader
			if r, err = t.openFile(ctx, sub, f, sel.Columns); err == nil {
				open = append(open, &cursor{file: r, moved: moved, next: max(0, r.groupOf(sel.From))})
			}
		}
	}
	if sel.Kept || sel.Rejects && len(c.hidden) > 0 {
		start("data", c.kept, false)
	}
	if sel.Rejects {
		start("rejects", c.rejects, false)
		start("rejects", c.moved, true)
	}
	return open, err
}

// rewritten reports whether the files of c were replaced meanwhile, which explains why one is missing, and
// brings c up to date.
func (t *Table) rewritten(ctx context.Context, c *commit) bool {
	before := t.Version()
	if t.Update(ctx) != nil || t.Version() == before {
		return false
	}
	*c = t.commit(c.Version)
	return true
}

// entryRows hands over the rows of one commit from these very files.
func (t *Table) entryRows(ctx context.Context, c commit, sel Select, yield func(*Row) error) error {
	open, err := t.open(ctx, c, sel)
	defer func() { open.close() }()
	if err != nil {
		return err
	}
	return open.merge(ctx, c, sel, yield)
}

// merge hands over the rows of one commit in the order of their offsets.
func (open cursors) merge(ctx context.Context, c commit, sel Select, yield func(*Row) error) error {
	for {
		var first *cursor
		for _, c := range open {
			if err := c.fill(ctx); err != nil {
				return err
			}
			if len(c.rows) > 0 && (first == nil || c.rows[0].Offset < first.rows[0].Offset) {
				first = c
			}
		}
		if first == nil || first.rows[0].Offset >= sel.To {
			return nil
		}
		r := &first.rows[0]
		first.rows = first.rows[1:]
		if r.Offset < sel.From {
			continue
		}
		if r.Moved = first.moved; r.File[0] == 'd' {
			if h, ok := c.find(r.Offset); ok {
				h.apply(r)
			}
			if r.Kept() && !sel.Kept || !r.Kept() && !sel.Rejects {
				continue
			}
		}
		if err := yield(r); err != nil {
			return err
		}
	}
}

// cursor walks through one file.
type cursor struct {
	file  *fileReader
	moved bool
	rows  []Row // left of the current row group
	next  int
}

func (c *cursor) fill(ctx context.Context) (err error) {
	if len(c.rows) > 0 || c.next >= len(c.file.firsts) {
		return nil
	}
	c.rows, err = c.file.read(ctx, c.next)
	c.next++
	return err
}

// maxFound bounds the answer of Find.
const maxFound = 1000

// Find gives the rows, kept or not, whose ID, user's id or URL (as fetched, or canonical) is key, the
// oldest first, at most 1,000.
func (t *Table) Find(ctx context.Context, key string) ([]*Row, error) {
	mid, err := millrace.ParseID(key)
	isID := err == nil
	var at []int64
	sel := Select{Kept: true, Rejects: true, Columns: []string{"id", "url", "url_key"}}
	err = t.Rows(ctx, sel, func(r *Row) error {
		if len(at) < maxFound && (r.ID == key || r.URL == key || r.URLKey == key || isID && r.MID == mid) {
			at = append(at, r.Offset)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var found []*Row
	for _, offset := range at {
		err := t.Rows(ctx, Select{From: offset, To: offset + 1, Kept: true, Rejects: true}, func(r *Row) error {
			one := *r // without the rest of its row group
			found = append(found, &one)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
