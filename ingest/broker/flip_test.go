package broker

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"millrace/internal/sim/fields"
)

// One flipped bit anywhere in the segments is an error for the batch that it hits, and for nothing else:
// whether the log is open or started again, the end stays and new offsets follow it.
func TestOneFlippedBit(t *testing.T) {
	const segment, n = 3 << 10, 60
	dir := t.TempDir()
	p := reopen(t, filepath.Join(dir, "a"), segment)
	want := fill(t, p, 0, n)
	_, end := p.bounds()
	if err := p.close(); err != nil {
		t.Fatal(err)
	}
	bases, err := listSegments(p.dir)
	if err != nil || len(bases) < 4 {
		t.Fatalf("%d segments, %v", len(bases), err)
	}
	x := &flipper{t: t, dir: dir, from: p.dir, segment: segment, want: want, end: end}
	rapid.Check(t, func(rt *rapid.T) {
		base := rapid.SampledFrom(bases).Draw(rt, "segment")
		size := len(x.read(base))
		x.flip(rt, base, rapid.IntRange(0, size*8-1).Draw(rt, "bit"), rapid.Bool().Draw(rt, "index"))
	})
	flips := 0
	for _, base := range []int64{bases[0], bases[len(bases)-1]} {
		raw := x.read(base)
		list, err := fields.Of("log/pages-0/"+filepath.Base(segmentPath("", base)), raw)
		if err != nil {
			t.Fatal(err)
		}
		const parts = 16 // of a frame: those of the first and of the last one
		for i, f := range slices.Concat(list[:parts], list[len(list)-parts:]) {
			flips++
			x.flip(t, base, 8*f.From+i%(8*(f.To-f.From)), i%2 == 0)
		}
	}
	t.Logf("%d bits of fields flipped", flips)
}

// flipper damages a log.
type flipper struct {
	t         *testing.T
	dir, from string
	segment   int64
	want      map[int64][]byte
	end       int64
}

func (x *flipper) read(base int64) []byte {
	raw, err := os.ReadFile(segmentPath(x.from, base))
	if err != nil {
		x.t.Fatal(err)
	}
	return raw
}

// fails is a *testing.T or a *rapid.T.
type fails interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// flip flips one bit of a segment in a copy of the log.
func (x *flipper) flip(rt fails, base int64, bit int, index bool) {
	to, err := os.MkdirTemp(x.dir, "b")
	if err != nil {
		rt.Fatal(err)
	}
	defer os.RemoveAll(to)
	if err := os.CopyFS(to, os.DirFS(x.from)); err != nil {
		rt.Fatal(err)
	}
	raw := x.read(base)
	raw[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(segmentPath(to, base), raw, 0o644); err != nil {
		rt.Fatal(err)
	}
	if index {
		os.Remove(indexPath(to, base))
	}
	q, err := openPartition(to, options(x.segment), new(atomic.Int64), func() {})
	if err != nil {
		rt.Fatal(err)
	}
	defer q.close()
	if _, e := q.bounds(); e != x.end {
		rt.Fatalf("the end is %d, it was %d", e, x.end)
	}
	got, damaged := everything(x.t, q)
	if len(got) != len(x.want)-1 || len(damaged) == 0 || len(damaged) > 3 {
		rt.Fatalf("bit %d: %d batches and damaged offsets %v, want %d and 1 to 3 of one batch", bit, len(got), damaged, len(x.want)-1)
	}
	for base, b := range got {
		if !bytes.Equal(b, x.want[base]) {
			rt.Fatalf("batch %d is served with other bytes", base)
		}
	}
	for _, at := range damaged {
		if _, served := got[at]; served {
			rt.Fatalf("offset %d is served and damaged", at)
		}
	}
	if at, err := q.append(newBatch(1, body(1))); err != nil || at != x.end {
		rt.Fatalf("the next offset is %d, %v; want %d", at, err, x.end)
	}
	if raw, err := q.batches(nil, x.end, 1<<20); err != nil || batch(raw).base() != x.end {
		rt.Fatalf("reading it: %v", err)
	}
}
