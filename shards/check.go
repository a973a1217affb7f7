package shards

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"millrace"
)

// Report is what Check found.
type Report struct {
	OK       bool      `json:"ok"`
	Files    int       `json:"files"`   // Parquet files that the log names
	Rows     int64     `json:"rows"`    // kept, in the table as it is
	Rejects  int64     `json:"rejects"` // dropped and failed, and what was kept once
	Problems []Problem `json:"problems"`
	Orphans  []string  `json:"orphans,omitempty"` // left by a crash, or replaced by a rewrite; no problem
}

// Problem is one thing that does not hold.
type Problem struct {
	File    string `json:"file"` // below DIR
	What    string `json:"what"`
	RowFrom int64  `json:"row_from"` // rows of File that it concerns: RowFrom ≤ row < RowTo
	RowTo   int64  `json:"row_to"`
}

// maxProblems bounds a Report: a lost disk has more than anybody reads.
const maxProblems = 1000

// Check recomputes everything that the commit log of dir claims: the chain of its entries, the hash and
// schema of each file, each row's place, verdict and twin, the ledger, and the Merkle roots. The error
// is for what keeps it from looking; damage is in the Report.
func Check(ctx context.Context, dir string) (Report, error) { return Place{Dir: dir}.Check(ctx) }

// Check is the function of that name for a corpus in any place. With a store it looks at what stands there, and
// at what of it lies in Dir.
func (p Place) Check(ctx context.Context) (Report, error) {
	dir := p.Dir
	there, err := CheckFormat(dir)
	if err != nil {
		return Report{}, fmt.Errorf("check: %w", err)
	}
	c := &checker{dir: dir, table: &Table{at: p}, twins: map[uint64]struct{}{}, seed: maphash.MakeSeed(), report: Report{Problems: []Problem{}}}
	if err := c.store(ctx); err != nil {
		return Report{}, fmt.Errorf("check: %w", err)
	}
	highest, err := highestEntry(dir)
	if err != nil {
		return Report{}, fmt.Errorf("check: %w", err)
	}
	if p.Store != nil && highest >= 0 {
		there = true // its number is the store's
	}
	if !there {
		if highest < 0 {
			return Report{}, fmt.Errorf("check: %s holds no corpus: %w", dir, fs.ErrNotExist)
		}
		c.problem("format", "the format number is missing")
	}
	prev := &Entry{Version: -1, Checkpoint: millrace.Checkpoint{}.Clone()}
	for v := range highest + 1 {
		e, err := readEntry(dir, v)
		if err != nil {
			c.problem(entryFile(v), describe(err))
			prev = nil // the chain is cut; what follows is checked on its own
			continue
		}
		if prev != nil {
			c.chain(prev, e)
		}
		c.noteHides(e)
		c.table.take(e)
		prev = e
	}
	for i := range c.table.log {
		e := c.table.commit(int64(i))
		if e.Operation == opRebuild {
			c.checkHides()
			c.report.Rows, c.report.Rejects = 0, 0
			clear(c.twins)
		}
		if err := c.entry(ctx, e); err != nil {
			return c.report, err
		}
	}
	c.checkHides()
	if c.report.Orphans, err = orphans(c.table); err != nil {
		return c.report, err
	}
	inStore, err := storeOrphans(ctx, c.table)
	if err != nil {
		return c.report, err
	}
	c.report.Orphans = append(c.report.Orphans, inStore...)
	slices.Sort(c.report.Orphans)
	c.report.Orphans = slices.Compact(c.report.Orphans)
	c.report.OK = len(c.report.Problems) == 0
	return c.report, nil
}

type checker struct {
	dir    string
	report Report
	table  *Table
	// hides are those of the log, by offset, of the table and of each that a rebuild has ended. Those whose row
	// was found are taken out.
	hides []map[int64]Hide
	// twins are the names of the kept rows so far, hashed: a duplicate's twin must be among them.
	twins map[uint64]struct{}
	seed  maphash.Seed
}

func (c *checker) problem(file, what string) { c.problemRows(file, what, 0, 0) }

func (c *checker) problemRows(file, what string, from, to int64) {
	if len(c.report.Problems) < maxProblems {
		c.report.Problems = append(c.report.Problems, Problem{file, what, from, to})
	}
}

func entryFile(version int64) string { return "data/_delta_log/" + entryName(version) }

func describe(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "the file is missing"
	}
	return err.Error()
}

