package ingest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"millrace"
)

const (
	maxColumns = 4096
	maxHead    = 1 << 20 // of the line with the names of the columns
	csvWindow  = 64 << 10
)

// cells are the fields of one record of a CSV file. They are used again for the next.
type cells struct {
	at    []cell // at most maxColumns of them
	count int
	end   int // behind the record and its line end
	body  int // behind the record, without its line end
	more  bool
	last  int // where the last field begins that was looked at
	bad   int // the quote that opens what is broken, or -1
	what  string
	tall  []int // quotes that open fields of several lines; at most two are noted

	steps int64 // bytes looked at since the beginning
}

// cell is one field, without its quotes.
type cell struct {
	from, to int
	escaped  bool // it holds doubled quotes
}

// scan reads the record that b begins with. Quotes count only where a field begins with one; in it a doubled
// quote is one, and line ends are text. final says that nothing follows b; else more may be asked for.
func (s *cells) scan(b []byte, sep byte, final bool) {
	s.at, s.tall = s.at[:0], s.tall[:0]
	s.count, s.more, s.bad, s.what = 0, false, -1, ""
	for i := 0; ; {
		c := cell{from: i, to: i}
		s.last = i
		end := i // behind the field
		if i < len(b) && b[i] == '"' {
			if !s.quoted(b, &c, final) {
				s.steps += int64(len(b))
				return
			}
			end = c.to + 1
			if len(s.tall) < 2 && bytes.IndexByte(b[c.from:c.to], '\n') >= 0 {
				s.tall = append(s.tall, i)
			}
		} else {
			for end < len(b) && b[end] != sep && b[end] != '\n' {
				end++
			}
			c.to = end
		}
		if end+1 >= len(b) && !final {
			s.more = true
			s.steps += int64(len(b))
			return
		}
		if s.count++; len(s.at) < maxColumns {
			s.at = append(s.at, c)
		}
		switch {
		case end < len(b) && b[end] == sep:
			i = end + 1
		case end == len(b), b[end] == '\n', b[end] == '\r' && (end+1 == len(b) || b[end+1] == '\n'):
			s.finish(b, end)
			s.steps += int64(s.end)
			return
		default:
			s.bad, s.what = i, "text behind the quote that closes a field"
			s.steps += int64(end)
			return
		}
	}
}

// quoted reads a field that begins with a quote.
func (s *cells) quoted(b []byte, c *cell, final bool) (closed bool) {
	open := c.from
	for j := open + 1; ; j += 2 {
		k := bytes.IndexByte(b[j:], '"')
		if k < 0 || j+k+1 == len(b) && !final {
			s.bad, s.what, s.more = open, "a quote opens a field and none closes it", !final
			return false
		}
		j += k
		if j+1 < len(b) && b[j+1] == '"' {
			c.escaped = true
			continue
		}
		c.from, c.to = open+1, j
		return true
	}
}

// finish notes where the record ends. Its last field ends before a carriage return.
func (s *cells) finish(b []byte, end int) {
	s.body = end
	s.end = min(end+1, len(b))
	if end < len(b) && b[end] == '\r' {
		s.end = min(end+2, len(b))
		return
	}
	if last := &s.at[len(s.at)-1]; last.to == end && end > last.from && b[end-1] == '\r' && s.count == len(s.at) {
		last.to--
		s.body--
	}
}

// text gives field i.
func (s *cells) text(b []byte, i int) []byte {
	c := s.at[i]
	if c.escaped {
		return bytes.ReplaceAll(b[c.from:c.to], []byte(`""`), []byte(`"`))
	}
	return b[c.from:c.to]
}

// csvRecord is a record, or the lines that are none.
type csvRecord struct {
	bytes  []byte // valid until the next one; of what is too long, the first MaxRaw
	offset int64
	length int64
	line   int64
	what   string   // is wrong with it; "" where nothing is
	sum    [32]byte // of what is too long, which is not all in bytes
}

// csvReader cuts a file into records. Its work is linear: what it reads again after an error lies within one
// field, whose quotes stand in pairs, so that no line of it opens another field.
type csvReader struct {
	in     io.Reader
	sep    byte
	buf    []byte
	at     int   // buf[at:] is not handed out yet
	offset int64 // of buf[at]
	line   int64 // of buf[at], from 1
	err    error // of in, after all that is in buf
	cells  cells
}

func newCSV(in io.Reader) *csvReader { return &csvReader{in: in, line: 1} }

