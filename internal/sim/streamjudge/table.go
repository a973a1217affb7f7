package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// row is what the judge keeps of a row of data/ or rejects/. Its text is not kept.
type row struct {
	id, mid, url, sha string
	position          string
	partition         string // position without the offset
	offset            int64
	kept              bool
	verdict
	text    [32]byte // digest of the text
	words   [32]byte // digest of its words
	content [32]byte // digest of all columns but position
	full    [32]byte // digest of all columns
}

// verdict are the columns of a reject.
type verdict struct {
	reason, stage, signal, of, method, err string
	value, limit, similarity               float64
}

func (v *verdict) failed() bool { return strings.HasPrefix(v.reason, "failed.") }

// readFiles reads the rows of the entry's files and holds the files against what the entry says of them.
func (e *entry) readFiles(corpus string, r *report) {
	for _, f := range e.files {
		if !filepath.IsLocal(f.path) {
			r.fault(chain, "entry %d names %q", e.number, f.path)
			continue
		}
		raw, err := os.ReadFile(filepath.Join(corpus, filepath.FromSlash(f.path)))
		if err != nil {
			r.fault(unreadable, "entry %d: %v", e.number, err)
			continue
		}
		if got := sumOf(raw); got != f.sha256 || !strings.Contains(f.path, got[:16]) || int64(len(raw)) != f.bytes {
			r.fault(checksum, "%s has %d bytes and the checksum %s, entry %d says %d and %s", f.path, len(raw), got, e.number, f.bytes, f.sha256)
			continue // what is in it would only be more of the same
		}
		e.readFile(f, raw, r)
	}
	slices.SortStableFunc(e.rows, func(a, b *row) int { return cmp.Compare(a.offset, b.offset) })
}

// readFile adds the rows of one file.
func (e *entry) readFile(f named, raw []byte, r *report) {
	digest := sha256.New()
	n, last := 0, int64(-1)
	err := eachRow(raw, f.kept, func(x *row, _ string) error {
		if n == 0 && x.offset != f.first || x.offset <= last {
			r.fault(position, "%s: row %d stands at offset %d, after %d; the entry says that the file begins at %d", f.path, n, x.offset, last, f.first)
		}
		n, last = n+1, x.offset
		digest.Write(x.content[:])
		e.rows = append(e.rows, x)
		return nil
	})
	if err != nil {
		r.fault(unreadable, "%s: %v", f.path, err)
		return
	}
	if int64(n) != f.rows || last != f.last {
		r.fault(tallies, "%s has %d rows and ends at offset %d, the entry says %d and %d", f.path, n, last, f.rows, f.last)
	}
	e.whole = append(e.whole, f)
	r.Parts = append(r.Parts, part{e.number, f.path, n, sum(digest)})
}

// eachRow calls do with each row and its text.
func eachRow(raw []byte, kept bool, do func(x *row, text string) error) (err error) {
	defer func() { // a broken file may panic in the reader
		if p := recover(); p != nil {
			err = fmt.Errorf("broken Parquet: %v", p)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return err
	}
	s := newScanner(f.Schema())
	buf := make([]parquet.Row, 64)
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		for {
			n, err := rows.ReadRows(buf)
			for _, values := range buf[:n] {
				x, text, err := s.row(values, kept)
				if err == nil {
					err = do(x, text)
				}
				if err != nil {
					return errors.Join(err, rows.Close())
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return errors.Join(err, rows.Close())
			}
		}
		if err := rows.Close(); err != nil {
			return err
		}
	}
	return nil
}

// scanner reads rows of one schema.
type scanner struct {
	names  []string // of the columns, by number
	set    []func(*row, parquet.Value)
	text   int
	digest hash.Hash
	buf    []byte
}

func newScanner(schema *parquet.Schema) *scanner {
	str := func(p func(*row) *string) func(*row, parquet.Value) {
		return func(x *row, v parquet.Value) { *p(x) = string(v.ByteArray()) }
	}
	num := func(p func(*row) *float64) func(*row, parquet.Value) {
		return func(x *row, v parquet.Value) { *p(x) = v.Double() }
	}
	known := map[string]func(*row, parquet.Value){
		"id":         str(func(x *row) *string { return &x.id }),
		"mid":        str(func(x *row) *string { return &x.mid }),
		"url":        str(func(x *row) *string { return &x.url }),
		"sha256":     str(func(x *row) *string { return &x.sha }),
		"position":   str(func(x *row) *string { return &x.position }),
		"reason":     str(func(x *row) *string { return &x.reason }),
		"stage":      str(func(x *row) *string { return &x.stage }),
		"signal":     str(func(x *row) *string { return &x.signal }),
		"of":         str(func(x *row) *string { return &x.of }),
		"method":     str(func(x *row) *string { return &x.method }),
		"err":        str(func(x *row) *string { return &x.err }),
		"value":      num(func(x *row) *float64 { return &x.value }),
		"limit":      num(func(x *row) *float64 { return &x.limit }),
		"similarity": num(func(x *row) *float64 { return &x.similarity }),
	}
	s := &scanner{text: -1, digest: sha256.New()}
	for i, c := range schema.Columns() {
		name := strings.Join(c, ".")
		if name == "text" {
			s.text = i
		}
		s.names, s.set = append(s.names, name), append(s.set, known[name])
	}
	return s
}

// row takes the values of one row. Each counts in the digests with its column, its levels and its bytes.
func (s *scanner) row(values parquet.Row, kept bool) (x *row, text string, err error) {
	x = &row{kept: kept}
	s.digest.Reset()
	for _, v := range values {
		c := v.Column()
		b := append(s.buf[:0], s.names[c]...)
		b = append(b, 0, byte(v.RepetitionLevel()), byte(v.DefinitionLevel()), 0)
		if !v.IsNull() {
			b = v.AppendBytes(b)
			if c == s.text {
				text = string(v.ByteArray())
			} else if set := s.set[c]; set != nil {
				set(x, v)
			}
		}
		b = binary.AppendUvarint(b, uint64(len(b)))
		if s.names[c] != "position" {
			s.digest.Write(b)
		}
		s.buf = b
	}
	s.digest.Sum(x.content[:0])
	x.full = sha256.Sum256(append(x.content[:], x.position...))
	x.text = sha256.Sum256([]byte(text))
	x.words = sha256.Sum256([]byte(strings.Join(words(text), " ")))
	i := strings.LastIndexByte(x.position, '/')
	if i <= 0 {
		return nil, "", fmt.Errorf("a row stands at %q", x.position)
	}
	if x.partition = x.position[:i]; x.mid == "" {
		return nil, "", fmt.Errorf("the row at %s has no mid", x.position)
	}
	x.offset, err = strconv.ParseInt(x.position[i+1:], 10, 64)
	return x, text, err
}
