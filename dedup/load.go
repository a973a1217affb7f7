package dedup

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// loader makes the state of snapshots, at about the speed of memory: what the bands get is sorted in the end.
type loader struct {
	x    *Index
	buf  []byte   // of a file
	ords []uint32 // of the documents in the files so far
	in   []uint16
	tags [bands][]uint32
}

// apply adds the steps of s, which were checked.
func (l *loader) apply(s *snapshot) {
	x := l.x
	var one step
	for rest := s.steps; len(rest) > 0; {
		rest, _ = one.next(rest)
		switch one.kind {
		case stepKept:
			ord := x.putKept(one.kept, string(one.user), one.first)
			if one.in == 0 {
				continue
			}
			l.ords, l.in = append(l.ords, ord), append(l.in, one.in)
			for b := range l.tags {
				l.tags[b] = append(l.tags[b], one.tags[b])
			}
		case stepDuplicate:
			x.putDuplicate(one.kept.id, one.of)
		case stepNewest:
			x.putNewest(one.of)
		case stepWithdrawn:
			x.withdrawn[one.page] = struct{}{}
		}
	}
}

// finish makes the bands what the steps so far make of them.
func (l *loader) finish() {
	if len(l.ords) == 0 {
		return
	}
	var all sync.WaitGroup
	workers := min(bands, runtime.GOMAXPROCS(0))
	for w := range workers {
		all.Go(func() {
			var owners, spare []uint64
			for b := w; b < bands; b += workers {
				t := &l.x.bands[b]
				owners = t.pairs(slices.Grow(owners[:0], t.n+len(l.ords)))
				for i, ord := range l.ords {
					if l.in[i]&(1<<b) != 0 {
						owners = append(owners, uint64(l.tags[b][i])<<32|uint64(ord+1))
					}
				}
				l.tags[b] = nil
				owners, spare = sortByTag(owners, spare)
				t.fill(owners, len(owners))
			}
		})
	}
	all.Wait()
	*l = loader{x: l.x, buf: l.buf}
}

// sortByTag sorts pairs of tag and ordinal, which come in the order of their ordinals, by tag. It uses spare, and gives
// both back.
func sortByTag(a, spare []uint64) (sorted, other []uint64) {
	if cap(spare) < len(a) {
		spare = make([]uint64, len(a))
	}
	spare = spare[:len(a)]
	const digit = 11
	for shift := 32; shift < 64; shift += digit {
		var starts [1 << digit]int
		for _, v := range a {
			starts[v>>shift&(1<<digit-1)]++
		}
		sum := 0
		for i, n := range starts {
			starts[i], sum = sum, sum+n
		}
		for _, v := range a {
			d := v >> shift & (1<<digit - 1)
			spare[starts[d]] = v
			starts[d]++
		}
		a, spare = spare, a
	}
	return a, spare
}

// reserve makes the tables as large as the newest snapshot says that they will be.
func (x *Index) reserve(ctx context.Context, l *loader, list []*snapshot) {
	if len(list) == 0 {
		return
	}
	last := *list[len(list)-1]
	if x.opt.Snapshots.read(ctx, &last, &l.buf) != nil {
		return
	}
	x.byID.reserve(last.kept)
	x.byContent.reserve(last.kept)
	x.dupByID.reserve(last.dups)
	l.ords, l.in = make([]uint32, 0, last.kept), make([]uint16, 0, last.kept)
	for b := range l.tags {
		l.tags[b] = make([]uint32, 0, last.kept)
	}
}
