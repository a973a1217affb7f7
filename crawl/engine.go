package crawl

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"millrace"
)

// Bounds on what is under way.
const (
	maxPending  = 1024     // Documents that nobody has read yet
	maxUnstored = 512      // captures on their way into the archive
	maxInMemory = 64 << 20 // bytes of their bodies
)

// How often, while something happens, the counts are shown and the frontier's log is made durable.
const (
	showEvery = 250 * time.Millisecond
	syncEvery = time.Second
)

// engine is one run of the crawl: a loop that owns the frontier and the schedule, workers that do one
// job each, and the archiver. Everything that waits, waits in the loop.
type engine struct {
	opts  *Options
	log   *slog.Logger
	scope *scope
	front *frontier
	work  *worker
	guard *guard

	schedule *schedule
	mapsSeen map[urlID]bool
	visits   ration              // of known pages
	wanted   map[string][]wanted // files that hosts wait for, by URL
	counts   Counts              // requests and bytes
	shown    *atomic.Pointer[Counts]
	turns    *atomic.Pointer[[]HostTime] // shown too
	verdicts *verdicts

	ctx     context.Context
	results chan result
	archive chan *capture
	groups  chan group
	out     chan *millrace.Document

	busy          int           // workers
	pages         int           // pages among their jobs
	unwritten     *atomic.Int64 // the archiver's: captures that are not yet in a file
	wrote         <-chan struct{}
	unstored      int // captures that are not yet durable
	unstoredBytes int64
	parked        int64
	held          int // captures that wait for a document
	heldBytes     int64
	pending       []*millrace.Document
	unjudged      int       // Documents handed on of which nothing has been heard yet
	heard         time.Time // when something was
	workers       sync.WaitGroup
	broken        error // the frontier cannot be read

	peers   *peers
	handing bool // links to another worker
	handed  int  // who got some last
	idle    bool // nothing is left to do, unless another worker has something for us
}

// run crawls until nothing is left to do, or ctx ends. It closes e.out.
func (e *engine) run(ctx context.Context, a *archiver) (err error) {
	defer close(e.out)
	var stop context.CancelFunc
	e.ctx, stop = context.WithCancel(ctx)
	defer stop()
	e.results = make(chan result, e.opts.Concurrency)
	e.archive = make(chan *capture, maxUnstored+e.opts.Concurrency+maxHeld)
	e.groups = make(chan group, 1)
	e.unwritten, e.wrote = &a.unwritten, a.wrote
	go a.run(e.ctx, e.archive, e.groups)
	e.schedule = newSchedule(e.opts.Delay, e.opts.PerIPDelay, budget{e.opts.MaxPagesPerHost, e.opts.MaxPagesPerDomain})
	if e.front.resumed {
		e.schedule.resumed = time.Now()
	}
	e.mapsSeen, e.wanted = map[urlID]bool{}, map[string][]wanted{}
	if e.opts.Recrawl != nil {
		e.visits.perDay = e.opts.Recrawl.PerDay
	}
	e.enqueueWaiting()
	if err = e.restoreSitemaps(); err == nil {
		err = e.withPeers()
	}
	if n := e.front.counts.Waiting; err == nil && n > 0 && !e.enough() {
		e.log.Warn("hosts could not be asked; the next run asks them again", "urls", n)
	}
	stop()
	for e.busy > 0 {
		e.settle(<-e.results)
	}
	e.workers.Wait()
	close(e.archive)
	for g := range e.groups {
		if err2 := e.settleGroup(g); err == nil {
			err = err2
		}
	}
	if err2 := e.front.sync(); err == nil {
		err = err2
	}
	e.show()
	return err
}

// withPeers is loop, while the other workers are listened to.
func (e *engine) withPeers() (err error) {
	ctx, stop := context.WithCancel(e.ctx)
	if e.peers, err = startPeers(ctx, e.opts, e.front.received); err == nil {
		if err = e.loop(); err == nil {
			err = e.end()
		}
	}
	stop()
	if e.peers != nil {
		e.peers.running.Wait()
	}
	return err
}

