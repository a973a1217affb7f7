package crawl

import (
	"errors"
	"net/netip"
	"testing"
)

func TestGuardRanges(t *testing.T) {
	g, err := newGuard([]string{"127.0.0.2:18080", "127.1.0.0/16:18081", "[fd00::1]:8443"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addr  string
		allow bool
	}{
		{"1.1.1.1:80", true}, {"1.1.1.1:443", true}, {"1.1.1.1:22", false}, {"1.1.1.1:8080", false},
		{"[2606:4700::1111]:443", true}, {"9.255.255.255:80", true}, {"11.0.0.0:80", true},
		{"0.0.0.0:80", false}, {"10.0.0.0:80", false}, {"10.255.255.255:80", false}, {"100.64.0.1:80", false}, {"100.128.0.1:80", true},
		{"127.0.0.1:80", false}, {"127.255.255.255:80", false}, {"169.254.169.254:80", false}, {"172.15.0.1:80", true}, {"172.16.0.1:80", false},
		{"172.31.255.255:80", false}, {"172.32.0.1:80", true}, {"192.0.0.192:80", false}, {"192.0.2.1:80", false}, {"192.88.99.1:80", false},
		{"192.168.1.1:80", false}, {"198.18.0.1:80", false}, {"198.19.255.255:80", false}, {"198.20.0.1:80", true}, {"198.51.100.7:80", false},
		{"203.0.113.9:80", false}, {"224.0.0.1:80", false}, {"239.1.1.1:80", false}, {"240.0.0.1:80", false}, {"255.255.255.255:80", false},
		{"[::]:80", false}, {"[::1]:80", false}, {"[::ffff:127.0.0.1]:80", false}, {"[::ffff:10.0.0.1]:80", false}, {"[::ffff:1.1.1.1]:80", true},
		{"[::7f00:1]:80", false}, {"[64:ff9b::7f00:1]:80", false}, {"[64:ff9b::101:101]:80", true}, {"[64:ff9b:1::1]:80", false},
		{"[2002:7f00:1::]:80", false}, {"[2002:101:101::1]:80", true}, {"[100::1]:80", false}, {"[2001::1]:80", false}, {"[2001:db8::1]:80", false},
		{"[3fff::1]:80", false}, {"[5f00::1]:80", false}, {"[fc00::1]:80", false}, {"[fd00:ec2::254]:80", false}, {"[fe80::1%lo]:80", false},
		{"[fec0::1]:80", false}, {"[ff02::1]:80", false},
		// What is allowed is an address and a port, not the one or the other.
		{"127.0.0.2:18080", true}, {"[::ffff:127.0.0.2]:18080", true}, {"127.0.0.2:80", false}, {"127.0.0.2:18081", false}, {"127.0.0.3:18080", false},
		{"127.1.200.3:18081", true}, {"127.2.0.1:18081", false}, {"[fd00::1]:8443", true}, {"[fd00::2]:8443", false},
	} {
		err := g.check(netip.MustParseAddrPort(c.addr))
		if (err == nil) != c.allow || err != nil && !errors.Is(err, errAddress) {
			t.Errorf("%s: %v, want allowed %v", c.addr, err, c.allow)
		}
	}
	for _, bad := range []string{"", "127.0.0.1", "localhost:80", "127.0.0.1:0x50", "127.0.0.0/33:80", "127.0.0.1:70000", ":80"} {
		if _, err := newGuard([]string{bad}); err == nil {
			t.Errorf("allow_addr %q is taken", bad)
		}
	}
}
