package crawl

import (
	"strings"
	"time"

	"millrace"
)

// state is where a URL stands. Each known URL is in exactly one.
type state uint8

const (
	stateUnknown state = iota
	stateWaiting
	stateFetched
	stateRefused
	stateTrapped // refused as a trap; taken in again when the site lists it elsewhere
	stateFailed
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
}

type taskKind uint8

const (
	taskPage taskKind = iota
	taskRobots
	taskSitemap
	taskResolve
)

// frontier knows every URL and writes down what becomes of it. Its state is a function of its log.
type frontier struct {
	log      *eventLog
	known    map[urlID]state
	rules    map[string]rulesEntry // by authority
	sitemaps map[urlID]bool        // done
	nested   []event               // sitemaps that others name; only while the log is read
	closed   map[string]time.Time  // by authority: no request before
	resumed  bool                  // an earlier process has asked some of the hosts
	traps    traps
	counts   Counts
	next     int64 // the archive is known up to this position
	waiting  map[urlID]task
	order    []urlID // of the waiting, as they were discovered; only while the log is read
}

func newFrontier() *frontier {
	return &frontier{
		known:    map[urlID]state{},
		rules:    map[string]rulesEntry{},
		sitemaps: map[urlID]bool{},
		closed:   map[string]time.Time{},
		traps:    traps{count: map[string]int{}},
		waiting:  map[urlID]task{},
	}
}

// loadFrontier reads DIR's log.
func loadFrontier(dir string) (*frontier, error) {
	f := newFrontier()
	var err error
	f.log, err = openLog(dir, func(e *event) error { f.resumed = true; f.apply(e); return nil })
	return f, err
}

// record writes e down and applies it.
func (f *frontier) record(e event) {
	f.log.add(&e)
	f.apply(&e)
}

// apply moves the state. Events that change nothing are passed over: a log whose end was lost and
// made again may repeat some.
func (f *frontier) apply(e *event) {
	switch e.kind {
	case evDiscovered:
		if s := f.known[e.id]; s != stateUnknown && s != stateTrapped {
			return
		}
		a, err := parseAddress(e.url, nil)
		if err != nil {
			return
		}
		f.move(e.id, stateWaiting)
		f.traps.take(strings.FieldsFunc(e.text, func(r rune) bool { return r == '\n' }))
		f.waiting[e.id] = task{addr: a, id: e.id, depth: int(e.depth), hops: int(e.hops), alias: e.flags&flagAlias != 0}
		f.order = append(f.order, e.id)
	case evFetched:
		f.settle(e.id, stateFetched)
		f.next = max(f.next, int64(e.next))
	case evRefused:
		if e.reason == string(millrace.CrawlTrap) {
			f.settle(e.id, stateTrapped)
		} else {
			f.settle(e.id, stateRefused)
		}
	case evFailed:
		f.settle(e.id, stateFailed)
	case evRobots:
		f.rules[e.url] = rulesEntry{status: int(e.status), until: time.Unix(int64(e.until), 0), body: e.body, note: e.text}
	case evSitemap:
		f.sitemaps[idOf(e.url)] = true
	case evClosed:
		f.closed[e.url] = time.Unix(int64(e.when), 0)
	case evNested:
		f.nested = append(f.nested, *e)
	}
}

// settle gives a waiting URL its end.
func (f *frontier) settle(id urlID, to state) {
	if f.known[id] == stateWaiting {
		f.move(id, to)
		delete(f.waiting, id)
	}
}

// move keeps the ledger while a URL changes its state.
func (f *frontier) move(id urlID, to state) {
	if from := f.known[id]; from == stateUnknown {
		f.counts.Discovered++
	} else {
		*f.counter(from)--
	}
	*f.counter(to)++
	f.known[id] = to
}

func (f *frontier) counter(s state) *int64 {
	switch s {
	case stateWaiting:
		return &f.counts.Waiting
	case stateFetched:
		return &f.counts.Fetched
	case stateFailed:
		return &f.counts.Failed
	}
	return &f.counts.Refused
}

// takeWaiting hands the URLs that wait to the scheduler, in the order of their discovery.
func (f *frontier) takeWaiting() []task {
	var out []task
	for _, id := range f.order {
		if t, ok := f.waiting[id]; ok {
			out = append(out, t)
			delete(f.waiting, id)
		}
	}
	f.order = nil
	return out
}