// loop is the heart: one event after the other.
func (e *engine) loop() error {
	wake, tick := time.NewTimer(time.Hour), time.NewTimer(showEvery)
	defer wake.Stop()
	defer tick.Stop()
	ticking, synced := true, time.Now()
	for {
		if err := e.takeVerdicts(); err != nil {
			return err
		}
		next, more := e.dispatch(time.Now())
		if e.hand(); e.broken != nil {
			return e.broken
		}
		if !more && e.quiet() && !e.forEver() {
			if e.awaits(time.Now()) {
				next = time.Now().Add(showEvery)
			} else if over, err := e.rest(); over || err != nil {
				return err
			}
		}
		if err := e.front.log.flush(); err != nil {
			return err
		}
		wake.Reset(time.Until(next))
		var out chan *millrace.Document
		var first *millrace.Document
		if len(e.pending) > 0 {
			out, first = e.out, e.pending[0]
		}
		select {
		case r := <-e.results:
			e.settle(r)
		case g := <-e.groups:
			if err := e.settleGroup(g); err != nil {
				return err
			}
		case n := <-e.peers.notes:
			if over, err := e.hear(n); over || err != nil {
				return err
			}
		case out <- first:
			e.pending[0] = nil
			e.unjudged++
			e.heard = time.Now()
			e.pending = e.pending[1:]
		case <-wake.C:
			continue
		case <-e.wrote:
			continue
		case <-tick.C:
			e.show()
			if ticking = e.front.log.dirty; time.Since(synced) >= syncEvery {
				if err := e.front.sync(); err != nil {
					return err
				}
				ticking, synced = false, time.Now()
			}
			if ticking {
				tick.Reset(showEvery)
			}
			continue
		case <-e.ctx.Done():
			return context.Cause(e.ctx)
		}
		if !ticking { // a crawl that only waits has no need of a clock
			tick.Reset(showEvery)
			ticking = true
		}
	}
}

// quiet reports whether nothing is under way and everything has been read.
func (e *engine) quiet() bool {
	return e.busy == 0 && e.unstored == 0 && len(e.pending) == 0
}

// show publishes the counts.
func (e *engine) show() {
	c := e.front.counts
	c.Frozen, c.Unfollowed = e.front.yields.counts()
	c.Requests, c.Bytes = e.counts.Requests, e.counts.Bytes
	in := &e.schedule.places
	c.Hosts = HostCounts{Ready: in[inReady], InFlight: in[inFlight], Waiting: in[inHeap] + in[inLane], Away: in[inAway], Parked: e.parked}
	turns := e.schedule.next()
	e.turns.Store(&turns)
	e.shown.Store(&c)
	if e.opts.Progress != nil {
		e.opts.Progress(c)
	}
}

// full reports whether a bound forbids to ask for more. A capture is under way until it is written: a kill
// makes us fetch no more than Concurrency pages again.
func (e *engine) full() bool {
	return e.busy+int(e.unwritten.Load()) >= e.opts.Concurrency || len(e.pending) >= maxPending || e.unstored >= maxUnstored || e.unstoredBytes >= maxInMemory
}

// enough reports whether max_pages are fetched or under way.
func (e *engine) enough() bool {
	return e.opts.MaxPages > 0 && e.front.counts.Fetched+int64(e.pages+e.held+e.unstored) >= int64(e.opts.MaxPages)
}

// dispatch starts every job that may start now. It returns when to look again, and whether there is
// anything left to look for.
func (e *engine) dispatch(now time.Time) (next time.Time, more bool) {
	if e.idle {
		return now.Add(time.Hour), false
	}
	e.limit()
	for !e.full() && (!e.enough() || e.forEver()) && e.broken == nil {
		next, more = e.schedule.advance(now)
		if len(e.schedule.ready) == 0 {
			return next, more
		}
		h := e.schedule.pop(&e.schedule.ready)
		if t, line, ok := e.pick(h, now); ok {
			e.start(h, t, line)
		} else {
			e.schedule.release(h, now)
		}
	}
	return now.Add(time.Hour), !e.enough() // what is under way will wake the loop
}

// pick chooses what to ask h for next. URLs that its rules close end here.
func (e *engine) pick(h *host, now time.Time) (t task, line string, ok bool) {
	if h.next.After(now) {
		return task{}, "", false
	}
	if h.refused == nil && (!h.addr.IsValid() || now.Sub(h.resolved) > resolveTTL) {
		return task{kind: taskResolve}, "", true
	}
	for t, ok := h.takeErrand(now); ok; t, ok = h.takeErrand(now) {
		if h.refused == nil {
			return t, "", true
		}
		e.unruled(t.owner, h.refused)
	}
	if !h.ruled(now) {
		if h.asked {
			return task{}, "", false
		}
		a, err := parseAddress(h.authority+"/robots.txt", nil)
		if err != nil {
			e.refuseHost(h, err) // cannot happen: the authority is part of a URL that was parsed
			return task{}, "", false
		}
		h.asked = true
		return task{kind: taskRobots, addr: a, owner: h}, "", true
	}
	return e.pickWork(h, now)
}

