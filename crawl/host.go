package crawl

import (
	"container/heap"
	"net/netip"
	"slices"
	"time"

	"millrace/crawl/consent"
	"millrace/crawl/robots"
)

const (
	resolveTTL   = 5 * time.Minute
	maxSitemaps  = 500 // files of one host
	maxNesting   = 3   // of sitemap indexes
	maxRetryWait = 30 * time.Second
	// With re-crawling robots.txt is asked once a day which sitemaps there are, and they are read again: those
	// whose last reading is a day old, but for what the readings themselves last.
	mapsGap    = 24 * time.Hour
	sitemapGap = 23 * time.Hour
)

// host is a scheme and authority: what robots.txt speaks for, and what is asked one thing at a time.
type host struct {
	authority string
	name      string // to resolve
	port      uint16

	// What is to be asked. Errands fetch robots.txt, for this host or for one that redirects here;
	// they need no rules. Everything else waits for the rules.
	errands      []task
	laterErrands []task
	fileTasks    []task     // files that speak about the use of pages, here or on other hosts
	maps         []task     // sitemaps
	later        byTime     // pages and sitemaps to be asked again
	state        *hostState // the frontier's: pages that wait

	rules      *robots.Group // nil: not known yet
	usage      *consent.Rules
	rulesUntil time.Time
	rulesHash  string
	asked      bool  // for robots.txt
	doubted    bool  // it stopped answering: robots.txt has to be read before anything else
	refused    error // by the guard: nothing may be asked of it
	mapCount   int
	named      map[urlID]bool // sitemaps of other hosts that robots.txt names
	mapsAgain  time.Time      // when robots.txt is to be asked which sitemaps there are; zero: never
	files      siteFiles

	pace     pace
	next     time.Time // no request before
	silent   int       // requests in a row without an answer
	answered bool      // in this run
	trouble  trouble
	away     bool // for longer than a run waits that has nothing else to do
	parked   bool // for the rest of the run

	addr     netip.Addr
	resolved time.Time

	requests int
	domain   *domain // nil: there is no budget for domains
	level    int     // key in byLevel
	turn     int     // second key there

	where place
	wake  time.Time // key in byWake
	index int
	lane  *lane // held, or waited for
}

// place says in which of the scheduler's lists a host is.
type place uint8

const (
	idle     place = iota // nothing to do
	inHeap                // waits for a time
	inAway                // the same, and the run does not wait with it
	inLane                // waits for another host of its address
	inReady               // waits for a worker
	inFlight              // is being asked
)

// lane keeps hosts of one address apart. Its holder has the turn.
type lane struct {
	next    time.Time
	holder  *host
	waiters byLevel
}

// ruled reports whether pages may be asked for, or decided upon.
func (h *host) ruled(now time.Time) bool {
	return h.refused != nil || h.rules != nil && !h.doubted && now.Before(h.rulesUntil)
}

// wakeTime is when there will be something to do, if ever.
func (h *host) wakeTime(now time.Time, lim limits) (time.Time, bool) {
	if h.parked {
		return time.Time{}, false
	}
	var at time.Time
	found := false
	consider := func(t time.Time) {
		if !found || t.Before(at) {
			at, found = t, true
		}
	}
	if len(h.errands) > 0 {
		consider(now)
	}
	for _, t := range h.laterErrands {
		consider(t.at)
	}
	pages := h.state != nil && h.state.waiting.len() > 0 && !lim.enough
	ruled := h.ruled(now)
	switch {
	case !ruled:
		if !h.asked && (pages || len(h.maps)+len(h.later)+len(h.fileTasks) > 0) {
			consider(now)
		}
	case len(h.maps) > 0, pages && h.files.pending == 0:
		consider(now)
	default:
		for _, t := range h.fileTasks {
			consider(t.at)
		}
		if len(h.later) > 0 && h.files.pending == 0 {
			consider(h.later[0].at)
		}
	}
	if again := h.mapsAgain; !again.IsZero() && ruled {
		consider(later(again, h.rulesUntil))
	} else if !again.IsZero() && !h.asked {
		consider(again)
	}
	if h.state != nil && h.state.dues.Len() > 0 && (ruled && h.files.pending == 0 || !ruled && !h.asked) {
		consider(later(h.state.dues.heap[0].time(), lim.visits))
	}
	if !found {
		return time.Time{}, false
	}
	if at.Before(h.next) {
		at = h.next
	}
	return at, true
}

// names notes that robots.txt names a sitemap.
func (h *host) names(a address) {
	if a.authority == h.authority || len(h.named) >= maxSitemaps {
		return
	}
	if h.named == nil {
		h.named = map[urlID]bool{}
	}
	h.named[sitemapID(a)] = true
}

// takeErrand takes an errand that is due.
func (h *host) takeErrand(now time.Time) (task, bool) {
	if len(h.errands) > 0 {
		t := h.errands[0]
		h.errands = h.errands[1:]
		return t, true
	}
	return takeDue(&h.laterErrands, now)
}

// takeDue takes the first of a few tasks whose time has come.
func takeDue(tasks *[]task, now time.Time) (task, bool) {
	i := slices.IndexFunc(*tasks, func(t task) bool { return !t.at.After(now) })
	if i < 0 {
		return task{}, false
	}
	t := (*tasks)[i]
	*tasks = slices.Delete(*tasks, i, i+1)
	return t, true
}

// takeWork takes a page or sitemap that is due and not in the frontier's queue.
func (h *host) takeWork(now time.Time) (task, bool) {
	if h.files.pending == 0 && len(h.later) > 0 && (h.refused != nil || !h.later[0].at.After(now)) {
		return heap.Pop(&h.later).(task), true
	}
	if len(h.maps) > 0 {
		t := h.maps[0]
		h.maps = h.maps[1:]
		return t, true
	}
	return task{}, false
}

// again puts a task back, not to be asked before at.
func (h *host) again(t task, at time.Time) {
	t.at = at
	switch t.kind {
	case taskRobots:
		h.laterErrands = append(h.laterErrands, t)
	case taskFile:
		h.fileTasks = append(h.fileTasks, t)
	default:
		heap.Push(&h.later, t)
	}
}

// retryWait grows with each attempt: the delay, twice, four times, …
func (h *host) retryWait(attempts int) time.Duration {
	delay := h.pace.delay()
	return min(delay<<min(max(attempts-1, 0), 10), max(maxRetryWait, delay))
}

// byTime is a heap of tasks, the one due first on top; of equal ones, the one nearer to a seed.
type byTime []task

func (h byTime) Len() int { return len(h) }
func (h byTime) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].depth < h[j].depth
}
func (h byTime) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *byTime) Push(x any) { *h = append(*h, x.(task)) }

// Pop implements heap.Interface.
func (h *byTime) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = task{}
	*h = old[:len(old)-1]
	return t
}

// byWake is a heap of hosts, the one to wake first on top.
type byWake []*host

func (h byWake) Len() int           { return len(h) }
func (h byWake) Less(i, j int) bool { return h[i].wake.Before(h[j].wake) }
func (h byWake) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *byWake) Push(x any) {
	x.(*host).index = len(*h)
	*h = append(*h, x.(*host))
}

// Pop implements heap.Interface.
func (h *byWake) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return x
}
