package shards

import (
	"context"
	"crypto/sha256"

	"millrace"
)

// pages knows, of each crawled page, its rows that are in the corpus.
type pages struct {
	newest map[pageKey]int64
	older  map[int64]int64 // to the version before it, where more than one is kept
	// withdrawn are the documents that withdrew a page last: those of this life, or all once a dead letter asks.
	withdrawn map[pageKey]Hide
	allRead   bool
}

// pageKey is a hash of millrace.VersionKey.
type pageKey [16]byte

func keyOf(version string) pageKey {
	h := sha256.Sum256([]byte(version))
	return pageKey(h[:16])
}

func (p *pages) add(k pageKey, offset int64) {
	if before, ok := p.newest[k]; ok {
		p.older[offset] = before
	}
	p.newest[k] = offset
}

// remove gives the versions of a page, and forgets them.
func (p *pages) remove(k pageKey) []int64 {
	offset, ok := p.newest[k]
	delete(p.newest, k)
	var list []int64
	for ok {
		list = append(list, offset)
		before := offset
		offset, ok = p.older[before]
		delete(p.older, before)
	}
	return list
}

// readPages finds the pages of a table.
func readPages(ctx context.Context, t *Table) (*pages, error) {
	p := &pages{newest: map[pageKey]int64{}, older: map[int64]int64{}, withdrawn: map[pageKey]Hide{}}
	err := t.Rows(ctx, Select{Kept: true, Columns: []string{"source", "url_key"}}, func(r *Row) error {
		if v := millrace.VersionKey(r.Source, r.URLKey); v != "" {
			p.add(keyOf(v), r.Offset)
		}
		return nil
	})
	return p, err
}

// readWithdrawn finds the documents of a table that withdrew a page.
func (p *pages) readWithdrawn(ctx context.Context, t *Table) error {
	p.allRead = true
	return t.Rows(ctx, Select{Rejects: true, Columns: []string{"source", "url_key"}}, func(r *Row) error {
		version := millrace.VersionKey(r.Source, r.URLKey)
		if version == "" || r.Moved || !r.Verdict.Withdraws() {
			return nil
		}
		k := keyOf(version)
		if old, ok := p.withdrawn[k]; !ok || old.Offset < r.Offset {
			p.withdrawn[k] = Hide{r.Offset, r.Verdict.Reason, r.MID}
		}
		return nil
	})
}

// late says what a dead letter that was replayed has missed: it is as old as the row that it settles, and its page
// may have a newer version since, or may have been withdrawn.
func (s *Sink) late(ctx context.Context, k pageKey, d *millrace.Document) (h Hide, late bool, err error) {
	if d.Settles.IsZero() || d.Settles.Partition != d.Position.Partition {
		return h, false, nil
	}
	if !s.pages.allRead {
		if err := s.pages.readWithdrawn(ctx, s.table); err != nil {
			return h, false, err
		}
	}
	h = Hide{Offset: d.Position.Offset}
	if w, ok := s.pages.withdrawn[k]; ok && w.Offset > d.Settles.Offset {
		h.Reason, h.Of = w.Reason, w.Of
		return h, true, nil
	}
	newest, ok := s.pages.newest[k]
	h.Reason = millrace.Superseded
	return h, ok && newest > d.Settles.Offset && !s.o.KeepVersions, nil
}

// follow lets a document act on the older versions of its page: a version that is kept takes their place, and one
// that withdraws takes them out. Any other verdict leaves them alone.
func (s *Sink) follow(ctx context.Context, d *millrace.Document) (err error) {
	version := millrace.VersionKey(d.Page.Source, d.URLKey)
	kept, withdraws := d.Verdict.Kept(), d.Verdict.Withdraws()
	if version == "" || !kept && !withdraws {
		return nil
	}
	if s.pages == nil {
		if s.pages, err = readPages(ctx, s.table); err != nil {
			return err
		}
	}
	k, offset := keyOf(version), d.Position.Offset
	if withdraws {
		s.pages.withdrawn[k] = Hide{offset, d.Verdict.Reason, d.ID}
		s.hide(s.pages.remove(k), d.Verdict.Reason, d.ID)
		return nil
	}
	h, late, err := s.late(ctx, k, d)
	if err != nil {
		return err
	}
	if late {
		s.hide([]int64{h.Offset}, h.Reason, h.Of)
		return nil
	}
	if !s.o.KeepVersions {
		s.hide(s.pages.remove(k), millrace.Superseded, d.ID)
	}
	s.pages.add(k, offset)
	return nil
}

// hide notes rows that the open commit takes out.
func (s *Sink) hide(offsets []int64, r millrace.Reason, of millrace.ID) {
	for _, offset := range offsets {
		s.hides = append(s.hides, Hide{Offset: offset, Reason: r, Of: of})
		s.tally.Move(r)
	}
}
