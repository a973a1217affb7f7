package crawl

import (
	"bytes"
	"net/netip"
	"strings"
)

// plainAddress reads what most URLs are: ASCII with nothing in it that the URL standard would change, or dot
// segments at most. It leaves the rest to the parser (ok is false), so that it never answers differently;
// FuzzPlain holds the two against each other. It takes a twentieth of the time, and links are most of what
// the crawler reads.
func plainAddress(raw string, from *base) (a address, ok bool) {
	raw, _, _ = strings.Cut(raw, "#")
	scheme, rest := "", ""
	switch {
	case strings.HasPrefix(raw, "http://"):
		scheme, rest = "http", raw[len("http://"):]
	case strings.HasPrefix(raw, "https://"):
		scheme, rest = "https", raw[len("https://"):]
	case from == nil || from.origin == "" || raw == "":
		return address{}, false
	case strings.HasPrefix(raw, "//"):
		scheme, _, _ = strings.Cut(from.origin, ":")
		rest = raw[2:]
	default:
		return plainReference(raw, from)
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	path, query, ok := plainPath(rest[end:])
	if !ok {
		return address{}, false
	}
	fetch := raw
	if raw[0] == '/' || len(path)+len(query) != len(rest)-end {
		fetch = scheme + "://" + rest[:end] + path + query
	}
	if from != nil && from.origin != "" && fetch[:len(fetch)-len(path)-len(query)] == from.origin {
		return from.sibling(fetch), true
	}
	host, port, _ := strings.Cut(rest[:end], ":")
	if !isPlainHost(host) || len(host) != end && !isPlainPort(port, scheme) {
		return address{}, false
	}
	if port == "" {
		port = defaultPort(scheme)
	}
	return address{fetch: fetch, key: keyOf(fetch), authority: scheme + "://" + host + ":" + port, host: host, port: port}, true
}

// plainReference reads a path, a query, or both.
func plainReference(raw string, from *base) (a address, ok bool) {
	switch i := strings.IndexAny(raw, ":/?"); {
	case i >= 0 && raw[i] == ':': // a scheme
		return address{}, false
	case raw[0] == '?':
		raw = from.path + raw
	case raw[0] != '/':
		raw = from.path[:strings.LastIndexByte(from.path, '/')+1] + raw
	}
	path, query, ok := plainPath(raw)
	if !ok {
		return address{}, false
	}
	return from.sibling(from.origin + path + query), true
}

// sibling is the address of another URL of the same origin.
func (b *base) sibling(fetch string) address {
	a := b.address
	a.fetch, a.key = fetch, keyOf(fetch)
	return a
}

// plainPath splits what follows a host and takes the dot segments out.
func plainPath(s string) (path, query string, ok bool) {
	end := len(s)
	dots := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isUnreserved(c) && c != '.', strings.IndexByte("!$&()*+,;=:@/", c) >= 0:
		case c == '.':
			dots = dots || i > 0 && s[i-1] == '/' && end == len(s)
		case c == '?':
			end = min(end, i)
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", "", false
			}
			if s[i+1] == '2' && s[i+2]|0x20 == 'e' && end == len(s) {
				return "", "", false // a dot, maybe of a dot segment
			}
		default:
			return "", "", false
		}
	}
	path, query = s[:end], s[end:]
	if path == "" {
		path = "/"
	}
	if dots {
		path = removeDots(path)
	}
	return path, query, true
}

// removeDots follows the segments "." and ".." of a path.
func removeDots(path string) string {
	out := make([]byte, 0, len(path))
	for path != "" {
		segment, rest := path[1:], ""
		if i := strings.IndexByte(segment, '/'); i >= 0 {
			segment, rest = segment[:i], segment[i:]
		}
		switch {
		case segment == "..":
			out = out[:max(bytes.LastIndexByte(out, '/'), 0)]
		case segment != ".":
			out = append(append(out, '/'), segment...)
		}
		if rest == "" && isDots(segment) {
			out = append(out, '/')
		}
		path = rest
	}
	return string(out)
}

// isPlainHost reports whether a host is a name or an IPv4 address as the parser would write it.
func isPlainHost(s string) bool {
	if len(s) > 253 || strings.Contains(s, "--") { // "xn--" and what may become it
		return false
	}
	last := s
	for {
		label, rest, more := strings.Cut(last, ".")
		if !isPlainLabel(label) {
			return false
		}
		if !more {
			break
		}
		last = rest
	}
	if isLetter(last[0]) {
		return true
	}
	a, err := netip.ParseAddr(s) // a last label that begins with a digit may make the host a number
	return err == nil && a.Is4()
}

func isPlainLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

func isPlainPort(s, scheme string) bool {
	if s == "" || len(s) > 5 || s[0] == '0' || s == defaultPort(scheme) || len(s) == 5 && s > "65535" {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}
