package dedup

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/zeebo/xxh3"

	"millrace"
)

// The shape of the keys. 16 bands of 6 rows find a pair of similarity 0.8 with probability 1-(1-0.8^6)^16 = 0.992.
const (
	bands   = 16
	rows    = 6
	minima  = 128 // of which the first bands*rows make the bands
	version = 1   // of normalising, shingles and permutations; keys of two versions cannot be compared

	keysSize = 1 + 16 + 8*bands + minima + 4
)

// keys is what Document.Keys holds: version, content hash, band keys, verification sketch, number of shingles.
type keys struct {
	content  [16]byte
	bands    [bands]uint64
	sketch   [minima]byte // low 8 bits of each minimum
	shingles uint32       // distinct ones; 0 is a text of no words, which has no bands
}

func (k *keys) encode() []byte {
	b := make([]byte, 0, keysSize)
	b = append(b, version)
	b = append(b, k.content[:]...)
	for _, band := range k.bands {
		b = binary.LittleEndian.AppendUint64(b, band)
	}
	b = append(b, k.sketch[:]...)
	return binary.LittleEndian.AppendUint32(b, k.shingles)
}

func (k *keys) decode(b []byte) error {
	switch {
	case len(b) == 0:
		return fmt.Errorf("the document has no keys: stage sketch has to come before stage dedup")
	case b[0] != version:
		return fmt.Errorf("keys of version %d, want %d", b[0], version)
	case len(b) != keysSize:
		return fmt.Errorf("keys of %d bytes, want %d", len(b), keysSize)
	}
	b = b[1:]
	b = b[copy(k.content[:], b):]
	for i := range k.bands {
		k.bands[i] = binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	b = b[copy(k.sketch[:], b):]
	k.shingles = binary.LittleEndian.Uint32(b)
	return nil
}

// permutations are the 128 functions x -> mul*x+add modulo 2^32 of which MinHash takes the minima.
// mul is odd, so each is a permutation of the 32-bit numbers.
type permutations struct{ mul, add [minima]uint32 }

func newPermutations() *permutations {
	p := new(permutations)
	state := uint64(version)
	for i := range minima {
		state += 0x9E3779B97F4A7C15
		r := mix(state)
		p.mul[i], p.add[i] = uint32(r)|1, uint32(r>>32)
	}
	return p
}

// minHash finds the minimum of each permutation over a set of shingles. Eight go at once, so that
// their minima stay in registers.
func (p *permutations) minHash(out *[minima]uint32, set []uint64) {
	for k := 0; k < minima; k += 8 {
		a, c := (*[8]uint32)(p.mul[k:]), (*[8]uint32)(p.add[k:])
		m0, m1, m2, m3, m4, m5, m6, m7 := ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)
		for _, s := range set {
			x := uint32(s >> 32)
			m0 = min(m0, a[0]*x+c[0])
			m1 = min(m1, a[1]*x+c[1])
			m2 = min(m2, a[2]*x+c[2])
			m3 = min(m3, a[3]*x+c[3])
			m4 = min(m4, a[4]*x+c[4])
			m5 = min(m5, a[5]*x+c[5])
			m6 = min(m6, a[6]*x+c[6])
			m7 = min(m7, a[7]*x+c[7])
		}
		copy(out[k:], []uint32{m0, m1, m2, m3, m4, m5, m6, m7})
	}
}

// sketcher is stage "sketch".
type sketcher struct {
	perms *permutations
	pool  sync.Pool // of *sketching
}

type sketching struct {
	scratch
	set []uint64
	min [minima]uint32
}

// Sketch makes the stage that fills Document.Keys. It depends on nothing but the text.
func Sketch() millrace.Stage {
	return &sketcher{perms: newPermutations(), pool: sync.Pool{New: func() any { return new(sketching) }}}
}

// Name implements millrace.Stage.
func (s *sketcher) Name() string { return "sketch" }

// Process implements millrace.Stage.
func (s *sketcher) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	w := s.pool.Get().(*sketching)
	k := w.keys(s.perms, d.Text)
	d.Keys = k.encode()
	if w.release(); cap(w.set) > maxWords/4 {
		w.set = nil
	}
	s.pool.Put(w)
	return millrace.Verdict{}, nil
}

func (w *sketching) keys(p *permutations, text string) (k keys) {
	w.set = w.shingles(w.set[:0], text)
	k.content = xxh3.Hash128(w.normal).Bytes()
	k.shingles = uint32(len(w.set))
	if len(w.set) == 0 {
		return k
	}
	p.minHash(&w.min, w.set)
	for i := range k.sketch {
		k.sketch[i] = byte(w.min[i])
	}
	var tuple [1 + 4*rows]byte
	for b := range k.bands {
		tuple[0] = byte(b)
		for r, m := range w.min[b*rows : (b+1)*rows] {
			binary.LittleEndian.PutUint32(tuple[1+4*r:], m)
		}
		k.bands[b] = xxh3.Hash(tuple[:])
	}
	return k
}

// estimate is the similarity of which two sketches speak. Two different minima have equal low bytes
// once in 256.
func estimate(a, b *[minima]byte) float64 {
	equal := 0
	for i := range a {
		if a[i] == b[i] {
			equal++
		}
	}
	const chance = 1.0 / 256
	return max(0, (float64(equal)/minima-chance)/(1-chance))
}
