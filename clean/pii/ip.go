package pii

import (
	"net/netip"
	"strings"
)

// Longest forms of an address.
const (
	maxIPv4 = len("255.255.255.255")
	maxIPv6 = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
)

// ipv4 looks at the dotted quad whose first dot is at text[dot:].
func ipv4(text string, from, dot int) (hit, bool) {
	start, end := dot, dot
	for start > from && dot-start <= 3 && isDigit(text[start-1]) {
		start--
	}
	for end < len(text) && end-start <= maxIPv4 && (isDigit(text[end]) || text[end] == '.') {
		end++
	}
	value := strings.TrimRight(text[start:end], ".") // the end of a sentence
	end = start + len(value)
	if len(value) > maxIPv4 || !apart(text, start, end) || numbered(text[:start]) {
		return hit{}, false
	}
	a, err := netip.ParseAddr(value)
	if err != nil || !public(a) {
		return hit{}, false
	}
	return hit{from: start, to: end, kind: "IP", key: a.String()}, true
}

// ipv6 looks at the address whose first colon is at text[colon:].
func ipv6(text string, from, colon int) (hit, bool) {
	start, end := colon, colon
	for start > from && colon-start <= 4 && isHex(text[start-1]) {
		start--
	}
	for end < len(text) && end-start <= maxIPv6 && (isHex(text[end]) || text[end] == ':' || text[end] == '.') {
		end++
	}
	value := strings.TrimRight(text[start:end], ".")
	if strings.HasSuffix(value, ":") && !strings.HasSuffix(value, "::") {
		value = value[:len(value)-1]
	}
	end = start + len(value)
	if len(value) > maxIPv6 || strings.Count(value, ":") < 2 || !apart(text, start, end) {
		return hit{}, false
	}
	a, err := netip.ParseAddr(value)
	if err != nil || !public(a) {
		return hit{}, false
	}
	return hit{from: start, to: end, kind: "IP", key: a.String()}, true
}

// apart reports whether text[start:end] stands alone: no letter, digit, dot or the like goes on at either side.
func apart(text string, start, end int) bool {
	if start > 0 {
		if c := text[start-1]; isLetter(c) && c < 0x80 || isDigit(c) || strings.IndexByte("._-:", c) >= 0 {
			return false
		}
	}
	if end < len(text) {
		c := text[end]
		next := byte(' ')
		if end+1 < len(text) {
			next = text[end+1]
		}
		switch {
		case isLetter(c) && c < 0x80, isDigit(c), c == '_':
			return false
		case c == '-', c == '.':
			return !isLetter(next) && !isDigit(next)
		}
	}
	return true
}

// numbered reports whether the word before says that a dotted number is not an address.
func numbered(before string) bool {
	before = strings.TrimRight(before[max(0, len(before)-24):], " \t=:\"'(")
	i := len(before)
	for i > 0 && isLetter(before[i-1]) {
		i--
	}
	switch strings.ToLower(before[i:]) {
	case "version", "versions", "ver", "v", "release", "revision", "build", "oid", "section", "chapter", "rfc":
		return true
	}
	return false
}

// public reports whether the address belongs to somebody: it is not private, local, reserved or for documentation.
func public(a netip.Addr) bool {
	if a.Is4In6() {
		a = a.Unmap()
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" {
		return false
	}
	for _, p := range reservedNets() {
		if p.Contains(a) {
			return false
		}
	}
	return a.Is4() || netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20}), 3).Contains(a) // 2000::/3 is what IANA gives out
}

// reservedNets are the special-purpose networks of RFC 6890 and its successors that the standard library calls global.
func reservedNets() [14]netip.Prefix {
	v4 := func(a, b, c byte, bits int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c}), bits)
	}
	v6 := func(a ...byte) netip.Addr {
		var b [16]byte
		copy(b[:], a)
		return netip.AddrFrom16(b)
	}
	return [14]netip.Prefix{
		v4(0, 0, 0, 8), v4(100, 64, 0, 10), v4(192, 0, 0, 24), v4(192, 0, 2, 24), v4(192, 88, 99, 24), v4(198, 18, 0, 15),
		v4(198, 51, 100, 24), v4(203, 0, 113, 24), v4(240, 0, 0, 4),
		netip.PrefixFrom(v6(0x20, 0x01, 0x0d, 0xb8), 32), // documentation
		netip.PrefixFrom(v6(0x3f, 0xff), 20),             // documentation
		netip.PrefixFrom(v6(0x20, 0x01, 0x00, 0x00), 23), // IETF protocols
		netip.PrefixFrom(v6(0x20, 0x02), 16),             // 6to4
		netip.PrefixFrom(v6(0x01), 64),                   // discard
	}
}
