package ingest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"millrace"
)

const (
	maxLine  = 16 << 20
	maxField = 64 << 10 // of an id or a URL

	byteOrder = "\uFEFF" // the mark at the start of a file
)

// line is one line of a file, without its end.
type line struct {
	bytes  []byte // at most maxLine; of a longer line, the first MaxRaw
	offset int64
	length int64
	sum    [32]byte
	long   bool
}

// lines reads a file line by line in bounded memory.
type lines struct {
	in     *bufio.Reader
	offset int64
	buf    []byte
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 64<<10)} }

// next gives the next line, valid until the call after; io.EOF at the end.
func (l *lines) next() (line, error) {
	out := line{offset: l.offset}
	l.buf = l.buf[:0]
	var h hash.Hash // of a long line
	for {
		part, err := l.in.ReadSlice('\n')
		l.offset += int64(len(part))
		ended := bytes.HasSuffix(part, []byte("\n"))
		if ended {
			part = part[:len(part)-1]
		}
		out.length += int64(len(part))
		switch {
		case out.long:
			h.Write(part)
		case len(l.buf)+len(part) > maxLine:
			out.long = true
			h = sha256.New()
			h.Write(l.buf)
			h.Write(part)
			l.buf = append(l.buf, part...)[:MaxRaw]
		default:
			l.buf = append(l.buf, part...)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if !errors.Is(err, io.EOF) || out.length == 0 {
				return line{}, err
			}
			break // the last line has no end
		}
		if ended {
			break
		}
	}
	out.bytes = l.buf
	if out.long {
		h.Sum(out.sum[:0])
		return out, nil
	}
	if n := len(out.bytes); n > 0 && out.bytes[n-1] == '\r' {
		out.bytes = out.bytes[:n-1]
		out.length--
	}
	out.sum = sha256.Sum256(out.bytes)
	return out, nil
}

// pass goes over a line, and reports whether next would take it for blank.
func (l *lines) pass(first bool) (blank bool, err error) {
	blank = true
	for length := 0; ; {
		part, err := l.in.ReadSlice('\n')
		l.offset += int64(len(part))
		if first && length == 0 {
			part = bytes.TrimPrefix(part, []byte(byteOrder))
		}
		length += len(part)
		blank = blank && len(bytes.TrimSpace(part)) == 0 && length <= maxLine
		switch {
		case err == nil, errors.Is(err, io.EOF) && length > 0: // the last line has no end
			return blank, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return blank, err
		}
	}
}

// row is what a line of JSONL says.
type row struct {
	text   string
	bytes  []byte // instead of text, where it is not UTF-8
	isHTML bool
	id     string
	url    string
	meta   string
}

// columnError says where in a line the trouble is; column 0 is the whole line.
type columnError struct {
	column int64
	what   string
}

func (e *columnError) Error() string { return e.what }

func objectOf(b []byte) (fields map[string]json.RawMessage, err error) {
	if fields, ok := fieldsOf(b); ok {
		return fields, nil
	}
	return fields, json.Unmarshal(b, &fields)
}

// parseRow reads one JSON object. Of a field that stands there twice, the last counts.
func parseRow(b []byte, in Input) (row, error) {
	fields, err := objectOf(b)
	if err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return row{}, &columnError{syntax.Offset, syntax.Error()}
		}
		return row{}, &columnError{1, "not a JSON object"}
	}
	if fields == nil {
		return row{}, &columnError{1, "null is not a JSON object"}
	}
	var r row
	if r.text, r.isHTML, err = textOf(fields, in); err != nil {
		return row{}, err
	}
	if raw, ok := fields[in.IDField]; ok {
		if id, ok := scalar(raw); ok {
			r.id = id
			delete(fields, in.IDField)
		}
	}
	if raw, ok := fields[in.URLField]; ok && in.URLField != "" {
		if url, ok := stringOf(raw); ok {
			r.url = url
			delete(fields, in.URLField)
		}
	}
	if len(r.id) > maxField || len(r.url) > maxField {
		return row{}, &columnError{0, fmt.Sprintf("an id or URL of more than %d bytes", maxField)}
	}
	r.meta, err = metaOf(fields)
	return r, err
}

// textOf takes the text field, or the HTML field, out of fields.
func textOf(fields map[string]json.RawMessage, in Input) (text string, isHTML bool, err error) {
	for _, name := range []string{in.HTMLField, in.TextField} {
		raw, ok := fields[name]
		if name == "" || !ok || string(raw) == "null" {
			continue
		}
		text, ok := stringOf(raw)
		if !ok {
			return "", false, &columnError{0, fmt.Sprintf("field %q is not a string", name)}
		}
		delete(fields, name)
		return text, name == in.HTMLField, nil
	}
	name := in.TextField
	if name == "" {
		name = in.HTMLField
	}
	return "", false, &columnError{0, fmt.Sprintf("field %q is missing", name)}
}

