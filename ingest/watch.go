package ingest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"millrace/internal/durable"
)

// watch is what a FileSource knows of files that may join later.
type watch struct {
	every  time.Duration
	dir    string
	inputs []Input            // that can grow
	last   map[fileKey]listed // files of the last look that are not in the list
	next   time.Time          // of the next look
	failed int                // looks in a row that found a file gone while they looked
}

// maxGone is how often a file may vanish under a look: once is a rename, always is a link that leads nowhere.
const maxGone = 5

// Watch is Files for folders and patterns that grow: the source never ends, and looks for new files every so
// often. A file joins when its size and its time have stood still for two looks; its place in the list, and so
// its Positions, are its own from then on.
func Watch(ctx context.Context, disk *durable.Disk, dir string, inputs []Input, every time.Duration) (*FileSource, error) {
	return newFiles(ctx, disk, dir, inputs, os.Stdin, &watch{every: every})
}

// begin divides the inputs: what can grow is looked for later, the rest is read as ever.
func (w *watch) begin(dir string, inputs []Input) (now []Input) {
	w.dir = dir
	for _, in := range inputs {
		if in.Glob == "-" {
			now = append(now, in)
		} else {
			w.inputs = append(w.inputs, in)
		}
	}
	return now
}

// await returns when files have joined.
func (s *FileSource) await(ctx context.Context) error {
	for {
		select {
		case <-time.After(time.Until(s.watch.next)):
		case <-ctx.Done():
			return ctx.Err()
		}
		began := time.Now()
		joined, err := s.look(ctx)
		now := time.Now()
		s.watch.next = now.Add(max(s.watch.every, 10*now.Sub(began))) // a look at very many files costs something
		if joined || err != nil {
			return err
		}
	}
}

// look appends the files that are as they were at the last look to the list, durably.
func (s *FileSource) look(ctx context.Context) (joined bool, err error) {
	w := s.watch
	all, err := discover(ctx, s.disk, slices.Clone(s.files), w.inputs, "", nil)
	if errors.Is(err, fs.ErrNotExist) {
		if w.failed++; w.failed < maxGone {
			return false, nil
		}
	}
	if err != nil {
		return false, err
	}
	w.failed = 0
	files, now := s.files, map[fileKey]listed{}
	for _, l := range all[len(s.files):] {
		k := l.key()
		if before, ok := w.last[k]; ok && before == l {
			files = append(files, l)
		} else {
			now[k] = l
		}
	}
	w.last = now
	if len(files) == len(s.files) {
		return false, nil
	}
	if w.dir != "" {
		if err := storeList(s.disk, w.dir, files); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = files
	return true, nil
}
