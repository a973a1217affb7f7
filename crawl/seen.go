package crawl

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// seenTable holds the state of every known URL in about twelve bytes each: open addressing, at most seven
// eighths full, no pointers. Entries are ten bytes: 77 bits of the ID, and the state where the other three
// were. The table is cut into segments by another byte of the ID, so that 85 bits tell URLs apart, and so
// that growing copies a 256th at a time. Nothing ever leaves it.
type seenTable struct {
	seed     maphash.Seed // a stranger who names URLs cannot choose where they come to lie
	segments [256]segment
}

const (
	entrySize = 10
	stateBits = 7 // of an entry's last byte; states are 1 to 7, so that a zero byte 9 is no entry
)

type segment struct {
	slots []byte
	used  int
}

func newSeenTable() *seenTable { return &seenTable{seed: maphash.MakeSeed()} }

type entry [entrySize]byte

func entryOf(id urlID) (e entry, segment byte) {
	copy(e[:], id[:])
	e[entrySize-1] &^= stateBits
	return e, id[entrySize]
}

// get tells where a URL stands.
func (t *seenTable) get(id urlID) state {
	e, n := entryOf(id)
	s := &t.segments[n]
	if s.used == 0 {
		return stateUnknown
	}
	return state(s.slots[t.find(s, e)+entrySize-1] & stateBits)
}

// set notes where a URL stands, known or new.
func (t *seenTable) set(id urlID, to state) {
	e, n := entryOf(id)
	s := &t.segments[n]
	if s.used >= s.limit() {
		t.grow(s, s.used+s.used/8+8)
	}
	t.put(s, e, to)
}

// limit is how many entries the segment may hold.
func (s *segment) limit() int { return len(s.slots) / entrySize * 7 / 8 }

// find returns where e lies, or the free slot where it would.
func (t *seenTable) find(s *segment, e entry) int {
	high, _ := bits.Mul64(maphash.Comparable(t.seed, e), uint64(len(s.slots)/entrySize))
	for at := int(high) * entrySize; ; {
		slot := entry(s.slots[at:])
		if slot[entrySize-1]&stateBits == 0 {
			return at
		}
		if slot[entrySize-1] &^= stateBits; slot == e {
			return at
		}
		if at += entrySize; at == len(s.slots) {
			at = 0
		}
	}
}

func (t *seenTable) put(s *segment, e entry, to state) {
	at := t.find(s, e)
	if s.slots[at+entrySize-1]&stateBits == 0 {
		s.used++
	}
	copy(s.slots[at:], e[:])
	s.slots[at+entrySize-1] |= byte(to)
}

// grow makes room for n entries.
func (t *seenTable) grow(s *segment, n int) {
	slots := n*8/7 + 8
	b := slices.Grow([]byte(nil), slots*entrySize)
	b = b[:cap(b)/entrySize*entrySize] // all that the allocator gives
	old := *s
	*s = segment{slots: b}
	for e := range old.entries() {
		to := state(e[entrySize-1] & stateBits)
		e[entrySize-1] &^= stateBits
		t.put(s, e, to)
	}
}

// entries yields what the segment holds, with the states.
func (s *segment) entries() func(yield func(entry) bool) {
	return func(yield func(entry) bool) {
		for at := 0; at < len(s.slots); at += entrySize {
			if e := entry(s.slots[at:]); e[entrySize-1]&stateBits != 0 && !yield(e) {
				return
			}
		}
	}
}

// code writes the table to a snapshot or reads it from there.
func (t *seenTable) code(c *coder) {
	for i := range t.segments {
		s := &t.segments[i]
		n := c.count(s.used, entrySize)
		if c.writing() {
			for e := range s.entries() {
				c.raw(e[:])
			}
			continue
		}
		t.grow(s, n)
		for range n {
			var e entry
			c.raw(e[:])
			to := state(e[entrySize-1] & stateBits)
			if to == stateUnknown || to > stateHanded {
				c.fail()
				return
			}
			e[entrySize-1] &^= stateBits
			t.put(s, e, to)
		}
	}
}
