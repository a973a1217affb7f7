package dedup

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"millrace"
	"millrace/internal/durable"
)

// Snapshots keep the state from one life to the next: files in Dir, each with the steps of a range of offsets, which
// add up to the state. They are a cache and nothing else. A file is named by its offsets and the recipe, and counts
// only where it is whole and Commit gives for its end what it gave when the file was written: so what another owner
// saw, another table, or one that was made anew, does not count. What does not count is said and read from the rows.
type Snapshots struct {
	Dir    string // "" keeps nothing
	Recipe string // hash of the recipe
	// Commit names the commit that has the row before an offset, and with it every commit before.
	Commit func(ctx context.Context, offset int64) (string, error)
	Disk   *durable.Disk
	Log    *slog.Logger

	every, bytes int64 // tests make small files
}

const (
	snapshotMagic = "millrace dedup snapshot 1\n" // a later code that makes other steps has another number
	// A snapshot is written when so many offsets are committed and in none, and 1/snapshotShare of all: a restart reads
	// few rows, and files stay few. Each step is written once.
	snapshotEvery = 1000
	snapshotShare = 256
	snapshotBytes = 4 << 20 // of steps in one file
	// maxSnapshot is what is read of one file.
	maxSnapshot = snapshotBytes + 1<<20
	sumSize     = 16
)

// snapshot is one file: the steps of the rows with from ≤ offset < to.
type snapshot struct {
	from, to   int64
	kept, dups int // documents before, of each kind
	steps      []byte
	commit     string
	path       string
}

var snapshotName = regexp.MustCompile(`^index-(\d{19})-(\d{19})-([0-9a-f]{16})\.steps$`)

func (o *Snapshots) mark() string { return fmt.Sprintf("%016x", xxh3.HashString(o.Recipe)) }

func (o *Snapshots) path(from, to int64) string {
	return filepath.Join(o.Dir, fmt.Sprintf("index-%019d-%019d-%s.steps", from, to, o.mark()))
}

