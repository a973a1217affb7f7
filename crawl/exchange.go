package crawl

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"time"
)

// Limits on how slowly a body may come.
const (
	stallTimeout = 15 * time.Second // without a single byte
	dripAfter    = 10 * time.Second // from then on the mean must be above dripRate
	dripRate     = 1 << 10          // bytes a second
	maxHeader    = 64 << 10
	wireSlack    = 64 << 10 // what an encoding may add to a body, beside doubling it
)

var (
	errStalled  = errors.New("the answer stopped coming")
	errDrip     = errors.New("the answer comes too slowly")
	errEncoding = errors.New("content encoding is not supported")
	errPadding  = errors.New("the answer is much longer than what it holds")
)

// exchange is one request and what came back. The transport fills it in; colly hands it through.
type exchange struct {
	url   string
	addr  netip.Addr // the address to dial; zero: whatever the name gives
	limit int64      // bytes of the decoded body
	// wants tells from the header whether the body is worth reading; nil is always.
	wants func(status int, header http.Header) bool
	// consume reads the decoded body instead of body; it sees at most limit bytes.
	consume func(io.Reader) error

	cancel context.CancelCauseFunc
	answer
}

// answer is what came back.
type answer struct {
	began, ended time.Time
	sent         http.Header // of the request; not to be changed
	remote       netip.Addr
	status       int // 0: no answer
	header       http.Header
	body         []byte // decoded
	size         int64  // of the whole decoded body as far as it is known
	wire         int64  // bytes of the body that were received
	cut          string // why body is not the whole: "", "length" (at the limit), "unspecified" (not wanted)
	err          error
}

type exchangeKey struct{}

// transport is the one place where requests leave the program.
type transport struct{ base *http.Transport }

// RoundTrip carries out the exchange in the request's context. It reads the body itself, within the
// limits, and gives the caller none: colly would inflate without a bound and recode the bytes.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errors.New("request without an exchange")
	}
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if ap, err := netip.ParseAddrPort(i.Conn.RemoteAddr().String()); err == nil {
			x.remote = ap.Addr().Unmap()
		}
	}}
	x.began, x.sent = time.Now(), req.Header
	resp, err := t.base.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	x.status, x.header = resp.StatusCode, resp.Header
	x.err = x.read(resp)
	out := *resp
	out.Body, out.ContentLength, out.Uncompressed = http.NoBody, 0, true
	return &out, nil
}

// read takes the body in.
func (x *exchange) read(resp *http.Response) error {
	if x.wants != nil && !x.wants(resp.StatusCode, resp.Header) {
		x.cut = "unspecified"
		return nil
	}
	m := &meter{r: resp.Body, x: x, start: time.Now()}
	m.stall = time.AfterFunc(stallTimeout, func() { x.cancel(errStalled) })
	defer m.stall.Stop()
	encoding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding")))
	r, err := decoder(m, encoding)
	if err != nil {
		return err
	}
	if x.consume != nil {
		return x.consume(io.LimitReader(r, x.limit))
	}
	var buf bytes.Buffer
	if n := resp.ContentLength; n > 0 && encoding == "" {
		buf.Grow(int(min(n, x.limit, 1<<20)) + bytes.MinRead)
	}
	if _, err := io.CopyN(&buf, r, x.limit); err != nil && err != io.EOF {
		return fmt.Errorf("read body: %w", err)
	}
	x.body, x.size = buf.Bytes(), int64(buf.Len())
	if x.size < x.limit {
		return nil
	}
	var one [1]byte
	n, err := io.ReadFull(r, one[:])
	if n > 0 {
		x.cut = "length"
		x.size = x.limit + 1
		if encoding == "" {
			x.size = max(x.size, resp.ContentLength)
		}
	} else if err != io.EOF {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

// decoder takes the content encoding off. We ask for gzip and deflate only; what comes besides is an error.
func decoder(r io.Reader, encoding string) (io.Reader, error) {
	switch encoding {
	case "", "identity":
		return r, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r)
		if err == io.EOF {
			return bytes.NewReader(nil), nil // an empty body, whatever the header says
		}
		if err != nil {
			return nil, fmt.Errorf("read body: %w", err)
		}
		return z, nil
	case "deflate":
		// The standard means zlib; some servers send bare deflate. The first two bytes tell.
		var head [2]byte
		n, err := io.ReadFull(r, head[:])
		whole := io.MultiReader(bytes.NewReader(head[:n]), r)
		if err == io.EOF {
			return bytes.NewReader(nil), nil
		}
		if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
			return zlib.NewReader(whole)
		}
		return flate.NewReader(whole), nil
	}
	return nil, fmt.Errorf("%q: %w", encoding, errEncoding)
}

// meter counts the bytes on the wire and ends an answer that does not get on.
type meter struct {
	r     io.Reader
	x     *exchange
	start time.Time
	stall *time.Timer
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.x.wire += int64(n)
	if n > 0 {
		m.stall.Reset(stallTimeout)
	}
	if since := time.Since(m.start); since > dripAfter && float64(m.x.wire) < since.Seconds()*dripRate && err == nil {
		return n, errDrip
	}
	if m.x.wire > 2*m.x.limit+wireSlack { // empty blocks of a compressed body, say
		return n, errPadding
	}
	return n, err
}

// isText reports whether a media type may hold text for a corpus. An unnamed type may.
func isText(contentType string) bool {
	if strings.TrimSpace(contentType) == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil && t == "" {
		t, _, _ = strings.Cut(contentType, ";")
		t = strings.ToLower(strings.TrimSpace(t))
	}
	switch t {
	case "application/xhtml+xml", "application/xml", "application/markdown":
		return true
	case "text/css", "text/javascript", "text/ecmascript", "text/calendar", "text/vcard", "text/event-stream":
		return false
	}
	return strings.HasPrefix(t, "text/")
}

// isHTML reports whether a body is to be read as HTML; without a type its first bytes decide.
func isHTML(contentType string, body []byte) bool {
	if contentType == "" {
		contentType = http.DetectContentType(body)
	}
	t, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	t = strings.TrimSpace(t)
	return t == "text/html" || t == "application/xhtml+xml"
}

// pageWanted leaves bodies where they are that hold neither text nor the links of a feed.
func pageWanted(_ int, h http.Header) bool {
	kind := h.Get("Content-Type")
	t, _ := xmlType(kind)
	return isText(kind) || isFeedType(t)
}
