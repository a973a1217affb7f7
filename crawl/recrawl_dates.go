package crawl

import (
	"container/heap"
	"time"
)

// Sitemaps and feeds say when pages changed. Many say it wrongly: every page changed today, say. So a host's
// dates are tried on a few pages first, and count for all while they prove right.
const (
	trialDates = 3 // pages that dates of one file bring forward while they are not trusted
	provedBy   = 3 // dates that were right
	wrongShare = 4 // so many right ones make up for a wrong one
	fadeAfter  = 64
)

// faith is what is known of a host's dates: how many pages that they brought forward had changed, and not
// before when they are tried again.
type faith struct{ right, wrong, until int64 }

func (f *faith) trusted() bool { return f.right >= provedBy && f.right >= wrongShare*f.wrong }

// judge counts a date that was looked into. After a wrong one the next are not looked at for days, and for
// longer the more were wrong. What lies long back counts for less.
func (f *faith) judge(right bool, when int64) {
	if right {
		f.right++
	} else {
		f.wrong++
		f.until = when + int64(mapsGap/time.Second)<<min(f.wrong, 6)
	}
	if f.right+f.wrong >= fadeAfter {
		f.right, f.wrong = f.right/2, f.wrong/2
	}
}

// hasten makes known pages due now that have changed since they were visited, as links and their dates say.
func (e *engine) hasten(links []address, changed []time.Time) error {
	if e.opts.Recrawl == nil {
		return nil
	}
	now := time.Now()
	by := map[*hostState]map[uint64]time.Time{}
	for i, at := range changed {
		a := links[i]
		// A date in the future is a mistake; one that lies long back has been seen before.
		if at.IsZero() || at.After(now) || now.Sub(at) > e.opts.Recrawl.Max {
			continue
		}
		if h := e.front.byHost[a.authority]; h != nil && h.dues.Len() > 0 {
			if by[h] == nil {
				by[h] = map[uint64]time.Time{}
			}
			by[h][newDue(idOf(a.key), now, 0).name()] = at
		}
	}
	for h, dates := range by {
		if err := e.front.hasten(h, dates, now); err != nil {
			return err
		}
		if host := e.schedule.hosts[h.authority]; host != nil {
			e.schedule.touch(host, now)
		}
	}
	return nil
}

// hasten looks through the known pages of one host once.
func (f *frontier) hasten(h *hostState, changed map[uint64]time.Time, now time.Time) error {
	most := len(changed)
	if !h.faith.trusted() {
		if most = trialDates; now.Unix() < h.faith.until {
			return nil
		}
	}
	for i := range h.dues.heap {
		d := &h.dues.heap[i]
		at, ok := changed[d.name()]
		if !ok || most == 0 || !d.time().After(now) {
			continue
		}
		e, err := f.at(d.place())
		if err != nil {
			return err
		}
		if at.After(time.Unix(int64(e.when), 0)) {
			d.at = uint32(now.Unix())
			if h.dated == nil {
				h.dated = map[uint64]bool{}
			}
			h.dated[d.name()] = true
			most--
		}
	}
	heap.Init(&h.dues)
	return nil
}
