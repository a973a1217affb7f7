package warc

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// Reader reads records one after the other.
type Reader struct {
	in       *input
	maxBlock int64
	gz       *gzip.Reader
	lost     bool  // the last record was damaged: look for the next one
	bad      int64 // where it began
	credit   int64 // bytes that may still be read a second time
	strict   bool  // Verify: a record must end as the standard says
	tap      func(*Record) io.Writer
	raw      []byte // header of the record at hand

	inner  *Reader // reads what compressed streams hold, one after the other
	shared *shared // the one at hand, if more is to come of it
	at     int64   // bytes that came out of the streams before; -1 behind damage
	flat   bool    // this is an inner one: nothing is compressed in it
}

// NewReader reads from r. A longer block than maxBlock is cut there; the rest of it is read and dropped.
func NewReader(r io.Reader, maxBlock int64) *Reader {
	return &Reader{in: &input{r: r}, maxBlock: maxBlock, credit: window}
}

// Next returns the next record, and io.EOF at the end. After a *DamageError it goes on at the next
// gzip header or version line. Offsets count from where the reader began.
func (r *Reader) Next() (*Record, error) {
	if r.shared != nil {
		rec, err := r.nextShared()
		if err != io.EOF {
			return rec, err
		}
	}
	if r.lost && !r.resync() {
		return nil, r.end()
	}
	if !r.more() {
		return nil, r.end()
	}
	start, head := r.in.offset(), r.in.peek(5)
	rec, err := r.first(start, head)
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		return nil, damage
	}
	if err == io.EOF { // of a file that holds nothing, compressed
		return nil, r.end()
	}
	if err != nil {
		if failed := r.in.failed(); failed != nil {
			return nil, fmt.Errorf("read WARC at byte %d: %w", start, failed)
		}
		r.lost, r.bad, r.at = true, start, -1
		return nil, &DamageError{Offset: start, What: r.what(err)}
	}
	rec.Offset, rec.Length = start, r.in.offset()-start
	r.credit += rec.Length
	if rec.Shared {
		rec.Length = 0
	}
	return rec, nil
}

// first reads the record that begins with head, or the first of those that are compressed together there.
// A *DamageError says that it goes on behind the damage by itself.
func (r *Reader) first(start int64, head []byte) (*Record, error) {
	switch {
	case string(head) == "WARC/":
		rec, err := r.record()
		if err == nil {
			err = r.recordEnd()
		}
		return rec, err
	case head[0] == 0x1f && !r.flat:
		if err := r.openGzip(); err != nil {
			return nil, fmt.Errorf("%w: %w", errGzip, err)
		}
		return r.firstOf(r.open(start, &inflater{r.gz, errGzip}))
	case start == 0 && !r.flat && isZstd(head):
		s, err := r.openZstd()
		if err != nil {
			return nil, err
		}
		return r.firstOf(s)
	}
	return nil, errNotWARC
}

// end is what Next returns when nothing is left.
func (r *Reader) end() error {
	if err := r.in.failed(); err != nil {
		return fmt.Errorf("read WARC at byte %d: %w", r.in.offset(), err)
	}
	return io.EOF
}

// what words the damage. When the file has ended, that is the damage.
func (r *Reader) what(err error) string {
	ended := r.in.err == io.EOF && r.in.pos == len(r.in.buf) && !r.flat
	if ended && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errBlock) || errors.Is(err, errHeaderEnd)) {
		return errTorn.Error()
	}
	return err.Error()
}

// resync looks for the next record behind damage. An inflater that has lost its way runs on into the
// members after its own, so the search starts again behind the damaged record's first byte; but no
// more bytes are read twice than were read well, which keeps the work linear.
func (r *Reader) resync() bool {
	r.lost = false
	cost := r.in.offset() - r.bad
	if cost <= r.credit && r.in.back(r.bad+1) {
		r.credit -= cost
	}
	if r.in.offset() == r.bad {
		r.in.ReadByte()
	}
	return r.in.seekRecord(r.flat)
}