// encode is the file: magic, offsets, counts, recipe, commit, steps, and a hash over all of it.
func (s *snapshot) encode(recipe string) []byte {
	b := make([]byte, 0, len(s.steps)+len(recipe)+len(s.commit)+128)
	b = append(b, snapshotMagic...)
	for _, n := range []int64{s.from, s.to, int64(s.kept), int64(s.dups)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	for _, text := range []string{recipe, s.commit} {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	return sealed(append(b, s.steps...))
}

// sealed appends a hash of b.
func sealed(b []byte) []byte {
	sum := xxh3.Hash128(b).Bytes()
	return append(b, sum[:]...)
}

// decode reads what encode has made by the same recipe, and looks at every step.
func (s *snapshot) decode(b []byte, recipe string) error {
	rest, ok := strings.CutPrefix(string(b[:min(len(b), len(snapshotMagic))]), snapshotMagic)
	if !ok || rest != "" || len(b) < len(snapshotMagic)+4*8+sumSize {
		return errors.New("it is no snapshot of this version")
	}
	whole, sum := b[:len(b)-sumSize], [sumSize]byte(b[len(b)-sumSize:])
	if xxh3.Hash128(whole).Bytes() != sum {
		return errors.New("it is damaged")
	}
	b = whole[len(snapshotMagic):]
	number := func() int64 {
		n := int64(binary.LittleEndian.Uint64(b))
		b = b[8:]
		return n
	}
	s.from, s.to, s.kept, s.dups = number(), number(), int(number()), int(number())
	var texts [2]string
	for i := range texts {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.LittleEndian.Uint32(b)) {
			return errSteps
		}
		n := 4 + int(binary.LittleEndian.Uint32(b))
		texts[i], b = string(b[4:n]), b[n:]
	}
	if texts[0] != recipe {
		return errors.New("it is of another recipe")
	}
	s.commit, s.steps = texts[1], b
	return s.check()
}

// check wants steps in the order of their rows that speak of documents before them.
func (s *snapshot) check() (err error) {
	var one step
	last, kept, dups := s.from-1, s.kept, s.dups
	for b := s.steps; len(b) > 0; {
		if b, err = one.next(b); err != nil {
			return err
		}
		refers := one.kind == stepDuplicate || one.kind == stepNewest
		if one.offset < last || one.offset < s.from || one.offset >= s.to || refers && int64(one.of) >= int64(kept) {
			return errSteps
		}
		last = one.offset
		switch one.kind {
		case stepKept:
			kept++
		case stepDuplicate:
			dups++
		}
	}
	if s.kept < 0 || s.dups < 0 || kept+dups > maxDocuments {
		return errSteps
	}
	return nil
}

// list gives the snapshots up to next by name, in the order of from, of two with the same the longer one first. Files
// that can be of no use any more are removed: of other recipes, and what a crash has left of a write.
func (o *Snapshots) list(next int64) (all []*snapshot) {
	files, err := os.ReadDir(o.Dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			o.Log.Warn("snapshots of the duplicate index cannot be listed", "error", err)
		}
		return nil
	}
	for _, f := range files {
		path := filepath.Join(o.Dir, f.Name())
		m := snapshotName.FindStringSubmatch(f.Name())
		switch {
		case m == nil && strings.HasPrefix(f.Name(), ".tmp-index-"):
			o.remove(path)
		case m == nil:
		case m[3] != o.mark():
			o.Log.Info("a snapshot of the duplicate index is of another recipe", "file", path)
			o.remove(path)
		default:
			from, err1 := strconv.ParseInt(m[1], 10, 64)
			to, err2 := strconv.ParseInt(m[2], 10, 64)
			if err1 != nil || err2 != nil || from >= to {
				o.remove(path)
			} else if to > next { // perhaps another owner's, who has committed since
				o.Log.Info("a snapshot of the duplicate index is newer than the newest commit", "file", path)
			} else {
				all = append(all, &snapshot{from: from, to: to, path: path})
			}
		}
	}
	slices.SortFunc(all, func(a, b *snapshot) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	return all
}

// remove takes a snapshot away. One that stays is in nobody's way.
func (o *Snapshots) remove(path string) {
	if err := o.Disk.Remove("dedup.remove", path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.Log.Warn("a snapshot of the duplicate index cannot be removed", "error", err)
	}
}

// read reads the file of s into buf, which it may make longer.
func (o *Snapshots) read(ctx context.Context, s *snapshot, buf *[]byte) error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Size() > maxSnapshot {
		err = errors.New("it is too long")
	}
	if err != nil {
		return err
	}
	*buf = slices.Grow((*buf)[:0], int(info.Size()))[:info.Size()]
	if _, err := f.ReadAt(*buf, 0); err != nil {
		return err
	}
	named := *s
	if err := s.decode(*buf, o.Recipe); err != nil {
		return err
	}
	if s.from != named.from || s.to != named.to {
		return errors.New("it has another name")
	}
	commit, err := o.Commit(ctx, s.to)
	if err == nil && commit != s.commit {
		err = errors.New("it is of another table")
	}
	return err
}

// write makes the snapshot durable. A failure costs the next start some time.
func (o *Snapshots) write(s *snapshot) {
	err := o.Disk.Mkdir("dedup.folder", o.Dir)
	if err == nil {
		err = o.Disk.Replace("dedup.save", o.path(s.from, s.to), s.encode(o.Recipe))
	}
	if err != nil {
		o.Log.Warn("no snapshot of the duplicate index", "error", err)
	}
}

// cut makes snapshots of the steps below an offset that is committed.
func (x *Index) cut(ctx context.Context, to int64) (list []*snapshot, err error) {
	o := &x.opt.Snapshots
	for x.steps.from < to {
		s := &snapshot{from: x.steps.from, to: to, kept: x.kept.n, dups: x.dups.n}
		for _, e := range x.steps.ends {
			switch e.kind {
			case stepKept:
				s.kept--
			case stepDuplicate:
				s.dups--
			}
		}
		if i := slices.IndexFunc(x.steps.ends, func(e stepEnd) bool { return int64(e.end) >= o.bytes }); i >= 0 {
			s.to = min(to, x.steps.ends[i].offset+1)
		}
		if s.commit, err = o.Commit(ctx, s.to); err != nil {
			return list, err
		}
		s.steps = x.steps.cut(s.to)
		list = append(list, s)
	}
	return list, nil
}

