package crawl

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	acceptEncoding = "gzip, br, zstd, deflate"
	maxCodings     = 2       // of a body, one around the other
	zstdWindow     = 8 << 20 // as RFC 9659 allows for the coding zstd
)

// codings lists the content codings of a body in the order in which they were applied.
func codings(h http.Header) ([]string, error) {
	var out []string
	for _, line := range h["Content-Encoding"] {
		for c := range strings.SplitSeq(line, ",") {
			switch c = strings.ToLower(strings.TrimSpace(c)); c {
			case "", "identity":
				continue
			case "x-gzip":
				c = "gzip"
			case "gzip", "br", "zstd", "deflate":
			default:
				return nil, fmt.Errorf("%q: %w", c, errCoding)
			}
			if len(out) == maxCodings {
				return nil, fmt.Errorf("more than %d, one around the other: %w", maxCodings, errCoding)
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// decode takes the codings off, the last first. close gives the decoders' memory back.
func decode(r io.Reader, codings []string) (decoded io.Reader, close func(), err error) {
	close = func() {}
	for i := len(codings) - 1; i >= 0; i-- {
		br := bufio.NewReader(r)
		head, err := br.Peek(2)
		if len(head) == 0 {
			if err == io.EOF {
				return br, close, nil // an empty body, whatever the header says
			}
			return nil, close, err
		}
		switch codings[i] {
		case "gzip":
			r, err = gzip.NewReader(br)
		case "br":
			r, err = brotli.NewReader(br), nil
		case "zstd":
			// One goroutine, which is ours, and as little memory as the window needs.
			var z *zstd.Decoder
			z, err = zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
			if err == nil {
				inner := close
				close = func() { z.Close(); inner() }
			}
			r = z
		case "deflate":
			// The standard means zlib; some servers send bare deflate. The first two bytes tell.
			if len(head) == 2 && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
				r, err = zlib.NewReader(br)
			} else {
				r, err = flate.NewReader(br), nil
			}
		}
		if err != nil {
			return nil, close, err
		}
	}
	return r, close, nil
}
