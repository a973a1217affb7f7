package dedup

import (
	"hash/maphash"
	"math/bits"
)

// maxOwners is how many documents a bucket names. More would cost time on pages of one template and
// find hardly more: a near-duplicate is found through any of 16 buckets.
const maxOwners = 4

// maxRun bounds a search in a band table. Without an attacker about one key in 20,000 lies so far off
// in the fullest table; it is then not found through this band.
const maxRun = 512

// bandTable finds the owners of a band key: open addressing with linear probing, 8 bytes a slot.
// A slot's place depends on its tag alone, so the table can grow without the keys.
type bandTable struct {
	tags []uint32
	ords []uint32 // ordinal + 1; 0 is a free slot
	n    int
}

// tag is the part of a band key that the table keeps. What else falls on the same tag is told
// apart by the sketches.
func tag(key uint64) uint32 { return uint32(key >> 32) }

func (t *bandTable) place(tag uint32) int { return int(uint64(tag) * uint64(len(t.tags)) >> 32) }

// owners appends the ordinals under tag.
func (t *bandTable) owners(dst []uint32, tag uint32) []uint32 {
	if len(t.tags) == 0 {
		return dst
	}
	i := t.place(tag)
	for range min(maxRun, len(t.tags)) {
		if t.ords[i] == 0 {
			break
		}
		if t.tags[i] == tag {
			dst = append(dst, t.ords[i]-1)
		}
		if i++; i == len(t.tags) {
			i = 0
		}
	}
	return dst
}

// add makes ord an owner of tag, unless there are enough.
func (t *bandTable) add(tag, ord uint32) {
	if 4*(t.n+1) > 3*len(t.tags) {
		t.grow()
	}
	t.put(tag, ord+1)
}

func (t *bandTable) put(tag, ord uint32) {
	i, owners := t.place(tag), 0
	for range min(maxRun, len(t.tags)) {
		if t.ords[i] == 0 {
			t.tags[i], t.ords[i] = tag, ord
			t.n++
			return
		}
		if t.tags[i] == tag {
			if owners++; owners == maxOwners {
				return
			}
		}
		if i++; i == len(t.tags) {
			i = 0
		}
	}
}

// grow makes the table larger by a quarter: slower than doubling, but it wastes less memory.
func (t *bandTable) grow() {
	old := *t
	size := len(old.tags)*5/4 + 64
	*t = bandTable{tags: make([]uint32, size), ords: make([]uint32, size)}
	for i, ord := range old.ords {
		if ord != 0 {
			t.put(old.tags[i], ord)
		}
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
