package shards

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// zstdCodec replaces arrow's, which makes an encoder for every page and a window for every CPU.
// One encoder and one decoder serve the whole process; both work on blocks and start no goroutines.
type zstdCodec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// maxPage bounds what one page may claim to hold.
const maxPage = 256 << 20

// useZstd registers the codec, once: arrow keeps its codecs in a table of the process.
var useZstd = sync.OnceFunc(func() {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithAllLitEntropyCompression(true), zstd.WithZeroFrames(true))
	if err != nil {
		panic(err) // the options are constants
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage))
	if err != nil {
		panic(err)
	}
	compress.RegisterCodec(compress.Codecs.Zstd, zstdCodec{enc, dec})
})

func (c zstdCodec) Encode(dst, src []byte) []byte { return c.enc.EncodeAll(src, dst[:0]) }

// EncodeLevel knows one level only, so that equal rows give equal bytes.
func (c zstdCodec) EncodeLevel(dst, src []byte, _ int) []byte { return c.Encode(dst, src) }

// Decode panics on damage, as the interface demands; guard turns it into an error.
func (c zstdCodec) Decode(dst, src []byte) []byte {
	out, err := c.dec.DecodeAll(src, dst[:0])
	if err != nil {
		panic(fmt.Errorf("decompress page: %w", err))
	}
	return out
}

func (zstdCodec) CompressBound(n int64) int64 { return n + n>>8 + 128 }

// NewReader, NewWriter and NewWriterLevel complete the interface; Parquet pages are blocks.
func (zstdCodec) NewReader(r io.Reader) io.ReadCloser {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage))
	if err != nil {
		panic(err)
	}
	return d.IOReadCloser()
}

func (c zstdCodec) NewWriter(w io.Writer) io.WriteCloser {
	e, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return e
}

func (c zstdCodec) NewWriterLevel(w io.Writer, _ int) (io.WriteCloser, error) {
	return c.NewWriter(w), nil
}

// guard turns a panic of the Parquet library into an error that wraps kind. It must itself be what is deferred.
func guard(err *error, kind error) {
	if r := recover(); r != nil {
		if e, ok := r.(error); ok {
			*err = fmt.Errorf("%w: %w", kind, e)
		} else {
			*err = fmt.Errorf("%w: %v", kind, r)
		}
	}
}

// errLibrary says that the Parquet library gave up while writing.
var errLibrary = errors.New("write Parquet")
