package crawl

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"net/http"
	"testing"
)

// TestPaddedBody sends a compressed body that holds nothing and never ends.
func TestPaddedBody(t *testing.T) {
	x := &exchange{limit: 1 << 10, cancel: func(error) {}}
	var empty bytes.Buffer
	z, _ := flate.NewWriter(&empty, flate.NoCompression)
	z.Flush()
	err := x.read(&http.Response{StatusCode: 200, Header: http.Header{"Content-Encoding": {"deflate"}}, Body: &endless{b: empty.Bytes()}})
	if !errors.Is(err, errPadding) || x.wire > 1<<20 {
		t.Errorf("%v after %d bytes", err, x.wire)
	}
}

// endless is a body that says the same for ever.
type endless struct {
	b  []byte
	at int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.b[e.at:])
	e.at = (e.at + n) % len(e.b)
	return n, nil
}

func (*endless) Close() error { return nil }

func TestPanicIsAnError(t *testing.T) {
	w := &worker{fetch: func(context.Context, *exchange) { panic("a stranger's page") }}
	if r := w.do(t.Context(), job{}); r.err == nil || r.answer.ended.IsZero() {
		t.Errorf("result %+v", r)
	}
}