func stringOf(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	if s, ok := unquote(raw[1 : len(raw)-1]); ok {
		return s, true
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// unquote undoes the escapes of a JSON string that is known to be one. What is rare, surrogates and bytes that are not
// UTF-8, it leaves to the library, which takes several times as long.
func unquote(b []byte) (string, bool) {
	var out strings.Builder
	out.Grow(len(b))
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 == len(b) {
			break
		}
		out.Write(b[:i])
		c := b[i+1]
		b = b[i+2:]
		switch c {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'u':
			if len(b) < 4 {
				return "", false
			}
			r, err := strconv.ParseUint(string(b[:4]), 16, 16)
			if err != nil || utf16.IsSurrogate(rune(r)) {
				return "", false
			}
			out.WriteRune(rune(r))
			b = b[4:]
			continue
		}
		out.WriteByte(c)
	}
	out.Write(b)
	return out.String(), utf8.ValidString(out.String())
}

// scalar gives a string, or a number as it is written.
func scalar(raw json.RawMessage) (string, bool) {
	if s, ok := stringOf(raw); ok {
		return s, true
	}
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw), true
	}
	return "", false
}

// metaOf writes the other fields as one JSON object, sorted by name.
func metaOf[V any](fields map[string]V) (string, error) {
	if len(fields) == 0 {
		return "", nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields); err != nil {
		return "", &columnError{0, err.Error()}
	}
	return strings.ToValidUTF8(strings.TrimSuffix(b.String(), "\n"), "\uFFFD"), nil
}

// jsonl turns lines into documents.
type jsonl struct {
	f      *file
	lines  *lines
	number int64 // of the next line, from 0
}

func (j *jsonl) next() (*millrace.Document, error) {
	for ; j.number < j.f.skip; j.number++ {
		blank, err := j.lines.pass(j.number == 0)
		if err != nil {
			return nil, err
		}
		if !blank {
			j.f.at = j.number + 1
		}
	}
	for {
		l, err := j.lines.next()
		if err != nil {
			return nil, err
		}
		number := j.number
		j.number++
		if number == 0 && !l.long {
			l = trimBOM(l)
		}
		if !l.long && len(bytes.TrimSpace(l.bytes)) == 0 {
			continue // not a record
		}
		return j.document(l, number), nil
	}
}

// trimBOM drops a byte order mark at the start of a file.
func trimBOM(l line) line {
	if rest, ok := bytes.CutPrefix(l.bytes, []byte(byteOrder)); ok {
		l.bytes, l.offset, l.length, l.sum = rest, l.offset+3, l.length-3, sha256.Sum256(rest)
	}
	return l
}

func (j *jsonl) document(l line, number int64) *millrace.Document {
	claim := millrace.Claim{File: j.f.Path, Offset: l.offset, Length: l.length, Record: number, SHA256: l.sum, Kind: kindJSONL}
	where := fmt.Sprintf("%s:%d", j.f.where(), number+1)
	if l.long {
		return j.f.deadLetter(claim, l.bytes, fmt.Sprintf("%s: line of %d bytes, at most %d are read", where, l.length, maxLine))
	}
	r, err := parseRow(l.bytes, j.f.in)
	if err != nil {
		if c := new(columnError); errors.As(err, &c) && c.column > 0 {
			where = fmt.Sprintf("%s:%d", where, c.column)
		}
		return j.f.deadLetter(claim, l.bytes, where+": "+err.Error())
	}
	return j.f.rowDocument(claim, &r)
}

// rowDocument is the document of a row. What does not travel with it, the loader reads again.
func (f *file) rowDocument(claim millrace.Claim, r *row) *millrace.Document {
	d := f.document(claim)
	d.UserID = r.id
	if r.url != "" {
		d.Page.URL, d.URLKey = r.url, f.key(r.url)
		d.ID = millrace.NewID(r.url, claim.SHA256)
	}
	r.fill(d)
	if r.isHTML || r.bytes != nil {
		d.Page.Body = nil
		if len(d.Meta) > MaxText {
			d.Meta = ""
		}
	} else if len(d.Text)+len(d.Meta) > MaxText {
		d.Text, d.Meta = "", ""
	}
	return d
}

// fill sets what the row holds.
func (r *row) fill(d *millrace.Document) {
	d.Meta = r.meta
	if r.bytes != nil {
		d.Page.MediaType, d.Page.Body = "text/plain", r.bytes
		if r.isHTML {
			d.Page.MediaType = "text/html"
		}
		return
	}
	if r.isHTML {
		d.Page.MediaType = "text/html; charset=utf-8"
		d.Page.Body = []byte(r.text)
		return
	}
	d.Page.MediaType = "text/plain; charset=utf-8"
	if d.Text = r.text; r.text == "" {
		d.Page.Body = []byte{} // loaded, and empty
	}
}

// plain gives bytes as text, where they are UTF-8. With zeros or escapes among them they may be UTF-16 or ISO-2022-JP,
// which look like ASCII: that is for clean to say.
func plain(b []byte) (string, bool) {
	b = bytes.TrimPrefix(b, []byte("\uFEFF"))
	return string(b), utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 && bytes.IndexByte(b, 0x1B) < 0
}
