package dedup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"

	"millrace"
)

// margin is how far below the threshold an estimate still leads to an exact comparison: four standard
// deviations of an estimate from 128 minima at 0.8.
const margin = 0.15

// maxUser bounds the user's ids in memory. The twin of a longer one is named by its ID alone.
const maxUser = 256

// maxDocuments is how many documents fit an ordinal and its successor.
const maxDocuments = math.MaxUint32 - 1

// entry is a document that was kept. With its slots in the tables it costs about 400 bytes, and its user's
// id where it has one.
type entry struct {
	id       millrace.ID
	content  [16]byte
	offset   int64
	shingles uint32
	user     uint32 // place in Index.users + 1; 0 is none
	page     page
	sketch   [minima]byte
}

// duplicate is a document that was dropped here, for the case that its ID comes again.
type duplicate struct {
	id millrace.ID
	of uint32
}

// Index is stage "dedup". It holds, of every document that it has kept, what it takes to know a copy.
type Index struct {
	opt Options

	mu        sync.Mutex // Save may come from the sink while Process runs
	kept      column[entry]
	dups      column[duplicate]
	users     []string
	bands     [bands]bandTable
	byID      ordTable
	byContent ordTable // the first with this content
	byPage    ordTable // the newest version
	withdrawn map[page]struct{}
	dupByID   ordTable
	texts     *texts

	steps   steps
	writing chan struct{} // closed when no snapshot is being written

	scratch    scratch
	own, other []uint64
	candidates []uint32
}