// highestEntry lists the log, which no reader does: a missing entry would else hide all that follow.
func highestEntry(dir string) (int64, error) {
	list, err := os.ReadDir(logDir(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return -1, err
	}
	highest := int64(-1)
	for _, f := range list {
		digits, ok := strings.CutSuffix(f.Name(), ".json")
		if n, err := strconv.ParseInt(digits, 10, 64); ok && err == nil && entryName(n) == f.Name() {
			highest = max(highest, n)
		}
	}
	return highest, nil
}

// chain checks what e says against the entry before.
func (c *checker) chain(prev, e *Entry) {
	name := entryFile(e.Version)
	if l := c.table.inForce(e); e.InForce != nil && *e.InForce != *l {
		c.problem(name, fmt.Sprintf("it tells another layout than the one in force, which is %+v", *l))
	}
	if e.Previous != prev.checksum {
		c.problem(name, fmt.Sprintf("it does not continue the entry before, %s: the hash differs", entryName(prev.Version)))
	}
	if e.Operation == opRebuild {
		if len(e.Checkpoint.Next)+len(e.Checkpoint.Marks)+len(e.Files)+len(e.Rejects) > 0 {
			c.problem(name, "a rebuild does not start from nothing")
		}
		return
	}
	if e.Operation == opRewrite {
		if !sameCheckpoint(prev.Checkpoint, e.Checkpoint) || e.From != e.To || prev.Recipe != e.Recipe || len(e.hides) > 0 {
			c.problem(name, "a rewrite changes more than the files")
		}
		return
	}
	if e.Operation == opRecipe {
		if !sameCheckpoint(prev.Checkpoint, e.Checkpoint) || len(e.Files)+len(e.Rejects) > 0 {
			c.problem(name, "a change of the recipe changes more than the recipe")
		}
		return
	}
	if (e.Operation == opLayout) != (e.Layout != nil) || e.Layout != nil && (len(e.Files)+len(e.Rejects)+len(e.hides) > 0 || e.From != e.To) {
		c.problem(name, "a change of the layout changes rows, or rows the layout")
	}
	if prev.Version >= 0 && prev.Recipe != e.Recipe {
		c.problem(name, fmt.Sprintf("the recipe changes from %s to %s without a commit for it", prev.Recipe, e.Recipe))
	}
	for p, n := range prev.Checkpoint.Next {
		if e.Checkpoint.Next[p] < n {
			c.problem(name, fmt.Sprintf("the position in %s falls from %d to %d", p, n, e.Checkpoint.Next[p]))
		}
		if e.From != n {
			c.problem(name, fmt.Sprintf("it starts at offset %d, the entry before ends at %d", e.From, n))
		}
	}
	for p, n := range prev.Checkpoint.Marks {
		if m, ok := e.Checkpoint.Marks[p]; !ok || m < n {
			c.problem(name, fmt.Sprintf("the mark of %s falls from %d to %d", p, n, m))
		}
	}
}

// entry checks one commit: its files as they are now, then its rows.
func (c *checker) entry(ctx context.Context, e commit) error {
	name := entryFile(e.Version)
	for p, n := range e.Checkpoint.Next {
		if n != e.To {
			c.problem(name, fmt.Sprintf("it ends at offset %d, its position in %s is %d", e.To, p, n))
		}
	}
	kept, rejects := e.rows()
	c.report.Rows, c.report.Rejects = c.report.Rows+kept, c.report.Rejects+rejects
	whole := true
	check := func(sub string, files []File) error {
		for _, f := range files {
			c.report.Files++
			ok, err := c.file(ctx, sub, f)
			if err != nil {
				return err
			}
			whole = whole && ok
		}
		return nil
	}
	if err := check("data", e.kept); err != nil {
		return err
	}
	if err := check("rejects", slices.Concat(e.rejects, e.moved)); err != nil {
		return err
	}
	if !whole {
		return ctx.Err() // a damaged file is not parsed, so there is nothing to recompute from
	}
	return c.rows(ctx, e)
}

// file checks the name, the length and the hash of a file, and whether its columns are ours.
func (c *checker) file(ctx context.Context, sub string, f File) (bool, error) {
	name, where := sub+"/"+f.Name, ""
	if c.table.at.Store != nil {
		where = "in the folder: "
	}
	bad := func(what string, args ...any) (bool, error) {
		c.problemRows(name, where+fmt.Sprintf(what, args...), 0, f.Rows)
		return false, nil
	}
	if err := c.object(ctx, sub, f); errors.Is(err, millrace.ErrIntegrity) || errors.Is(err, fs.ErrNotExist) {
		where = "in the store: "
		return bad("%s", describe(err))
	} else if err != nil {
		return false, err // it does not say whether it is there
	}
	size, digest, err := hashFile(ctx, filepath.Join(c.dir, sub, f.Name))
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		return bad("%s", describe(err))
	case size != f.Bytes:
		return bad("it has %d bytes, the commit log says %d", size, f.Bytes)
	case digest != f.SHA256:
		return bad("its SHA-256 is %s, the commit log says %s", digest, f.SHA256)
	case f.Name != partName(f.version, fileInfo{first: f.First, sha256: f.SHA256}):
		return bad("its name does not tell its entry, first offset and hash")
	}
	r, err := openFile(c.dir, sub, f, nil)
	if err != nil {
		return bad("%s", err)
	}
	defer r.close()
	if want, err := parquetSchema(columnsFor(r.signals, sub == "rejects")); err != nil || !want.Equals(r.pq.MetaData().Schema.Root()) {
		return bad("its columns are not those of the contract")
	}
	return true, nil
}
