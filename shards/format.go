package shards

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"millrace"
	"millrace/internal/durable"
)

// Format is the number of what lies in a corpus folder, all of it: table, archive, log and state. It stands in
// DIR/format. Whoever changes a file so that an older millrace would misread it raises the number, appends the step
// that takes a folder there to upgrades, and adds a folder of the old kind to testdata/museum.
const Format = 1

// upgrades take a folder from format i+1 to i+2. A step may be cut short and run again. It runs under the corpus's
// lock, but perhaps beside crawl workers.
var upgrades = []func(dir string) error{}

// ErrFormat says that a newer millrace wrote the folder.
var ErrFormat = errors.New("written by a newer millrace")

// CheckFormat reads DIR/format; there is false for a folder without one, which is new, or has no corpus, or was
// left before there was one: then it has format 1. The error wraps ErrFormat where this millrace is too old.
func CheckFormat(dir string) (there bool, err error) {
	n, err := readFormat(dir)
	if err == nil && n > Format {
		err = fmt.Errorf("%s has format %d, this millrace knows %d: %w", dir, n, Format, ErrFormat)
	}
	return n > 0, err
}

// readFormat gives the number, or 0 where there is none.
func readFormat(dir string) (int, error) {
	path := filepath.Join(dir, "format")
	b, err := readLimited(path, 64)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s: %q is no format number: %w", path, b, millrace.ErrIntegrity)
	}
	return n, nil
}

// SettleFormat is for whoever is about to write: a new folder gets the number, an older one is upgraded.
func SettleFormat(disk *durable.Disk, dir string) error {
	if _, err := CheckFormat(dir); err != nil {
		return err
	}
	return settleFormat(disk, dir, Format, upgrades)
}

func settleFormat(disk *durable.Disk, dir string, newest int, steps []func(string) error) error {
	have, err := readFormat(dir)
	if err != nil || have >= newest {
		return err
	}
	number := func(n int) []byte { return []byte(strconv.Itoa(n) + "\n") }
	path := filepath.Join(dir, "format")
	switch {
	case have == 0 && !used(dir):
		if err := disk.Mkdir("shards.folder", filepath.Clean(dir)); err != nil {
			return err
		}
		if err := disk.Create("shards.format", path, number(newest)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	case have == 0:
		have = 1
	}
	for n := have; n < newest; n++ {
		if err := steps[n-1](dir); err != nil {
			return fmt.Errorf("upgrade %s from format %d to %d: %w", dir, n, n+1, err)
		}
		if err := disk.Replace("shards.upgrade", path, number(n+1)); err != nil {
			return err
		}
	}
	if newest == have { // it had no number yet
		return disk.Replace("shards.upgrade", path, number(newest))
	}
	return nil
}

// used reports whether a corpus was begun in dir.
func used(dir string) bool {
	for _, part := range []string{"warc", "log", "data", "rejects", "state/frontier", "state/recipe.json"} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(part))); err == nil {
			return true
		}
	}
	return false
}
