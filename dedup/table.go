package dedup

import (
	"hash/maphash"
	"math/bits"
)

// maxOwners is how many documents a bucket names. More would cost time on pages of one template and
// find hardly more: a near-duplicate is found through any of 16 buckets.
const maxOwners = 4

// maxRun bounds a search in a band table. Without an attacker no key lies so far off.
const maxRun = 512

// bandTable finds the owners of a band key, 8 bytes a slot. Owners stand in the order of tag and ordinal, each in
// the slot that its tag points to or as closely behind it as that order allows. So what the table is follows from
// its owners alone: not from the order in which they came, nor from how it has grown. Slots behind the last one that
// a tag points to take what overflows there.
type bandTable struct {
	tags []uint32
	ords []uint32 // ordinal + 1; 0 is a free slot
	n    int
}

// tag is the part of a band key that the table keeps. What else falls on the same tag is told
// apart by the sketches.
func tag(key uint64) uint32 { return uint32(key >> 32) }

func (t *bandTable) place(tag uint32) int {
	return int(uint64(tag) * uint64(len(t.tags)-maxRun) >> 32)
}

// owners appends the ordinals under tag.
func (t *bandTable) owners(dst []uint32, tag uint32) []uint32 {
	if len(t.tags) == 0 {
		return dst
	}
	for i := t.place(tag); i < len(t.tags) && t.ords[i] != 0 && t.tags[i] <= tag; i++ {
		if t.tags[i] == tag {
			dst = append(dst, t.ords[i]-1)
		}
	}
	return dst
}

// add makes ord, which is higher than any before, an owner of tag, unless there are enough or they stand too densely.
func (t *bandTable) add(tag, ord uint32) (added bool) {
	if len(t.tags) == 0 {
		t.fill(nil, 1)
	}
	at, free, ok := t.find(tag)
	if !ok {
		return false
	}
	if t.n+1 > most(len(t.tags)) {
		t.fill(t.pairs(nil), t.n+1)
		if at, free, ok = t.find(tag); !ok {
			return false
		}
	}
	copy(t.tags[at+1:free+1], t.tags[at:free])
	copy(t.ords[at+1:free+1], t.ords[at:free])
	t.tags[at], t.ords[at] = tag, ord+1
	t.n++
	return true
}

// find gives the slot where the next owner of tag belongs, and the first free one from there on.
func (t *bandTable) find(tag uint32) (at, free int, ok bool) {
	first, owners := t.place(tag), 0
	for at = first; t.ords[at] != 0 && t.tags[at] <= tag; at++ {
		if t.tags[at] == tag {
			owners++
		}
		if owners == maxOwners || at-first == maxRun-1 {
			return 0, 0, false
		}
	}
	for free = at; t.ords[free] != 0; free++ {
		if free-first == maxRun-1 {
			return 0, 0, false
		}
	}
	return at, free, true
}

// most is how many owners a table of so many slots has before it grows.
func most(slots int) int { return (slots - maxRun) * 3 / 4 }

// pairs appends tag and ordinal of all owners, in their order.
func (t *bandTable) pairs(dst []uint64) []uint64 {
	for i, ord := range t.ords {
		if ord != 0 {
			dst = append(dst, uint64(t.tags[i])<<32|uint64(ord))
		}
	}
	return dst
}

// fill makes the table of these owners, in their order, with room for n. It grows by a quarter: slower than doubling,
// but it wastes less memory.
func (t *bandTable) fill(owners []uint64, n int) {
	slots := maxRun + 64
	for most(slots) < n {
		slots += (slots-maxRun)/4 + 64
	}
	*t = bandTable{tags: make([]uint32, slots), ords: make([]uint32, slots), n: len(owners)}
	next := 0
	for _, o := range owners {
		next = max(next, t.place(uint32(o>>32)))
		t.tags[next], t.ords[next] = uint32(o>>32), uint32(o)
		next++
	}
}

// ordTable finds the ordinal of a 16-byte key that is stored elsewhere: 4 bytes a slot. The seed is
// random, so nobody can make keys that collide; no result depends on a slot's place.
type ordTable struct {
	slots []uint32 // ordinal + 1; 0 is a free slot
	n     int
	seed  maphash.Seed
	key   func(ord uint32) [16]byte
}

func newOrdTable(key func(ord uint32) [16]byte) ordTable {
	return ordTable{seed: maphash.MakeSeed(), key: key}
}

func (t *ordTable) place(key [16]byte) int {
	hi, _ := bits.Mul64(maphash.Comparable(t.seed, key), uint64(len(t.slots)))
	return int(hi)
}

func (t *ordTable) find(key [16]byte) (ord uint32, ok bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	for i := t.place(key); t.slots[i] != 0; {
		if ord := t.slots[i] - 1; t.key(ord) == key {
			return ord, true
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	return 0, false
}

// reserve makes an empty table large enough for n and some more.
func (t *ordTable) reserve(n int) { t.slots = make([]uint32, n*3/2+64) }

// add stores ord under its key, which must not be there yet.
func (t *ordTable) add(ord uint32) {
	if 4*(t.n+1) > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]uint32, len(old)*3/2+64)
		for _, o := range old {
			if o != 0 {
				t.put(o)
			}
		}
	}
	t.put(ord + 1)
	t.n++
}

// set stores ord under its key, in place of what is there.
func (t *ordTable) set(ord uint32) {
	key := t.key(ord)
	if _, ok := t.find(key); !ok {
		t.add(ord)
		return
	}
	i := t.place(key)
	for t.key(t.slots[i]-1) != key {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	t.slots[i] = ord + 1
}

func (t *ordTable) put(ord uint32) {
	i := t.place(t.key(ord - 1))
	for t.slots[i] != 0 {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	t.slots[i] = ord
}

// column is a slice that grows by pieces: no element is ever moved, and no memory lies idle.
type column[T any] struct {
	pieces [][]T
	n      int
}

const piece = 1024

func (l *column[T]) at(i uint32) *T { return &l.pieces[i/piece][i%piece] }

func (l *column[T]) add(v T) (ord uint32) {
	if l.n%piece == 0 {
		l.pieces = append(l.pieces, make([]T, 0, piece))
	}
	last := &l.pieces[len(l.pieces)-1]
	*last = append(*last, v)
	l.n++
	return uint32(l.n - 1)
}
