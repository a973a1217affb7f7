package crawl

import (
	"crypto/sha256"
	"errors"
	"fmt"
	neturl "net/url"
	"strings"

	"github.com/nlnwa/whatwg-url/url"
)

// maxURL is how long a URL may be. Longer ones are no addresses that people give to pages.
const maxURL = 2048

// The parser's work grows with the square of these.
const (
	maxAts       = 32
	maxSlashes   = 256
	maxAuthority = 512
	maxForeign   = 255 // bytes of an authority that is not ASCII alone: letters that have to be made ASCII
)

var errScheme = errors.New("the scheme is neither http nor https")

// address is a URL in its two forms.
type address struct {
	fetch     string // what is asked for: as a browser would send it, without fragment and credentials
	key       string // for comparing; never fetched
	authority string // scheme://host:port, the port always written: the unit of robots.txt and politeness
	host      string // host name or literal, without brackets
	port      string
}

// Canonical gives the two forms of an absolute http or https URL: fetch is what is asked for, key is
// for comparing only.
func Canonical(raw string) (fetch, key string, err error) {
	a, err := parseAddress(raw, nil)
	return a.fetch, a.key, err
}

// base is what references are read relative to.
type base struct {
	address
	origin, path string   // of fetch
	u            *url.Url // for the parser; made when it is needed
}

// newBase reads the URL of a page, or of a <base> element of the page at from. A base that is not http is
// one for the parser alone: references that name their own scheme and host can still be read.
func newBase(raw string, from *base) (*base, error) {
	a, err := parseAddress(raw, from)
	if err == nil {
		origin := originOf(a.fetch)
		path, _, _ := strings.Cut(a.fetch[len(origin):], "?")
		return &base{address: a, origin: origin, path: path}, nil
	}
	if err := bearable(raw); err != nil {
		return nil, err
	}
	u, err := parseURL(raw, from)
	if err != nil {
		return nil, err
	}
	if !u.IsSpecialScheme() {
		return nil, errScheme
	}
	u.SetSearch("")
	return &base{u: u}, nil
}

// bearable refuses what would cost the parser too much.
func bearable(raw string) error {
	if len(raw) > 4*maxURL {
		return errors.New("parse URL: it is too long")
	}
	if strings.Count(raw, "@") > maxAts || strings.Count(raw, "/")+strings.Count(raw, `\`) > maxSlashes {
		return errors.New("parse URL: it has too many parts")
	}
	return nil
}

// parseAddress reads raw, relative to from where it is not nil.
func parseAddress(raw string, from *base) (address, error) {
	if err := bearable(raw); err != nil {
		return address{}, err
	}
	if a, ok := plainAddress(raw, from); ok {
		return a, nil
	}
	a, err := parseSlowly(raw, from)
	if err != nil {
		return address{}, fmt.Errorf("parse URL %q: %w", raw, err)
	}
	return a, nil
}

// parseSlowly reads what the URL standard reads.
func parseSlowly(raw string, from *base) (address, error) {
	if s := schemeOf(raw); s != "" && s != "http" && s != "https" {
		return address{}, errScheme
	}
	u, err := parseURL(raw, from)
	if err != nil {
		return address{}, err
	}
	if s := u.Scheme(); s != "http" && s != "https" {
		return address{}, errScheme
	}
	if u.Hostname() == "" {
		return address{}, errors.New("no host")
	}
	u.SetUsername("")
	u.SetPassword("")
	a := address{fetch: u.Href(true), host: strings.Trim(u.Hostname(), "[]"), port: u.Port()}
	// What net/http cannot send is no address for us: "%zz" is one that browsers take.
	if _, err := neturl.Parse(a.fetch); err != nil {
		return address{}, err
	}
	if a.port == "" {
		a.port = defaultPort(u.Scheme())
	}
	a.authority = u.Scheme() + "://" + u.Hostname() + ":" + a.port
	a.key = keyOf(a.fetch)
	return a, nil
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// bare is raw without what the parser takes out of it before it looks.
func bare(raw string) string {
	raw = strings.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	if !strings.ContainsAny(raw, "\t\n\r") {
		return raw
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, raw)
}

// userAndHost is what the parser will take for user and host, and some more where it will find none.
func userAndHost(raw string) string {
	rest := raw[len(schemeOf(raw)):]
	after := strings.TrimLeft(strings.TrimPrefix(rest, ":"), `/\`)
	if len(rest) == len(raw) && len(rest)-len(after) < 2 {
		return "" // a path
	}
	if i := strings.IndexAny(after, `/\?#`); i >= 0 {
		return after[:i]
	}
	return after
}

// schemeOf is the scheme that an absolute URL begins with, in lower case, or "".
func schemeOf(raw string) string {
	for i, c := range []byte(raw) {
		switch {
		case c == ':' && i > 0:
			return strings.ToLower(raw[:i])
		case isLetter(c), i > 0 && (isDigit(c) || c == '+' || c == '-' || c == '.'):
		default:
			return ""
		}
	}
	return ""
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// parseURL shields us from the library's panics, if it has any: the input is a stranger's.
func parseURL(raw string, from *base) (u *url.Url, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("URL parser: %v", p)
		}
	}()
	raw = bare(raw)
	if a := userAndHost(raw); len(a) > maxAuthority || len(a) > maxForeign && strings.ContainsFunc(a, func(r rune) bool { return r == '%' || r > '~' }) {
		return nil, errors.New("the host is too long")
	}
	switch {
	case from == nil:
		return url.Parse(raw)
	case from.origin != "" && (raw == "" || raw[0] == '#'):
		return url.Parse(from.fetch)
	case from.u == nil:
		// Anything else takes no query from its base, and the parser would copy it each time.
		if from.u, err = url.Parse(from.origin + from.path); err != nil {
			return nil, err
		}
	}
	return from.u.Parse(raw)
}

// urlID stands for a key in memory and in the frontier's log.
type urlID [16]byte

func idOf(key string) urlID {
	sum := sha256.Sum256([]byte(key))
	return urlID(sum[:16])
}
