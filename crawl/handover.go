package crawl

import (
	"encoding/binary"
	"strings"
)

// Handover is a link on its way to the crawl worker that owns its domain.
type Handover struct {
	URL     string
	Depth   int  // links from a seed or a sitemap's entry
	Hops    int  // redirects that led to it
	Sitemap bool // a sitemap, and Depth is how many indexes are above it
}

// share is a worker's part of the web: the registrable domains that fall to it.
type share struct{ worker, workers int }

// owner is the worker that a host belongs to. It is a function of the domain's name and of how many
// workers there are, for ever.
func (s share) owner(host string) int {
	if s.workers <= 1 {
		return 0
	}
	id := idOf(strings.TrimSuffix(registrable(host), "."))
	return int(binary.BigEndian.Uint64(id[:]) % uint64(s.workers))
}

// mine reports whether this worker owns an address.
func (s share) mine(a address) bool { return s.owner(a.host) == s.worker }

// handOver notes a link of another worker's domain. It waits in the log, which knows it before it knows
// that the page was fetched, until the other worker's partition has it.
func (f *frontier) handOver(a address, h Handover) {
	e := event{kind: evHanded, id: idOf(a.key), url: a.fetch, depth: uint64(h.Depth), hops: uint64(h.Hops), worker: uint64(f.share.owner(a.host))}
	if h.Sitemap {
		e.id, e.flags = idOf("sitemap:"+a.fetch), flagSitemap
	}
	if f.seen.get(e.id) == stateUnknown {
		f.record(e)
	}
}

// parcel is a batch of links for one worker.
type parcel struct {
	to    int
	links []Handover
	next  int64 // place in the log behind the last of them
}

const maxParcel = 500 // links

// nextParcel gathers what is to be sent to one worker, who takes his turn after the one before; ok is false
// where there is nothing.
func (f *frontier) nextParcel(before int) (p parcel, ok bool, err error) {
	for i := range f.outbox {
		p.to = (before + 1 + i) % len(f.outbox)
		q := &f.outbox[p.to]
		if q.len() == 0 {
			continue
		}
		for pos := range q.all() {
			e, err := f.at(pos)
			if err != nil {
				return p, false, err
			}
			p.links = append(p.links, Handover{URL: e.url, Depth: int(e.depth), Hops: int(e.hops), Sitemap: e.flags&flagSitemap != 0})
			if p.next = pos + 1; len(p.links) >= maxParcel {
				break
			}
		}
		return p, true, nil
	}
	return p, false, nil
}

// post is the queue of what is to be sent to a worker. A damaged log cannot make it long.
func (f *frontier) post(worker uint64) *offsets {
	worker = min(worker, maxWorkers)
	if n := int(worker) + 1; n > len(f.outbox) {
		f.outbox = append(f.outbox, make([]offsets, n-len(f.outbox))...)
	}
	return &f.outbox[worker]
}
