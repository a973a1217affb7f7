package crawl

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"millrace"
	"millrace/internal/durable"
)

// state is where a URL stands. Each known URL is in exactly one; the seen table has room for seven.
type state uint8

const (
	stateUnknown state = iota
	stateWaiting
	stateFetched
	stateRefused
	stateTrapped // refused as a trap; taken in again when the site lists it elsewhere
	stateFailed
	stateHeld   // waits for its shape to prove its worth
	stateHanded // another worker's, and it has been told
)

// task is one thing to ask a host for.
type task struct {
	kind     taskKind
	addr     address
	id       urlID
	depth    int
	hops     int
	alias    bool
	attempts int       // requests that brought no final answer
	waits    int       // answers that said "later"
	at       time.Time // not before
	owner    *host     // of a robots task: whose rules are asked for
	nesting  int       // of a sitemap: indexes above it
	root     urlID     // of a sitemap: the one that a robots.txt names
	last     *visit    // of a page that is known; nil: it is new
	file     string    // of a file task: the URL that is wanted, which may redirect
}

type taskKind uint8

const (
	taskPage taskKind = iota
	taskRobots
	taskFile
	taskSitemap
	taskResolve
)

// frontier knows every URL and writes down what becomes of it. Its state is a function of its log.
//
// The log is also where things are kept: in memory a known URL is an entry of the seen table, and one
// that waits is besides that its place in the log, in the queue of its host. take reads it back when
// its turn has come, as does at for any other event of which somebody has kept the place.
//
//	record(event) place   writes an event down and applies it
//	at(place) event       reads it back
//	host(authority)       what is kept of a host; its queue is waiting
//	take(host) task       the next URL of that host; it still counts as waiting, until an event settles it
//	                      (refused and failed only by whoever took it: what lies in a queue stays there)
//	takeFresh() hosts     those that got URLs since it was last asked; after a start, all that have any
//
// A start reads the newest snapshot and the log behind it. What apply changes must stand in code
// (snapshot.go), or a snapshot forgets it.
type frontier struct {
	log      *eventLog
	covered  int64 // the newest snapshot holds what the log says up to here
	seen     *seenTable
	hosts    []*hostState // in the order of their discovery
	byHost   map[string]*hostState
	fresh    []*hostState
	taken    map[urlID]taken // with the scheduler
	files    map[urlID]int64 // the places of the last answers for files about the use of pages
	sitemaps map[urlID]int64 // when they were read, in Unix seconds
	nested   map[urlID]int64 // sitemaps that others name and that are not done: their places
	traps    traps
	yields   *yields
	counts   Counts
	next     int64 // the archive is known up to this position
	share    share
	outbox   []offsets // by worker: links that are still to be sent to it
	received int64     // offset up to which this worker knows what others sent to it
	resumed  bool      // an earlier process has asked some of the hosts

	recrawl  *Recrawl           // nil: no page is visited twice
	visiting map[urlID]visiting // with the scheduler, to be visited again
	loading  bool               // the log is being read, or the archive

	again map[urlID]int64 // trapped or held URLs that were taken in again; only while the log is read
}

// taken is a URL that the scheduler has.
type taken struct {
	host *hostState
	pos  int64
}

func newFrontier() *frontier {
	return &frontier{
		log:      &eventLog{},
		seen:     newSeenTable(),
		byHost:   map[string]*hostState{},
		taken:    map[urlID]taken{},
		files:    map[urlID]int64{},
		sitemaps: map[urlID]int64{},
		nested:   map[urlID]int64{},
		traps:    newTraps(),
		yields:   newYields(),
		visiting: map[urlID]visiting{},
	}
}

func frontierDir(dir string) string { return filepath.Join(dir, "state", "frontier") }

// frontierDirs lists the frontiers of a corpus: one, or one for each crawl worker.
func frontierDirs(dir string) ([]string, error) {
	some, err := filepath.Glob(frontierDir(dir) + "-*")
	return append([]string{frontierDir(dir)}, some...), err
}

// folder is where a worker's frontier stands.
func (s share) folder(dir string) string {
	if s.workers <= 1 {
		return frontierDir(dir)
	}
	return fmt.Sprintf("%s-%d", frontierDir(dir), s.worker)
}

