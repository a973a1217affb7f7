// Package dedup tells duplicates. A Document with a text comes in; stage "sketch" fills its Keys, for
// many documents at once, and stage "dedup", in input order, gives the Verdict: dup.same, dup.exact or
// dup.near, each with the twin that was kept. The first of a cluster is kept.
//
// Two texts are near-duplicates when the Jaccard similarity of their sets of 5-word shingles reaches the
// threshold. MinHash bands only find candidates; a candidate becomes a verdict by the exact Jaccard of
// the two texts.
//
// Versions of one page (millrace.VersionKey) are no duplicates of each other: a changed page is held against
// the pages of others only. The very same bytes again are dup.same, unless the page has had other bytes in between.
//
// Read in this order: dedup.go (what the stage needs), words.go (what a word is), shingles.go, sketch.go
// (the keys), table.go, index.go (the verdict), versions.go, state.go (how the index
// comes back), steps.go, snapshot.go and load.go (how it does so soon), texts.go.
package dedup

import (
	"context"
	"errors"

	"millrace"
)

// Options of an Index.
type Options struct {
	// Threshold is the Jaccard similarity from which on a text is a near-duplicate. 0 is 0.8.
	Threshold float64
	// Versions says which versions of a page are kept: "newest" (also where it is ""), "first" or "all".
	Versions string
	// Texts and Rows read the corpus back. Both may be nil where nothing is committed, as in a single step over files.
	Texts Texts
	Rows  Rows
	// Scratch is the folder for texts that are not committed and no longer fit into MemTexts.
	// "" is a temporary folder of the system.
	Scratch string
	// MemTexts bounds the bytes of texts kept in memory. 0 is 64 MiB.
	MemTexts int64
	// Snapshots keep the index between two lives. Without them it is made of all rows.
	Snapshots Snapshots
}

// Texts gives the text of a committed row by its offset in the mill's input. It is asked for rows that
// the Index has kept, and must give the same text whenever it is asked: the verdict depends on it.
// An error that wraps ErrNoText says that the text is gone for good; any other stops the line.
type Texts interface {
	Text(ctx context.Context, offset int64, id millrace.ID) (string, error)
}

// Rows gives the committed rows with from ≤ offset < to, whatever their verdict, in the order of their offsets.
type Rows interface {
	Rows(ctx context.Context, from, to int64, yield func(Row) error) error
}

// Row is what the Index needs of a committed row.
type Row struct {
	Offset  int64
	ID      millrace.ID
	UserID  string
	Version string // millrace.VersionKey
	Kept    bool
	Reason  millrace.Reason
	Keys    []byte
	Cluster millrace.ID // zero where the document never came to stage "dedup"
}

// ErrNoText says that a row's text was withdrawn. Its keys still count, and the similarity is estimated.
var ErrNoText = errors.New("the text was withdrawn")

// Values of Verdict.Method.
const (
	methodExact    = "exact"
	methodJaccard  = "jaccard"
	methodEstimate = "estimate"
)
