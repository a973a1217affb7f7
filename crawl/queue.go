package crawl

import (
	"encoding/binary"
	"iter"
	"strings"
)

// hostState is what the frontier keeps of a scheme and authority.
type hostState struct {
	authority string
	waiting   offsets         // URLs that nobody has taken yet, in the order of their discovery: breadth first
	rules     int64           // where the last answer to a request for robots.txt stands in the log; 0: there is none
	closed    int64           // the host wants no request before; Unix seconds
	trouble   int64           // where the log says why the host is left alone; 0: it is not
	dues      dues            // known pages, to be visited again
	faith     faith           // in the dates of its sitemaps and feeds
	dated     map[uint64]bool // pages that are due because of one
	fresh     bool            // among frontier.fresh
}

// authorityOf is the authority of a canonical URL.
func authorityOf(fetch string) string {
	origin := originOf(fetch)
	if i := strings.LastIndexAny(origin, ":]"); i > len("https:") && origin[i] == ':' {
		return origin
	}
	if strings.HasPrefix(origin, "https:") {
		return origin + ":443"
	}
	return origin + ":80"
}

// offsets is a queue of ascending positions in the frontier's log, a few bytes each: the log is where
// the tasks themselves wait.
type offsets struct {
	deltas []byte // uvarints, each counted from the position before
	head   int    // of deltas: what lies before has been taken
	first  int64  // the position from which the next one taken is counted
	last   int64  // the newest
	n      int
}

func (q *offsets) len() int { return q.n }

// push adds a position, which must be above all others that were pushed.
func (q *offsets) push(pos int64) {
	q.deltas = binary.AppendUvarint(q.deltas, uint64(pos-q.last))
	q.last = pos
	q.n++
}

// pop takes the lowest position.
func (q *offsets) pop() (pos int64, ok bool) {
	if q.n == 0 {
		return 0, false
	}
	delta, size := binary.Uvarint(q.deltas[q.head:])
	q.head += size
	q.first += int64(delta)
	if q.n--; q.n == 0 {
		q.deltas, q.head = nil, 0
	} else if q.head >= 1024 && q.head > len(q.deltas)/2 {
		q.deltas = append([]byte(nil), q.deltas[q.head:]...)
		q.head = 0
	}
	return q.first, true
}

// dropBelow takes the positions below pos.
func (q *offsets) dropBelow(pos int64) {
	for q.n > 0 {
		if delta, _ := binary.Uvarint(q.deltas[q.head:]); q.first+int64(delta) >= pos {
			return
		}
		q.pop()
	}
}

// all yields the positions without taking them.
func (q *offsets) all() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		pos := q.first
		for b := q.deltas[q.head:]; len(b) > 0; {
			delta, size := binary.Uvarint(b)
			pos, b = pos+int64(delta), b[size:]
			if !yield(pos) {
				return
			}
		}
	}
}

// code writes the queue to a snapshot or reads it from there.
func (q *offsets) code(c *coder) {
	rest := q.deltas[q.head:]
	c.num(&q.first)
	c.num(&q.last)
	n := int64(q.n)
	c.num(&n)
	c.bytes(&rest)
	if c.writing() {
		return
	}
	*q = offsets{deltas: rest, first: q.first, last: q.last, n: int(n)}
	if !q.sound() {
		c.fail()
	}
}

// sound reports whether the queue holds together; a snapshot may say anything.
func (q *offsets) sound() bool {
	pos, n := q.first, 0
	for b := q.deltas[q.head:]; len(b) > 0; n++ {
		delta, size := binary.Uvarint(b)
		if size <= 0 || int64(delta) < 0 || pos+int64(delta) < pos {
			return false
		}
		pos, b = pos+int64(delta), b[size:]
	}
	return n == q.n && (n == 0 || pos == q.last) && q.first >= 0
}