// pickWork chooses among what the rules of h decide upon.
func (e *engine) pickWork(h *host, now time.Time) (t task, line string, ok bool) {
	for {
		if t, ok = e.takeWork(h, now); !ok {
			return task{}, "", false
		}
		if h.refused != nil {
			e.drop(t, h.refused)
			continue
		}
		if t.kind == taskPage && t.depth > 0 && t.last == nil {
			if why := e.front.yields.stops(t.addr, false); why != "" {
				e.refuse(t, millrace.CrawlTrap, why, 0)
				continue
			}
		}
		allowed, rule, number, cited := h.allowed(t.addr)
		switch {
		case allowed && t.kind == taskPage && !h.informed(now):
			h.again(t, now)
			e.inform(h)
		case allowed:
			return t, cited, true
		case t.last != nil:
			e.front.putOff(t.id, now.Add(maxRulesTTL)) // its rows stay; another robots.txt may open it again
		case t.kind == taskPage:
			e.refuse(t, millrace.RobotsDisallow, rule, number)
		case t.kind == taskFile:
			e.concludeFile(t.file, http.StatusForbidden, nil)
		}
	}
}

// takeWork takes what h is to be asked next: first files that pages wait for, then what was asked before
// and postponed, sitemaps, new pages, and known ones.
func (e *engine) takeWork(h *host, now time.Time) (t task, ok bool) {
	if t, ok = takeDue(&h.fileTasks, now); ok {
		return t, true
	}
	if t, ok = h.takeWork(now); ok || h.files.pending > 0 || e.broken != nil {
		return t, ok
	}
	if !e.enough() {
		if t, ok, e.broken = e.front.take(h.state); ok || e.broken != nil {
			return t, ok
		}
	}
	return e.takeDue(h, now)
}

// drop ends a task of a host that the guard refuses.
func (e *engine) drop(t task, why error) {
	switch t.kind {
	case taskPage:
		e.fail(t, t.attempts, why)
	case taskFile:
		e.concludeFile(t.file, 0, nil)
	default:
		e.front.record(event{kind: evSitemap, url: t.addr.fetch, when: uint64(time.Now().Unix()), text: clip(why.Error())})
	}
}

func (e *engine) start(h *host, t task, line string) {
	e.busy++
	switch t.kind {
	case taskPage:
		if t.last == nil {
			e.pages++
		}
		fallthrough
	case taskRobots, taskSitemap, taskFile:
		e.counts.Requests++
		h.spend()
	}
	j := job{task: t, host: h, addr: h.addr, name: h.name, port: h.port, rules: h.usage, site: h.files.said, line: line,
		last: h.pace.delay() > idleTimeout, condition: t.last.condition(e.opts.ConsentPolicy)}
	e.schedule.move(h, inFlight)
	e.workers.Go(func() { e.results <- e.work.do(e.ctx, j) })
}

// host finds a URL's host in the schedule. A literal address needs no name server.
func (e *engine) host(a address) *host {
	h, isNew := e.schedule.host(a)
	if !isNew {
		return h
	}
	h.state = e.front.host(h.authority)
	if addr, err := netip.ParseAddr(h.name); err == nil {
		if h.refused = e.guard.check(netip.AddrPortFrom(addr, h.port)); h.refused == nil {
			h.addr, h.resolved = addr.Unmap(), time.Now().AddDate(100, 0, 0)
		}
	}
	if entry, ok, err := e.front.rules(h.state); err != nil {
		e.broken = err
	} else if ok {
		e.giveRules(h, entry) // where they are too old, they hold until new ones can be had
	}
	if t, err := e.front.trouble(h.state); err != nil {
		e.broken = err
	} else {
		h.trouble.since = t.Since // it is asked again at once, but not for another month
	}
	h.next = later(h.next, e.notBefore(h))
	h.away = time.Until(h.next) > maxPause
	return h
}

// notBefore is when h may be asked at the earliest, for what an earlier process did: its last request may
// have been answered as it died, or the host may have asked for a pause.
func (e *engine) notBefore(h *host) time.Time {
	at := time.Unix(h.state.closed, 0)
	if began := e.schedule.resumed; !began.IsZero() {
		at = later(at, began.Add(h.pace.delay()+margin(h.pace.delay())))
	}
	return at
}

// enqueueWaiting tells the schedule which hosts have got URLs.
func (e *engine) enqueueWaiting() {
	now := time.Now()
	for _, state := range e.front.takeFresh() {
		if a, err := parseAddress(state.authority+"/", nil); err == nil {
			e.schedule.touch(e.host(a), now)
		}
	}
}

// restoreSitemaps takes up those that others name and that an earlier process has not read.
func (e *engine) restoreSitemaps() error {
	for _, pos := range slices.Sorted(maps.Values(e.front.nested)) {
		m, err := e.front.at(pos)
		if err != nil {
			return err
		}
		if a, err := parseAddress(m.url, nil); err == nil {
			e.addSitemap(a, int(m.depth), sitemapID(a))
		}
	}
	return nil
}
