package crawl

import (
	"millrace"
)

// origin is where a URL was found.
type origin struct {
	seed     bool
	handed   bool // over by another worker; depth and hops are the URL's own
	sitemap  bool
	page     address // the page that leads there, where it is one
	depth    int     // of that page
	hops     int     // redirects that led to that page
	redirect bool
}

// admit takes a URL into the frontier, unless it is known or out of scope. A URL whose address
// alone makes it a trap is taken in and refused.
// It reports whether it is to be fetched.
func (f *frontier) admit(s *scope, a address, from origin) bool {
	if !from.seed && !s.contains(a) {
		return false
	}
	e := event{kind: evDiscovered, id: idOf(a.key), url: a.fetch}
	switch {
	case from.seed:
		e.flags = flagSeed
	case from.handed:
		e.depth, e.hops = uint64(from.depth), uint64(from.hops)
	case from.sitemap:
		e.flags = flagSitemap
	case from.redirect:
		e.depth, e.hops = uint64(from.depth), uint64(from.hops+1)
		if a.key == from.page.key {
			// A site that takes a tracking parameter off, say: the page is behind the redirect.
			if a.fetch == from.page.fetch {
				return false
			}
			e.id, e.flags = aliasID(a), flagAlias
		}
	default:
		e.depth = uint64(from.depth + 1)
	}
	if !f.share.mine(a) {
		if !from.seed { // its owner has the seeds too
			f.handOver(a, Handover{Depth: int(e.depth), Hops: int(e.hops)})
		}
		return false
	}
	known := f.seen.get(e.id)
	if known != stateUnknown && known != stateTrapped {
		return false
	}
	if !from.seed && f.yields.stops(a, true) != "" {
		return false // the shape is what is written down
	}
	why := f.traps.refuse(a, int(e.depth))
	if e.hops > maxHops {
		why = "more than 5 redirects in a row"
	}
	if why == "" && from.page.fetch != "" {
		if e.text = f.traps.shape(from.page, a); e.text != "" && f.traps.count[e.text] >= shapeQuota*(1+f.traps.proved[e.text]) {
			e.flags |= flagHeld
		}
	}
	if why == "" {
		f.record(e)
		return true
	}
	if known == stateUnknown {
		f.record(event{kind: evRefused, id: e.id, url: e.url, reason: string(millrace.CrawlTrap), rule: why})
	}
	return false
}

// conclude takes in what a capture that is durable says: its URL is fetched, and leads on. It is the
// same whether the page has just been fetched or is found in the archive at start-up.
func (f *frontier) conclude(s *scope, c *capture, next int64) {
	t := c.task
	if f.seen.get(t.id) == stateUnknown { // the log's end was lost
		e := event{kind: evDiscovered, id: t.id, url: t.addr.fetch, depth: uint64(t.depth), hops: uint64(t.hops)}
		if t.alias {
			e.flags = flagAlias
		}
		f.record(e)
	}
	from := origin{page: t.addr, depth: t.depth, hops: t.hops, redirect: c.redirect}
	for _, a := range c.links {
		if f.admit(s, a, from) {
			f.yields.leads(t, a)
		}
	}
	// Last, because it says that the archive is known up to here.
	f.record(c.event(next))
}
