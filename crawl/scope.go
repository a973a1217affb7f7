package crawl

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// scope says which hosts belong to the crawl.
type scope struct {
	kind  string // host, domain, any
	names map[string]bool
}

func newScope(kind string, seeds []address) *scope {
	s := &scope{kind: kind, names: map[string]bool{}}
	for _, a := range seeds {
		s.names[s.name(a)] = true
	}
	return s
}

func (s *scope) contains(a address) bool { return s.kind == "any" || s.names[s.name(a)] }

// name is what two addresses of one scope have in common. A port other than the scheme's own makes
// another host; the scheme and a leading "www." do not.
func (s *scope) name(a address) string {
	if s.kind == "domain" {
		return registrable(strings.TrimSuffix(a.host, "."))
	}
	return siteOf(a)
}

// siteOf is a host with all that is taken for the same.
func siteOf(a address) string {
	host := strings.TrimPrefix(strings.TrimSuffix(a.host, "."), "www.")
	if a.port != "80" && a.port != "443" {
		host += ":" + a.port
	}
	return host
}

func sameSite(a, b address) bool { return siteOf(a) == siteOf(b) }

// registrable is the domain that someone can own; of an address, the address.
func registrable(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if d, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return d
	}
	return host
}
