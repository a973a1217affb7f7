package shards

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"millrace"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// fileReader reads one of our Parquet files, a row group at a time. The library behind it is not hardened
// against hostile files: it is given only files that the commit log names, and its panics become errors.
type fileReader struct {
	name    string // "data/NAME"
	pq      *file.Reader
	cols    []column // that are wanted and there
	leaves  []int    // of each of cols: its (first) leaf in the file
	signals []string
	firsts  []int64 // first offset of each row group
	starts  []int64 // first row number of each row group
}

// openFile opens a file that the log describes as f. want names the columns; none means all.
func openFile(dir, sub string, f File, want []string) (r *fileReader, err error) {
	useZstd()
	r = &fileReader{name: sub + "/" + f.Name}
	defer func() {
		if err != nil {
			r.close()
			r, err = nil, fmt.Errorf("open shard %s: %w", sub+"/"+f.Name, err)
		}
	}()
	defer guard(&err, millrace.ErrIntegrity)
	in, err := os.Open(filepath.Join(dir, sub, f.Name))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: %w", err, millrace.ErrIntegrity)
		}
		return r, err
	}
	props := parquet.NewReaderProperties(nil)
	props.BufferedStreamEnabled = true // a page at a time instead of a column
	if r.pq, err = file.NewParquetReader(in, file.WithReadProps(props)); err != nil {
		in.Close()
		return r, fmt.Errorf("%w: %w", err, millrace.ErrIntegrity)
	}
	if n := r.pq.NumRows(); n != f.Rows {
		return r, fmt.Errorf("it has %d rows, the commit log says %d: %w", n, f.Rows, millrace.ErrIntegrity)
	}
	r.choose(sub == "rejects", want)
	return r, r.groups()
}

func (r *fileReader) close() {
	if r.pq != nil {
		r.pq.Close()
	}
}

// choose finds the leaves of the wanted columns by name: files of other recipes have other signals.
func (r *fileReader) choose(rejects bool, want []string) {
	leaves := map[string]int{}
	s := r.pq.MetaData().Schema
	for i := range s.NumColumns() {
		name, _, _ := strings.Cut(s.Column(i).Path(), ".")
		if _, ok := leaves[name]; !ok {
			leaves[name] = i
		}
		if sig, ok := strings.CutPrefix(name, signalPrefix); ok {
			r.signals = append(r.signals, sig)
		}
	}
	for _, c := range columnsFor(r.signals, rejects) {
		leaf, there := leaves[c.name]
		// Place, ID and reason are what makes a Row: they are always read.
		always := c.name == "position" || c.name == "mid" || c.name == "reason"
		if there && (always || len(want) == 0 || slices.Contains(want, c.name)) {
			r.cols, r.leaves = append(r.cols, c), append(r.leaves, leaf)
		}
	}
}

// groups finds where the row groups begin, by row number and by offset.
func (r *fileReader) groups() error {
	meta := r.pq.MetaData()
	list := meta.KeyValueMetadata().FindValue(keyRowGroups)
	if list == nil {
		return fmt.Errorf("no %s in the footer: %w", keyRowGroups, millrace.ErrIntegrity)
	}
	var row int64
	for i, s := range strings.Split(*list, ",") {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || i >= r.pq.NumRowGroups() {
			return fmt.Errorf("%s %q: %w", keyRowGroups, *list, millrace.ErrIntegrity)
		}
		r.firsts, r.starts = append(r.firsts, n), append(r.starts, row)
		rows := meta.RowGroup(i).NumRows()
		if rows <= 0 || rows > r.pq.NumRows()-row {
			return fmt.Errorf("row group %d has %d rows: %w", i, rows, millrace.ErrIntegrity)
		}
		row += rows
	}
	if row != r.pq.NumRows() {
		return fmt.Errorf("%s names %d of %d row groups: %w", keyRowGroups, len(r.firsts), r.pq.NumRowGroups(), millrace.ErrIntegrity)
	}
	return nil
}

// groupOf is the row group in which an offset would lie, or -1.
func (r *fileReader) groupOf(offset int64) int {
	return sort.Search(len(r.firsts), func(i int) bool { return r.firsts[i] > offset }) - 1
}

// read gives the rows of one row group.
func (r *fileReader) read(ctx context.Context, group int) (rows []Row, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			rows, err = nil, fmt.Errorf("read %s, row group %d: %w: %w", r.name, group, err, millrace.ErrIntegrity)
		}
	}()
	defer guard(&err, errors.New("the file does not parse"))
	g := r.pq.RowGroup(group)
	rows = make([]Row, g.NumRows())
	signals := make([]float32, len(rows)*len(r.signals))
	for i := range signals {
		signals[i] = float32(math.NaN())
	}
	for i := range rows {
		rows[i].File, rows[i].Number, rows[i].SignalNames = r.name, r.starts[group]+int64(i), r.signals
		n := len(r.signals)
		rows[i].Signals = signals[i*n : (i+1)*n : (i+1)*n]
	}
	for i, c := range r.cols {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := readColumn(g, r.leaves[i], c, rows); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return rows, nil
}
