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

	"millrace"
	"millrace/internal/objects"
)

// store compares the entries of the store with those of the folder, and fetches what is missing here. What is damaged in
// the store is a problem, and so is a copy that says something else; the rest is checked here then.
func (c *checker) store(ctx context.Context) error {
	p := c.table.at
	if p.Store == nil {
		return nil
	}
	if err := p.checkBinding(); err != nil {
		return err
	}
	if err := p.checkStoreFormat(ctx); err != nil {
		return err
	}
	if err := p.prepareCopy(); err != nil {
		return err
	}
	highest, err := p.highestObject(ctx)
	if err != nil {
		return err
	}
	here, err := highestEntry(p.Dir)
	if err != nil {
		return err
	}
	for v := range max(here, highest) + 1 {
		if err := c.storeEntry(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// highestObject lists the log of the store, as highestEntry does that of the folder.
func (p Place) highestObject(ctx context.Context) (int64, error) {
	highest := int64(-1)
	err := p.Store.List(ctx, "data/_delta_log/", func(o objects.Object) error {
		digits, ok := strings.CutSuffix(strings.TrimPrefix(o.Name, "data/_delta_log/"), ".json")
		if n, err := strconv.ParseInt(digits, 10, 64); ok && err == nil && entryObject(n) == o.Name {
			highest = max(highest, n)
		}
		return nil
	})
	return highest, err
}

// Peek is the number of the newest entry, -1 where there is none. Unlike Open it fetches nothing into Dir.
func (p Place) Peek(ctx context.Context) (int64, error) {
	if p.Store != nil {
		return p.highestObject(ctx)
	}
	t, err := p.Open(ctx)
	if err != nil {
		return -1, err
	}
	return t.Version(), nil
}

// storeEntry compares one entry.
func (c *checker) storeEntry(ctx context.Context, version int64) error {
	p, name := c.table.at, entryFile(version)
	there, err := objects.Read(ctx, p.Store, entryObject(version), maxEntry)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.problem(name, "it is not in the store")
		return nil
	case errors.Is(err, millrace.ErrIntegrity):
		c.problem(name, fmt.Sprintf("in the store: %s", err))
		return nil
	case err != nil:
		return err
	}
	here, err := os.ReadFile(entryPath(p.Dir, version))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err := p.Disk.Create("shards.pull", entryPath(p.Dir, version), there)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	case err != nil:
		return err
	case !bytes.Equal(here, there):
		c.problem(name, "it is another one than that of the store")
	}
	return nil
}

// object hashes a file as it stands in the store, and sees to it that one lies here for what follows.
func (c *checker) object(ctx context.Context, sub string, f File) error {
	p := c.table.at
	if p.Store == nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(p.Dir, sub, f.Name)); errors.Is(err, fs.ErrNotExist) {
		return p.fetch(ctx, sub, f)
	}
	return objects.Fetch(ctx, p.Store, sub+"/"+f.Name, io.Discard, f.Bytes, f.SHA256)
}
