package fields

import (
	"bytes"

	"github.com/parquet-go/parquet-go"
)

// parquetFile is laid out by its footer: magic, pages with their headers, the indexes of pages, the footer, its length.
func parquetFile(raw []byte) (list []Field, err error) {
	f, err := parquet.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, err
	}
	list, _ = layout(nil, 0, part{"magic", 4})
	for _, g := range f.Metadata().RowGroups {
		for _, c := range g.Columns {
			m := c.MetaData
			first := m.DataPageOffset
			if d := m.DictionaryPageOffset; d > 0 {
				list = append(list, Field{"dictionary page", int(d) + 16, int(first)}, Field{"dictionary page header", int(d), int(d) + 16})
			}
			end := first + m.TotalCompressedSize
			if d := m.DictionaryPageOffset; d > 0 {
				end = d + m.TotalCompressedSize
			}
			list = append(list, Field{"data page header", int(first), int(first) + 16}, Field{"data page", int(first) + 16, int(end)})
			if c.ColumnIndexLength > 0 {
				list = append(list, Field{"column index", int(c.ColumnIndexOffset), int(c.ColumnIndexOffset) + int(c.ColumnIndexLength)})
			}
			if c.OffsetIndexLength > 0 {
				list = append(list, Field{"offset index", int(c.OffsetIndexOffset), int(c.OffsetIndexOffset) + int(c.OffsetIndexLength)})
			}
		}
	}
	size := int(raw[len(raw)-8]) | int(raw[len(raw)-7])<<8 | int(raw[len(raw)-6])<<16 | int(raw[len(raw)-5])<<24
	at := len(raw) - 8 - size
	list, _ = layout(list, at, part{"footer", size}, part{"footer length", 4}, part{"last magic", 4})
	return list, nil
}
