package shards

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/objects"
)

// Place is where a corpus is kept. With a Store, the table is what stands there (data/, rejects/ and the commit log below
// data/_delta_log), and Dir is a copy of as much of it as was needed here: an entry is put into the store by one PUT that
// only the first can win, its files before it, and only what the store has is linked into Dir. So Dir may be lost, in
// whole or in part, and several machines may have one each.
type Place struct {
	Dir   string
	Store objects.Store // nil: Dir is all there is
	Disk  *durable.Disk // nil but in tests
}

// ErrStore says that Dir and its store do not belong together, or have grown apart.
var ErrStore = errors.New("the folder is no copy of its store")

// Open reads the commit log, that of the store where there is one.
func (p Place) Open(ctx context.Context) (*Table, error) {
	if _, err := CheckFormat(p.Dir); err != nil {
		return nil, fmt.Errorf("open corpus: %w", err)
	}
	t := &Table{at: p, texts: newTextCache(textCacheBytes)}
	if err := t.openLog(ctx); err != nil {
		return nil, fmt.Errorf("open corpus %s: %w", p.Dir, err)
	}
	return t, nil
}

func (t *Table) openLog(ctx context.Context) error {
	if err := t.readLog(ctx); err != nil || t.at.Store == nil {
		return err
	}
	if err := t.at.checkBinding(); err != nil {
		return err
	}
	if err := t.at.checkStoreFormat(ctx); err != nil {
		return err
	}
	if err := t.compareNewest(ctx); err != nil {
		return err
	}
	return t.Update(ctx)
}

// entryObject is the name of an entry in the store, and that of a file is its path below Dir.
func entryObject(version int64) string { return "data/_delta_log/" + entryName(version) }

// bindingPath has the name of the store that a folder is a copy of.
func bindingPath(dir string) string { return filepath.Join(dir, "store") }

