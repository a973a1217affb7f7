package shards

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	maxForeignPage   = 256 << 20
	maxForeignOpen   = 768 << 20 // of all columns' largest pages
	maxForeignFooter = 32 << 20
	maxPageHeader    = 64 << 10
	maxThriftDepth   = 32
)

// checkFooter looks whether a footer's lists can be as long as they say, for the library makes room for them first.
func checkFooter(in io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return errors.New("too short")
	}
	if _, err := in.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if string(tail[4:]) != "PAR1" || n > size-12 {
		return errors.New("it does not end with a footer")
	}
	if n > maxForeignFooter {
		return fmt.Errorf("a footer of %d bytes, at most %d are read", n, maxForeignFooter)
	}
	footer := make([]byte, n)
	if _, err := in.ReadAt(footer, size-8-n); err != nil {
		return err
	}
	t := thriftWalk{footer}
	return t.fields(0)
}

// thriftWalk passes over Thrift's compact form.
type thriftWalk struct{ b []byte }

var errThrift = errors.New("the footer does not hold what it says")

func (t *thriftWalk) byte() (byte, error) {
	if len(t.b) == 0 {
		return 0, errThrift
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c, nil
}

func (t *thriftWalk) uint() (uint64, error) {
	n, k := binary.Uvarint(t.b)
	if k <= 0 {
		return 0, errThrift
	}
	t.b = t.b[k:]
	return n, nil
}

func (t *thriftWalk) skip(n uint64) error {
	if n > uint64(len(t.b)) {
		return errThrift
	}
	t.b = t.b[n:]
	return nil
}

// fields passes over a struct.
func (t *thriftWalk) fields(depth int) error {
	for {
		c, err := t.byte()
		if err != nil || c == 0 {
			return err
		}
		if c>>4 == 0 { // the field's number follows
			if _, err := t.uint(); err != nil {
				return err
			}
		}
		if kind := c & 15; kind > 2 { // a boolean is in the kind
			if err := t.value(kind, depth+1); err != nil {
				return err
			}
		}
	}
}

// value passes over one value. Each element of a list has a byte at least.
func (t *thriftWalk) value(kind byte, depth int) error {
	if depth > maxThriftDepth {
		return errThrift
	}
	switch kind {
	case 1, 2, 3:
		return t.skip(1)
	case 4, 5, 6:
		_, err := t.uint()
		return err
	case 7:
		return t.skip(8)
	case 8:
		n, err := t.uint()
		if err != nil {
			return err
		}
		return t.skip(n)
	case 9, 10:
		c, err := t.byte()
		n := uint64(c >> 4)
		if err == nil && n == 15 {
			n, err = t.uint()
		}
		if err != nil || n > uint64(len(t.b)) {
			return errThrift
		}
		for range n {
			if err := t.value(c&15, depth+1); err != nil {
				return err
			}
		}
		return nil
	case 12:
		return t.fields(depth)
	}
	return errThrift
}

// checkPages walks over the pages of a column and gives the size of the largest, with the dictionary's. What is
// compressed is inflated once, in pieces, to see that it is no more than it says.
func checkPages(in io.ReaderAt, size int64, m *format.ColumnMetaData) (largest int64, err error) {
	at := m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < at {
		at = d
	}
	end := at + m.TotalCompressedSize
	if at < 0 || m.TotalCompressedSize < 0 || end < at || end > size {
		return 0, fmt.Errorf("bytes %d to %d of %d", at, end, size)
	}
	var dictionary, page int64
	for at < end {
		head := make([]byte, min(maxPageHeader, end-at))
		if _, err := in.ReadAt(head, at); err != nil {
			return 0, err
		}
		t := thriftWalk{head}
		if err := t.fields(0); err != nil {
			return 0, fmt.Errorf("page at byte %d: %w", at, err)
		}
		used := len(head) - len(t.b)
		var h format.PageHeader
		if err := thrift.Unmarshal(new(thrift.CompactProtocol), head[:used], &h); err != nil {
			return 0, fmt.Errorf("page at byte %d: %w", at, err)
		}
		at += int64(used)
		packed, plain := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
		if packed < 0 || plain < 0 || packed > end-at || plain > maxForeignPage {
			return 0, fmt.Errorf("page at byte %d: %d bytes packed, %d unpacked", at, packed, plain)
		}
		if err := checkInflated(io.NewSectionReader(in, at, packed), m.Codec, &h, plain); err != nil {
			return 0, fmt.Errorf("page at byte %d: %w", at, err)
		}
		at += packed
		if h.Type == format.DictionaryPage {
			dictionary += plain
		} else {
			page = max(page, plain)
		}
	}
	return dictionary + page, nil
}

// checkInflated unpacks a page in pieces. Snappy and LZ4 unpack into what the header says and no more.
func checkInflated(in io.Reader, codec format.CompressionCodec, h *format.PageHeader, plain int64) error {
	if v2 := h.DataPageHeaderV2; v2.Valid {
		levels := int64(v2.V.DefinitionLevelsByteLength) + int64(v2.V.RepetitionLevelsByteLength)
		if _, err := io.CopyN(io.Discard, in, levels); err != nil {
			return err
		}
		if c := v2.V.IsCompressed; c.Valid && !c.V {
			return nil
		}
		plain -= levels
	}
	var r io.Reader
	switch codec {
	case format.Uncompressed:
		return nil
	case format.Gzip:
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		r = z
	case format.Zstd:
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return err
		}
		defer z.Close()
		r = z
	case format.Snappy:
		head := make([]byte, binary.MaxVarintLen64)
		n, err := io.ReadFull(in, head)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if says, k := binary.Uvarint(head[:n]); k <= 0 || int64(says) != plain {
			return fmt.Errorf("it unpacks to other than %d bytes", plain)
		}
		return nil
	case format.Lz4Raw:
		return nil
	default:
		return fmt.Errorf("pages packed with %s are not read", codec)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(r, plain+1))
	if err == nil && n != plain {
		err = fmt.Errorf("it unpacks to other than %d bytes", plain)
	}
	return err
}
