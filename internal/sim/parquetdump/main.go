// Command parquetdump prints Parquet files as JSON lines, read by parquet-go, for race/parity.py.
// What comes in are files; what goes out is one object a row, with one member a leaf column: bytes in
// hex, timestamps as the integers that are stored, NaN as a string, a list as an array.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	for _, name := range os.Args[1:] {
		if err := dump(out, name); err != nil {
			fmt.Fprintf(os.Stderr, "parquetdump: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "parquetdump:", err)
		os.Exit(1)
	}
}

// column is what a leaf's values need to be told.
type column struct {
	name  string
	list  bool
	empty int // of a list: the definition level that means empty; a lower one means null
	text  bool
}

func dump(out io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	pf, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return err
	}
	columns := leaves(pf.Schema())
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, g := range pf.RowGroups() {
		if err := dumpGroup(enc, g, columns); err != nil {
			return err
		}
	}
	return nil
}

// leaves names the leaf columns in their order: edits.list.element.kind becomes edits.kind.
func leaves(schema *parquet.Schema) []column {
	var out []column
	for _, path := range schema.Columns() {
		leaf, _ := schema.Lookup(path...)
		c := column{list: leaf.MaxRepetitionLevel > 0, name: path[0]}
		if len(path) > 1 {
			c.name += "." + path[len(path)-1]
		}
		for _, f := range schema.Fields() {
			if f.Name() == path[0] && f.Optional() {
				c.empty = 1
			}
		}
		if t := leaf.Node.Type().LogicalType(); t != nil {
			c.text = t.String() == "STRING"
		}
		out = append(out, c)
	}
	return out
}

func dumpGroup(enc *json.Encoder, g parquet.RowGroup, columns []column) error {
	rows := g.Rows()
	defer rows.Close()
	buf := make([]parquet.Row, 64)
	for {
		n, err := rows.ReadRows(buf)
		for _, row := range buf[:n] {
			if err := enc.Encode(object(row, columns)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// object turns a row into what is printed.
func object(row parquet.Row, columns []column) map[string]any {
	out := make(map[string]any, len(columns))
	row.Range(func(i int, values []parquet.Value) bool {
		c := columns[i]
		if !c.list {
			out[c.name] = c.value(values[0])
			return true
		}
		list := []any{}
		switch level := values[0].DefinitionLevel(); {
		case level < c.empty:
			out[c.name] = nil
			return true
		case level > c.empty:
			for _, v := range values {
				list = append(list, c.value(v))
			}
		}
		out[c.name] = list
		return true
	})
	return out
}

// value gives one value a form that JSON can hold.
func (c column) value(v parquet.Value) any {
	if v.IsNull() {
		return nil
	}
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		return v.Int32()
	case parquet.Int64:
		return v.Int64()
	case parquet.Float:
		return number(float64(v.Float()))
	case parquet.Double:
		return number(v.Double())
	}
	if c.text {
		return strings.Clone(string(v.ByteArray()))
	}
	return hex.EncodeToString(v.ByteArray())
}

func number(f float64) any {
	if math.IsNaN(f) {
		return "NaN"
	}
	return f
}
