package shards

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/bits"

	"millrace"
)

// tree is a Merkle tree over rows in their order, as RFC 6962 builds it: a leaf is hashed behind a zero
// byte, a node behind a one. It keeps one hash a level.
type tree struct {
	n    uint64
	full [][32]byte // roots of the complete subtrees, the largest first: one for each bit of n
}

// add hashes what makes a row this row: its place, its ID, its text, and the verdict that its commit had for it.
func (t *tree) add(r *Row) {
	t.addLeaf(leaf(r))
}

func leaf(r *Row) [32]byte {
	v := &r.Verdict
	if r.Moved {
		v = &millrace.Verdict{}
	}
	sum := sha256.Sum256([]byte(r.Text))
	b := make([]byte, 1, 512) // the zero byte of a leaf
	b = append(b, r.MID[:]...)
	b = append(b, sum[:]...)
	for _, s := range []string{r.Position.String(), string(v.Reason), v.Stage, v.Signal, twin(v), v.Method, v.Err} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	f := func(x float64, there bool) {
		if x, there = number(x, there); !there {
			x = 0
		}
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(x))
	}
	f(v.Value, v.Signal != "")
	f(v.Limit, v.Signal != "")
	f(v.Similarity, v.Method != "")
	return sha256.Sum256(b)
}

func (t *tree) addLeaf(h [32]byte) {
	for range bits.TrailingZeros64(^t.n) {
		last := len(t.full) - 1
		h = node(t.full[last], h)
		t.full = t.full[:last]
	}
	t.full = append(t.full, h)
	t.n++
}

// root is the hash over all rows so far; of no rows, the hash of nothing.
func (t *tree) root() string {
	if len(t.full) == 0 {
		h := sha256.Sum256(nil)
		return hex.EncodeToString(h[:])
	}
	h := t.full[len(t.full)-1]
	for i := len(t.full) - 2; i >= 0; i-- {
		h = node(t.full[i], h)
	}
	return hex.EncodeToString(h[:])
}

func node(l, r [32]byte) [32]byte {
	b := append([]byte{1}, l[:]...)
	return sha256.Sum256(append(b, r[:]...))
}
