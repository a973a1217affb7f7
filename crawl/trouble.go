package crawl

import (
	"errors"
	"net"
	"time"
)

// A host that does not answer, or whose robots.txt cannot be had, is left alone for longer and longer.
// Its URLs stay. An older robots.txt stays in force meanwhile, where there is one and the host answers
// otherwise; else nothing but robots.txt is asked for. A host that goes on so for a month is parked:
// it is never opened for want of rules.
const (
	maxSilent    = 3               // requests in a row without an answer: the host is down
	quickTries   = 3               // of a robots.txt that is answered with "not now"
	downGap      = time.Minute     // to the next request to a host that is down and has answered before
	closedGap    = 5 * time.Minute // to the next request for a robots.txt that could not be had
	maxGap       = 24 * time.Hour  // to which both grow
	parkAfter    = 30 * 24 * time.Hour
	patientTries = 3 // a run that has nothing else to do waits so often for a host that went down meanwhile
)

// trouble is what keeps a host from being asked.
type trouble struct {
	err   error     // nil: nothing
	since time.Time // the first time, maybe of an earlier process
	tries int       // times in a row
}

// again notes that it has not passed, and tells how long to leave the host alone.
func (t *trouble) again(now time.Time, err error, first time.Duration) (gap time.Duration, parked bool) {
	if t.since.IsZero() {
		t.since = now
	}
	t.err = err
	t.tries++
	gap = maxGap
	if t.tries < 12 {
		gap = min(first<<(t.tries-1), maxGap)
	}
	return gap, now.Sub(t.since) >= parkAfter
}

// weight is how many requests without an answer an error stands for. Behind a timeout the transport has
// knocked several times already.
func weight(err error) int {
	if t := net.Error(nil); errors.As(err, &t) && t.Timeout() {
		return 2
	}
	return 1
}
