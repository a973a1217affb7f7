// Package crashfs tells what a crash leaves on a disk. A Recorder sees every step that the product makes through
// internal/durable. For any moment of what it has seen, it says what a kill of the process leaves, and what a loss of
// power may leave: what fsync of a file and of its folder have made durable, and of the rest any part.
//
// That is what POSIX promises, and no more, but for one thing: a sector of 512 bytes is written whole or not. Bytes that
// were written and not synced are there or not, in any order; where a file has grown it may end early or read as
// zeros. Names that were made, moved or removed and whose folder was not synced have changed or not, each by itself; a
// rename is one change. An fsync covers what was finished when it began. Whatever lies on the disk when a recording
// begins is durable.
//
// Read in this order: record.go, state.go, trial.go.
package crashfs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"millrace/internal/durable"
)

// Step is one step as it was recorded, with paths below the folder of the recording.
type Step struct {
	Point    string
	Op       durable.Op
	Path, To string
	Offset   int64 // of a write or an acknowledgement; of a truncate the size

	file  *durable.File
	data  []byte
	since int // of a sync: it covers what was recorded before this
}

// Recorder is a durable.Watcher of one folder.
type Recorder struct {
	dir   string
	start *State

	mu    sync.Mutex
	steps []Step
	begun map[*durable.Step]int
}

// Record begins with what lies in dir.
func Record(dir string) (*Recorder, error) {
	s, err := read(dir)
	if err != nil {
		return nil, err
	}
	return s.recorder(dir)
}

func (s *State) recorder(dir string) (*Recorder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Recorder{dir: dir, start: s, begun: map[*durable.Step]int{}}, nil
}

// Disk is what the product has to write to.
func (r *Recorder) Disk() *durable.Disk { return durable.Watched(r) }

// Before notes when a sync begins. It need not be made.
func (r *Recorder) Before(s *durable.Step) error {
	if s.Op != durable.OpSync && s.Op != durable.OpSyncDir {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun[s] = len(r.steps)
	return durable.ErrSkip
}

// After records a step that was made. One that failed has changed nothing.
func (r *Recorder) After(s *durable.Step, result error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := r.begun[s]
	delete(r.begun, s)
	path, ok := r.below(s.Path)
	if result != nil || !ok {
		return result
	}
	to, _ := r.below(s.To)
	r.steps = append(r.steps, Step{Point: s.Point, Op: s.Op, Path: path, To: to,
		Offset: s.Offset, file: s.File, data: slices.Clone(s.Data), since: since})
	return nil
}

// below gives a path relative to the recording's folder.
func (r *Recorder) below(path string) (string, bool) {
	if path == "" {
		return "", false
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(r.dir, path)
	return filepath.ToSlash(rel), err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(os.PathSeparator))
}

// Steps are the steps so far.
func (r *Recorder) Steps() []Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.steps)
}

// At is the state behind the first n steps.
func (r *Recorder) At(n int) *State {
	s := r.start.clone()
	open := map[*durable.File]*node{}
	for i, x := range r.Steps()[:n] {
		s.apply(i, &x, open)
	}
	return s
}
