package shards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"

	"millrace"
)

// hashFile reads a whole file.
func hashFile(ctx context.Context, path string) (size int64, digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return 0, "", err
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
		size += int64(n)
		if err == io.EOF {
			return size, hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return 0, "", err
		}
	}
}

// entryCheck recomputes one commit from its rows.
type entryCheck struct {
	*checker
	e     commit
	tally *millrace.Tally
	root  tree
	next  int64 // the offset that must come next
	gaps  []Gap // still to come
	ends  map[string]*File
}

// rows recomputes what the entry e says of its rows.
func (c *checker) rows(ctx context.Context, e commit) error {
	names := make([]string, len(e.Tally.Stages))
	for i, s := range e.Tally.Stages {
		names[i] = s.Name
	}
	x := &entryCheck{checker: c, e: e, tally: millrace.NewTally(names), next: e.From, gaps: e.Gaps, ends: map[string]*File{}}
	err := c.table.entryRows(ctx, e, Select{To: maxOffset, Kept: true, Rejects: true}, func(r *Row) error { x.row(r); return nil })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	name := entryFile(e.Version)
	if err != nil {
		c.problem(name, err.Error())
		return nil
	}
	x.skipGaps()
	if x.next != e.To {
		c.problem(name, fmt.Sprintf("offsets %d to %d are in no row and no gap", x.next, e.To-1))
	}
	x.tally.Moved = e.Tally.Moved // see noteHides
	if !reflect.DeepEqual(*x.tally, e.Tally) {
		c.problem(name, fmt.Sprintf("the ledger says in %d, kept %d; the rows say in %d, kept %d, or other reasons",
			e.Tally.In, e.Tally.Kept, x.tally.In, x.tally.Kept))
	}
	if root := x.root.root(); root != e.Root {
		c.problem(name, fmt.Sprintf("the Merkle root of the rows is %s, the entry says %s", root, e.Root))
	}
	x.checkEnds("data", e.kept)
	x.checkEnds("rejects", slices.Concat(e.rejects, e.moved))
	return nil
}

// noteHides takes the hides of one entry, and wants the entry to count them.
func (c *checker) noteHides(e *Entry) {
	if len(c.hides) == 0 || e.Operation == opRebuild {
		c.hides = append(c.hides, map[int64]Hide{})
	}
	hides := c.hides[len(c.hides)-1]
	moved := millrace.Tally{}
	for _, h := range e.hides {
		if _, ok := hides[h.Offset]; ok || h.Offset >= e.To {
			c.problem(entryFile(e.Version), fmt.Sprintf("it takes out the row at offset %d, which is no row of the corpus then", h.Offset))
		}
		hides[h.Offset] = h
		moved.Move(h.Reason)
	}
	if !maps.Equal(moved.Moved, e.Tally.Moved) {
		c.problem(entryFile(e.Version), fmt.Sprintf("the ledger says that it took out %v, it names %v", e.Tally.Moved, moved.Moved))
	}
}

// checkHides ends a table: it wants a kept row for everything that was taken out. Where something else is wrong,
// files were left out.
func (c *checker) checkHides() {
	if len(c.hides) == 0 {
		return
	}
	for _, offset := range slices.Sorted(maps.Keys(c.hides[0])) {
		if len(c.report.Problems) > 0 {
			break
		}
		c.problem("data/_delta_log", fmt.Sprintf("the row at offset %d was taken out, and is not there", offset))
	}
	c.hides = c.hides[1:]
}

// skipGaps moves on over the offsets that are said to have made no row.
func (x *entryCheck) skipGaps() {
	for len(x.gaps) > 0 && x.gaps[0].From == x.next && x.gaps[0].To > x.next {
		x.next, x.gaps = x.gaps[0].To, x.gaps[1:]
	}
}

// row takes the next row in the order of the offsets.
func (x *entryCheck) row(r *Row) {
	bad := func(what string, args ...any) {
		x.problemRows(r.File, fmt.Sprintf(what, args...), r.Number, r.Number+1)
	}
	x.skipGaps()
	switch {
	case r.Offset < x.next:
		bad("offset %d comes twice or out of order", r.Offset)
	case r.Offset > x.next:
		bad("offsets %d to %d are in no row and no gap", x.next, r.Offset-1)
	}
	x.next = max(x.next, r.Offset+1)
	if _, ok := x.e.Checkpoint.Next[r.Position.Partition]; !ok {
		bad("position %s is of a partition that the entry does not name", r.Position)
	}
	v := r.Verdict // that its commit had for it
	if r.Moved {
		v = millrace.Verdict{}
		if h, ok := x.hides[0][r.Offset]; !ok || h.Reason != r.Verdict.Reason || h.Of != r.Verdict.Of {
			bad("it was kept, and no commit took it out as %s of %s", r.Verdict.Reason, r.Verdict.Of)
		}
		delete(x.hides[0], r.Offset)
	}
	if r.File[0] == 'r' && (r.Verdict.Reason == "" || r.Verdict.Stage == "") {
		bad("a reject without a reason or a stage")
	}
	if v.Reason == millrace.DupExact || v.Reason == millrace.DupNear {
		if _, ok := x.twins[x.hash(twin(&v))]; !ok {
			bad("its twin %s is no kept row before it", twin(&v))
		}
	}
	if v.Kept() {
		x.twins[x.hash(r.ID)] = struct{}{}
		x.twins[x.hash(r.MID.String())] = struct{}{}
	}
	x.tally.Count(v)
	x.root.add(r)
	if f := x.ends[r.File]; f == nil {
		x.ends[r.File] = &File{First: r.Offset, Last: r.Offset, Rows: 1}
	} else {
		f.Last = r.Offset
		f.Rows++
	}
}

func (x *entryCheck) hash(name string) uint64 { return maphash.String(x.seed, name) }

func (x *entryCheck) checkEnds(sub string, files []File) {
	for _, f := range files {
		got := x.ends[sub+"/"+f.Name]
		if got == nil || got.First != f.First || got.Last != f.Last || got.Rows != f.Rows {
			x.problemRows(sub+"/"+f.Name, "its rows are not those that the commit log says", 0, f.Rows)
		}
	}
}
