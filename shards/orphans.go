package shards

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"millrace/internal/durable"
)

// CollectOrphans removes the files that a crash or a lost race left and those that a rewrite has replaced, and
// returns their names below dir. An orphan is a file whose number is not above the newest entry and which no
// version of the table, but those that ended with a rewrite, names; and an entry of such a number that has not got its
// name.
func CollectOrphans(disk *durable.Disk, dir string) ([]string, error) {
	t, err := Open(dir)
	if err != nil {
		return nil, err
	}
	return t.CollectOrphans(disk)
}

// CollectOrphans does so for a table that was opened just now.
func (t *Table) CollectOrphans(disk *durable.Disk) ([]string, error) {
	dir := t.dir
	names, err := orphans(t)
	if err != nil {
		return nil, err
	}
	for i, n := range names {
		if err := disk.Remove("shards.collect", filepath.Join(dir, filepath.FromSlash(n))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return names[:i], fmt.Errorf("collect orphan: %w", err)
		}
	}
	return names, nil
}

func orphans(t *Table) ([]string, error) {
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
	newest := t.Version()
	var found []string
	for _, sub := range []string{"data", "rejects"} {
		list, err := os.ReadDir(filepath.Join(t.dir, sub))
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
	list, err := os.ReadDir(logDir(t.dir))
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
