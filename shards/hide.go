package shards

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"millrace"
)

// Hide takes a kept row out of the corpus. It is part of a commit, and from there on our readers show the row as
// one that was dropped. A rewrite carries it from data/ to rejects/ later, for everybody else (rewrite.go).
type Hide struct {
	Offset int64 // of the row, which names it for ever
	Reason millrace.Reason
	// Of is the document that took the row's place, or that withdrew it; zero for a version that came too late.
	Of millrace.ID
}

// withdrawn tells what was taken out for good from what only was replaced.
func (h Hide) withdrawn() bool { return h.Reason != millrace.Superseded }

// stageVersions is the stage of the verdict that a hidden row has.
const stageVersions = "versions"

// apply gives a kept row the verdict that took it out.
func (h Hide) apply(r *Row) {
	r.Moved = true
	r.Verdict = millrace.Verdict{Reason: h.Reason, Stage: stageVersions, Of: h.Of}
}

// hiddenRows are the hides of one reason, as an entry of the log has them.
type hiddenRows struct {
	Reason  millrace.Reason `json:"reason"`
	Offsets []int64         `json:"offsets"`
	Of      []string        `json:"of"` // "" where there is none
}

// encodeHides groups by reason. The hides stand in the order of their offsets.
func encodeHides(hides []Hide) []hiddenRows {
	var list []hiddenRows
	for _, h := range hides {
		i := slices.IndexFunc(list, func(x hiddenRows) bool { return x.Reason == h.Reason })
		if i < 0 {
			i = len(list)
			list = append(list, hiddenRows{Reason: h.Reason})
		}
		of := ""
		if !h.Of.IsZero() {
			of = h.Of.String()
		}
		list[i].Offsets, list[i].Of = append(list[i].Offsets, h.Offset), append(list[i].Of, of)
	}
	slices.SortFunc(list, func(a, b hiddenRows) int { return cmp.Compare(a.Reason, b.Reason) })
	return list
}

func decodeHides(list []hiddenRows) ([]Hide, error) {
	var hides []Hide
	for _, x := range list {
		if x.Reason == "" || len(x.Of) != len(x.Offsets) {
			return nil, fmt.Errorf("%d hidden rows for %q, %d of their documents", len(x.Offsets), x.Reason, len(x.Of))
		}
		for i, offset := range x.Offsets {
			h := Hide{Offset: offset, Reason: x.Reason}
			if x.Of[i] != "" {
				var err error
				if h.Of, err = millrace.ParseID(x.Of[i]); err != nil {
					return nil, err
				}
			}
			hides = append(hides, h)
		}
	}
	slices.SortFunc(hides, func(a, b Hide) int { return cmp.Compare(a.Offset, b.Offset) })
	for i := range hides {
		if hides[i].Offset < 0 || i > 0 && hides[i].Offset == hides[i-1].Offset {
			return nil, fmt.Errorf("offset %d is hidden twice, or no offset", hides[i].Offset)
		}
	}
	return hides, nil
}

// parts are the files in which the rows of one entry stand now. Slices are replaced, never changed.
type parts struct {
	kept    []File   // in data/: of the entry itself, or of the rewrite that took its place
	rejects []File   // in rejects/: of the entry itself
	moved   []File   // in rejects/: what was kept once, carried there by rewrites
	hidden  []hidden // rows of kept that are hidden and not carried over yet, by offset
}

type hidden struct {
	Hide
	since time.Time // Table.clock of the commit that hid it
}

// find gives the hide of an offset.
func (p *parts) find(offset int64) (Hide, bool) {
	i, ok := slices.BinarySearchFunc(p.hidden, offset, func(h hidden, o int64) int { return cmp.Compare(h.Offset, o) })
	if !ok {
		return Hide{}, false
	}
	return p.hidden[i].Hide, true
}

// rows counts the rows that are in the corpus, and the others.
func (p *parts) rows() (kept, rejects int64) {
	for _, f := range p.kept {
		kept += f.Rows
	}
	for _, f := range slices.Concat(p.rejects, p.moved) {
		rejects += f.Rows
	}
	n := int64(len(p.hidden))
	return kept - n, rejects + n
}

// commit is an entry with the files that hold its rows now.
type commit struct {
	*Entry
	parts
}

// take adds the next entry to the table.
func (t *Table) take(e *Entry) {
	p := parts{kept: e.Files, rejects: e.Rejects}
	switch {
	case e.Operation == opRebuild:
		t.rebuilt, t.clock = len(t.log), time.Time{}
	case e.Operation == opRewrite:
		p = parts{}
		t.replace(e)
	case e.Time.After(t.clock):
		t.clock = e.Time
	}
	t.log, t.now = append(t.log, e), append(t.now, p)
	for hides := e.hides; len(hides) > 0; {
		n := 1
		if i, ok := t.entryAt(hides[0].Offset); ok {
			for n < len(hides) && hides[n].Offset < t.log[i].To {
				n++
			}
			t.hide(i, hides[:n])
		}
		hides = hides[n:]
	}
	if len(e.hides) > 0 { // a table that is kept fresh has ever more of them; the rewritten rows tell it too
		e.hid, e.hides = true, nil
	}
}

// hide notes rows of entry i.
func (t *Table) hide(i int, hides []Hide) {
	list := slices.Clone(t.now[i].hidden)
	for _, h := range hides {
		list = append(list, hidden{h, t.clock})
	}
	slices.SortFunc(list, func(a, b hidden) int { return cmp.Compare(a.Offset, b.Offset) })
	t.now[i].hidden = list
}

// entryAt finds the entry of the table, by its place in the log, whose offsets the given one lies among.
func (t *Table) entryAt(offset int64) (i int, ok bool) {
	i = t.rebuilt + sort.Search(len(t.log)-t.rebuilt, func(i int) bool { return t.log[t.rebuilt+i].To > offset })
	return i, i < len(t.log) && t.log[i].From <= offset
}

// commits gives the entries of the table with their files, the oldest first.
func (t *Table) commits() []commit {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var list []commit
	for i := t.rebuilt; i < len(t.log); i++ {
		list = append(list, commit{t.log[i], t.now[i]})
	}
	return list
}

// commit gives one entry, by its number, as commits does.
func (t *Table) commit(version int64) commit {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return commit{t.log[version], t.now[version]}
}

// replace puts the files of a rewrite in the place of those that it was made from.
func (t *Table) replace(e *Entry) {
	for _, name := range e.removed {
		if i, ok := t.entryAt(partFirst(name)); ok {
			t.now[i].kept, t.now[i].moved, t.now[i].hidden = nil, nil, nil
		}
	}
	for _, f := range e.Files {
		if i, ok := t.entryAt(f.First); ok {
			t.now[i].kept = []File{f}
		}
	}
	for _, f := range e.Rejects {
		if i, ok := t.entryAt(f.First); ok {
			t.now[i].moved = []File{f}
		}
	}
}
