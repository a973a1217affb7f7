package crawl

import (
	"net/http"
	"strconv"
	"time"
)

// Limits on how long a host is left alone.
const (
	maxCrawlDelay = time.Minute
	maxSlowDelay  = 30 * time.Second // for a slow host
	maxEased      = 5 * time.Minute  // for a host that says "later" without saying when
	cleanPages    = 20               // answers after which half of that is taken back
	maxPause      = 24 * time.Hour   // a run waits no longer: a host that asks for more is left to a later one
	maxBelieved   = 365 * 24 * time.Hour
)

// pace is the pause between the end of an answer and the next request to the same host.
type pace struct {
	least   time.Duration // of the options
	wanted  time.Duration // Crawl-delay
	typical time.Duration // smoothed time of an answer
	eased   int           // how often it was doubled
	clean   int           // answers since that, or since half of it was taken back
}

// delay is the longest of what we promise, what robots.txt asks for and what the host can bear: twice
// the time that it takes to answer.
func (p *pace) delay() time.Duration {
	d := max(p.least, p.wanted, min(2*p.typical, maxSlowDelay))
	if p.eased == 0 {
		return d
	}
	return max(d, min(d<<p.eased, maxEased))
}

// took learns from the time of an answer. The first one counts whole, later ones an eighth.
func (p *pace) took(d time.Duration) {
	if p.typical == 0 {
		p.typical = d
	} else {
		p.typical += (d - p.typical) / 8
	}
}

// ease doubles the delay of a host that says "later" without saying when.
func (p *pace) ease() {
	p.clean = 0
	if p.delay() < maxEased {
		p.eased++
	}
}

// well counts an answer that has no complaint.
func (p *pace) well() {
	if p.eased == 0 {
		return
	}
	if p.clean++; p.clean >= cleanPages {
		p.eased, p.clean = p.eased-1, 0
	}
}

// margin is added to each delay. It covers what lies between our clock and that of a site which reads
// its own log: it may see an answer end a little after we do.
func margin(delay time.Duration) time.Duration {
	return min(max(delay/20, 5*time.Millisecond), 50*time.Millisecond)
}

// isLater reports whether an answer asks to come back later.
func isLater(a *answer) bool {
	return a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable
}

// retryAfter is the pause that such an answer asks for, where it says so: as seconds, or as a date. A
// date is counted from the date of the answer, so that a wrong clock over there does not matter.
func retryAfter(a *answer) (wait time.Duration, said bool) {
	v := a.header.Get("Retry-After")
	if n, err := strconv.ParseUint(v, 10, 63); err == nil {
		return min(time.Duration(min(n, 1<<32))*time.Second, maxBelieved), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	from := a.ended
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		from = date
	}
	return min(max(at.Sub(from), 0), maxBelieved), true
}
