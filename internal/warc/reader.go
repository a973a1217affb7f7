package warc

import (
	"bufio"
	"bytes"
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
	inflater *inflater // what gz gives
	inflated *bufio.Reader
	plain    bool  // the record at hand is not compressed
	lost     bool  // the last record was damaged: look for the next one
	bad      int64 // where it began
	credit   int64 // bytes that may still be read a second time
	strict   bool  // Verify: a record must end as the standard says
	tap      func(*Record) io.Writer
	raw      []byte // header of the record at hand

	shared *shared // what several records are compressed in together, while it is read
	flat   bool    // this reads such a thing: nothing is compressed in it
	at     int64   // bytes that came out of the members before; -1 behind damage
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
	r.in.setMark()
	for c := r.in.peek(1); len(c) > 0 && (c[0] == '\r' || c[0] == '\n'); c = r.in.peek(1) {
		r.in.pos++ // some writers put more empty lines between records
		r.in.setMark()
	}
	start := r.in.offset()
	head := r.in.peek(5)
	if len(head) == 0 {
		return nil, r.end()
	}
	var rec *Record
	var err error
	r.plain = head[0] == 'W'
	switch {
	case head[0] == 0x1f && !r.flat:
		rec, err = r.member(start)
	case r.plain:
		rec, err = r.record(r.in)
		if err == nil {
			err = r.plainEnd(r.in)
		}
	case start == 0 && !r.flat && isZstd(head):
		if err = r.openZstd(); err == nil {
			return r.Next()
		}
	default:
		err = errNotWARC
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

// end is what Next returns when nothing is left.
func (r *Reader) end() error {
	if err := r.in.failed(); err != nil {
		return fmt.Errorf("read WARC at byte %d: %w", r.in.offset(), err)
	}
	return io.EOF
}

// what words the damage. When the file has ended, that is the damage.
func (r *Reader) what(err error) string {
	ended := r.in.err == io.EOF && r.in.pos == len(r.in.buf)
	if ended && (errors.Is(err, io.ErrUnexpectedEOF) || r.plain && (errors.Is(err, errBlock) || errors.Is(err, errHeaderEnd))) {
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

// member reads a gzip member that holds one record, or the first record of one that holds several.
func (r *Reader) member(start int64) (*Record, error) {
	if err := r.openGzip(); err != nil {
		return nil, fmt.Errorf("%w: %w", errGzip, err)
	}
	rec, err := r.record(r.inflated)
	if err != nil {
		return nil, err
	}
	size := r.consumed()
	more, err := r.memberEnd()
	if err != nil {
		return nil, err
	}
	if more {
		rec.Shared, rec.At, rec.Size = true, r.at, size
		r.share(start, r.inflated, r.consumed())
	} else if r.at >= 0 {
		r.at += r.inflater.n
	}
	return rec, nil
}

// consumed counts what was read of the member at hand.
func (r *Reader) consumed() int64 { return r.inflater.n - int64(r.inflated.Buffered()) }

func (r *Reader) openGzip() (err error) {
	if r.gz == nil {
		if r.gz, err = gzip.NewReader(r.in); err != nil {
			r.gz = nil
			return noEOF(err)
		}
		r.inflated = bufio.NewReader(nil)
	} else if err := r.gz.Reset(r.in); err != nil {
		return noEOF(err)
	}
	r.gz.Multistream(false)
	r.inflater = &inflater{r: r.gz, bad: errGzip}
	r.inflated.Reset(r.inflater)
	return nil
}

// inflater counts what comes out of a decoder, whose errors it calls bad.
type inflater struct {
	r   io.Reader
	bad error
	n   int64
}

func (c *inflater) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", c.bad, err)
	}
	return n, err
}

// record reads header and block.
func (r *Reader) record(s stream) (*Record, error) {
	header, raw, err := readHeader(s)
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
	var block bytes.Buffer
	block.Grow(int(min(keep, 64<<10)) + bytes.MinRead) // a stated length is no reason to allocate
	if _, err := io.CopyN(io.MultiWriter(&block, tap), s, keep); err != nil {
		return nil, short(err)
	}
	if _, err := io.CopyN(tap, s, n-keep); err != nil {
		return nil, short(err)
	}
	rec.Block = block.Bytes()
	return rec, nil
}

// memberEnd reads up to the member's checksum. Between the block and it there are two line ends, or
// fewer. It reports whether another record begins there.
func (r *Reader) memberEnd() (more bool, err error) {
	var ends int
	for {
		if head, _ := r.inflated.Peek(5); string(head) == "WARC/" {
			return true, nil
		}
		c, err := r.inflated.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return false, err
		}
		if ends++; c != '\r' && c != '\n' || ends > 16 {
			return false, errTrailer
		}
	}
	if r.strict && ends != 4 {
		return false, errNoEnd
	}
	return false, nil
}

// plainEnd takes the line ends behind a plain record. Where there are too few of them and no record
// follows, its length is wrong: what it says is its block may hold the beginning of the next record.
func (r *Reader) plainEnd(in *input) error {
	var got []byte
	for len(got) < 4 {
		c := in.peek(1)
		if len(c) == 0 || c[0] != '\r' && c[0] != '\n' {
			break
		}
		got = append(got, c[0])
		in.pos++
	}
	ends := string(got)
	if r.strict && ends != "\r\n\r\n" {
		return errNoEnd
	}
	next := in.peek(5)
	if ends != "\r\n\r\n" && ends != "\n\n" && len(next) > 0 && next[0] != 0x1f && string(next) != "WARC/" {
		return errPlainEnd
	}
	return nil
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