// Bound names the store that dir is a copy of, "" for none.
func Bound(dir string) (string, error) {
	b, err := readLimited(bindingPath(dir), 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

// checkBinding refuses another store than the one that the folder is a copy of: commits would go to both.
func (p Place) checkBinding() error {
	is := ""
	if p.Store != nil {
		is = p.Store.String()
	}
	was, err := Bound(p.Dir)
	if err != nil || was == "" || was == is {
		return err
	}
	if is == "" {
		is = "none"
	}
	return fmt.Errorf("%s is a copy of %s, and the store is to be %s: %w", p.Dir, was, is, ErrStore)
}

// prepareCopy makes the folders of a copy, and writes down of what.
func (p Place) prepareCopy() error {
	if err := prepare(p.Disk, p.Dir); err != nil {
		return err
	}
	if was, err := Bound(p.Dir); err != nil || was != "" {
		return err
	}
	return p.Disk.Replace("shards.store", bindingPath(p.Dir), []byte(p.Store.String()+"\n"))
}

// checkStoreFormat reads the number of the format of what lies in the store.
func (p Place) checkStoreFormat(ctx context.Context) error {
	b, err := objects.Read(ctx, p.Store, "format", 64)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.knows(b)
}

func (p Place) knows(format []byte) error {
	n, err := strconv.Atoi(strings.TrimSpace(string(format)))
	if err != nil || n < 1 {
		return fmt.Errorf("%s: %q is no format number: %w", p.Store, format, millrace.ErrIntegrity)
	}
	if n > Format {
		return fmt.Errorf("%s has format %d, this millrace knows %d: %w", p.Store, n, Format, ErrFormat)
	}
	return nil
}

// prepare is for whoever is about to write.
func (p Place) prepare(ctx context.Context) error {
	if err := p.checkBinding(); err != nil {
		return err
	}
	if p.Store == nil {
		return prepare(p.Disk, p.Dir)
	}
	if err := p.prepareCopy(); err != nil {
		return err
	}
	return p.claimStore(ctx)
}

// claimStore is for whoever is about to write: a new store gets the number, and shows by it that of two who write one
// name only the first wins. Without that there is no commit.
func (p Place) claimStore(ctx context.Context) error {
	var b []byte
	err := p.Disk.Put("shards.claim", filepath.Join(p.Dir, "format"), func() (err error) {
		b, err = objects.Claim(ctx, p.Store, "format", []byte(strconv.Itoa(Format)+"\n"))
		return err
	})
	if err != nil {
		return err
	}
	return p.knows(b)
}

// compareNewest wants the store to have the newest entry of Dir, byte for byte: each entry holds the hash of the one
// before, so that all others are the same then, too.
func (t *Table) compareNewest(ctx context.Context) error {
	version := t.Version()
	if version < 0 {
		return nil
	}
	here, err := readLimited(entryPath(t.at.Dir, version), maxEntry)
	if err != nil {
		return err
	}
	there, err := objects.Read(ctx, t.at.Store, entryObject(version), maxEntry)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s has commit %d, %s has not: %w: %w", t.at.Dir, version, t.at.Store, ErrStore, millrace.ErrIntegrity)
	case err != nil:
		return err
	case !bytes.Equal(here, there):
		return fmt.Errorf("%s and %s have different commits %d: %w: %w", t.at.Dir, t.at.Store, version, ErrStore, millrace.ErrIntegrity)
	}
	return nil
}

// atOnce is how many entries are asked for at a time while there are some.
const atOnce = 32

// Update brings the log in Dir up to that of the store, and the table up to both. Like Refresh it asks for the next
// entry until there is none.
func (t *Table) Update(ctx context.Context) error {
	t.asked.Store(time.Now().UnixNano())
	for n := 1; ; n = atOnce {
		if err := t.readLog(ctx); err != nil || t.at.Store == nil {
			return err
		}
		found, err := t.pull(ctx, n)
		if err != nil {
			return fmt.Errorf("read the commit log of %s: %w", t.at.Store, err)
		}
		if found == 0 {
			return nil
		}
	}
}

// pull links the next entries of the store, at most n, into Dir.
func (t *Table) pull(ctx context.Context, n int) (found int, err error) {
	next, before := t.Version()+1, ""
	if e := t.Newest(); e != nil {
		before = e.checksum
	}
	raws := make([][]byte, n)
	g, gctx := errgroup.WithContext(ctx)
	for i := range raws {
		g.Go(func() error {
			raw, err := objects.Read(gctx, t.at.Store, entryObject(next+int64(i)), maxEntry)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			raws[i] = raw
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	for i, raw := range raws {
		if raw == nil {
			break // what stands behind it came a moment later
		}
		e, err := decodeEntry(next+int64(i), raw)
		if err != nil {
			return found, err
		}
		if e.Previous != before {
			return found, fmt.Errorf("%s does not continue the entry before: the hash differs: %w", entryName(e.Version), millrace.ErrIntegrity)
		}
		if found == 0 {
			if err := t.at.prepareCopy(); err != nil {
				return found, err
			}
		}
		if err := t.at.Disk.Create("shards.pull", entryPath(t.at.Dir, e.Version), raw); err != nil && !errors.Is(err, fs.ErrExist) {
			return found, err
		}
		before = e.checksum
		found++
	}
	return found, nil
}

// add is the put-if-absent of an entry: in the store, where there is one, and then in Dir. Where it did not win, or does
// not know, the error says nothing about the log: Update does.
func (p Place) add(ctx context.Context, at string, version int64, raw []byte) error {
	path := entryPath(p.Dir, version)
	if p.Store == nil {
		return p.Disk.Create(at, path, raw)
	}
	err := p.Disk.Put(at+".put", path, func() error { return p.Store.PutNew(ctx, entryObject(version), raw) })
	if err != nil {
		return err
	}
	err = p.Disk.Create(at, path, raw)
	if errors.Is(err, fs.ErrExist) { // a reader of the same folder was quicker to fetch it
		return nil
	}
	return err
}

// keep puts a file that has got its name in Dir into the store.
func (p Place) keep(ctx context.Context, sub string, f File) error {
	if p.Store == nil {
		return nil
	}
	path := filepath.Join(p.Dir, sub, f.Name)
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	return p.Disk.Put("shards.put", path, func() error { return p.Store.Put(ctx, sub+"/"+f.Name, in, f.Bytes, f.SHA256) })
}

// openFile opens a file of the table. One that is missing in Dir is fetched.
func (t *Table) openFile(ctx context.Context, sub string, f File, want []string) (*fileReader, error) {
	r, err := openFile(t.at.Dir, sub, f, want)
	if t.at.Store == nil || !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if err := t.at.fetch(ctx, sub, f); err != nil {
		return nil, err
	}
	return openFile(t.at.Dir, sub, f, want)
}

// fetch copies a file of the store into Dir, if it is what the log says.
func (p Place) fetch(ctx context.Context, sub string, f File) error {
	if err := p.prepareCopy(); err != nil {
		return err
	}
	var err error
	for range 3 { // a collector takes unfinished files of commits that are there
		var there error
		err = p.Disk.ReplaceFrom("shards.fetch", filepath.Join(p.Dir, sub, f.Name), func(w io.Writer) error {
			there = objects.Fetch(ctx, p.Store, sub+"/"+f.Name, w, f.Bytes, f.SHA256)
			return there
		})
		switch {
		case errors.Is(there, fs.ErrNotExist):
			return fmt.Errorf("%w: %w", there, millrace.ErrIntegrity) // or rewritten, which the next entry says
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return err
}