// loadFrontier reads DIR's snapshot and the log behind it, and mends the log's end. Until loaded is called
// it goes on to learn what has been.
func loadFrontier(disk *durable.Disk, dir string, s share, recrawl *Recrawl) (*frontier, error) {
	l, err := openLog(disk, s.folder(dir))
	if err != nil {
		return nil, err
	}
	f, err := loadSnapshot(l)
	if err == nil && !f.visitsBy(recrawl) {
		f = newFrontier()
	}
	if err == nil && f.covered == 0 {
		err = l.dropSnapshot()
	}
	if err == nil {
		f.recrawl, f.loading = recrawl, true
		f.log, f.share = l, s
		err = f.replay()
	}
	if err != nil {
		l.f.Close()
		return nil, fmt.Errorf("open frontier %s: %w", l.folder, err)
	}
	return f, nil
}

// replay applies the log behind the snapshot. It reads it twice: once to see where each URL stands in the
// end, and once more to queue those that wait.
func (f *frontier) replay() error {
	f.again = map[urlID]int64{}
	good, err := f.catchUp()
	if err != nil {
		return err
	}
	f.resumed = good > logHead
	if err := f.log.mend(good); err != nil {
		return err
	}
	_, err = f.log.scan(f.covered, func(e *event, pos int64) error {
		if s := f.seen.get(e.id); e.kind == evDiscovered && (s == stateWaiting || s == stateHeld) && pos >= f.again[e.id] {
			f.push(e, pos)
		}
		if e.kind == evHanded {
			f.post(e.worker).push(pos)
		}
		if e.kind == evSent {
			f.apply(e, pos) // once more, now that what it speaks of is queued
		}
		return nil
	})
	f.again = nil
	for _, h := range f.hosts {
		f.refresh(h)
	}
	return err
}

// catchUp applies the log behind the snapshot, but for the queues, and returns where it ceases to hold.
func (f *frontier) catchUp() (good int64, err error) {
	return f.log.scan(f.covered, func(e *event, pos int64) error { f.apply(e, pos); return nil })
}

// record writes e down and applies it. It returns where e stands.
func (f *frontier) record(e event) (pos int64) {
	pos = f.log.add(&e)
	if f.apply(&e, pos) {
		f.push(&e, pos)
	}
	if e.kind == evHanded {
		f.post(e.worker).push(pos)
	}
	return pos
}

// at reads an event back from its place.
func (f *frontier) at(pos int64) (event, error) {
	e, err := f.log.at(pos)
	if errors.Is(err, errDamaged) {
		// Without the snapshot the next start sees the damage, and mends.
		err = fmt.Errorf("%w: start again, and it is mended from the archive: %w", err, millrace.ErrIntegrity)
		err = errors.Join(err, f.log.dropSnapshot())
	}
	return e, err
}

// apply moves the state, and reports whether a URL has begun to wait. Events that change nothing are
// passed over: a log whose end was lost and made again may repeat some.
func (f *frontier) apply(e *event, pos int64) (waits bool) {
	switch e.kind {
	case evDiscovered:
		return f.discover(e, pos)
	case evFetched:
		f.settle(e, stateFetched)
		f.visited(e, pos)
		f.next = max(f.next, int64(e.next))
	case evRefused:
		if e.reason == string(millrace.CrawlTrap) {
			f.settle(e, stateTrapped)
		} else {
			f.settle(e, stateRefused)
		}
	case evFailed:
		f.settle(e, stateFailed)
	case evRobots:
		f.host(e.url).rules = pos
	case evTrouble:
		if f.host(e.url).trouble = pos; e.text == "" {
			f.host(e.url).trouble = 0
		}
	case evFile:
		f.files[idOf(e.url)] = pos
	case evClosed:
		f.host(e.url).closed = int64(e.when)
	case evSitemap:
		f.sitemaps[idOf(e.url)] = int64(e.when)
		delete(f.nested, idOf(e.url))
	case evProved:
		f.traps.proved[e.url]++
	case evFrozen:
		f.yields.freeze(e.url, int64(e.attempts))
	case evHanded:
		f.seen.set(e.id, stateHanded)
	case evSent:
		f.post(e.worker).dropBelow(int64(e.next))
	case evReceived:
		f.received = int64(e.next)
	case evArchived:
		f.next = max(f.next, int64(e.next))
	case evNested:
		if _, read := f.sitemaps[idOf(e.url)]; !read {
			f.nested[idOf(e.url)] = pos
		}
	}
	return false
}

