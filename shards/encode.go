package shards

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// writeColumn writes one column of a row group, page by page.
func writeColumn(group file.SerialRowGroupWriter, c column, rows []*Row) error {
	w, err := group.NextColumn()
	if err != nil {
		return err
	}
	if c.kind == kindEdits {
		counts, err := writeEditKinds(w, rows)
		if err != nil {
			return err
		}
		if w, err = group.NextColumn(); err != nil {
			return err
		}
		return writeEditCounts(w, rows, counts)
	}
	switch w := w.(type) {
	case *file.ByteArrayColumnChunkWriter:
		return writePages(w, c, rows, func(r *Row) (parquet.ByteArray, int, bool) {
			s := c.str(r)
			return bytesOf(s), 4 + len(s), s != ""
		})
	case *file.Int32ColumnChunkWriter:
		return writePages(w, c, rows, func(r *Row) (int32, int, bool) { n, ok := c.num(r); return int32(n), 4, ok })
	case *file.Int64ColumnChunkWriter:
		return writePages(w, c, rows, func(r *Row) (int64, int, bool) { n, ok := c.num(r); return n, 8, ok })
	case *file.Float32ColumnChunkWriter:
		return writePages(w, c, rows, func(r *Row) (float32, int, bool) { f, ok := c.flt(r); return float32(f), 4, ok })
	case *file.Float64ColumnChunkWriter:
		return writePages(w, c, rows, func(r *Row) (float64, int, bool) { f, ok := c.flt(r); return f, 8, ok })
	}
	return fmt.Errorf("no writer for %T", w)
}

// chunkWriter is the part of arrow's typed column writers that is used here.
type chunkWriter[T any] interface {
	WriteBatch(values []T, def, rep []int16) (int64, error)
	FlushCurrentPage() error
}

// writePages writes the values that get gives, with their sizes, and ends a page at pageBytes.
func writePages[T any](w chunkWriter[T], c column, rows []*Row, get func(*Row) (T, int, bool)) error {
	var (
		values []T
		def    []int16
		size   int
	)
	flush := func() error {
		levels := def
		if c.required {
			levels = nil
		}
		if _, err := w.WriteBatch(values, levels, nil); err != nil {
			return err
		}
		values, def, size = values[:0], def[:0], 0
		return w.FlushCurrentPage()
	}
	for _, r := range rows {
		v, n, ok := get(r)
		if ok || c.required {
			if size > 0 && size+n > pageBytes {
				if err := flush(); err != nil {
					return err
				}
			}
			values, size = append(values, v), size+n
			def = append(def, 1)
		} else {
			def = append(def, 0)
		}
		if len(def) >= pageRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(def) == 0 {
		return nil
	}
	return flush()
}

// pageRows bounds the rows of a page whose values are null or tiny.
const pageRows = 128 << 10

// levels of the list of edits: its definition level says null, empty or present.
const (
	editsNull    = 0
	editsPresent = 2
)

// writeEditKinds writes the first leaf of the column edits and returns the levels that both leaves share.
func writeEditKinds(w file.ColumnChunkWriter, rows []*Row) (levels editLevels, err error) {
	kinds, ok := w.(*file.ByteArrayColumnChunkWriter)
	if !ok {
		return levels, fmt.Errorf("no writer for %T", w)
	}
	var values []parquet.ByteArray
	for _, r := range rows {
		if len(r.Edits) == 0 {
			levels.def, levels.rep = append(levels.def, editsNull), append(levels.rep, 0)
		}
		for i, e := range r.Edits {
			levels.def, levels.rep = append(levels.def, editsPresent), append(levels.rep, int16(min(i, 1)))
			values = append(values, bytesOf(e.Kind))
		}
	}
	_, err = kinds.WriteBatch(values, levels.def, levels.rep)
	return levels, err
}

type editLevels struct{ def, rep []int16 }

func writeEditCounts(w file.ColumnChunkWriter, rows []*Row, levels editLevels) error {
	counts, ok := w.(*file.Int32ColumnChunkWriter)
	if !ok {
		return fmt.Errorf("no writer for %T", w)
	}
	var values []int32
	for _, r := range rows {
		for _, e := range r.Edits {
			values = append(values, e.Count)
		}
	}
	_, err := counts.WriteBatch(values, levels.def, levels.rep)
	return err
}

// bytesOf views a string as bytes: a text is not copied to be compressed. The library only reads them.
func bytesOf(s string) parquet.ByteArray {
	if s == "" {
		return parquet.ByteArray{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
