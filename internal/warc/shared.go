package warc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// shared is a compressed stream that holds several records: a gzip member, or the whole of a zstd file.
// What comes out of it is read like a plain file.
type shared struct {
	start int64 // where it begins in the file
	from  int64 // bytes that had come out before records began
	r     *Reader
	stop  func() // for zstd
}

// share goes on with what is left of a stream, of which from bytes are read.
func (r *Reader) share(start int64, rest io.Reader, from int64) {
	inner := NewReader(rest, r.maxBlock)
	inner.flat, inner.strict, inner.tap = true, r.strict, r.tap
	r.shared = &shared{start: start, from: from, r: inner}
}

// nextShared returns the next record of the stream at hand, and io.EOF at its end.
func (r *Reader) nextShared() (*Record, error) {
	s := r.shared
	rec, err := s.r.Next()
	if err == nil {
		rec.Shared, rec.Size, rec.Length = true, rec.Length, 0
		if rec.At = -1; r.at >= 0 {
			rec.At = r.at + s.from + rec.Offset
		}
		rec.Offset = s.start
		r.raw = s.r.raw
		return rec, nil
	}
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		return nil, &DamageError{Offset: s.start, What: fmt.Sprintf("%s (byte %d of what is compressed together)", damage.What, s.from+damage.Offset)}
	}
	r.shared = nil
	failed := r.in.failed()
	if s.stop != nil { // a zstd file ends here in any case
		s.stop()
		r.in.pos, r.in.err = len(r.in.buf), io.EOF
	}
	if err == io.EOF {
		if r.at >= 0 {
			r.at += s.from + s.r.in.offset()
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
func (r *Reader) openZstd() error {
	start := r.in.offset()
	z, err := NewZstd(r.in)
	if err != nil {
		return err
	}
	r.share(start, &inflater{r: z, bad: errZstd}, 0)
	r.shared.stop = z.Close
	return nil
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