func (r *Reader) openGzip() (err error) {
	if r.gz == nil {
		if r.gz, err = gzip.NewReader(r.in); err != nil {
			r.gz = nil
			return noEOF(err)
		}
	} else if err := r.gz.Reset(r.in); err != nil {
		return noEOF(err)
	}
	r.gz.Multistream(false)
	return nil
}

// record reads header and block.
func (r *Reader) record() (*Record, error) {
	header, raw, err := readHeader(r.in)
	if err != nil {
		return nil, err
	}
	r.raw = raw
	n, err := contentLength(header)
	if err != nil {
		return nil, err
	}
	rec := &Record{Header: header, Truncated: n > r.maxBlock}
	var tap io.Writer = io.Discard
	if r.tap != nil {
		tap = r.tap(rec)
	}
	keep := min(n, r.maxBlock)
	if rec.Block, err = r.block(keep, tap); err != nil {
		return nil, short(err)
	}
	if _, err := io.CopyN(tap, r.in, n-keep); err != nil {
		return nil, short(err)
	}
	return rec, nil
}

// block reads n bytes, which tap sees too. A stated length is no reason to allocate: memory grows with what has come.
func (r *Reader) block(n int64, tap io.Writer) ([]byte, error) {
	b := make([]byte, 0, min(n, 64<<10))
	for int64(len(b)) < n {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(n, 4*int64(len(b)))), b...)
		}
		from := len(b)
		got, err := io.ReadFull(r.in, b[from:cap(b)])
		b = b[:from+got]
		if _, err := tap.Write(b[from:]); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, noPart(err)
		}
	}
	return b, nil
}

// noPart calls an end within what is read an end.
func noPart(err error) error {
	if err == io.ErrUnexpectedEOF {
		return io.EOF
	}
	return err
}

// recordEnd takes the line ends behind a record. Where there are too few of them and no record follows, its
// length is wrong: what it says is its block may hold the beginning of the next record.
func (r *Reader) recordEnd() error {
	var got []byte
	for len(got) < 4 {
		c := r.in.peek(1)
		if len(c) == 0 || c[0] != '\r' && c[0] != '\n' {
			break
		}
		got = append(got, c[0])
		r.in.pos++
	}
	ends, next := string(got), r.in.peek(5)
	if r.strict && (ends != "\r\n\r\n" || len(next) > 0 && (next[0] == '\r' || next[0] == '\n')) {
		return errNoEnd
	}
	if ends != "\r\n\r\n" && ends != "\n\n" && len(next) > 0 && next[0] != 0x1f && string(next) != "WARC/" {
		return errRecordEnd
	}
	return nil
}

// more passes over the line ends at hand and reports whether anything else follows.
func (r *Reader) more() bool {
	r.in.setMark()
	for c := r.in.peek(1); len(c) > 0; c = r.in.peek(1) {
		if c[0] != '\r' && c[0] != '\n' {
			return true
		}
		r.in.pos++ // some writers put more empty lines between records
		r.in.setMark()
	}
	return false
}

// ReadAt reads the record whose gzip member, or whose plain bytes, are the length bytes at offset of f.
func ReadAt(f io.ReaderAt, offset, length, maxBlock int64) (*Record, error) {
	r := NewReader(io.NewSectionReader(f, offset, length), maxBlock)
	if length > 0 && length <= window {
		r.in.buf = make([]byte, 0, length)
	}
	rec, err := r.Next()
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		damage.Offset += offset
		return nil, damage
	}
	if err == io.EOF {
		return nil, &DamageError{Offset: offset, What: errTorn.Error()}
	}
	if err != nil {
		return nil, err
	}
	if rec.Shared {
		return nil, &DamageError{Offset: offset, What: "several records are compressed together"}
	}
	if rec.Offset != 0 || rec.Length != length {
		return nil, &DamageError{Offset: offset, What: fmt.Sprintf("the record is %d bytes long, not %d", rec.Length, length)}
	}
	rec.Offset = offset
	return rec, nil
}

// noEOF keeps an end within a gzip header from looking like the end of the file.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func short(err error) error {
	if err == io.EOF {
		return errBlock
	}
	return err
}
