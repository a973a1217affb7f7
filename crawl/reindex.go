package crawl

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/warc"
)

// unindexed lists the files of a sequence that have no index, because the process that wrote them was killed.
func (s *sequence) unindexed() ([]warcFile, error) {
	files, err := listFiles(s.folder, s.prefix)
	return slices.DeleteFunc(files, func(f warcFile) bool {
		_, err := os.Stat(warc.IndexPath(f.path))
		return !errors.Is(err, fs.ErrNotExist)
	}), err
}

// reindex writes the indexes that are missing. It only reads what nobody writes to any more, so it goes on
// beside the crawl; what it has not done when ctx ends is left to the next run.
func (a *archiver) reindex(ctx context.Context, files []warcFile) {
	for _, file := range files {
		err := indexFile(ctx, a.disk, file)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			a.log.Warn("archive file has no index", "file", file.name, "err", err)
		}
	}
}

// indexFile writes the index of a file. A record at its end that was being written when the process died
// is not in it.
func indexFile(ctx context.Context, disk *durable.Disk, file warcFile) error {
	x := warc.NewIndex(disk, filepath.Dir(file.path))
	defer x.Close()
	err := readMembers(ctx, file, 0, func(rec *warc.Record) error {
		if e, ok := warc.NewEntry(rec, file.name); ok {
			return x.Add(&e)
		}
		return nil
	})
	if torn := (*tornError)(nil); err != nil && !errors.As(err, &torn) {
		return err
	}
	return x.Write(warc.IndexPath(file.path))
}

// mend cuts off what was being written to the site files when the process died. Damage elsewhere in them
// stops no crawl: they are for audit. (The pages are mended by Crawler.recover, which also tells the frontier
// of them.)
func (a *archiver) mend(ctx context.Context, files []warcFile) error {
	for _, file := range files {
		err := readMembers(ctx, file, 0, func(*warc.Record) error { return nil })
		if torn := (*tornError)(nil); errors.As(err, &torn) {
			err = cut(a.disk, "crawl.site.mend", file.path, torn.at)
		}
		if errors.Is(err, millrace.ErrIntegrity) {
			a.log.Warn("site archive is damaged", "file", file.name, "err", err)
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
