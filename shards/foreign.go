package shards

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

const (
	maxForeignLeaves = 4096
	maxElements      = 1 << 20 // of a row, with all of its lists
)

// Foreign reads anybody's Parquet file row by row. It uses parquet-go: arrow's reader, which reads our own files,
// goes round in circles over some damaged ones. Before the library sees a row group, its pages are looked at
// (foreignpages.go), so that memory is bounded; a panic of the library is an error.
type Foreign struct {
	in      io.ReaderAt
	pq      *parquet.File
	leaves  []foreignLeaf // by index of column
	group   int           // to be opened next
	rows    parquet.Rows  // nil where none is open
	left    int64         // of rows
	one     []parquet.Row
	current []any
}

// foreignLeaf is a column of simple values.
type foreignLeaf struct {
	name string // "" where it is not read
	list bool
	typ  parquet.Type
	max  int // definition level of a value
}

// errForeign says that a file is no Parquet, or is damaged.
var errForeign = errors.New("not readable as Parquet")

// OpenForeign opens a file at a row.
func OpenForeign(in io.ReaderAt, size, from int64) (f *Foreign, err error) {
	defer guard(&err, errForeign)
	if err := checkFooter(in, size); err != nil {
		return nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	f = &Foreign{in: in, one: make([]parquet.Row, 1)}
	f.pq, err = parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	if n := f.pq.NumRows(); n < 0 || n > size { // a row of nothing at all still has its part of a page
		return nil, fmt.Errorf("%w: %d rows in %d bytes", errForeign, n, size)
	}
	f.addLeaves(f.pq.Root(), nil)
	if n := len(f.leaves); n > maxForeignLeaves {
		return nil, fmt.Errorf("%w: %d columns, at most %d are read", errForeign, n, maxForeignLeaves)
	}
	f.current = make([]any, len(f.leaves))
	groups := f.pq.RowGroups()
	for f.group < len(groups) && from >= groups[f.group].NumRows() && groups[f.group].NumRows() >= 0 {
		from -= groups[f.group].NumRows()
		f.group++
	}
	for range from {
		if err := f.values(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// addLeaves names the columns below c by their path, without the names that only say "a list": of
// a.list.element it is a.
func (f *Foreign) addLeaves(c *parquet.Column, path []string) {
	if c.Leaf() {
		l := foreignLeaf{list: c.MaxRepetitionLevel() == 1, typ: c.Type(), max: c.MaxDefinitionLevel()}
		if c.MaxRepetitionLevel() <= 1 {
			l.name = strings.ToValidUTF8(strings.Join(path, "."), "\uFFFD")
		}
		f.leaves = append(f.leaves, l)
		return
	}
	for _, child := range c.Columns() {
		below := append(path[:len(path):len(path)], child.Name())
		if !child.Leaf() && child.Repeated() || c.Repeated() && len(c.Columns()) == 1 && len(path) > 0 {
			below = path
		}
		f.addLeaves(child, below)
	}
}

// Close ends the reading. The file itself is the caller's.
func (f *Foreign) Close() (err error) {
	defer guard(&err, errForeign)
	if f.rows == nil {
		return nil
	}
	rows := f.rows
	f.rows = nil
	return rows.Close()
}

// Next gives the next row as one JSON object: the columns of simple kinds by their names, in their order; those
// of a struct by their path, with dots; lists of simple kinds as arrays. What is null, or a list of lists, is left
// out. io.EOF is the end.
func (f *Foreign) Next() (row []byte, err error) {
	defer guard(&err, errForeign)
	if err := f.values(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, v := range f.current {
		if v == nil {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		for j, part := range []any{f.leaves[i].name, v} {
			if err := enc.Encode(part); err != nil {
				return nil, fmt.Errorf("%w: column %s: %w", errForeign, f.leaves[i].name, err)
			}
			b.Truncate(b.Len() - 1) // a line end
			if j == 0 {
				b.WriteByte(':')
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// values reads the next row into current.
func (f *Foreign) values() (err error) {
	defer guard(&err, errForeign)
	for f.left == 0 {
		if err := f.Close(); err != nil {
			return fmt.Errorf("%w: %w", errForeign, err)
		}
		groups := f.pq.RowGroups()
		if f.group == len(groups) {
			return io.EOF
		}
		if err := f.check(&f.pq.Metadata().RowGroups[f.group]); err != nil {
			return fmt.Errorf("%w: row group %d: %w", errForeign, f.group, err)
		}
		f.rows, f.left = groups[f.group].Rows(), groups[f.group].NumRows()
		f.group++
	}
	f.left--
	f.one[0] = f.one[0][:0]
	if n, err := f.rows.ReadRows(f.one); n != 1 {
		return fmt.Errorf("%w: %w", errForeign, errors.Join(err, io.ErrUnexpectedEOF))
	}
	if n := len(f.one[0]); n > maxElements {
		return fmt.Errorf("%w: a row of %d values, at most %d are read", errForeign, n, maxElements)
	}
	clear(f.current)
	for _, v := range f.one[0] {
		l := &f.leaves[v.Column()]
		if l.name == "" || v.IsNull() || v.DefinitionLevel() != l.max {
			continue
		}
		switch j := jsonValue(l.typ, v); {
		case j == nil:
		case !l.list:
			f.current[v.Column()] = j
		default:
			all, _ := f.current[v.Column()].([]any)
			f.current[v.Column()] = append(all, j)
		}
	}
	return nil
}

// check looks at a row group's pages before they are read.
func (f *Foreign) check(g *format.RowGroup) error {
	if g.NumRows < 0 || g.NumRows > f.pq.NumRows() || len(g.Columns) != len(f.leaves) {
		return fmt.Errorf("%d rows, %d columns", g.NumRows, len(g.Columns))
	}
	var open int64
	for i := range g.Columns {
		largest, err := checkPages(f.in, f.pq.Size(), &g.Columns[i].MetaData)
		if err != nil {
			return fmt.Errorf("column %s: %w", f.leaves[i].name, err)
		}
		if open += largest; open > maxForeignOpen {
			return fmt.Errorf("its pages need more than %d bytes at once", maxForeignOpen)
		}
	}
	return nil
}
