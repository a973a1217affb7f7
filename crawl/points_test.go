package crawl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"millrace"
	"millrace/crawl/consent"
	"millrace/internal/sim/crashfs"
	"millrace/internal/warc"
)

// TestCrashAtEachStep crashes a crawl before and after each of its durable steps, and again while it goes on. In the
// end each page stands once in the archive, which has no damage and no false index; the ledger is that of an
// undisturbed crawl; and whatever the crawl had told of before a crash, the same bytes are at the same place.
func TestCrashAtEachStep(t *testing.T) {
	t.Parallel()
	w, want := mapped()
	var calm Counts
	life := func(ctx context.Context, p crashfs.Place) (err error) {
		files, err2 := listWARC(p.Dir, 0)
		if promised := p.Promised("crawl.stored"); err2 == nil && promised >= 0 {
			err2 = holds(p.Dir, files, promised)
		}
		if err2 != nil {
			return err2
		}
		synctest.Test(t, func(t *testing.T) {
			o := optionsFor(p.Dir, "http://1.1.1.1/")
			o.Disk = p.Disk
			c, err2 := Open(t.Context(), o)
			if err = err2; err != nil {
				return
			}
			defer c.Close()
			c.work.fetch, c.work.resolve = w.do, w.resolve
			if err = c.Open(t.Context(), millrace.Checkpoint{}); err != nil {
				return
			}
			docs, err2 := readAll(t.Context(), c)
			if err = errors.Join(err2, c.Counts().Check()); err != nil {
				return
			}
			if got := pageURLs(docs); !slices.Equal(got, want) {
				err = fmt.Errorf("pages %q", got)
			}
			counts := c.Counts()
			counts.Requests, counts.Bytes = 0, 0
			if calm == (Counts{}) {
				calm = counts
			} else if counts != calm {
				err = fmt.Errorf("counts %+v, want %+v", counts, calm)
			}
		})
		return err
	}
	judge := func(dir string) error {
		a := OpenArchive(dir, consent.Policy{})
		if err := a.Open(t.Context(), millrace.Checkpoint{}); err != nil {
			return err
		}
		docs, err := readAll(t.Context(), a)
		if err != nil || !slices.Equal(pageURLs(docs), want) {
			return fmt.Errorf("archive: %w, %q", err, pageURLs(docs))
		}
		return indexed(dir)
	}
	x := &crashfs.Trial{Life: life, Judge: judge, Seed: 3, Each: 2, Pairs: 30}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if err := r.Passed(".", map[string]string{
		"frontier.retire":        "of an earlier layout: internal/cli, TestCrashAtResize",
		"frontier.retire.folder": "the same",
		"frontier.snapshot.drop": "removes a cache that is of no use: snapshot_test.go",
		"crawl.site.mend":        crashfs.Sometimes + "the site files end within a record",
		"crawl.mend":             crashfs.Sometimes + "the archive ends within a record",
	}); err != nil {
		t.Error(err)
	}
	if err := r.Passed(filepath.Join("..", "internal", "warc"), map[string]string{"warc.append.cut": "behind a write that failed, not a crash: writer_test.go"}); err != nil {
		t.Error(err)
	}
}

// holds tells whether the archive reaches to a position.
func holds(dir string, files []warcFile, position int64) error {
	for _, f := range files {
		if f.seq == position>>seqShift {
			end := int64(0)
			err := readMembers(context.Background(), f, 0, func(r *warc.Record) error { end = r.Offset + r.Length; return nil })
			if torn := (*tornError)(nil); err != nil && !errors.As(err, &torn) {
				return err
			}
			if end < position&(1<<seqShift-1) {
				return fmt.Errorf("file %d was promised up to byte %d and holds %d", f.seq, position&(1<<seqShift-1), end)
			}
			return nil
		}
	}
	return fmt.Errorf("file %d was promised and is not there", position>>seqShift)
}

// indexed tells whether the indexes that are there are those of their files. The last run may have left some to the next.
func indexed(dir string) error {
	files, err := listWARC(dir, 0)
	for _, f := range files {
		got, err := os.ReadFile(warc.IndexPath(f.path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(os.Remove(warc.IndexPath(f.path)), indexFile(context.Background(), nil, f))
		}
		if err != nil {
			return err
		}
		if want, err := os.ReadFile(warc.IndexPath(f.path)); err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("the index of %s is another one: %w", f.name, err)
		}
	}
	return err
}
