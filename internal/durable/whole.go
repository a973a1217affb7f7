package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// Replace puts data into the place of path: temporary file in the same folder, fsync, rename, fsync of the folder.
// After a crash path holds the old bytes or the new ones.
func (d *Disk) Replace(at, path string, data []byte) error {
	return d.ReplaceFrom(at, path, bytesTo(data))
}

// ReplaceFrom is Replace by what fill writes, for data that should not be held in memory.
func (d *Disk) ReplaceFrom(at, path string, fill func(io.Writer) error) error {
	tmp, err := d.whole(at, path, fill)
	if err != nil {
		return err
	}
	if err := d.Rename(at+".rename", tmp, path); err != nil {
		_ = d.Remove(at+".tidy", tmp)
		return err
	}
	return d.SyncDir(at+".folder", filepath.Dir(path))
}

// Create writes data to path if and only if nothing of that name exists; otherwise the error wraps fs.ErrExist.
// Of several callers at once, exactly one succeeds.
func (d *Disk) Create(at, path string, data []byte) error {
	tmp, err := d.whole(at, path, bytesTo(data))
	if err != nil {
		return err
	}
	err = d.Link(at+".link", tmp, path)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("create %s: %w", path, fs.ErrExist)
	}
	if err == nil {
		err = d.SyncDir(at+".folder", filepath.Dir(path))
	}
	_ = d.Remove(at+".tidy", tmp) // one that stays is in nobody's way
	return err
}

func bytesTo(data []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(data); return err }
}

// whole makes a synced temporary file beside path, of what fill writes.
func (d *Disk) whole(at, path string, fill func(io.Writer) error) (name string, err error) {
	f, err := d.Temp(at+".temp", filepath.Dir(path), ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	if err = fill(f.Writer(at + ".write")); err == nil {
		err = f.Sync(at + ".sync")
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		_ = d.Remove(at+".tidy", f.Name())
	}
	return f.Name(), err
}
