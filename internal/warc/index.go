package warc

import (
	"bufio"
	"bytes"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"millrace/internal/durable"
)

// indexMemory bounds what an Index holds; beyond it sorted runs go into a temporary file.
const indexMemory = 4 << 20

// Index collects entries and writes them in order. It holds no more than indexMemory bytes of them.
type Index struct {
	folder string // for the temporary file
	lines  [][]byte
	size   int
	disk   *durable.Disk
	spill  *os.File
	runs   []int64 // where each run ends in it
}

// NewIndex puts its temporary file, where it needs one, into folder. disk may be nil.
func NewIndex(disk *durable.Disk, folder string) *Index { return &Index{disk: disk, folder: folder} }

// Add takes an entry.
func (x *Index) Add(e *Entry) error {
	line, err := e.Line()
	if err != nil {
		return err
	}
	x.lines = append(x.lines, line)
	if x.size += len(line); x.size < indexMemory {
		return nil
	}
	return x.flush()
}

// flush writes what is in memory as a run.
func (x *Index) flush() (err error) {
	if x.spill == nil {
		if x.spill, err = os.CreateTemp(x.folder, ".tmp-cdxj-*"); err != nil {
			return fmt.Errorf("write index: %w", err)
		}
	}
	slices.SortFunc(x.lines, bytes.Compare)
	w := bufio.NewWriterSize(x.spill, 64<<10)
	for _, line := range x.lines {
		w.Write(line)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	end := int64(x.size)
	if n := len(x.runs); n > 0 {
		end += x.runs[n-1]
	}
	x.runs = append(x.runs, end)
	x.lines, x.size = x.lines[:0], 0
	return nil
}

// Write writes the entries to path, whole or not at all, and forgets them.
func (x *Index) Write(path string) error {
	defer x.Close()
	slices.SortFunc(x.lines, bytes.Compare)
	err := x.disk.ReplaceFrom("warc.index", path, func(out io.Writer) error {
		w := bufio.NewWriterSize(out, 64<<10)
		var m merge
		m.add(&run{lines: x.lines})
		from := int64(0)
		for _, end := range x.runs {
			m.add(&run{r: bufio.NewReader(io.NewSectionReader(x.spill, from, end-from))})
			from = end
		}
		for len(m.runs) > 0 {
			w.Write(m.runs[0].line)
			m.next()
		}
		return errors.Join(m.err, w.Flush())
	})
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return nil
}

// Close forgets the entries.
func (x *Index) Close() error {
	if x.spill != nil {
		x.spill.Close()
		os.Remove(filepath.Clean(x.spill.Name()))
	}
	*x = Index{disk: x.disk, folder: x.folder}
	return nil
}

// run is a sorted row of lines, in memory or in the temporary file.
type run struct {
	line  []byte // the next one
	lines [][]byte
	r     *bufio.Reader
}

// advance fetches the next line; io.EOF at the end.
func (r *run) advance() (err error) {
	if r.r != nil {
		r.line, err = r.r.ReadBytes('\n')
		return err
	}
	if len(r.lines) == 0 {
		return io.EOF
	}
	r.line, r.lines = r.lines[0], r.lines[1:]
	return nil
}

// merge has the run with the smallest line in front.
type merge struct {
	runs []*run
	err  error
}

func (m *merge) add(r *run) {
	if err := r.advance(); err == nil {
		heap.Push(m, r)
	} else if err != io.EOF {
		m.err = err
	}
}

// next takes the line in front.
func (m *merge) next() {
	switch err := m.runs[0].advance(); err {
	case nil:
		heap.Fix(m, 0)
	case io.EOF:
		heap.Pop(m)
	default:
		m.err, m.runs = err, nil
	}
}

func (m *merge) Len() int           { return len(m.runs) }
func (m *merge) Less(i, j int) bool { return bytes.Compare(m.runs[i].line, m.runs[j].line) < 0 }
func (m *merge) Swap(i, j int)      { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merge) Push(r any)         { m.runs = append(m.runs, r.(*run)) }
func (m *merge) Pop() any {
	n := len(m.runs) - 1
	r := m.runs[n]
	m.runs = m.runs[:n]
	return r
}
