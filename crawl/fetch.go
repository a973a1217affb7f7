package crawl

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/gocolly/colly/v2"
)

const (
	maxIdle = 512
	// idleTimeout is how long a connection waits for the next request. Many servers hang up after five
	// seconds; a request that meets them doing so is lost.
	idleTimeout = 3 * time.Second
)

// fetcher carries out exchanges. colly fetches, millrace decides: the collectors know no robots.txt,
// no delays, no redirects, no cookies and no limits of their own.
type fetcher struct {
	transport transport
	dialer    *net.Dialer
	header    http.Header
	large     chan struct{} // the places of large bodies

	mu   sync.Mutex
	idle []*colly.Collector // one is used by one exchange at a time
}

func newFetcher(g *guard, a Agent) *fetcher {
	f := &fetcher{large: make(chan struct{}, maxLarge), header: http.Header{
		"User-Agent":      {a.UserAgent()},
		"Accept":          {"text/html,application/xhtml+xml,text/plain;q=0.9,text/markdown;q=0.9,*/*;q=0.1"},
		"Accept-Encoding": {acceptEncoding},
	}}
	if from := a.From(); from != "" {
		f.header.Set("From", from)
	}
	f.dialer = &net.Dialer{
		Timeout: 10 * time.Second,
		// The address here is the one that will be connected to, so neither a second answer of the
		// name server nor a redirect gets past the guard.
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return errAddress
			}
			return g.check(ap)
		},
	}
	f.transport.base = &http.Transport{
		Proxy: nil, // behind a proxy the guard would see only the proxy
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && x.addr.IsValid() {
				if _, port, err := net.SplitHostPort(address); err == nil {
					address = net.JoinHostPort(x.addr.String(), port)
				}
			}
			return f.dialer.DialContext(ctx, network, address)
		},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    1, // a host is asked one thing at a time
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // decoded by us, within limits
		ForceAttemptHTTP2:      false,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	return f
}

// do carries out x. It always returns with x.ended set, and x.err or x.status.
func (f *fetcher) do(ctx context.Context, x *exchange) {
	ctx, stop := context.WithTimeoutCause(ctx, requestTimeout, errTimeout)
	defer stop()
	ctx, x.cancel = context.WithCancelCause(ctx)
	defer x.cancel(nil)
	c := f.collector()
	c.Context = context.WithValue(ctx, exchangeKey{}, x)
	x.began, x.large = time.Now(), f.large
	header := f.header.Clone()
	maps.Copy(header, x.condition)
	err := c.Request(http.MethodGet, x.url, nil, nil, header)
	x.ended = time.Now()
	c.Context = context.Background()
	f.mu.Lock()
	f.idle = append(f.idle, c)
	f.mu.Unlock()
	if x.status == 0 && x.err == nil {
		x.err = err // after an answer colly's opinion of it does not matter: a bad Location, say
		if err == nil {
			x.err = errors.New("no answer")
		}
	}
	if cause := context.Cause(ctx); x.err != nil && cause != nil && !errors.Is(x.err, cause) {
		x.err = errors.Join(cause, x.err)
	}
}

// close gives back the connections that wait for another request.
func (f *fetcher) close() { f.transport.base.CloseIdleConnections() }

func (f *fetcher) collector() *colly.Collector {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle); n > 0 {
		c := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return c
	}
	c := colly.NewCollector()
	// NewCollector has read COLLY_* from the environment: what decides something is set after that.
	c.AllowURLRevisit, c.IgnoreRobotsTxt, c.ParseHTTPErrorResponse = true, true, true
	c.AllowedDomains, c.DisallowedDomains, c.URLFilters, c.DisallowedURLFilters = nil, nil, nil, nil
	c.MaxBodySize, c.MaxDepth, c.MaxRequests, c.CacheDir = 0, 0, 0, ""
	c.DetectCharset, c.TraceHTTP, c.CheckHead, c.Async = false, false, false, false
	c.WithTransport(f.transport)
	c.DisableCookies()
	c.SetRequestTimeout(0)
	c.SetRedirectHandler(func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse })
	return c
}
