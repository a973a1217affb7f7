package shards

import (
	"container/list"
	"context"
	"fmt"
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

// Text gives the text of the kept row at an offset of the mill's input. id must be its ID.
func (t *Table) Text(ctx context.Context, offset int64, id millrace.ID) (string, error) {
	f, ok := t.keptFile(offset)
	if !ok {
		return "", fmt.Errorf("text of offset %d: no committed file has it", offset)
	}
	g, err := t.textGroup(ctx, f, offset)
	if err != nil {
		return "", fmt.Errorf("text of offset %d: %w", offset, err)
	}
	i := sort.Search(len(g.offsets), func(i int) bool { return g.offsets[i] >= offset })
	if i == len(g.offsets) || g.offsets[i] != offset || g.ids[i] != id {
		return "", fmt.Errorf("text of offset %d: %s has no kept row %s there", offset, f.Name, id)
	}
	return g.texts[i], nil
}

// keptFile finds the file of kept rows whose range an offset lies in.
func (t *Table) keptFile(offset int64) (File, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	live := t.log[t.rebuilt:]
	i := sort.Search(len(live), func(i int) bool { return live[i].To > offset })
	if i == len(live) {
		return File{}, false
	}
	for _, f := range live[i].Files {
		if f.First <= offset && offset <= f.Last {
			return f, true
		}
	}
	return File{}, false
}

func (t *Table) textGroup(ctx context.Context, f File, offset int64) (*textGroup, error) {
	if g := t.texts.get(f.Name, offset); g != nil {
		return g, nil
	}
	r, err := openFile(t.dir, "data", f, []string{"text"})
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
