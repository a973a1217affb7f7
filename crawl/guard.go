package crawl

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// errAddress says that the guard refused to dial.
var errAddress = errors.New("address not allowed")

// guard decides which addresses may be dialled. It is asked with the address at hand, after names
// are resolved, so no second answer of a name server can slip past it.
type guard struct {
	banned  []netip.Prefix
	allowed []allowance
}

type allowance struct {
	prefix netip.Prefix
	port   uint16
}

// specialPurpose are the prefixes of the IANA registries of special-purpose addresses that are not
// the public internet, multicast, and the local networks of old.
const specialPurpose = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
::/128 ::1/128 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8`

func newGuard(allow []string) (*guard, error) {
	g := &guard{}
	for _, s := range strings.Fields(specialPurpose) {
		g.banned = append(g.banned, netip.MustParsePrefix(s))
	}
	for _, s := range allow {
		p, port, err := parseAllow(s)
		if err != nil {
			return nil, err
		}
		g.allowed = append(g.allowed, allowance{p, port})
	}
	return g, nil
}

// check returns an error that wraps errAddress unless ap may be dialled.
func (g *guard) check(ap netip.AddrPort) error {
	addr := ap.Addr().Unmap().WithZone("")
	for _, a := range g.allowed {
		if a.port == ap.Port() && a.prefix.Contains(addr) {
			return nil
		}
	}
	if ap.Port() != 80 && ap.Port() != 443 {
		return fmt.Errorf("%s: port %d is neither 80 nor 443: %w", ap, ap.Port(), errAddress)
	}
	for _, inner := range embedded(addr) {
		for _, p := range g.banned {
			if p.Contains(inner) {
				return fmt.Errorf("%s lies in %s: %w", ap, p, errAddress)
			}
		}
	}
	return nil
}

// embedded lists addr and the IPv4 address that a gateway would take out of it: NAT64 (64:ff9b::/96),
// 6to4 (2002::/16), and the old IPv4-compatible form (::/96).
func embedded(addr netip.Addr) []netip.Addr {
	out := []netip.Addr{addr}
	if addr.Is4() {
		return out
	}
	b := addr.As16()
	v4 := func(b []byte) { out = append(out, netip.AddrFrom4([4]byte(b))) }
	switch {
	case b[0] == 0x20 && b[1] == 0x02:
		v4(b[2:6])
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}, [12]byte(b[:12]) == [12]byte{}:
		v4(b[12:16])
	}
	return out
}