func (f *frontier) discover(e *event, pos int64) (waits bool) {
	switch f.seen.get(e.id) {
	case stateUnknown:
	case stateTrapped, stateHeld:
		if f.again != nil {
			f.again[e.id] = pos
		}
	default:
		return false
	}
	if e.text != "" {
		f.traps.count[e.text]++
	}
	if e.flags&flagHeld != 0 {
		f.move(e.id, stateHeld)
	} else {
		f.move(e.id, stateWaiting)
	}
	return true
}

// settle gives a waiting URL its end, or one that is known from this event only.
func (f *frontier) settle(e *event, to state) {
	was := f.seen.get(e.id)
	if was == stateWaiting || was == stateHeld || was == stateUnknown && e.url != "" {
		f.move(e.id, to)
		delete(f.taken, e.id)
	}
}

// move keeps the ledger while a URL changes its state.
func (f *frontier) move(id urlID, to state) {
	if from := f.seen.get(id); from == stateUnknown {
		f.counts.Discovered++
	} else {
		*f.counter(from)--
	}
	*f.counter(to)++
	f.seen.set(id, to)
}

func (f *frontier) counter(s state) *int64 {
	switch s {
	case stateWaiting, stateHeld:
		return &f.counts.Waiting
	case stateFetched:
		return &f.counts.Fetched
	case stateFailed:
		return &f.counts.Failed
	}
	return &f.counts.Refused
}

// host finds or makes what is kept of an authority.
func (f *frontier) host(authority string) *hostState {
	h := f.byHost[authority]
	if h == nil {
		h = &hostState{authority: authority}
		f.byHost[authority] = h
		f.hosts = append(f.hosts, h)
	}
	return h
}

// push puts the URL that e at pos has discovered into its host's queue, or holds it back.
func (f *frontier) push(e *event, pos int64) {
	if e.flags&flagHeld != 0 {
		q := f.traps.held[e.text]
		q.push(pos)
		f.traps.held[e.text] = q
		return
	}
	h := f.host(authorityOf(e.url))
	h.waiting.push(pos)
	f.refresh(h)
}

// refresh notes that a host may have something to be asked for.
func (f *frontier) refresh(h *hostState) {
	if !h.fresh && (h.waiting.len() > 0 || h.dues.Len() > 0) {
		h.fresh = true
		f.fresh = append(f.fresh, h)
	}
}

// takeFresh lists the hosts that got URLs since it was last asked.
func (f *frontier) takeFresh() []*hostState {
	out := f.fresh
	for _, h := range out {
		h.fresh = false
	}
	f.fresh = nil
	return out
}

// take gives the URL of h that has waited longest, and has not been taken by this process yet.
func (f *frontier) take(h *hostState) (t task, ok bool, err error) {
	for {
		pos, ok := h.waiting.pop()
		if !ok {
			return task{}, false, nil
		}
		e, err := f.at(pos)
		if err != nil {
			return task{}, false, err
		}
		if _, out := f.taken[e.id]; out || f.seen.get(e.id) != stateWaiting {
			continue // settled since, by what the archive held
		}
		a, err := parseAddress(e.url, nil)
		if err != nil { // cannot happen: it was parsed before it was written
			f.record(event{kind: evFailed, id: e.id, text: clip(err.Error())})
			continue
		}
		f.taken[e.id] = taken{h, pos}
		return task{addr: a, id: e.id, depth: int(e.depth), hops: int(e.hops), alias: e.flags&flagAlias != 0}, true, nil
	}
}

// rules is the last answer of h to a request for robots.txt.
func (f *frontier) rules(h *hostState) (r rulesEntry, ok bool, err error) {
	if h.rules == 0 {
		return r, false, nil
	}
	e, err := f.at(h.rules)
	return rulesIn(&e), err == nil, err
}

func rulesIn(e *event) rulesEntry {
	return rulesEntry{status: int(e.status), when: time.Unix(int64(e.when), 0), until: time.Unix(int64(e.until), 0), body: e.body, note: e.text}
}

// sync makes the log durable, and after a while what a start need not read again.
func (f *frontier) sync() error {
	if err := f.log.sync(); err != nil || f.log.size()-f.covered < minTail+urlTail*f.counts.Discovered {
		return err
	}
	return f.saveSnapshot()
}

// close ends it with a snapshot, so that the next start has nothing to read.
func (f *frontier) close() error {
	err := f.log.sync()
	if err == nil && f.log.size() > f.covered {
		err = f.saveSnapshot()
	}
	return errors.Join(err, f.log.f.Close())
}
