package crawl

import (
	"cmp"
	"container/heap"
	"errors"
	"slices"
	"strings"
	"time"

	"millrace"
)

// due is a known page in memory: when it is to be visited again, and where its latest visit stands in the
// frontier's log. Of its ID as much is kept as tells it from the other pages of its host.
type due struct {
	at  uint32 // Unix seconds
	tag uint32
	pos uint64 // the lower posBits; above them, more of the tag
}

const posBits = 40

func newDue(id urlID, at time.Time, pos int64) due {
	return due{at: uint32(at.Unix()), tag: uint32(id[0])<<24 | uint32(id[1])<<16 | uint32(id[2])<<8 | uint32(id[3]),
		pos: uint64(id[4])<<(posBits+16) | uint64(id[5])<<(posBits+8) | uint64(id[6])<<posBits | uint64(pos)}
}

func (d due) place() int64    { return int64(d.pos & (1<<posBits - 1)) }
func (d due) time() time.Time { return time.Unix(int64(d.at), 0) }

// name is what tells the page from others of its host.
func (d due) name() uint64 { return uint64(d.tag)<<24 | d.pos>>posBits }

// sameURL orders by URL.
func sameURL(a, b due) int { return cmp.Compare(a.name(), b.name()) }

// dues are the known pages of a host: a heap, the one due first on top. While a log is read they are a
// list, with older visits among them.
type dues struct {
	heap    []due
	ordered int // of the list: so many are in the order of URLs, each once
}

// note takes a visit from a log that is being read.
func (q *dues) note(d due) {
	q.heap = append(q.heap, d)
	if len(q.heap) > 2*q.ordered+1024 {
		q.newest()
	}
}

// newest keeps the latest visit of each URL.
func (q *dues) newest() {
	slices.SortFunc(q.heap, func(a, b due) int { return cmp.Or(sameURL(a, b), cmp.Compare(b.pos, a.pos)) })
	q.heap = slices.CompactFunc(q.heap, func(a, b due) bool { return sameURL(a, b) == 0 })
	q.ordered = len(q.heap)
}

// ready makes the list a heap.
func (q *dues) ready() {
	q.newest()
	q.heap, q.ordered = append(make([]due, 0, len(q.heap)), q.heap...), 0 // the list had room for older visits
	heap.Init(q)
}

// Len implements heap.Interface.
func (q *dues) Len() int { return len(q.heap) }

// Less implements heap.Interface. Of pages due at once the one visited longest ago comes first.
func (q *dues) Less(i, j int) bool {
	a, b := q.heap[i], q.heap[j]
	return a.at < b.at || a.at == b.at && a.place() < b.place()
}

// Swap implements heap.Interface.
func (q *dues) Swap(i, j int) { q.heap[i], q.heap[j] = q.heap[j], q.heap[i] }

// Push implements heap.Interface.
func (q *dues) Push(x any) { q.heap = append(q.heap, x.(due)) }

// Pop implements heap.Interface.
func (q *dues) Pop() any {
	n := len(q.heap) - 1
	d := q.heap[n]
	q.heap = q.heap[:n]
	return d
}

// visiting is a known page that the scheduler has.
type visiting struct {
	host *hostState
	due  due
}

// visited notes when the page of a visit is due again.
func (f *frontier) visited(e *event, pos int64) {
	if f.recrawl == nil || e.url == "" {
		return
	}
	h, d := f.host(authorityOf(e.url)), newDue(e.id, f.recrawl.next(e.visit()), pos)
	if f.loading {
		h.dues.note(d)
	} else {
		delete(f.visiting, e.id)
		heap.Push(&h.dues, d)
	}
	if list := history(e.body).list(); e.flags&flagDated != 0 && len(list) > 0 {
		h.faith.judge(list[len(list)-1].changed, int64(e.when))
	}
	f.refresh(h)
}

// loaded ends the reading of logs: from now on each page is known by one visit.
func (f *frontier) loaded() {
	f.loading = false
	for _, h := range f.hosts {
		h.dues.ready()
	}
}

// takeDue gives a page of h that is due.
func (f *frontier) takeDue(h *hostState, now time.Time) (t task, ok bool, err error) {
	if h.dues.Len() == 0 || h.dues.heap[0].time().After(now) {
		return task{}, false, nil
	}
	d := heap.Pop(&h.dues).(due)
	e, err := f.at(d.place())
	if err != nil {
		return task{}, false, err
	}
	a, err := parseAddress(e.url, nil)
	if err != nil || e.kind != evFetched {
		return task{}, false, errors.Join(err, millrace.ErrIntegrity) // cannot happen: it was read from there
	}
	f.visiting[e.id] = visiting{h, d}
	last := e.visit()
	last.dated = h.dated[d.name()]
	delete(h.dated, d.name())
	for line := range strings.SplitSeq(e.text, "\n") {
		if s, ok := parseStatement(line); ok {
			last.said = append(last.said, s)
		}
	}
	return task{addr: a, id: e.id, depth: int(e.depth), hops: int(e.hops), alias: e.flags&flagAlias != 0, last: last}, true, nil
}

// putOff gives back a page that was not visited, to be due at another time.
func (f *frontier) putOff(id urlID, until time.Time) {
	v, ok := f.visiting[id]
	if !ok {
		return
	}
	delete(f.visiting, id)
	v.due.at = uint32(until.Unix())
	heap.Push(&v.host.dues, v.due)
	f.refresh(v.host)
}

// visitsBy makes a frontier that was loaded one that visits pages by r. It reports whether it can: by other
// settings pages would be due at other times, and without any nothing is known of them.
func (f *frontier) visitsBy(r *Recrawl) bool {
	if r == nil {
		for _, h := range f.hosts {
			h.dues = dues{}
		}
		f.recrawl = nil
		return true
	}
	return f.recrawl != nil && f.recrawl.Min == r.Min && f.recrawl.Max == r.Max
}

// codeDues writes the known pages of all hosts to a snapshot, or reads them from there, with the settings
// by which they are due.
func (f *frontier) codeDues(c *coder) {
	var least, most int64
	if f.recrawl != nil {
		least, most = int64(f.recrawl.Min), int64(f.recrawl.Max)
	}
	c.num(&least)
	c.num(&most)
	if most == 0 {
		return
	}
	if c.reading() {
		f.recrawl = &Recrawl{Min: time.Duration(least), Max: time.Duration(most)}
	}
	out := map[*hostState][]due{}
	for _, v := range f.visiting {
		out[v.host] = append(out[v.host], v.due)
	}
	for _, h := range f.hosts {
		c.num(&h.faith.right)
		c.num(&h.faith.wrong)
		c.num(&h.faith.until)
		list := append(slices.Clip(h.dues.heap), out[h]...)
		n := c.count(len(list), 3)
		if c.reading() {
			list = make([]due, n)
		}
		for i := range list {
			d := &list[i]
			at, tag, place := int64(d.at), int64(d.name()), d.place()
			c.num(&at)
			c.num(&tag)
			c.num(&place)
			*d = due{uint32(at), uint32(tag >> 24), uint64(tag)<<posBits | uint64(place)}
		}
		if c.reading() {
			h.dues.heap = list
		}
	}
}
