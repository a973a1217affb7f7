package shards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"millrace/internal/durable"
	"millrace/internal/objects"
)

// CollectOrphans removes the files that a crash or a lost race left and those that a rewrite has replaced, and
// returns their names below dir. An orphan is a file whose number is not above the newest entry and which no
// version of the table, but those that ended with a rewrite, names; and an entry of such a number that has not got its
// name.
func CollectOrphans(disk *durable.Disk, dir string) ([]string, error) {
	return Place{Dir: dir, Disk: disk}.CollectOrphans(context.Background())
}

// CollectOrphans is the function of that name for a corpus in any place. With a store it names what it removed there,
// too; a file may have been in both.
func (p Place) CollectOrphans(ctx context.Context) ([]string, error) {
	t, err := p.Open(ctx)
	if err != nil {
		return nil, err
	}
	return t.CollectOrphans(ctx)
}

// CollectOrphans does so for a table that was opened just now.
func (t *Table) CollectOrphans(ctx context.Context) ([]string, error) {
	p := t.at
	names, err := orphans(t)
	if err != nil {
		return nil, err
	}
	for i, n := range names {
		if err := p.Disk.Remove("shards.collect", p.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return names[:i], fmt.Errorf("collect orphan: %w", err)
		}
	}
	there, err := storeOrphans(ctx, t)
	for _, n := range there {
		if err == nil {
			err = p.drop(ctx, "shards.collect.object", n)
		}
	}
	if err != nil {
		return names, fmt.Errorf("collect orphan of the store: %w", err)
	}
	names = append(names, there...)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// path is where a file of the table, by its name below Dir, lies here.
func (p Place) path(name string) string { return filepath.Join(p.Dir, filepath.FromSlash(name)) }

// drop removes an object of the store.
func (p Place) drop(ctx context.Context, at, name string) error {
	return p.Disk.Delete(at, p.path(name), func() error { return p.Store.Delete(ctx, name) })
}

// named are the files that a version of the table, but one that ended with a rewrite, names.
func (t *Table) named() map[string]bool {
	named := map[string]bool{}
	for v := range t.Version() + 1 {
		c := t.commit(v)
		for _, f := range c.kept {
			named["data/"+f.Name] = true
		}
		for _, f := range slices.Concat(c.rejects, c.moved) {
			named["rejects/"+f.Name] = true
		}
	}
	return named
}

// storeOrphans are those of the store, by the same law: t has to be up to date.
func storeOrphans(ctx context.Context, t *Table) (found []string, err error) {
	if t.at.Store == nil {
		return nil, nil
	}
	named, newest := t.named(), t.Version()
	for _, sub := range []string{"data/part-", "rejects/part-"} {
		err = errors.Join(err, t.at.Store.List(ctx, sub, func(o objects.Object) error {
			if n, ok := partVersion(o.Name); ok && n <= newest && !named[o.Name] {
				found = append(found, o.Name)
			}
			return nil
		}))
	}
	return found, err
}

func orphans(t *Table) ([]string, error) {
	named := t.named()
	newest := t.Version()
	var found []string
	for _, sub := range []string{"data", "rejects"} {
		list, err := os.ReadDir(filepath.Join(t.at.Dir, sub))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list orphans: %w", err)
		}
		for _, f := range list {
			name := sub + "/" + f.Name()
			if n, ok := partVersion(f.Name()); ok && n <= newest && !named[name] {
				found = append(found, name)
			}
		}
	}
	list, err := os.ReadDir(logDir(t.at.Dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list orphans: %w", err)
	}
	for _, f := range list {
		var n int64
		if _, err := fmt.Sscanf(f.Name(), ".tmp-%020d.json-", &n); err == nil && n <= newest {
			found = append(found, "data/_delta_log/"+f.Name())
		}
	}
	return found, nil
}
