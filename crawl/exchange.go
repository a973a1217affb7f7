package crawl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"time"
)

// Limits on an answer, besides the size of its body.
const (
	stallTimeout = 15 * time.Second // without a single byte
	dripAfter    = 10 * time.Second // from then on the mean must be above dripRate
	dripRate     = 1 << 10          // bytes a second
	maxHeader    = 64 << 10         // bytes
	maxFields    = 500              // header lines
	wireSlack    = 64 << 10         // what a coding may add to a body, beside doubling it
	maxRatio     = 100              // of decoded to received bytes, once ratioAfter are decoded
	ratioAfter   = 1 << 20
	smallBody    = 8 << 10
	largeBody    = 1 << 20
	maxLarge     = 8 // bodies above largeBody at once
)

var (
	errStalled = errors.New("the answer stopped coming")
	errDrip    = errors.New("the answer comes too slowly")
	errTimeout = errors.New("the answer takes too long")
	errFields  = errors.New("the answer has too many header lines")
	errCoding  = errors.New("content coding is not supported")
	errLength  = errors.New("the answer is longer than the limit")
)

// Why a body is not the whole, in the words of WARC-Truncated.
const (
	cutLength     = "length"      // a limit was reached
	cutTime       = "time"        // it came too slowly
	cutDisconnect = "disconnect"  // the connection ended within it
	cutUnwanted   = "unspecified" // we did not ask for it to come
)

// exchange is one request and what came back. The transport fills it in; colly hands it through.
type exchange struct {
	url   string
	addr  netip.Addr // the address to dial; zero: whatever the name gives
	limit int64      // bytes of the decoded body
	last  bool       // the connection is not worth keeping
	// condition is what the request says besides what all of them say.
	condition http.Header
	// wants tells from the header whether the body is worth reading; nil is always.
	wants func(status int, header http.Header) bool
	// consume reads the decoded body instead of body; at the limit it sees an error that wraps errLength.
	consume func(io.Reader) error

	cancel context.CancelCauseFunc
	large  chan struct{} // has room for maxLarge; nil is no bound
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
	bound        int64  // what size is above, where a limit has cut the body
	wire         int64  // bytes of the body that were received
	cut          string // why body is not the whole; "" if it is
	err          error  // with cutTime and cutDisconnect there is both an error and the beginning of a body
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
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if ap, err := netip.ParseAddrPort(i.Conn.RemoteAddr().String()); err == nil {
			x.remote = ap.Addr().Unmap()
		}
	}}))
	// On a connection that is used again net/http repeats a request by itself when the server hangs up,
	// unless it has a body that cannot be had twice. This one has: an empty one, which is never sent.
	req.Body, req.GetBody, req.ContentLength = io.NopCloser(strings.NewReader("")), nil, 0
	req.Close = x.last
	x.began, x.sent = time.Now(), req.Header
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	x.status, x.header = resp.StatusCode, resp.Header
	x.err = x.read(req.Context(), resp)
	out := *resp
	out.Body, out.ContentLength, out.Uncompressed = http.NoBody, 0, true
	return &out, nil
}

// read takes the body in, as far as it comes and the limits let it.
func (x *exchange) read(ctx context.Context, resp *http.Response) error {
	if countFields(resp.Header) > maxFields {
		return errFields
	}
	if x.wants != nil && !x.wants(resp.StatusCode, resp.Header) {
		x.cut = cutUnwanted
		return nil
	}
	codings, err := codings(resp.Header)
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	m := &meter{r: resp.Body, x: x, start: time.Now()}
	m.stall = time.AfterFunc(stallTimeout, func() { x.cancel(errStalled) })
	defer m.stall.Stop()
	decoded, free, err := decode(m, codings)
	defer free()
	b := &bounded{r: decoded, x: x}
	switch {
	case err != nil:
	case x.consume != nil:
		err = x.consume(b)
	default:
		size := int64(smallBody)
		if n := resp.ContentLength; n > 0 && len(codings) == 0 {
			size = min(n+1, largeBody) // with room to see the end
		}
		x.body, err = x.readAll(ctx, b, m, size)
	}
	x.size = max(x.size, b.n)
	switch {
	case err == nil:
		m.drain()
		return nil
	case errors.Is(err, errLength):
		x.cut = cutLength
		if x.size > x.bound && len(codings) == 0 {
			x.size = max(x.size, resp.ContentLength)
		}
		if x.consume == nil {
			return nil // what came will do
		}
	case errors.Is(err, errDrip), isTime(context.Cause(ctx)):
		x.cut = cutTime
	case m.err != nil, errors.Is(err, io.ErrUnexpectedEOF):
		x.cut = cutDisconnect
	}
	return fmt.Errorf("read body: %w", err)
}