// New makes an empty Index. Close it to remove what it has written to Options.Scratch.
func New(opt Options) (*Index, error) {
	if opt.Threshold == 0 {
		opt.Threshold = 0.8
	}
	if !(opt.Threshold > 0 && opt.Threshold <= 1) {
		return nil, fmt.Errorf("dedup: threshold %v, want one above 0 and at most 1", opt.Threshold)
	}
	switch opt.Versions {
	case "":
		opt.Versions = VersionsNewest
	case VersionsNewest, VersionsFirst, VersionsAll:
	default:
		return nil, fmt.Errorf("dedup: versions %q, want newest, first or all", opt.Versions)
	}
	if opt.MemTexts == 0 {
		opt.MemTexts = 64 << 20
	}
	if opt.Snapshots.Log == nil {
		opt.Snapshots.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Snapshots.every == 0 {
		opt.Snapshots.every, opt.Snapshots.bytes = snapshotEvery, snapshotBytes
	}
	x := &Index{opt: opt, writing: make(chan struct{})}
	close(x.writing)
	if err := x.reset(); err != nil {
		return nil, err
	}
	return x, nil
}

// Name implements millrace.Stage.
func (x *Index) Name() string { return "dedup" }

// SignalNames implements millrace.Describer: the similarity is in the verdict.
func (x *Index) SignalNames() []string { return nil }

// Reasons implements millrace.Describer.
func (x *Index) Reasons() []millrace.Reason {
	return []millrace.Reason{millrace.DupSame, millrace.DupVersion, millrace.DupExact, millrace.DupNear}
}

// Process implements millrace.Stage.
func (x *Index) Process(ctx context.Context, d *millrace.Document) (millrace.Verdict, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var k keys
	if err := k.decode(d.Keys); err != nil {
		return millrace.Verdict{}, err
	}
	page := pageOf(d)
	if of, ok := x.seen(d.ID); ok {
		if x.replaced(of, d.ID) {
			x.setNewest(d.Position.Offset, of) // the page is what it was before
			d.Cluster = d.ID
			return millrace.Verdict{}, nil
		}
		return x.drop(d, of, x.same(d.ID, of)), nil
	}
	if of, ok := x.first(page); ok {
		x.addDuplicate(d.Position.Offset, d.ID, of)
		return x.drop(d, of, millrace.Verdict{Reason: millrace.DupVersion}), nil
	}
	if of, ok := x.byContent.find(k.content); ok && !x.version(of, page) {
		x.addDuplicate(d.Position.Offset, d.ID, of)
		return x.drop(d, of, millrace.Verdict{Reason: millrace.DupExact, Similarity: 1, Method: methodExact}), nil
	}
	of, v, err := x.near(ctx, d.Text, page, &k)
	if err != nil {
		// To guess instead would make the verdict depend on the state of a disk.
		return millrace.Verdict{}, fmt.Errorf("%w: %w", millrace.ErrStop, err)
	}
	if !v.Kept() {
		x.addDuplicate(d.Position.Offset, d.ID, of)
		return x.drop(d, of, v), nil
	}
	if x.kept.n+x.dups.n >= maxDocuments {
		return millrace.Verdict{}, fmt.Errorf("%w: the dedup index is full at %d documents", millrace.ErrStop, x.kept.n)
	}
	ord := x.addKept(d.ID, d.UserID, page, d.Position.Offset, &k)
	d.Cluster = d.ID
	if err := x.texts.put(ord, d.Text); err != nil {
		return millrace.Verdict{}, fmt.Errorf("%w: %w", millrace.ErrStop, err)
	}
	return millrace.Verdict{}, nil
}

// seen finds the kept document that stands for an ID that came before: itself or its twin.
func (x *Index) seen(id millrace.ID) (of uint32, ok bool) {
	if ord, ok := x.byID.find(id); ok {
		return ord, true
	}
	if i, ok := x.dupByID.find(id); ok {
		return x.dups.at(i).of, true
	}
	return 0, false
}

// same is the verdict for an ID that came before. If its first was dropped itself, how similar
// that was to its twin is told there.
func (x *Index) same(id millrace.ID, of uint32) millrace.Verdict {
	if x.kept.at(of).id != id {
		return millrace.Verdict{Reason: millrace.DupSame}
	}
	return millrace.Verdict{Reason: millrace.DupSame, Similarity: 1, Method: methodExact}
}

// drop completes a verdict with its twin.
func (x *Index) drop(d *millrace.Document, of uint32, v millrace.Verdict) millrace.Verdict {
	e := x.kept.at(of)
	d.Cluster = e.id
	v.Stage, v.Of = x.Name(), e.id
	if e.user != 0 {
		v.OfUser = x.users[e.user-1]
	}
	return v
}

// near looks for the kept document of another page that is most similar; of several, for the first.
func (x *Index) near(ctx context.Context, text string, own page, k *keys) (of uint32, v millrace.Verdict, err error) {
	x.own = x.own[:0]
	for _, ord := range x.find(k) {
		if x.version(ord, own) {
			continue
		}
		e := x.kept.at(ord)
		guess := estimate(&k.sketch, &e.sketch)
		if guess < x.opt.Threshold-margin || !x.sizesAllow(k.shingles, e.shingles) {
			continue
		}
		if len(x.own) == 0 {
			x.own = x.scratch.shingles(x.own, text)
		}
		similarity, method, err := x.compare(ctx, ord, guess)
		if err != nil {
			return 0, millrace.Verdict{}, err
		}
		if similarity >= x.opt.Threshold && similarity > v.Similarity {
			of = ord
			v = millrace.Verdict{Reason: millrace.DupNear, Signal: "jaccard", Value: similarity, Limit: x.opt.Threshold,
				Similarity: similarity, Method: method}
		}
	}
	x.release()
	return of, v, nil
}

// find collects the candidates from the bands, in the order of their offsets: at most 64.
func (x *Index) find(k *keys) []uint32 {
	x.candidates = x.candidates[:0]
	if k.shingles == 0 {
		return nil
	}
	for b := range x.bands {
		x.candidates = x.bands[b].owners(x.candidates, tag(k.bands[b]))
	}
	slices.Sort(x.candidates)
	return slices.Compact(x.candidates)
}

// sizesAllow reports whether sets of a and b shingles can be similar enough: J ≤ min/max.
func (x *Index) sizesAllow(a, b uint32) bool {
	return float64(min(a, b))/float64(max(a, b)) >= x.opt.Threshold
}

// compare gives the exact similarity of x.own to a kept text, or the estimate where that text is gone.
func (x *Index) compare(ctx context.Context, ord uint32, guess float64) (similarity float64, method string, err error) {
	text, err := x.texts.get(ctx, ord)
	if errors.Is(err, ErrNoText) {
		return guess, methodEstimate, nil
	}
	if err != nil {
		return 0, "", err
	}
	x.other = x.scratch.shingles(x.other[:0], text)
	return jaccard(x.own, x.other), methodJaccard, nil
}

// release gives back the memory of unusually large texts.
func (x *Index) release() {
	x.scratch.release()
	if cap(x.own)+cap(x.other) > maxWords/2 {
		x.own, x.other = nil, nil
	}
}

func (x *Index) addKept(id millrace.ID, user string, page page, offset int64, k *keys) (ord uint32) {
	e := entry{id: id, content: k.content, offset: offset, shingles: k.shingles, page: page, sketch: k.sketch}
	if len(user) > maxUser {
		user = ""
	}
	_, again := x.byContent.find(k.content) // an older version may have the same text
	ord = x.putKept(e, user, !again)
	var in uint16
	if k.shingles > 0 {
		for b := range x.bands {
			if x.bands[b].add(tag(k.bands[b]), ord) {
				in |= 1 << b
			}
		}
	}
	x.steps.kept(&e, user, !again, in, k)
	return ord
}

// putKept adds a document to everything but the bands; first says that its content is new.
func (x *Index) putKept(e entry, user string, first bool) (ord uint32) {
	if user != "" {
		x.users = append(x.users, user)
		e.user = uint32(len(x.users))
	}
	ord = x.kept.add(e)
	x.byID.add(ord)
	if first {
		x.byContent.add(ord)
	}
	if e.page != 0 {
		x.putNewest(ord)
	}
	return ord
}

func (x *Index) addDuplicate(offset int64, id millrace.ID, of uint32) {
	x.steps.duplicate(offset, id, of)
	x.putDuplicate(id, of)
}

func (x *Index) putDuplicate(id millrace.ID, of uint32) {
	x.dupByID.add(x.dups.add(duplicate{id: id, of: of}))
}
