// Package durable is how the product changes a disk: every step that a crash can come before, into or after is made
// here, and has a name, its *point*. Without a Watcher a step is the plain call of the operating system. A test gives
// a Watcher, which sees each step before and after it, may let it fail, and can tell what a loss of power would leave
// (internal/sim/crashfs). internal/house holds that nobody writes past this package.
//
// Points are written FOLDER.WHAT: "shards.name". Where a call is several steps, each has a point of its own, with the
// step behind another dot: "cli.recipe.rename". Steps on an object store have points too. Read in this order:
// durable.go, file.go, whole.go.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Op is a kind of step.
type Op string

// The kinds of steps.
const (
	OpOpen     Op = "open" // a file for writing, made where it is missing
	OpMkdir    Op = "mkdir"
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpSync     Op = "sync"        // the bytes of a file
	OpSyncDir  Op = "sync folder" // the names in a folder
	OpRename   Op = "rename"
	OpLink     Op = "link"
	OpRemove   Op = "remove"
	OpPut      Op = "put"         // an object of a store: made for good, or not, and who lost the answer does not know
	OpDelete   Op = "delete"      // such an object is removed
	OpAck      Op = "acknowledge" // somebody is told that all this is safe
)

// Step is one step.
type Step struct {
	Point  string
	Op     Op
	Path   string
	To     string // of a rename or link: the new name
	File   *File  // of steps on an open file; of an open only behind it
	Offset int64  // of a write; of a truncate the new size; of an acknowledgement the place
	Data   []byte // of a write; not to be kept
}

// Watcher sees the steps. What Before returns takes the place of the step, but for ErrSkip; what After returns takes that
// of its result. The two calls of a step get the same *Step.
type Watcher interface {
	Before(*Step) error
	After(s *Step, result error) error
}

// ErrSkip is what Before returns where the step is to count as made: who knows by himself what is durable needs no fsync.
var ErrSkip = errors.New("skip this step")

// Disk makes steps. A nil Disk does so without a Watcher: it is what the product uses.
type Disk struct{ w Watcher }

// Watched is a Disk whose steps w sees.
func Watched(w Watcher) *Disk { return &Disk{w} }

// do makes one step by f.
func (d *Disk) do(s Step, f func() error) error {
	if d == nil {
		return f()
	}
	seen := s // only here it has to outlive the call
	switch err := d.w.Before(&seen); err {
	case nil:
		return d.w.After(&seen, f())
	case ErrSkip:
		return d.w.After(&seen, nil)
	default:
		return err
	}
}

// Rename gives the file old the name new, in the place of whatever had it.
func (d *Disk) Rename(at, old, new string) error {
	return d.do(Step{Point: at, Op: OpRename, Path: old, To: new}, func() error { return os.Rename(old, new) })
}

// Link gives the file old a second name, which must be free.
func (d *Disk) Link(at, old, new string) error {
	return d.do(Step{Point: at, Op: OpLink, Path: old, To: new}, func() error { return os.Link(old, new) })
}

// Remove removes a file or an empty folder.
func (d *Disk) Remove(at, path string) error {
	return d.do(Step{Point: at, Op: OpRemove, Path: path}, func() error { return os.Remove(path) })
}

// RemoveAll removes path with all below it, where there is such a thing.
func (d *Disk) RemoveAll(at, path string) error {
	if d == nil {
		return os.RemoveAll(path)
	}
	info, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil && info.IsDir() {
		var list []os.DirEntry
		if list, err = os.ReadDir(path); err == nil {
			for _, e := range list {
				if err := d.RemoveAll(at, filepath.Join(path, e.Name())); err != nil {
					return err
				}
			}
		}
	}
	if err != nil {
		return err
	}
	return d.Remove(at, path)
}

// Mkdir makes a folder with all above it, and makes their names durable: a file is as safe as the least safe of the
// folders that it lies in. The name of a folder that is there already is synced too, for whoever made it may have
// been killed before he did.
func (d *Disk) Mkdir(at, dir string) error {
	above := filepath.Dir(dir)
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrExist}
	}
	if err != nil {
		if above != dir {
			if err := d.Mkdir(at, above); err != nil {
				return err
			}
		}
		err = d.do(Step{Point: at, Op: OpMkdir, Path: dir}, func() error { return os.Mkdir(dir, 0o755) })
		if err != nil && !errors.Is(err, fs.ErrExist) { // another was quicker
			return err
		}
	}
	err = d.SyncDir(at+".folder", above)
	if errors.Is(err, fs.ErrPermission) {
		return nil // a folder of somebody else, in which ours was made for us
	}
	return err
}

// SyncDir makes the names in dir durable.
func (d *Disk) SyncDir(at, dir string) error {
	return d.do(Step{Point: at, Op: OpSyncDir, Path: dir}, func() error { return syncDir(dir) })
}

// Put makes an object of a store, by put. path says what the object is here: the file that is copied, or that it will be.
func (d *Disk) Put(at, path string, put func() error) error {
	return d.do(Step{Point: at, Op: OpPut, Path: path}, put)
}

// Delete removes an object of a store, by remove.
func (d *Disk) Delete(at, path string, remove func() error) error {
	return d.do(Step{Point: at, Op: OpDelete, Path: path}, remove)
}

// Acknowledge stands before somebody is told that what lies at path is safe up to some place. It does nothing but be
// seen.
func (d *Disk) Acknowledge(at, path string, upto int64) error {
	if d == nil {
		return nil
	}
	return d.do(Step{Point: at, Op: OpAck, Path: path, Offset: upto}, func() error { return nil })
}