// next gives the next record that is not an empty line; want is how many fields it should have, 0 is any.
func (c *csvReader) next(want int) (csvRecord, error) {
	for {
		b := c.buf[c.at:]
		final := errors.Is(c.err, io.EOF)
		if len(b) == 0 && final {
			return csvRecord{}, io.EOF
		}
		c.cells.scan(b, c.sep, final)
		s := &c.cells
		switch {
		case s.more && len(b) <= maxLine && c.err != nil:
			return csvRecord{}, c.err // the data is damaged here
		case s.more && len(b) <= maxLine:
			c.grow()
		case s.more && s.bad < 0:
			return c.skipLine(s.last, "")
		case s.bad < 0 && s.body > maxLine:
			return c.skipLine(s.body, "")
		case s.bad >= 0:
			return c.skipLine(s.bad, s.what)
		case want > 0 && s.count != want && len(s.tall) == 1:
			return c.skipLine(s.tall[0], fmt.Sprintf("a field of several lines, and then %d fields where the header has %d", s.count, want))
		case s.count == 1 && len(bytes.TrimSpace(b[:s.body])) == 0:
			c.take(s.end)
		default:
			rec := csvRecord{bytes: b[:s.body], offset: c.offset, length: int64(s.body), line: c.line}
			if want > 0 && s.count != want {
				rec.what = fmt.Sprintf("%d fields, the header has %d", s.count, want)
			}
			c.take(s.end)
			return rec, nil
		}
	}
}

// take passes over n bytes, which stay valid until the buffer is filled again.
func (c *csvReader) take(n int) {
	c.line += int64(bytes.Count(c.buf[c.at:c.at+n], []byte("\n")))
	c.at += n
	c.offset += int64(n)
}

// grow reads until the window has doubled, so that looking at it again costs no more than reading it.
func (c *csvReader) grow() {
	have := len(c.buf) - c.at
	want := max(csvWindow, 2*have)
	if c.at > 0 {
		c.buf, c.at = c.buf[:copy(c.buf, c.buf[c.at:])], 0
	}
	c.buf = slices.Grow(c.buf, want-have)
	for len(c.buf) < want && c.err == nil {
		n, err := c.in.Read(c.buf[len(c.buf):min(cap(c.buf), want)])
		c.buf, c.err = c.buf[:len(c.buf)+n], err
	}
}

// skipLine passes over what is broken: all up to the end of the line in which byte from of the window lies.
func (c *csvReader) skipLine(from int, what string) (rec csvRecord, err error) {
	rec = csvRecord{offset: c.offset, line: c.line, what: what}
	defer func() {
		if rec.length > maxLine {
			rec.what = fmt.Sprintf("record of %d bytes, at most %d are read", rec.length, maxLine)
		}
	}()
	b := c.buf[c.at:]
	if n := bytes.IndexByte(b[from:], '\n'); n >= 0 {
		rec.bytes, rec.length = b[:from+n], int64(from+n)
		c.take(from + n + 1)
		return rec, nil
	}
	rec.bytes = bytes.Clone(b[:min(len(b), MaxRaw)])
	for h := sha256.New(); ; c.grow() {
		b := c.buf[c.at:]
		n := bytes.IndexByte(b[from:], '\n')
		end := from + n
		if n < 0 {
			end = len(b)
		}
		h.Write(b[:end])
		rec.length += int64(end)
		c.take(min(end+1, len(b)))
		if n >= 0 || errors.Is(c.err, io.EOF) {
			h.Sum(rec.sum[:0])
			return rec, nil
		}
		if c.err != nil {
			return csvRecord{}, c.err
		}
		from = 0
	}
}

// csvHead is the line that names the columns.
type csvHead struct {
	sep   byte
	names []string
	line  []byte
	sum   [32]byte // part of each record's digest, for it says what the record means
}

