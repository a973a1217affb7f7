package crawl

import "container/heap"

// budget is how many pages a host and a registrable domain may take in one round; 0 is any number. Who
// has used up a budget is asked behind all who have not, and so on: postponed, never dropped. A farm
// of host names under one domain gets no more than one host with many pages. robots.txt and other
// requests that pages need count as pages.
type budget struct{ host, domain int }

// domain is what the hosts of one registrable name have been asked for together.
type domain struct{ requests int }

// spend counts a request.
func (h *host) spend() {
	h.requests++
	if h.domain != nil {
		h.domain.requests++
	}
}

// level is how many budgets h has used up.
func (b budget) level(h *host) int {
	n := 0
	if b.host > 0 {
		n = h.requests / b.host
	}
	if b.domain > 0 {
		n = max(n, h.domain.requests/b.domain)
	}
	return n
}

// queue puts h among those that could be asked.
func (s *schedule) queue(q *byLevel, h *host) {
	s.turns++
	h.level, h.turn = s.budget.level(h), s.turns
	heap.Push(q, h)
}

// pop takes the host that comes first. While hosts wait, others of their domain may spend.
func (s *schedule) pop(q *byLevel) *host {
	for {
		h := (*q)[0]
		if now := s.budget.level(h); now > h.level {
			h.level = now
			heap.Fix(q, 0)
			continue
		}
		return heap.Pop(q).(*host)
	}
}

// byLevel is a heap of hosts: fewer budgets used up, then first come.
type byLevel []*host

func (h byLevel) Len() int { return len(h) }
func (h byLevel) Less(i, j int) bool {
	if h[i].level != h[j].level {
		return h[i].level < h[j].level
	}
	return h[i].turn < h[j].turn
}
func (h byLevel) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *byLevel) Push(x any) { *h = append(*h, x.(*host)) }

// Pop implements heap.Interface.
func (h *byLevel) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return x
}
