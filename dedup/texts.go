package dedup

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// segmentSize is where a scratch file is full. A file goes when none of its texts is needed any more.
const segmentSize = 64 << 20

// texts gives the text of any kept document: from memory while it was used lately, else from a scratch
// file until it is committed, and from the corpus afterwards.
type texts struct {
	corpus Texts
	dir    string
	limit  int64                   // bytes in memory
	entry  func(ord uint32) *entry // of the index
	below  func(next int64) uint32 // number of documents before an offset

	recent    list.List // of recentText, the latest used in front
	byOrd     map[uint32]*list.Element
	size      int64
	committed uint32 // ordinals below are in the corpus
	spilled   map[uint32]place
	segment   *segment // the one being written
	made      int
	temporary bool // dir was made here
}

type recentText struct {
	ord  uint32
	text string
}

// place is where a spilled text lies.
type place struct {
	*segment
	offset int64
	length int
}

// segment is one scratch file.
type segment struct {
	f    *os.File
	size int64
	live int
}

const (
	segmentPrefix = "texts-"
	segmentSuffix = ".tmp"
)

// open starts empty. The scratch files of a process that was killed hold nothing that is not made again.
func (t *texts) open() error {
	t.byOrd, t.spilled = map[uint32]*list.Element{}, map[uint32]place{}
	if t.dir == "" {
		return nil
	}
	old, err := os.ReadDir(t.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("dedup: scratch folder: %w", err)
	}
	for _, e := range old {
		if strings.HasPrefix(e.Name(), segmentPrefix) && strings.HasSuffix(e.Name(), segmentSuffix) {
			if err := os.Remove(filepath.Join(t.dir, e.Name())); err != nil {
				return fmt.Errorf("dedup: scratch folder: %w", err)
			}
		}
	}
	return nil
}

// put takes the text of a document that was kept just now.
func (t *texts) put(ord uint32, text string) error {
	t.remember(ord, text)
	return t.shrink()
}

func (t *texts) remember(ord uint32, text string) {
	t.byOrd[ord] = t.recent.PushFront(recentText{ord, text})
	t.size += int64(len(text))
}

// shrink moves the texts that were not used for longest out of memory.
func (t *texts) shrink() error {
	for t.size > t.limit {
		e := t.recent.Back()
		r := e.Value.(recentText)
		if _, ok := t.spilled[r.ord]; !ok && r.ord >= t.committed {
			if err := t.spill(r); err != nil {
				return err
			}
		}
		t.recent.Remove(e)
		delete(t.byOrd, r.ord)
		t.size -= int64(len(r.text))
	}
	return nil
}

// spill writes a text to the scratch file.
func (t *texts) spill(r recentText) error {
	if t.segment == nil || t.segment.size >= segmentSize {
		if err := t.newSegment(); err != nil {
			return fmt.Errorf("dedup: make scratch file: %w", err)
		}
	}
	s := t.segment
	if _, err := s.f.WriteAt([]byte(r.text), s.size); err != nil {
		return fmt.Errorf("dedup: write scratch file: %w", err)
	}
	t.spilled[r.ord] = place{s, s.size, len(r.text)}
	s.size += int64(len(r.text))
	s.live++
	return nil
}

func (t *texts) newSegment() error {
	if t.dir == "" {
		dir, err := os.MkdirTemp("", "millrace-dedup-*")
		if err != nil {
			return err
		}
		t.dir, t.temporary = dir, true
	}
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return err
	}
	t.made++
	name := fmt.Sprintf("%s%08d%s", segmentPrefix, t.made, segmentSuffix)
	f, err := os.OpenFile(filepath.Join(t.dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	full := t.segment
	t.segment = &segment{f: f}
	if full != nil && full.live == 0 {
		return full.remove()
	}
	return nil
}

func (s *segment) remove() error { return errors.Join(s.f.Close(), os.Remove(s.f.Name())) }

// get finds a text.
func (t *texts) get(ctx context.Context, ord uint32) (string, error) {
	if e, ok := t.byOrd[ord]; ok {
		t.recent.MoveToFront(e)
		return e.Value.(recentText).text, nil
	}
	text, err := t.fetch(ctx, ord)
	if err != nil {
		e := t.entry(ord)
		return "", fmt.Errorf("dedup: text of %s at offset %d: %w", e.id, e.offset, err)
	}
	t.remember(ord, text)
	return text, t.shrink()
}

func (t *texts) fetch(ctx context.Context, ord uint32) (string, error) {
	if p, ok := t.spilled[ord]; ok {
		b := make([]byte, p.length)
		if _, err := p.f.ReadAt(b, p.offset); err != nil {
			return "", fmt.Errorf("read scratch file: %w", err)
		}
		return string(b), nil
	}
	e := t.entry(ord)
	return t.corpus.Text(ctx, e.offset, e.id)
}

// commit lets go of the scratch copies of texts that the corpus has now.
func (t *texts) commit(next int64) error {
	if t.corpus == nil {
		return nil
	}
	t.committed = max(t.committed, t.below(next))
	var errs []error
	for ord, p := range t.spilled {
		if ord >= t.committed {
			continue
		}
		delete(t.spilled, ord)
		if p.live--; p.live > 0 {
			continue
		}
		if p.segment == t.segment {
			t.segment = nil
		}
		errs = append(errs, p.remove())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("dedup: remove scratch file: %w", err)
	}
	return nil
}

// close forgets everything and removes the scratch files.
func (t *texts) close() error {
	var errs []error
	done := map[*segment]bool{nil: true}
	remove := func(s *segment) {
		if !done[s] {
			done[s] = true
			errs = append(errs, s.remove())
		}
	}
	remove(t.segment)
	for _, p := range t.spilled {
		remove(p.segment)
	}
	if t.temporary {
		errs = append(errs, os.Remove(t.dir))
	}
	*t = texts{}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("dedup: remove scratch files: %w", err)
	}
	return nil
}
