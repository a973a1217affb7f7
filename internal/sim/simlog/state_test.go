package simlog

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"millrace"
	"millrace/dedup"
)

// checkState is invariant 6: the state that a mill begins with is the one of somebody who has seen all rows.
func (w *world) checkState(index digester, next int64) {
	if err := w.book.read(); err != nil {
		w.fault("9: %w", err)
		return
	}
	want, known := w.digests[next]
	if !known {
		var err error
		if want, err = w.digest(next); err != nil {
			w.fault("6: %w", err)
			return
		}
		w.digests[next] = want
	}
	if index.Digest() != want {
		w.fault("6: the state at offset %d is not that of a fold of the rows from the first on", next)
	}
}

func (w *world) digest(next int64) ([32]byte, error) {
	fresh, err := dedup.New(dedup.Options{MemTexts: 1 << 20})
	if err != nil {
		return [32]byte{}, err
	}
	defer fresh.Close()
	ctx := context.Background()
	if err := fresh.Load(ctx, 0); err != nil {
		return [32]byte{}, err
	}
	var rows []row
	for _, s := range w.book.now(len(w.book.entries) - 1) {
		rows = append(rows, s.rows...)
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.offset, b.offset) })
	sketch := dedup.Sketch()
	for _, r := range rows {
		if r.offset >= next {
			break
		}
		id, err := millrace.ParseID(r.MID)
		if err != nil {
			return [32]byte{}, err
		}
		d := &millrace.Document{ID: id, Text: r.Text, URLKey: r.URLKey}
		d.Page.URL, d.Page.Source = r.URL, r.Source
		d.Position = millrace.Position{Partition: w.h.feed(), Offset: r.offset}
		if reason := r.filed(); reason != "" && !strings.HasPrefix(reason, "dup.") {
			d.Verdict.Reason = millrace.Reason(reason)
			fresh.Observe(d)
			continue
		}
		if _, err := sketch.Process(ctx, d); err != nil {
			return [32]byte{}, err
		}
		if _, err := fresh.Process(ctx, d); err != nil {
			return [32]byte{}, err
		}
	}
	return fresh.Digest(), nil
}
