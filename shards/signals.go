package shards

import (
	"os"
	"path/filepath"

	"millrace"
)

// signalGroup closes a row group of a file of signals, in bytes of the rows.
const signalGroup = 8 << 20

// SignalFile writes what was measured of documents as one Parquet file: id, mid, a column sig_NAME for each signal, and
// the reason and stage of a verdict. It is for steps over files, and belongs to no corpus.
type SignalFile struct {
	w    *fileWriter
	path string
}

// NewSignalFile begins a file, under a temporary name beside path.
func NewSignalFile(path string, signals []string) (*SignalFile, error) {
	page, verdict := pageColumns(), verdictColumns()
	cols := []column{page[0], page[1]}
	for i, name := range signals {
		cols = append(cols, signalColumn(name, i))
	}
	w, err := newFileWriter(filepath.Dir(path), 0, append(cols, verdict[0], verdict[1]), nil, signalGroup, nil)
	if err != nil {
		return nil, err
	}
	return &SignalFile{w: w, path: path}, nil
}

// Add takes the next document.
func (f *SignalFile) Add(d *millrace.Document) error {
	return f.w.add(&Row{ID: valid(d.DisplayID()), MID: d.ID, Signals: d.Signals, Verdict: d.Verdict})
}

// Close completes the file and gives it its name.
func (f *SignalFile) Close() error {
	info, err := f.w.close()
	if err != nil {
		return err
	}
	return os.Rename(info.path, f.path)
}

// Abandon leaves nothing behind.
func (f *SignalFile) Abandon() { f.w.abandon() }
