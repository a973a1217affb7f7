package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math"
	"math/bits"
	"slices"
)

// judgeRows holds the rows of one commit against its bounds, its ledger and its Merkle root.
func (e *entry) judgeRows(r *report) {
	e.judgeRange(r)
	e.judgeTally(r)
	var t tree
	for _, x := range e.rows {
		t.add(leaf(x))
		if _, ok := e.next[x.partition]; !ok {
			r.fault(position, "the row at %s is of a partition that entry %d does not read", x.position, e.number)
		}
		if x.kept != (x.reason == "") || x.kept != (x.stage == "") {
			r.fault(tallies, "the row at %s: reason %q, stage %q, and kept is %v", x.position, x.reason, x.stage, x.kept)
		}
	}
	if got := t.root(); got != e.info.Root {
		r.fault(checksum, "the Merkle root of entry %d's rows is %s, it says %s", e.number, got, e.info.Root)
	}
}

// judgeRange wants every offset between the bounds in exactly one row, or in a gap that the commit declares.
func (e *entry) judgeRange(r *report) {
	covered := slices.Clone(e.info.Gaps)
	for _, g := range e.info.Gaps {
		r.Gaps += g.To - g.From
	}
	for _, x := range e.rows {
		covered = append(covered, gap{x.offset, x.offset + 1})
	}
	slices.SortStableFunc(covered, func(a, b gap) int { return cmp.Compare(a.From, b.From) })
	at := e.info.From
	for _, g := range covered {
		switch {
		case g.From > at:
			r.fault(lost, "entry %d: offsets %d to %d are in no row and no gap", e.number, at, g.From-1)
		case g.From < at || g.To <= g.From:
			r.fault(doubled, "entry %d: offset %d comes again", e.number, g.From)
		}
		at = max(at, g.To)
	}
	if at != e.info.To {
		r.fault(lost, "entry %d: its rows end at offset %d, it says %d", e.number, at, e.info.To)
	}
}

// judgeTally counts the verdicts again.
func (e *entry) judgeTally(r *report) {
	var in, kept int64
	verdicts := map[[2]string]int64{}
	for _, x := range e.rows {
		in++
		if x.kept {
			kept++
		} else {
			verdicts[[2]string{x.stage, x.reason}]++
		}
	}
	t := &e.info.Tally
	told := map[[2]string]int64{}
	flow := t.In
	ok := t.In == in && t.Kept == kept && len(t.Moved) == 0
	for _, s := range t.Stages {
		var n int64
		for reason, c := range s.Reasons {
			told[[2]string{s.Name, reason}] += c
			n += c
		}
		ok = ok && s.In == flow && s.In == s.Kept+s.Dropped+s.Failed && n == s.Dropped+s.Failed
		flow = s.Kept
	}
	maps.DeleteFunc(told, func(_ [2]string, n int64) bool { return n == 0 })
	if !ok || flow != kept || !maps.Equal(told, verdicts) {
		r.fault(tallies, "entry %d says in %d, kept %d, %v; its rows say in %d, kept %d, %v", e.number, t.In, t.Kept, told, in, kept, verdicts)
	}
}

// tree is the Merkle tree of RFC 6962 over the rows of a commit.
type tree struct {
	n    uint64
	full [][32]byte // roots of the complete subtrees, the largest first
}

// leaf hashes what makes a row this row.
func leaf(x *row) [32]byte {
	b := []byte{0}
	if mid, err := hex.DecodeString(x.mid); err == nil {
		b = append(b, mid...)
	}
	b = append(b, x.text[:]...)
	for _, s := range []string{x.position, x.reason, x.stage, x.signal, x.of, x.method, x.err} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, n := range []float64{x.value, x.limit, x.similarity} {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(n))
	}
	return sha256.Sum256(b)
}

func (t *tree) add(h [32]byte) {
	for range bits.TrailingZeros64(^t.n) {
		last := len(t.full) - 1
		h = node(t.full[last], h)
		t.full = t.full[:last]
	}
	t.full = append(t.full, h)
	t.n++
}

func (t *tree) root() string {
	if len(t.full) == 0 {
		h := sha256.Sum256(nil)
		return hex.EncodeToString(h[:])
	}
	h := t.full[len(t.full)-1]
	for _, left := range slices.Backward(t.full[:len(t.full)-1]) {
		h = node(left, h)
	}
	return hex.EncodeToString(h[:])
}

func node(l, r [32]byte) [32]byte {
	return sha256.Sum256(slices.Concat([]byte{1}, l[:], r[:]))
}
