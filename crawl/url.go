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
	maxAts     = 32
	maxSlashes = 256
)

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

// parseAddress reads raw, relative to base where base is not nil.
func parseAddress(raw string, base *url.Url) (address, error) {
	if len(raw) > 4*maxURL {
		return address{}, errors.New("URL is too long")
	}
	if strings.Count(raw, "@") > maxAts || strings.Count(raw, "/")+strings.Count(raw, `\`) > maxSlashes {
		return address{}, errors.New("URL of too many parts")
	}
	u, err := parseURL(raw, base)
	if err != nil {
		return address{}, fmt.Errorf("parse URL %q: %w", raw, err)
	}
	if s := u.Scheme(); s != "http" && s != "https" {
		return address{}, fmt.Errorf("parse URL %q: the scheme is neither http nor https", raw)
	}
	if u.Hostname() == "" {
		return address{}, fmt.Errorf("parse URL %q: no host", raw)
	}
	u.SetUsername("")
	u.SetPassword("")
	a := address{fetch: u.Href(true), host: strings.Trim(u.Hostname(), "[]"), port: u.Port()}
	// What net/http cannot send is no address for us: "%zz" is one that browsers take.
	if _, err := neturl.Parse(a.fetch); err != nil {
		return address{}, fmt.Errorf("parse URL %q: %w", raw, err)
	}
	if a.port == "" {
		a.port = map[string]string{"http": "80", "https": "443"}[u.Scheme()]
	}
	a.authority = u.Scheme() + "://" + u.Hostname() + ":" + a.port
	a.key = key(u)
	return a, nil
}

// parseURL shields us from the library's panics, if it has any: the input is a stranger's.
func parseURL(raw string, base *url.Url) (u *url.Url, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("URL parser: %v", p)
		}
	}()
	if base != nil {
		return base.Parse(raw)
	}
	return url.Parse(raw)
}

// key is the URL with what commonly varies without changing the page taken off: the dot behind the
// host, the case of escapes and escapes without need, parameters that only track a visitor.
func key(u *url.Url) string {
	var b strings.Builder
	b.WriteString(u.Scheme())
	b.WriteString("://")
	b.WriteString(strings.TrimSuffix(u.Hostname(), "."))
	if p := u.Port(); p != "" {
		b.WriteString(":" + p)
	}
	path := stripPathSession(u.Pathname())
	b.WriteString(tidyEscapes(path))
	sep := byte('?')
	for _, pair := range strings.Split(u.Query(), "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair == "" || isTracking(strings.ToLower(name)) {
			continue
		}
		b.WriteByte(sep)
		b.WriteString(tidyEscapes(pair))
		sep = '&'
	}
	return b.String()
}

// isTracking reports whether a query parameter names the visitor or the way he came.
func isTracking(name string) bool {
	switch name {
	case "gclid", "fbclid", "msclkid", "dclid", "yclid", "igshid", "mc_cid", "mc_eid", "_ga", "_gl",
		"phpsessid", "jsessionid", "aspsessionid", "sessionid", "session_id", "sid":
		return true
	}
	return strings.HasPrefix(name, "utm_")
}

// stripPathSession cuts ";jsessionid=…" off a path.
func stripPathSession(path string) string {
	if i := strings.Index(strings.ToLower(path), ";jsessionid="); i >= 0 {
		rest := path[i+1:]
		if j := strings.IndexAny(rest, "/;"); j >= 0 {
			return path[:i] + rest[j:]
		}
		return path[:i]
	}
	return path
}

// tidyEscapes decodes the escapes of unreserved characters and writes the others in upper case.
func tidyEscapes(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) {
			b = append(b, s[i])
			continue
		}
		hex := strings.ToUpper(s[i : i+3])
		if c, err := neturl.PathUnescape(hex); err == nil && isUnreserved(c[0]) {
			b = append(b, c[0])
			i += 2
		} else if err == nil {
			b = append(b, hex...)
			i += 2
		} else {
			b = append(b, '%')
		}
	}
	return string(b)
}

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// urlID stands for a key in memory and in the frontier's log.
type urlID [16]byte

func idOf(key string) urlID {
	sum := sha256.Sum256([]byte(key))
	return urlID(sum[:16])
}
