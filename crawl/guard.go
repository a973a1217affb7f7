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
	banned  []ban
	allowed []allowance
}

type ban struct {
	prefix netip.Prefix
	why    string
}

type allowance struct {
	prefix netip.Prefix
	port   uint16
}

// specialPurpose lists the IANA registries of special-purpose addresses for IPv4 and IPv6, the multicast
// blocks, and what lies outside the one block of IPv6 that is given out to the public, 2000::/3. Ranges
// within a listed one are not repeated; what the registries call reachable but serves no web (AS112, AMT,
// 6to4) is listed too. The NAT64 prefix 64:ff9b::/96 is not: see guard.check.
const specialPurpose = `
0.0.0.0/8        this network
10.0.0.0/8       private use
100.64.0.0/10    shared address space
127.0.0.0/8      loopback
169.254.0.0/16   link local
172.16.0.0/12    private use
192.0.0.0/24     IETF protocol assignments
192.0.2.0/24     documentation
192.31.196.0/24  AS112
192.52.193.0/24  AMT
192.88.99.0/24   6to4 relay
192.168.0.0/16   private use
192.175.48.0/24  AS112
198.18.0.0/15    benchmarking
198.51.100.0/24  documentation
203.0.113.0/24   documentation
224.0.0.0/4      multicast
240.0.0.0/4      reserved
::/3             not public: unspecified, loopback, IPv4-compatible and -mapped, local NAT64, discard
2001::/23        IETF protocol assignments: Teredo, benchmarking, AMT, ORCHID
2001:db8::/32    documentation
2002::/16        6to4
2620:4f:8000::/48 AS112
3fff::/20        documentation
4000::/2         not public: segment routing
8000::/1         not public: unique local, link local, site local, multicast`

func newGuard(allow []string) (*guard, error) {
	g := &guard{}
	for line := range strings.Lines(specialPurpose[1:]) {
		prefix, why, _ := strings.Cut(line, " ")
		g.banned = append(g.banned, ban{netip.MustParsePrefix(prefix), strings.TrimSpace(why)})
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
	addr := ap.Addr().Unmap()
	if addr.Zone() != "" {
		return fmt.Errorf("%s: an address with a zone is local: %w", ap, errAddress)
	}
	for _, a := range g.allowed {
		if a.port == ap.Port() && a.prefix.Contains(addr) {
			return nil
		}
	}
	if ap.Port() != 80 && ap.Port() != 443 {
		return fmt.Errorf("%s: port %d is neither 80 nor 443: %w", ap, ap.Port(), errAddress)
	}
	// In a network without IPv4 all of it is reached through the NAT64 prefix: what counts is the
	// address that the gateway will take out of it.
	if b := addr.As16(); addr.Is6() && [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b} {
		addr = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, b := range g.banned {
		if b.prefix.Contains(addr) {
			return fmt.Errorf("%s lies in %s (%s): %w", ap, b.prefix, b.why, errAddress)
		}
	}
	return nil
}