// readAll keeps what r gives. size is how much room to begin with. Bodies above largeBody take turns, so that many
// hosts at once cannot fill the memory; the clock of a body that waits for its turn stands still.
func (x *exchange) readAll(ctx context.Context, r io.Reader, m *meter, size int64) ([]byte, error) {
	body := make([]byte, 0, min(size, x.limit+1))
	turn := x.large == nil
	for {
		if len(body) == cap(body) {
			if cap(body) >= largeBody && !turn {
				if err := m.wait(ctx, x.large); err != nil {
					return body, err
				}
				turn = true
				defer func() { <-x.large }()
			}
			grown := make([]byte, len(body), min(2*int64(cap(body))+smallBody, x.limit+1))
			copy(grown, body)
			body = grown
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return body, err
		}
	}
}

// isTime reports whether a request was broken off because it took too long.
func isTime(cause error) bool {
	return errors.Is(cause, errStalled) || errors.Is(cause, errTimeout) || errors.Is(cause, context.DeadlineExceeded)
}

// isFinal reports whether asking again would bring the same.
func isFinal(err error) bool {
	var certificate *tls.CertificateVerificationError
	return isRefusedAddress(err) || errors.Is(err, errCoding) || errors.Is(err, errFields) || errors.Is(err, errLength) || errors.As(err, &certificate)
}

func countFields(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// meter counts the bytes on the wire and ends an answer that does not get on.
type meter struct {
	r     io.Reader
	x     *exchange
	start time.Time
	stall *time.Timer
	err   error // of the connection
	ended bool
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.x.wire += int64(n)
	if n > 0 {
		m.stall.Reset(stallTimeout)
	}
	switch {
	case err == io.EOF:
		m.ended = true
		return n, err
	case err == nil && m.x.wire > 2*m.x.limit+wireSlack: // empty blocks of a compressed body, say
		m.x.size, m.x.bound = m.x.wire, 2*m.x.limit+wireSlack
		return n, errLength
	case err == nil:
		if since := time.Since(m.start); since > dripAfter && float64(m.x.wire) < since.Seconds()*dripRate {
			err = errDrip
		}
	}
	m.err = err
	return n, err
}

// wait takes a place in turns.
func (m *meter) wait(ctx context.Context, turns chan<- struct{}) error {
	m.stall.Stop()
	began := time.Now()
	defer func() {
		m.start = m.start.Add(time.Since(began))
		m.stall.Reset(stallTimeout)
	}()
	select {
	case turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// drain takes the end of an answer whose coding has ended before it, without which the connection could not
// be used again.
func (m *meter) drain() {
	if !m.ended {
		var b [512]byte
		m.Read(b[:])
	}
}

// bounded reads a decoded body up to the limits.
type bounded struct {
	r io.Reader
	x *exchange
	n int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	left := b.x.limit - b.n
	n, err := b.r.Read(p[:min(int64(len(p)), left+1)])
	if int64(n) > left {
		b.n = b.x.limit
		b.x.size, b.x.bound = b.x.limit+1, b.x.limit
		return int(left), errLength
	}
	b.n += int64(n)
	if most := maxRatio * b.x.wire; b.n > ratioAfter && b.n > most {
		b.x.size, b.x.bound = b.n, most
		return n, errLength
	}
	return n, err
}

// isText reports whether a media type may hold text for a corpus. An unnamed type may.
func isText(contentType string) bool {
	if strings.TrimSpace(contentType) == "" {
		return true
	}
	t := mediaType(contentType)
	switch t {
	case "application/xhtml+xml", "application/xml", "application/markdown":
		return true
	case "text/css", "text/javascript", "text/ecmascript", "text/calendar", "text/vcard", "text/event-stream":
		return false
	}
	return strings.HasPrefix(t, "text/")
}

// mediaType is a Content-Type without its parameters, in lower case.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// isHTML reports whether a body is to be read as HTML; without a type its first bytes decide.
func isHTML(contentType string, body []byte) bool {
	if contentType == "" {
		contentType = http.DetectContentType(body)
	}
	t := mediaType(contentType)
	return t == "text/html" || t == "application/xhtml+xml"
}

// pageWanted leaves bodies where they are that hold neither text nor the links of a feed.
func pageWanted(_ int, h http.Header) bool {
	kind := h.Get("Content-Type")
	t, _ := xmlType(kind)
	return isText(kind) || isFeedType(t)
}
