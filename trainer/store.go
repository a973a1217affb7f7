package trainer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"millrace"
)

// Doc is one kept document of the corpus.
type Doc struct {
	Offset  int64       // where the mill read it; only carried along
	ID      millrace.ID // of the capture
	Cluster millrace.ID // root of its near-duplicate cluster; zero: the document itself
	Text    string
}

// heldOutEvery is the share of clusters that are never trained on: one in 20.
const heldOutEvery = 20

// HeldOut reports whether d is for validation. It is a function of the cluster alone, so that
// neither near-duplicates of a page nor a restart can carry a text from one side to the other.
func (d Doc) HeldOut() bool {
	root := d.Cluster
	if root.IsZero() {
		root = d.ID
	}
	h := sha256.Sum256(append([]byte("millrace/held-out\x00"), root[:]...))
	return binary.LittleEndian.Uint64(h[:])%heldOutEvery == 0
}

// Bounds of what is held in memory, two bytes a token. The first document that has no room for
// training ends the feed; held-out text that has no room is not read.
const (
	maxTrainTokens   = 128 << 20
	maxHeldOutTokens = 8 << 20
)

// store is the text seen so far, in commit order: a growing prefix of the corpus.
type store struct {
	train, heldOut       []uint16
	maxTrain, maxHeldOut int
	docs                 int64
	full                 bool  // a document found no room among those to train on
	last                 int64 // offset of the newest document
	hash                 [sha256.Size]byte
}

func newStore() *store { return &store{maxTrain: maxTrainTokens, maxHeldOut: maxHeldOutTokens} }

// add appends one document. The hash chains all documents so far.
func (s *store) add(d Doc) {
	text := sha256.Sum256([]byte(d.Text))
	h := sha256.New()
	h.Write(s.hash[:])
	h.Write(d.ID[:])
	h.Write(d.Cluster[:])
	h.Write(text[:])
	h.Sum(s.hash[:0])
	s.docs++
	s.last = d.Offset
	if d.Text == "" {
		return
	}
	side, limit := &s.train, s.maxTrain
	if d.HeldOut() {
		side, limit = &s.heldOut, s.maxHeldOut
	}
	if len(d.Text) >= limit-len(*side) {
		s.full = s.full || side == &s.train
		return
	}
	*side = appendTokens(*side, d.Text)
}

// appendTokens appends text and the token that ends a document.
func appendTokens(tokens []uint16, text string) []uint16 {
	for i := range len(text) {
		tokens = append(tokens, uint16(text[i]))
	}
	return append(tokens, endOfDocument)
}

// version names the prefix of the corpus that is in s.
func (s *store) version(step int) version {
	return version{
		Step: step, Docs: s.docs, Offset: s.last, Train: len(s.train), HeldOut: len(s.heldOut),
		Hash: hex.EncodeToString(s.hash[:]),
	}
}

// batch fills tokens with the rows of a step: row i starts at a position that follows from seed,
// step and i.
func (s *store) batch(b Batch, seed uint64, step int, v version) {
	stride := b.Len + 1
	for i := range b.Rows {
		at := int(mix(seed, uint64(step), uint64(i)) % uint64(v.Train-b.Len))
		copy(b.Tokens[i*stride:(i+1)*stride], s.train[at:])
	}
}

// mix is a counter-based random number (SplitMix64, applied to each word in turn): no state
// to store and restore.
func mix(words ...uint64) uint64 {
	var x uint64
	for _, w := range words {
		x += 0x9e3779b97f4a7c15 + w
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	return x
}

// spread cuts up to rows blocks out of tokens, evenly and without overlap.
// It returns a batch of no rows if there is no token to predict.
func spread(tokens []uint16, rows, length int) Batch {
	length = min(length, len(tokens)-1)
	if length < 1 {
		return Batch{}
	}
	rows = min(rows, (len(tokens)-1)/length)
	step := (len(tokens) - 1) / rows
	b := Batch{Rows: rows, Len: length}
	for r := range rows {
		b.Tokens = append(b.Tokens, tokens[r*step:r*step+length+1]...)
	}
	return b
}
