package ingest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"millrace"
)

// Rows reads a file of columns row by row. What reads Parquet belongs to another folder.
type Rows interface {
	// Next gives the next row as a JSON object, the same bytes each time; io.EOF at the end.
	Next() ([]byte, error)
	Close() error
}

// OpenRows opens such a file at a row.
type OpenRows func(in io.ReaderAt, size, from int64) (Rows, error)

// parquetRows turns the rows of a Parquet file into documents. A row is read as the line of JSONL that it would be.
type parquetRows struct {
	f      *file
	in     Rows
	number int64
}

func (p *parquetRows) next() (*millrace.Document, error) {
	b, err := p.in.Next()
	if err != nil {
		return nil, err
	}
	claim := millrace.Claim{File: p.f.Path, Length: int64(len(b)), Record: p.number, SHA256: sha256.Sum256(b), Kind: kindParquet}
	where := fmt.Sprintf("%s: row %d", p.f.where(), p.number)
	p.number++
	if len(b) > maxLine {
		return p.f.deadLetter(claim, b, fmt.Sprintf("%s: %d bytes, at most %d are read", where, len(b), maxLine)), nil
	}
	r, err := parseRow(b, p.f.in)
	if err != nil {
		return p.f.deadLetter(claim, b, where+": "+err.Error()), nil
	}
	return p.f.rowDocument(claim, &r), nil
}

// readRow reads a row again.
func (l *Loader) readRow(c millrace.Claim) ([]byte, error) {
	s, err := l.rowStream(c)
	if err != nil {
		return nil, err
	}
	b, err := s.rows.Next()
	s.pos++
	l.giveBack(s, err == nil)
	return b, err
}

// rowStream gives a stream of rows that stands at the claim's.
func (l *Loader) rowStream(c millrace.Claim) (*stream, error) {
	c.Offset = c.Record
	s := l.closest(c, place{})
	if s == nil {
		if l.Rows == nil {
			return nil, errNoParquet
		}
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		s = &stream{path: c.File, f: f, busy: true, pos: c.Record, stop: func() {}, stopOuter: func() {}}
		info, err := f.Stat()
		if err == nil {
			s.rows, err = l.Rows(f, info.Size(), c.Record)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		l.mu.Lock()
		l.streams = append(l.streams, s)
		l.mu.Unlock()
	}
	for ; s.pos < c.Record; s.pos++ {
		if _, err := s.rows.Next(); err != nil {
			l.giveBack(s, false)
			return nil, err
		}
	}
	return s, nil
}

var errNoParquet = errors.New("nothing here reads Parquet")