// due reports whether a snapshot up to an offset is worth its file.
func (x *Index) due(to int64) bool {
	o := &x.opt.Snapshots
	return !x.steps.off && to-x.steps.from >= max(o.every, to/snapshotShare)
}

// snapshots writes what is due, beside the work that goes on. While a write is under way, the next one waits for
// another commit.
func (x *Index) snapshots(ctx context.Context, next int64) error {
	if !x.due(next) {
		return nil
	}
	select {
	case <-x.writing:
	default:
		return nil
	}
	list, err := x.cut(ctx, next)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	x.writing = done
	go func() { // Load and Close wait for it
		defer close(done)
		for _, s := range list {
			x.opt.Snapshots.write(s)
		}
	}()
	return nil
}

// restore makes the state below next: of snapshots where there are sound ones, else of rows.
func (x *Index) restore(ctx context.Context, next int64) error {
	o := &x.opt.Snapshots
	var list []*snapshot
	if !x.steps.off {
		list = o.list(next)
	}
	l := &loader{x: x}
	x.reserve(ctx, l, list)
	rows := 0
	for at := int64(0); at < next; {
		if len(list) > 0 && list[0].from <= at {
			s := list[0]
			list = list[1:]
			if s.from == at && x.take(ctx, l, s) {
				at = s.to
			} else {
				o.remove(s.path)
			}
			continue
		}
		to := next
		if len(list) > 0 {
			to = list[0].from
		}
		l.finish()
		n, err := x.foldRows(ctx, at, to, to < next)
		if err != nil {
			return err
		}
		at, rows = to, rows+n
	}
	l.finish()
	o.Log.Info("the duplicate index stands", "offset", next, "kept", x.kept.n, "rows_read", rows)
	return ctx.Err()
}

// take adds the steps of s to the state, if it is sound and goes on where the state ends.
func (x *Index) take(ctx context.Context, l *loader, s *snapshot) bool {
	err := x.opt.Snapshots.read(ctx, s, &l.buf)
	if err == nil && (s.kept != x.kept.n || s.dups != x.dups.n) {
		err = errors.New("it goes on from another state")
	}
	if err != nil {
		x.opt.Snapshots.Log.Warn("a snapshot of the duplicate index does not count, its rows are read", "file", s.path, "reason", err)
		return false
	}
	l.apply(s)
	x.steps = steps{from: s.to}
	return true
}

// foldRows folds the committed rows with from ≤ offset < to, and writes snapshots of many. Where snapshots follow
// behind, it fills the hole before them.
func (x *Index) foldRows(ctx context.Context, from, to int64, hole bool) (rows int, err error) {
	last := from - 1
	err = x.opt.Rows.Rows(ctx, from, to, func(r Row) error {
		if r.Offset <= last || r.Offset >= to {
			return fmt.Errorf("row at offset %d follows one at %d, and %d is the end: %w", r.Offset, last, to, millrace.ErrIntegrity)
		}
		last = r.Offset
		rows++
		if err := x.fold(r); err != nil {
			return err
		}
		if int64(len(x.steps.buf)) >= x.opt.Snapshots.bytes {
			x.store(ctx, r.Offset+1)
		}
		return nil
	})
	if err == nil && !x.steps.off && (hole || x.due(to)) {
		x.store(ctx, to)
	}
	return rows, err
}

// store writes snapshots up to an offset at once.
func (x *Index) store(ctx context.Context, to int64) {
	list, err := x.cut(ctx, to)
	for _, s := range list {
		x.opt.Snapshots.write(s)
	}
	if err != nil {
		x.opt.Snapshots.Log.Warn("no snapshot of the duplicate index", "error", err)
	}
}
