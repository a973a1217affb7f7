package shards

import (
	"context"
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
	for _, e := range t.Entries() {
		if e.To <= sel.From || e.From >= sel.To {
			continue
		}
		if err := t.entryRows(ctx, e, sel, yield); err != nil {
			return err
		}
	}
	return nil
}

// entryRows merges the files of one commit.
func (t *Table) entryRows(ctx context.Context, e *Entry, sel Select, yield func(*Row) error) error {
	var open []*cursor
	defer func() {
		for _, c := range open {
			c.file.close()
		}
	}()
	start := func(sub string, files []File) error {
		for _, f := range files {
			if f.Last < sel.From || f.First >= sel.To {
				continue
			}
			r, err := openFile(t.dir, sub, f, sel.Columns)
			if err != nil {
				return err
			}
			open = append(open, &cursor{file: r, next: max(0, r.groupOf(sel.From))})
		}
		return nil
	}
	if sel.Kept {
		if err := start("data", e.Files); err != nil {
			return err
		}
	}
	if sel.Rejects {
		if err := start("rejects", e.Rejects); err != nil {
			return err
		}
	}
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
		if err := yield(r); err != nil {
			return err
		}
	}
}

// cursor walks through one file.
type cursor struct {
	file *fileReader
	rows []Row // left of the current row group
	next int
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