// readHead reads the header, which is one line. The separator is the first of comma, tab, semicolon and bar by which the
// header has a column with the text.
func readHead(c *csvReader, in Input) (*csvHead, csvRecord, error) {
	c.grow()
	if bytes.HasPrefix(c.buf, []byte("\uFEFF")) {
		c.at, c.offset = 3, 3
	}
	if c.err != nil && len(c.buf) == c.at {
		return nil, csvRecord{}, c.err
	}
	rec, err := c.skipLine(0, "")
	if err != nil || rec.what != "" {
		return nil, rec, err
	}
	if rec.length > maxHead || int64(len(rec.bytes)) < rec.length {
		rec.what = fmt.Sprintf("a header of %d bytes, at most %d are read", rec.length, maxHead)
		return nil, rec, nil
	}
	for _, sep := range []byte(",\t;|") {
		var s cells
		s.scan(rec.bytes, sep, true)
		if s.bad >= 0 || s.count > maxColumns {
			continue
		}
		h := &csvHead{sep: sep, line: bytes.Clone(rec.bytes), sum: sha256.Sum256(rec.bytes)}
		for i := range s.at {
			h.names = append(h.names, strings.ToValidUTF8(string(s.text(rec.bytes, i)), "\uFFFD"))
		}
		if h.column(in.TextField) >= 0 || h.column(in.HTMLField) >= 0 {
			c.sep = sep
			return h, rec, nil
		}
	}
	name := in.TextField
	if name == "" {
		name = in.HTMLField
	}
	rec.what = fmt.Sprintf("the header has no column %q", name)
	return nil, rec, nil
}

// column is the last column of a name, or -1.
func (h *csvHead) column(name string) int {
	if name == "" {
		return -1
	}
	for i, n := range slices.Backward(h.names) {
		if n == name {
			return i
		}
	}
	return -1
}

// digest is a record's, with what its columns are called.
func (h *csvHead) digest(record []byte) (sum [32]byte) {
	d := sha256.New()
	d.Write(h.sum[:])
	d.Write(record)
	d.Sum(sum[:0])
	return sum
}

// row reads the cells of record b. Empty cells of columns that nobody asked for are left out.
func (h *csvHead) row(s *cells, b []byte, in Input) (r row, err error) {
	html, text := h.column(in.HTMLField), h.column(in.TextField)
	id, url := h.column(in.IDField), h.column(in.URLField)
	body := text
	if html >= 0 && (text < 0 || s.at[html].to > s.at[html].from) {
		body, r.isHTML = html, true
	}
	r.setText(s.text(b, body))
	if id >= 0 && id != body {
		r.id = strings.ToValidUTF8(string(s.text(b, id)), "\uFFFD")
	}
	if url >= 0 && url != body {
		r.url = strings.ToValidUTF8(string(s.text(b, url)), "\uFFFD")
	}
	if len(r.id) > maxField || len(r.url) > maxField {
		return row{}, &columnError{0, fmt.Sprintf("an id or URL of more than %d bytes", maxField)}
	}
	fields := map[string]string{}
	for i, c := range s.at {
		if i == body || i == id || i == url || c.from == c.to {
			continue
		}
		fields[h.names[i]] = strings.ToValidUTF8(string(s.text(b, i)), "\uFFFD")
	}
	r.meta, err = metaOf(fields)
	return r, err
}

// setText sets the text; where it is not UTF-8, as bytes, of which the mill finds the encoding.
func (r *row) setText(b []byte) {
	if utf8.Valid(b) {
		r.text = string(b)
		return
	}
	r.bytes = bytes.Clone(b)
}

// csvRows turns the records of a CSV file into documents.
type csvRows struct {
	f      *file
	in     *csvReader
	head   *csvHead
	number int64
}

func (c *csvRows) next() (*millrace.Document, error) {
	if c.head == nil {
		h, rec, err := readHead(c.in, c.f.in)
		if err != nil {
			return nil, err
		}
		if h == nil { // no record of it means anything
			c.in.err, c.in.buf, c.in.at = io.EOF, nil, 0
			return c.deadLetter(rec), nil
		}
		c.head = h
	}
	rec, err := c.in.next(len(c.head.names))
	if err != nil {
		return nil, err
	}
	if rec.what != "" {
		return c.deadLetter(rec), nil
	}
	r, err := c.head.row(&c.in.cells, rec.bytes, c.f.in)
	if err != nil {
		rec.what = err.Error()
		return c.deadLetter(rec), nil
	}
	claim := millrace.Claim{File: c.f.Path, Offset: rec.offset, Length: rec.length, Record: c.number, SHA256: c.head.digest(rec.bytes), Kind: kindCSV}
	c.number++
	return c.f.rowDocument(claim, &r), nil
}

func (c *csvRows) deadLetter(rec csvRecord) *millrace.Document {
	claim := millrace.Claim{File: c.f.Path, Offset: rec.offset, Length: rec.length, Record: c.number, SHA256: rec.sum, Kind: kindCSV}
	if rec.sum == ([32]byte{}) {
		claim.SHA256 = sha256.Sum256(rec.bytes)
	}
	c.number++
	return c.f.deadLetter(claim, rec.bytes, fmt.Sprintf("%s:%d: %s", c.f.where(), rec.line, rec.what))
}
