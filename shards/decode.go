package shards

import (
	"fmt"
	"strings"

	"millrace"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// readColumn fills one column of the rows of a row group.
func readColumn(g *file.RowGroupReader, leaf int, c column, rows []Row) error {
	if c.kind == kindEdits {
		return readEdits(g, leaf, rows)
	}
	col, err := g.Column(leaf)
	if err != nil {
		return err
	}
	switch col := col.(type) {
	case *file.ByteArrayColumnChunkReader:
		last, s := parquet.ByteArray(nil), ""
		return readValues(col, rows, func(r *Row, v parquet.ByteArray) error {
			if !c.dict || string(v) != string(last) || last == nil {
				last, s = v, string(v) // neighbours share one string
			}
			return c.setStr(r, s)
		})
	case *file.Int32ColumnChunkReader:
		return readValues(col, rows, func(r *Row, v int32) error { c.setNum(r, int64(v)); return nil })
	case *file.Int64ColumnChunkReader:
		return readValues(col, rows, func(r *Row, v int64) error { c.setNum(r, v); return nil })
	case *file.Float32ColumnChunkReader:
		return readValues(col, rows, func(r *Row, v float32) error { c.setFlt(r, float64(v)); return nil })
	case *file.Float64ColumnChunkReader:
		return readValues(col, rows, func(r *Row, v float64) error { c.setFlt(r, v); return nil })
	}
	return fmt.Errorf("no reader for %T", col)
}

// chunkReader is the part of arrow's typed column readers that is used here.
type chunkReader[T any] interface {
	file.ColumnChunkReader
	ReadBatch(n int64, values []T, def, rep []int16) (total int64, read int, err error)
}

// batchValues is how many values are taken from the library at once.
const batchValues = 1024

// readValues hands each row its value, where it has one.
func readValues[T any](col chunkReader[T], rows []Row, set func(*Row, T) error) error {
	n := min(batchValues, len(rows))
	values, def := make([]T, n), make([]int16, n)
	present := col.Descriptor().MaxDefinitionLevel()
	for done := 0; done < len(rows); {
		want := min(n, len(rows)-done)
		total, read, err := col.ReadBatch(int64(want), values[:want], def[:want], nil)
		if err == nil && total == 0 {
			err = ended(col)
		}
		if err != nil {
			return fmt.Errorf("after %d of %d rows: %w", done, len(rows), err)
		}
		v := 0
		for i := range int(total) {
			if present > 0 && def[i] != present {
				continue
			}
			if v >= read {
				return fmt.Errorf("after %d of %d rows: values are missing", done, len(rows))
			}
			if err := set(&rows[done+i], values[v]); err != nil {
				return fmt.Errorf("row %d: %w", done+i, err)
			}
			v++
		}
		done += int(total)
	}
	return nil
}

// ended says why a column gives no more values: the library keeps the error to itself.
func ended(col file.ColumnChunkReader) error {
	if e, ok := col.(interface{ Err() error }); ok && e.Err() != nil {
		return e.Err()
	}
	return fmt.Errorf("the column has ended")
}

// readEdits joins the two leaves of the list of edits.
func readEdits(g *file.RowGroupReader, leaf int, rows []Row) error {
	kinds, rep, def, err := readLeaf[parquet.ByteArray](g, leaf)
	if err != nil {
		return err
	}
	counts, _, _, err := readLeaf[int32](g, leaf+1)
	if err != nil {
		return err
	}
	if len(counts) != len(kinds) {
		return fmt.Errorf("%d kinds, %d counts", len(kinds), len(counts))
	}
	row, v := -1, 0
	for i := range def {
		if rep[i] == 0 {
			row++
		}
		if row < 0 || row >= len(rows) {
			return fmt.Errorf("the list does not fit its %d rows", len(rows))
		}
		if def[i] != editsPresent {
			continue
		}
		if v >= len(kinds) {
			return fmt.Errorf("values are missing")
		}
		rows[row].Edits = append(rows[row].Edits, millrace.Edit{Kind: strings.Clone(string(kinds[v])), Count: counts[v]})
		v++
	}
	if row != len(rows)-1 {
		return fmt.Errorf("%d of %d rows", row+1, len(rows))
	}
	return nil
}

// readLeaf reads all values and levels of one leaf of a row group.
func readLeaf[T any](g *file.RowGroupReader, leaf int) (values []T, rep, def []int16, err error) {
	any, err := g.Column(leaf)
	if err != nil {
		return nil, nil, nil, err
	}
	col, ok := any.(chunkReader[T])
	if !ok {
		return nil, nil, nil, fmt.Errorf("no reader for %T", any)
	}
	v, d, p := make([]T, batchValues), make([]int16, batchValues), make([]int16, batchValues)
	for col.HasNext() {
		total, read, err := col.ReadBatch(batchValues, v, d, p)
		if err == nil && total == 0 {
			err = ended(col)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		values, def, rep = append(values, v[:read]...), append(def, d[:total]...), append(rep, p[:total]...)
	}
	return values, rep, def, nil
}
