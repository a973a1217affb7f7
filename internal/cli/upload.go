package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/objects"
	"millrace/internal/warc"
)

// archiveFolder is where archive files are, in a corpus's folder and in its store: warc/NAME, and warc/site/NAME.
const archiveFolder = "warc"

// uploadEvery is the pause between two looks for archive files that are finished.
const uploadEvery = 15 * time.Second

// uploader brings the archive files of one crawl worker into the store. A file is finished when it has an index, and does
// not change after that. It stays where it is.
type uploader struct {
	store  objects.Store
	disk   *durable.Disk
	dir    string
	worker int
	log    *slog.Logger
	there  map[string]int64 // what the store has, and its size; nil before the first look
}

// uploads gives the uploader of a line that crawls and has a store; else nil.
func (l *line) uploads() *uploader {
	if l.c.at.Store == nil || l.crawler == nil {
		return nil
	}
	return &uploader{store: l.c.at.Store, disk: l.c.disk, dir: l.c.dir, worker: l.worker, log: l.a.log}
}

// run uploads what gets finished, until ctx ends. A store that is away stops no crawl.
func (u *uploader) run(ctx context.Context) error {
	if u == nil {
		return nil
	}
	tick := time.NewTicker(uploadEvery)
	defer tick.Stop()
	for {
		if _, err := u.pass(ctx); err != nil && ctx.Err() == nil {
			u.log.Warn("archive files are not in the store yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pass uploads what is finished and not there. A file's index comes behind it: where that is, the file is whole.
func (u *uploader) pass(ctx context.Context) (n int, err error) {
	if u.there == nil {
		there := map[string]int64{}
		err := u.store.List(ctx, archiveFolder+"/", func(o objects.Object) error { there[o.Name] = o.Size; return nil })
		if err != nil {
			return 0, err
		}
		u.there = there
	}
	for _, name := range []string{fmt.Sprintf("pages-%d-", u.worker), fmt.Sprintf("site/site-%d-", u.worker)} {
		paths, err := filepath.Glob(filepath.Join(u.dir, archiveFolder, filepath.FromSlash(name)+"*.warc.gz"))
		if err != nil {
			return n, err
		}
		for _, p := range paths {
			index := warc.IndexPath(p)
			if _, err := os.Stat(index); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			for _, file := range []string{p, index} {
				put, err := u.put(ctx, file)
				if err != nil {
					return n, err
				}
				if put {
					n++
				}
			}
		}
	}
	return n, nil
}

// put uploads one file, unless it is there.
func (u *uploader) put(ctx context.Context, file string) (done bool, err error) {
	rel, err := filepath.Rel(u.dir, file)
	if err != nil {
		return false, err
	}
	name := filepath.ToSlash(rel)
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if size, ok := u.there[name]; ok && size == info.Size() {
		return false, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, err
	}
	err = u.disk.Put("cli.upload", file, func() error { return u.store.Put(ctx, name, f, info.Size(), hex.EncodeToString(h.Sum(nil))) })
	if err != nil {
		return false, err
	}
	u.there[name] = info.Size()
	return true, nil
}

// closeArchive ends the crawl's archive and uploads the rest of it. What is not done in time is done by the next run.
func (l *line) closeArchive(ctx context.Context, u *uploader) {
	if u == nil {
		return
	}
	if err := l.crawler.Close(); err != nil {
		l.a.log.Warn("the archive was not closed as it should", "error", err)
	}
	left := func() time.Duration { return runPatience }
	if ctx.Err() != nil {
		left = l.a.timeToTidy
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), left())
	defer cancel()
	if _, err := u.pass(ctx); err != nil {
		l.a.log.Warn("the newest archive files are not in the store; the next run uploads them", "error", err)
	}
}

// bringArchive fetches what a line is going to read of an archive that other machines have written.
func (a *App) bringArchive(ctx context.Context, c *corpus, o runOptions) error {
	from := c.at
	switch {
	case o.archive != "":
		var err error
		if from, err = a.placeOf(o.archive); err != nil {
			return err
		}
	case !o.rebuild || len(c.seeds) == 0:
		return nil
	}
	if from.Store == nil {
		return nil
	}
	n, err := fetchArchive(ctx, a.Disk, from.Dir, from.Store)
	if n > 0 {
		a.say("Fetched %d files of the archive from %s.", n, from.Store)
	}
	return err
}

// fetchArchive brings the archive files of a store that are not in the folder into it, as another machine has written them.
func fetchArchive(ctx context.Context, disk *durable.Disk, dir string, store objects.Store) (n int, err error) {
	var all []objects.Object
	err = store.List(ctx, archiveFolder+"/", func(o objects.Object) error { all = append(all, o); return nil })
	if err != nil {
		return 0, err
	}
	for _, o := range all {
		file := filepath.Join(dir, filepath.FromSlash(o.Name))
		if !filepath.IsLocal(filepath.FromSlash(o.Name)) || !isArchiveFile(o.Name) {
			continue
		}
		info, err := os.Stat(file)
		if err == nil && info.Size() == o.Size {
			continue
		}
		if err == nil && info.Size() > o.Size || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, fmt.Errorf("%s is not what the store has under that name: %w: %w", file, errors.Join(err), millrace.ErrIntegrity)
		}
		if err := disk.Mkdir("cli.archive", filepath.Dir(file)); err != nil {
			return n, err
		}
		err = disk.ReplaceFrom("cli.archive", file, func(w io.Writer) error { return fetchObject(ctx, store, o, w) })
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func fetchObject(ctx context.Context, store objects.Store, o objects.Object, w io.Writer) error {
	r, err := store.Get(ctx, o.Name, 0, -1) // it compares the digest
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(w, r)
	if err == nil && n != o.Size {
		err = fmt.Errorf("%s has %d bytes, not %d: %w", o.Name, n, o.Size, millrace.ErrIntegrity)
	}
	return err
}

func isArchiveFile(name string) bool {
	return slices.Contains([]string{archiveFolder, archiveFolder + "/site"}, path.Dir(name)) &&
		(strings.HasSuffix(name, ".warc.gz") || strings.HasSuffix(name, ".cdxj"))
}
