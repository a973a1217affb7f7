package trainer

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"millrace"
	"pgregory.net/rapid"
)

// TestHeldOutIsNeverTrainedOn: members of one cluster stand on one side, and no batch has a byte
// of the other.
func TestHeldOutIsNeverTrainedOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStore()
		side := map[millrace.ID]bool{}
		clusters := rapid.SliceOfN(rapid.IntRange(0, 99), 50, 300).Draw(t, "clusters")
		for i, c := range clusters {
			var d Doc
			binary.LittleEndian.PutUint64(d.ID[:], uint64(i))
			binary.LittleEndian.PutUint64(d.Cluster[:], uint64(c+1))
			mark := "t"
			if d.HeldOut() {
				mark = "h"
			}
			if was, ok := side[d.Cluster]; ok && was != d.HeldOut() {
				t.Fatalf("cluster %d is on both sides", c)
			}
			side[d.Cluster] = d.HeldOut()
			d.Text = strings.Repeat(mark, 9)
			s.add(d)
		}
		b := Batch{Rows: 5, Len: 7, Tokens: make([]uint16, 40)}
		s.batch(b, rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 1<<30).Draw(t, "step"), s.version(0))
		if slices.Contains(b.Tokens, 'h') || slices.Contains(s.heldOut, 't') {
			t.Fatal("held-out text in a batch, or the reverse")
		}
	})
}

// TestHeldOutShare: one cluster in 20.
func TestHeldOutShare(t *testing.T) {
	const n = 20000
	held := 0
	for i := range n {
		if (Doc{ID: millrace.NewID(fmt.Sprint(i), [32]byte{})}).HeldOut() {
			held++
		}
	}
	if share := float64(held) / n; math.Abs(share-1.0/heldOutEvery) > 0.006 { // 4 standard deviations
		t.Errorf("%v of the clusters are held out", share)
	}
}

// TestBatchOfVersion: what comes after a version does not change its batches.
func TestBatchOfVersion(t *testing.T) {
	s := newStore()
	docs := corpus(5, 60)
	for _, d := range docs[:30] {
		s.add(d)
	}
	v := s.version(7)
	b := Batch{Rows: 3, Len: 9, Tokens: make([]uint16, 30)}
	s.batch(b, 1, 7, v)
	before := slices.Clone(b.Tokens)
	for _, d := range docs[30:] {
		s.add(d)
	}
	s.batch(b, 1, 7, v)
	if !slices.Equal(before, b.Tokens) {
		t.Error("a batch changed when the corpus grew")
	}
	s.batch(b, 1, 8, v)
	if slices.Equal(before, b.Tokens) {
		t.Error("two steps have the same batch")
	}
}

// TestStoreIsBounded: a document without room ends the feed and is hashed all the same.
func TestStoreIsBounded(t *testing.T) {
	s := newStore()
	s.maxTrain, s.maxHeldOut = 1000, 100
	for _, d := range corpus(6, 400) {
		s.add(d)
	}
	if !s.full || len(s.train) > 1000 || len(s.heldOut) > 100 || s.docs != 400 {
		t.Errorf("full %v, %d and %d tokens, %d documents", s.full, len(s.train), len(s.heldOut), s.docs)
	}
}

// TestSpread: blocks are even, in order, without overlap, and never beyond the end.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := make([]uint16, rapid.IntRange(0, 300).Draw(t, "tokens"))
		for i := range tokens {
			tokens[i] = uint16(i)
		}
		rows, length := rapid.IntRange(1, 20).Draw(t, "rows"), rapid.IntRange(1, 40).Draw(t, "length")
		b := spread(tokens, rows, length)
		if len(tokens) < 2 {
			if b.Rows != 0 {
				t.Fatalf("%d rows of nothing", b.Rows)
			}
			return
		}
		if b.Rows < 1 || b.Rows > rows || b.Len > length || len(b.Tokens) != b.Rows*(b.Len+1) {
			t.Fatalf("%d rows of %d in %d tokens", b.Rows, b.Len, len(b.Tokens))
		}
		for r := 1; r < b.Rows; r++ {
			if first, last := b.Tokens[r*(b.Len+1)], b.Tokens[r*(b.Len+1)-1]; first < last {
				t.Fatalf("row %d starts at %d, the one before ends at %d", r, first, last)
			}
		}
	})
}
