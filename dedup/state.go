package dedup

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"millrace"
)

// Load implements millrace.Stateful: it takes the snapshots below next, and folds the committed rows that none has.
// The result equals an Index that has seen the documents themselves.
func (x *Index) Load(ctx context.Context, next int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	<-x.writing
	if err := x.reset(); err != nil {
		return err
	}
	if next <= 0 {
		return nil
	}
	if x.opt.Rows == nil || x.opt.Texts == nil {
		return fmt.Errorf("dedup: inputs below %d are committed, and there is no corpus to read them from", next)
	}
	if err := x.restore(ctx, next); err != nil {
		return fmt.Errorf("dedup: read the index back: %w", err)
	}
	return x.texts.commit(next)
}

// fold does what Process did to the state when it saw the row as a document. A later stage or a takedown
// may have given the row another verdict since; its cluster still tells what happened here.
func (x *Index) fold(r Row) error {
	if r.Cluster.IsZero() {
		x.observe(r.Offset, r.Version, r.Reason) // decided before it came here
		return nil
	}
	if of, again := x.seen(r.ID); again {
		if r.Reason != millrace.DupSame && x.replaced(of, r.ID) {
			x.setNewest(r.Offset, of)
		}
		return nil
	}
	if r.Cluster != r.ID {
		of, ok := x.byID.find(r.Cluster)
		if !ok {
			return fmt.Errorf("row %s at offset %d is a duplicate of %s, which no row before it is: %w", r.ID, r.Offset, r.Cluster, millrace.ErrIntegrity)
		}
		x.addDuplicate(r.Offset, r.ID, of)
		return nil
	}
	var k keys
	if err := k.decode(r.Keys); err != nil {
		return fmt.Errorf("row %s at offset %d: %w: %w", r.ID, r.Offset, err, millrace.ErrIntegrity)
	}
	x.addKept(r.ID, r.UserID, hashPage(r.Version), r.Offset, &k)
	return nil
}

// Save implements millrace.Stateful: the texts below next can be read from the corpus from now on, and the state
// there may go into a snapshot.
func (x *Index) Save(ctx context.Context, next int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return errors.Join(x.texts.commit(next), x.snapshots(ctx, next))
}

// Close removes the scratch files, and waits for the snapshot that is being written.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	<-x.writing
	return x.texts.close()
}

// reset empties the Index.
func (x *Index) reset() error {
	if x.texts != nil {
		if err := x.texts.close(); err != nil {
			return err
		}
	}
	x.kept, x.dups, x.users, x.bands = column[entry]{}, column[duplicate]{}, nil, [bands]bandTable{}
	x.steps = steps{off: x.opt.Snapshots.Dir == ""}
	x.withdrawn = map[page]struct{}{}
	x.byID = newOrdTable(func(ord uint32) [16]byte { return x.kept.at(ord).id })
	x.byContent = newOrdTable(func(ord uint32) [16]byte { return x.kept.at(ord).content })
	x.byPage = newOrdTable(func(ord uint32) [16]byte { return x.kept.at(ord).page.key() })
	x.dupByID = newOrdTable(func(i uint32) [16]byte { return x.dups.at(i).id })
	x.texts = &texts{
		corpus: x.opt.Texts, dir: x.opt.Scratch, limit: x.opt.MemTexts,
		entry: x.kept.at,
		below: func(next int64) uint32 {
			return uint32(sort.Search(x.kept.n, func(i int) bool { return x.kept.at(uint32(i)).offset >= next }))
		},
	}
	return x.texts.open()
}

// Digest is a hash of the whole state. Equal input gives equal state, however it was batched, saved and loaded.
func (x *Index) Digest() [32]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	h := sha256.New()
	put := func(v any) { binary.Write(h, binary.LittleEndian, v) }
	for i := range x.kept.n {
		e := x.kept.at(uint32(i))
		put(e.id)
		put(e.content)
		newest, _ := x.byPage.find(e.page.key())
		put([]int64{e.offset, int64(e.shingles), int64(e.user), int64(e.page), int64(newest)})
		_, gone := x.withdrawn[e.page]
		put(gone)
		put(e.sketch)
	}
	for i := range x.dups.n {
		d := x.dups.at(uint32(i))
		put(d.id)
		put(d.of)
	}
	fmt.Fprintf(h, "%q", x.users)
	for b := range x.bands {
		put(x.bands[b].tags)
		put(x.bands[b].ords)
	}
	return [32]byte(h.Sum(nil))
}
