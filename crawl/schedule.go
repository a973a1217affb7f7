package crawl

import (
	"container/heap"
	"net/netip"
	"strconv"
	"time"
)

// schedule decides which host may be asked, and when. It has two clocks: a host is asked one thing at
// a time, with its delay between the end of an answer and the next request; and hosts that share an
// address take turns in its lane, with the delay of the address between them. Where several could be
// asked, those go first that have used up fewer budgets of pages. It belongs to one goroutine.
type schedule struct {
	delay, perIP time.Duration
	budget       budget
	domains      map[string]*domain // by registrable name
	hosts        map[string]*host
	lanes        map[netip.Addr]*lane
	waiting      byWake
	away         byWake              // waits too, but a run that has nothing else to do ends
	ready        byLevel             // may be asked now
	turns        int                 // how many have become ready, or have waited in a lane
	places       [inFlight + 1]int64 // how many hosts are in each list
	resumed      time.Time           // when an earlier process was taken over from; zero if there was none
	limits       limits
}

// limits is what holds for all hosts.
type limits struct {
	enough bool      // no new page is to be asked for
	visits time.Time // no known page before
}

func newSchedule(delay, perIP time.Duration, b budget) *schedule {
	return &schedule{delay: delay, perIP: perIP, budget: b, domains: map[string]*domain{}, hosts: map[string]*host{}, lanes: map[netip.Addr]*lane{}}
}

// host finds or makes the host of an address, and tells which.
func (s *schedule) host(a address) (h *host, isNew bool) {
	if h := s.hosts[a.authority]; h != nil {
		return h, false
	}
	port, _ := strconv.ParseUint(a.port, 10, 16) // the URL parser lets no other through
	h = &host{authority: a.authority, name: a.host, port: uint16(port), pace: pace{least: s.delay}}
	s.hosts[a.authority] = h
	if s.budget.domain > 0 {
		name := registrable(a.host)
		if h.domain = s.domains[name]; h.domain == nil {
			h.domain = &domain{}
			s.domains[name] = h.domain
		}
	}
	return h, true
}

// touch is called when a host may have got something to do.
func (s *schedule) touch(h *host, now time.Time) {
	switch h.where {
	case inHeap:
		if h.lane != nil {
			return // its turn will come anyway
		}
		heap.Remove(&s.waiting, h.index)
	case inAway:
		heap.Remove(&s.away, h.index)
	case inLane, inReady, inFlight:
		return
	}
	s.move(h, idle)
	if at, ok := h.wakeTime(now, s.limits); ok {
		s.sleep(h, at)
	}
}

func (s *schedule) sleep(h *host, at time.Time) {
	h.wake = at
	if h.away && h.lane == nil {
		s.move(h, inAway)
		heap.Push(&s.away, h)
		return
	}
	s.move(h, inHeap)
	heap.Push(&s.waiting, h)
}

// advance moves hosts whose time has come to the ready list. It returns when to look again, and
// whether somebody waits whom it is worth waiting for.
func (s *schedule) advance(now time.Time) (next time.Time, worth bool) {
	next = now.Add(time.Hour)
	for _, queue := range []*byWake{&s.waiting, &s.away} {
		for len(*queue) > 0 && !(*queue)[0].wake.After(now) {
			h := heap.Pop(queue).(*host)
			if s.takeTurn(h, now) {
				s.move(h, inReady)
				s.queue(&s.ready, h)
			}
		}
		if len(*queue) > 0 && (*queue)[0].wake.Before(next) {
			next = (*queue)[0].wake
		}
	}
	return next, len(s.waiting) > 0
}

// takeTurn reports whether the lane of h's address is free for it now. If not, h waits.
func (s *schedule) takeTurn(h *host, now time.Time) bool {
	if s.perIP < 0 || !h.addr.IsValid() || h.lane != nil {
		return true
	}
	l := s.lanes[h.addr]
	if l == nil {
		l = &lane{}
		if !s.resumed.IsZero() {
			l.next = s.resumed.Add(s.perIP + margin(s.perIP))
		}
		s.lanes[h.addr] = l
	}
	h.lane = l
	if l.holder != nil {
		s.move(h, inLane)
		s.queue(&l.waiters, h)
		return false
	}
	l.holder = h
	if l.next.After(now) {
		s.sleep(h, l.next)
		return false
	}
	return true
}

// asked is called when the answer to a request that was sent to h's host has ended.
func (s *schedule) asked(h *host, ended time.Time) {
	delay := h.pace.delay()
	h.next = later(h.next, ended.Add(delay+margin(delay)))
	if h.lane != nil {
		h.lane.next = later(h.lane.next, ended.Add(s.perIP+margin(s.perIP)))
	}
}

// release ends h's turn, whether it asked for something or not. The lane's next turn is given away now;
// h takes part where it will be ready by then.
func (s *schedule) release(h *host, now time.Time) {
	s.move(h, idle)
	if l := h.lane; l != nil {
		h.lane, l.holder = nil, nil
		if len(l.waiters) > 0 {
			next := later(l.next, now)
			if at, ok := h.wakeTime(now, s.limits); ok && !at.After(next) {
				h.lane = l
				s.move(h, inLane)
				s.queue(&l.waiters, h)
			}
			l.holder = s.pop(&l.waiters)
			s.sleep(l.holder, next)
		}
	}
	s.touch(h, now)
}

// move notes that a host is in another list.
func (s *schedule) move(h *host, to place) {
	if h.where != idle {
		s.places[h.where]--
	}
	if h.where = to; to != idle {
		s.places[to]++
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
