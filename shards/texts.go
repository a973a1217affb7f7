package shards

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"sync"

	"millrace"
)

// textCacheBytes is what the texts of the row groups read last may take; the newest stays in any case.
const textCacheBytes = 96 << 20

// textGroup is the texts of one row group.
type textGroup struct {
	key     groupKey
	offsets []int64
	ids     []millrace.ID
	texts   []string
	bytes   int64
}

type groupKey struct {
	file  string
	group int
}

// textCache keeps the row groups that were used last.
type textCache struct {
	limit int64

	mu    sync.Mutex
	bytes int64
	order list.List // of *textGroup, the newest in front
	byKey map[groupKey]*list.Element
	// firsts are the first offsets of a file's row groups: enough to find a text without the footer.
	firsts map[string][]int64
}

func newTextCache(limit int64) *textCache {
	return &textCache{limit: limit, byKey: map[groupKey]*list.Element{}, firsts: map[string][]int64{}}
}

// Text gives the text of the row at an offset of the mill's input that was kept, whether it is in the corpus
// still or not. id must be its ID.
func (t *Table) Text(ctx context.Context, offset int64, id millrace.ID) (string, error) {
	text, err := t.text(ctx, offset, id)
	if before := t.Version(); errors.Is(err, fs.ErrNotExist) && t.Update(ctx) == nil && t.Version() > before {
		text, err = t.text(ctx, offset, id) // the file was replaced meanwhile
	}
	if err != nil {
		return "", fmt.Errorf("text of offset %d: %w", offset, err)
	}
	return text, nil
}

func (t *Table) text(ctx context.Context, offset int64, id millrace.ID) (string, error) {
	for _, f := range t.keptFiles(offset) {
		g, err := t.textGroup(ctx, f.sub, f.File, offset)
		if err != nil {
			return "", err
		}
		i := sort.Search(len(g.offsets), func(i int) bool { return g.offsets[i] >= offset })
		if i < len(g.offsets) && g.offsets[i] == offset && g.ids[i] == id {
			return g.texts[i], nil
		}
	}
	return "", fmt.Errorf("no committed file has a row %s there that was kept", id)
}

// fileIn is a file with its folder.
type fileIn struct {
	File
	sub string
}

// keptFiles finds the files in whose range an offset lies, and which hold rows that were kept.
func (t *Table) keptFiles(offset int64) (list []fileIn) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	i, ok := t.entryAt(offset)
	if !ok {
		return nil
	}
	add := func(sub string, files []File) {
		for _, f := range files {
			if f.First <= offset && offset <= f.Last {
				list = append(list, fileIn{f, sub})
			}
		}
	}
	add("data", t.now[i].kept)
	add("rejects", t.now[i].moved)
	return list
}

func (t *Table) textGroup(ctx context.Context, sub string, f File, offset int64) (*textGroup, error) {
	if g := t.texts.get(f.Name, offset); g != nil {
		return g, nil
	}
	r, err := t.openFile(ctx, sub, f, []string{"text"})
	if err != nil {
		return nil, err
	}
	defer r.close()
	n := r.groupOf(offset)
	if n < 0 {
		return nil, fmt.Errorf("%s begins behind it", r.name)
	}
	rows, err := r.read(ctx, n)
	if err != nil {
		return nil, err
	}
	g := &textGroup{key: groupKey{f.Name, n}}
	for i := range rows {
		g.offsets, g.ids, g.texts = append(g.offsets, rows[i].Offset), append(g.ids, rows[i].MID), append(g.texts, rows[i].Text)
		g.bytes += int64(len(rows[i].Text)) + 48
	}
	t.texts.put(g, r.firsts)
	return g, nil
}

func (c *textCache) get(file string, offset int64) *textGroup {
	c.mu.Lock()
	defer c.mu.Unlock()
	firsts := c.firsts[file]
	n := sort.Search(len(firsts), func(i int) bool { return firsts[i] > offset }) - 1
	el := c.byKey[groupKey{file, n}]
	if el == nil {
		return nil
	}
	c.order.MoveToFront(el)
	return el.Value.(*textGroup)
}

func (c *textCache) put(g *textGroup, firsts []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[g.key]; ok {
		return // somebody else has read it meanwhile
	}
	c.firsts[g.key.file] = firsts
	c.byKey[g.key] = c.order.PushFront(g)
	c.bytes += g.bytes
	for c.bytes > c.limit && c.order.Len() > 1 {
		old := c.order.Remove(c.order.Back()).(*textGroup)
		delete(c.byKey, old.key)
		c.bytes -= old.bytes
	}
}
