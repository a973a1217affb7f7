// Package atomicfile writes files that exist whole or not at all: temporary file in the same
// folder, fsync, rename (Write) or exclusive link (Create), fsync of the folder.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces path by data. After a crash path holds the old bytes or the new ones.
func Write(path string, data []byte) error {
	return WriteFrom(path, bytesTo(data))
}

// WriteFrom is Write of what fill writes, for data that should not be held in memory.
func WriteFrom(path string, fill func(io.Writer) error) error {
	tmp, err := temp(path, fill)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Create writes data to path if and only if nothing of that name exists; otherwise the error
// wraps fs.ErrExist. Of several callers at once, exactly one succeeds.
func Create(path string, data []byte) error {
	tmp, err := temp(path, bytesTo(data))
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("create %s: %w", path, fs.ErrExist)
		}
		return err
	}
	return SyncDir(filepath.Dir(path))
}

func bytesTo(data []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(data); return err }
}

// temp makes a synced temporary file beside path, of what fill writes.
func temp(path string, fill func(io.Writer) error) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = fill(f); err != nil {
		return "", err
	}
	if err = f.Chmod(0o644); err != nil {
		return "", err
	}
	if err = f.Sync(); err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}
