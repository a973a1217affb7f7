package crawl

import (
	"encoding/binary"
	"math"
	"time"
)

// How a page's visits are spaced before its rate of change is known, and after.
const (
	firstGap = 24 * time.Hour
	// As long as every visit found a change, or none did, the gap moves by a factor: the scale is
	// looked for. Up in larger steps, for a visit too many costs more than one that comes late.
	gapUp, gapDown = 4, 2
	// Then a visit is due after this many expected changes. A Poisson process tells most about its
	// rate at 1.59; at 1.3 little of that is lost, and changes are seen earlier.
	changesAGap = 1.3
	maxVisits   = 64 // that are remembered of a URL: rates change too
)

// history is what is known of a URL's changes: for each of its latest visits, oldest first, a varint
// of the seconds since the visit before, doubled, plus one if the page had changed.
type history string

// add appends a visit. The oldest goes when there are too many.
func (h history) add(gap time.Duration, changed bool) history {
	n := max(uint64(gap/time.Second), 1) << 1
	if changed {
		n |= 1
	}
	if all := h.list(); len(all) >= maxVisits {
		_, size := binary.Uvarint([]byte(h))
		h = h[size:]
	}
	return history(binary.AppendUvarint([]byte(h), n))
}

// spell is the time from one visit to the next, in seconds, and whether the page changed in it.
type spell struct {
	gap     float64
	changed bool
}

func (h history) list() []spell {
	var out []spell
	for b := []byte(h); len(b) > 0; {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return out
		}
		out, b = append(out, spell{gap: float64(n >> 1), changed: n&1 == 1}), b[size:]
	}
	return out
}

// changes counts the spells in which the page changed.
func changes(list []spell) (x int) {
	for _, a := range list {
		if a.changed {
			x++
		}
	}
	return x
}

// changeRate estimates the changes a second of a page that changes as a Poisson process does: the
// maximum-likelihood rate with its bias of order 1/n taken out of the score (Firth 1993). Where all
// gaps are I, that is Cho and Garcia-Molina's -ln((n - x + 0.5)/(n + 0.5))/I for x changes in n visits.
// Unlike the plain maximum it is finite where every visit found a change. It is 0 where none did.
func changeRate(list []spell) float64 {
	if changes(list) == 0 {
		return 0
	}
	shortest, total := math.Inf(1), 0.0
	for _, a := range list {
		shortest, total = min(shortest, a.gap), total+a.gap
	}
	// The score is positive at the first bound and negative at the second, whatever the visits were:
	// below, a change weighs more than all the time; above, nothing but the time counts.
	low, high := 1e-3/total, 50/shortest
	for range 25 { // bisect on the scale of ratios: to a millionth or so
		mid := math.Sqrt(low * high)
		if correctedScore(list, mid) > 0 {
			low = mid
		} else {
			high = mid
		}
	}
	return math.Sqrt(low * high)
}

// correctedScore is the derivative of the log-likelihood at rate, less information times bias.
func correctedScore(list []spell, rate float64) float64 {
	var score, second, third float64
	for _, a := range list {
		w := 1 / math.Expm1(rate*a.gap)
		if a.changed {
			score += a.gap * w
		} else {
			score -= a.gap
		}
		second += a.gap * a.gap * w
		third += a.gap * a.gap * a.gap * w
	}
	if second == 0 {
		return score
	}
	return score - third/second/2
}

// nextGap is how long to wait for the next visit, within [least, most].
func (h history) nextGap(least, most time.Duration) time.Duration {
	list := h.list()
	gap := firstGap.Seconds()
	if n := len(list); n > 0 {
		last := list[n-1].gap
		switch x := changes(list); x {
		case 0:
			gap = last * gapUp
		case n:
			gap = last / gapDown
		default:
			gap = changesAGap / changeRate(list)
		}
		gap = min(max(gap, last/gapUp), last*gapUp) // one odd visit does not throw it far
	}
	return min(max(time.Duration(gap*float64(time.Second)), least), most)
}
