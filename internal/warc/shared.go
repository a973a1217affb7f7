package warc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// shared is a compressed stream: a gzip member, or the whole of a zstd file. What comes out of it is read
// like a plain file; of most gzip members it is one record.
type shared struct {
	start int64 // where it begins in the file
	r     *Reader
	stop  func() // for zstd
}

// inflater calls the errors of a decoder bad.
type inflater struct {
	r   io.Reader
	bad error
}

func (c *inflater) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", c.bad, err)
	}
	return n, err
}

// open makes the inner reader read what comes out of a stream.
func (r *Reader) open(start int64, from io.Reader) *shared {
	if r.inner == nil {
		r.inner = NewReader(nil, r.maxBlock)
		r.inner.in.buf = make([]byte, 0, 16<<10)
		r.inner.flat, r.inner.strict, r.inner.tap = true, r.strict, r.tap
	}
	*r.inner.in = input{r: from, buf: r.inner.in.buf[:0]}
	r.inner.lost, r.inner.credit = false, window
	return &shared{start: start, r: r.inner}
}

// firstOf reads the first record of a stream, and whether there are others.
func (r *Reader) firstOf(s *shared) (*Record, error) {
	rec, err := s.r.Next()
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		r.shared = s
		return nil, &DamageError{Offset: s.start, What: damage.What}
	}
	if err == io.EOF && s.stop == nil {
		return nil, errHeaderEnd
	}
	if err != nil {
		r.shared = s
		return r.nextShared()
	}
	r.raw = s.r.raw
	more := s.r.more()
	if failed := s.r.in.failed(); failed != nil && s.stop == nil { // the checksum, say
		return nil, failed
	}
	if more || s.stop != nil {
		r.shared = s
		rec.Shared, rec.Size, rec.At = true, rec.Length, r.at
		if r.at >= 0 {
			rec.At += rec.Offset
		}
	} else if r.at >= 0 {
		r.at += s.r.in.offset()
	}
	return rec, nil
}

// nextShared returns the next record of the stream at hand, and io.EOF at its end.
func (r *Reader) nextShared() (*Record, error) {
	s := r.shared
	rec, err := s.r.Next()
	if err == nil {
		rec.Shared, rec.Size, rec.Length = true, rec.Length, 0
		if rec.At = -1; r.at >= 0 {
			rec.At = r.at + rec.Offset
		}
		rec.Offset = s.start
		r.raw = s.r.raw
		return rec, nil
	}
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		return nil, &DamageError{Offset: s.start, What: fmt.Sprintf("%s (byte %d of what is compressed together)", damage.What, damage.Offset)}
	}
	r.shared = nil
	failed := r.in.failed()
	if s.stop != nil { // a zstd file ends here in any case
		s.stop()
		r.in.pos, r.in.err = len(r.in.buf), io.EOF
	}
	if err == io.EOF {
		if r.at >= 0 {
			r.at += s.r.in.offset()
		}
		r.credit += r.in.offset() - s.start
		return nil, io.EOF
	}
	if failed != nil {
		return nil, fmt.Errorf("read WARC at byte %d: %w", s.start, failed)
	}
	r.lost, r.bad, r.at = true, s.start, -1
	return nil, &DamageError{Offset: s.start, What: r.what(errors.Unwrap(err))}
}

// Magic numbers of zstd. The first of the frames that decoders skip may hold the dictionary of a WARC.
const (
	zstdFrame      = 0xfd2fb528
	zstdSkippable  = 0x184d2a50 // and the 15 numbers behind it
	zstdDictionary = 0x184d2a5d
	maxDictionary  = 8 << 20
	maxZstdWindow  = 64 << 20
)

func isZstd(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	magic := binary.LittleEndian.Uint32(head)
	return magic == zstdFrame || magic&^0xf == zstdSkippable
}

// openZstd makes the rest of the file one shared stream. Records in frames of their own could be found
// one by one; few tools write such files, and none of ours.
func (r *Reader) openZstd() (*shared, error) {
	start := r.in.offset()
	z, err := NewZstd(r.in)
	if err != nil {
		return nil, err
	}
	s := r.open(start, &inflater{z, errZstd})
	s.stop = z.Close
	return s, nil
}

// NewZstd reads a zstd file, with the dictionary in its first frame where there is one, as in .warc.zst
// files. Its memory is bounded. It must be closed.
func NewZstd(r io.Reader) (*zstd.Decoder, error) {
	options := []zstd.DOption{zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow)}
	var head [8]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	if n < len(head) || binary.LittleEndian.Uint32(head[:]) != zstdDictionary {
		return zstd.NewReader(io.MultiReader(bytes.NewReader(head[:n]), r), options...)
	}
	size := binary.LittleEndian.Uint32(head[4:])
	if size > maxDictionary {
		return nil, fmt.Errorf("zstd dictionary of %d bytes, at most %d", size, maxDictionary)
	}
	dict, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err == nil && len(dict) < int(size) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && isZstd(dict) { // it may be compressed itself
		dict, err = inflateDictionary(dict)
	}
	if err != nil {
		return nil, fmt.Errorf("zstd dictionary: %w", err)
	}
	return zstd.NewReader(r, append(options, zstd.WithDecoderDicts(dict))...)
}

func inflateDictionary(b []byte) ([]byte, error) {
	z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDictionary))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	dict, err := io.ReadAll(io.LimitReader(z, maxDictionary+1))
	if err == nil && len(dict) > maxDictionary {
		err = errors.New("too large")
	}
	return dict, err
}
