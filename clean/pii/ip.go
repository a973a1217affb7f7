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

// ipv4 looks at the dotted quad that begins at text[start:]. dots gives the end of what is like one, and is none: 0 where it is not.
func (s *scan) ipv4(start int) (h hit, dots int, ok bool) {
	text, end, n := s.text, start, 0
	for end < len(text) && end-start <= maxIPv4 && (isDigit(text[end]) || text[end] == '.') {
		if text[end] == '.' {
			n++
		}
		end++
	}
	value := strings.TrimRight(text[start:end], ".") // the end of a sentence
	if n-(end-start-len(value)) < 3 {
		return hit{}, 0, false
	}
	end = start + len(value)
	if len(value) > maxIPv4 || !apart(text, start, end) {
		for end < len(text) && (isDigit(text[end]) || text[end] == '.') {
			end++
		}
		return hit{}, end, false
	}
	a, err := netip.ParseAddr(value)
	if err != nil || s.version(start, end, a.As4()) {
		return hit{}, end, false
	}
	return hit{from: start, to: end, kind: IPv4, kept: !public(a), key: a.String()}, 0, true
}

// version reports whether the dotted number is rather one of a program or of a section than an address.
func (s *scan) version(start, end int, a [4]byte) bool {
	highest := max(a[0], a[1], a[2], a[3])
	w := s.words(start, false)
	if w.first()&cueVersion != 0 || highest >= 130 {
		return w.first()&cueVersion != 0
	}
	for i := range min(w.n, 5) {
		if w.at(i)&cueAddress != 0 {
			return false
		}
		if w.at(i)&cueVersion != 0 {
			return true
		}
	}
	port := end+1 < len(s.text) && (s.text[end] == ':' || s.text[end] == '/') && isDigit(s.text[end+1])
	known := a == [4]byte{a[0], a[0], a[0], a[0]} || a == [4]byte{8, 8, 4, 4} || a == [4]byte{1, 0, 0, 1} // name servers
	// Four addresses in a thousand begin like this, and most versions and object identifiers do.
	return !port && !known && (highest < 20 || a[0] < 10 && highest < 100 || a[0] == 2 && a[1] == 5 || a[0] == 1 && (a[1] == 2 || a[1] == 3))
}

// ipv6 looks at the address whose first colon is at text[colon:].
func (s *scan) ipv6(colon int) (hit, bool) {
	text, start, end := s.text, colon, colon
	for start > s.done && colon-start <= 4 && isHex(text[start-1]) {
		start--
	}
	if start > 0 && (text[start-1] == ':' || isWord(text[start-1])) || start == colon && (colon+1 == len(text) || text[colon+1] != ':') {
		return hit{}, false // not the first colon of what stands here
	}
	colons, double := 0, false
	for end < len(text) && end-start <= maxIPv6 && (isHex(text[end]) || text[end] == ':' || text[end] == '.') {
		if text[end] == ':' {
			colons++
			double = double || end > start && text[end-1] == ':'
		}
		end++
	}
	if colons < 2 || !double && colons < 6 {
		return hit{}, false // a time of day, most often
	}
	value := strings.TrimRight(text[start:end], ".")
	if strings.HasSuffix(value, ":") && !strings.HasSuffix(value, "::") {
		value = value[:len(value)-1]
	}
	end = start + len(value)
	if len(value) > maxIPv6 || !apart(text, start, end) {
		return hit{}, false
	}
	a, err := netip.ParseAddr(value)
	if err != nil || !public(a) && !documentation().Contains(a) {
		return hit{}, false
	}
	return hit{from: start, to: end, kind: IPv6, kept: !public(a), key: a.String()}, true
}

// apart reports whether text[start:end] stands alone: no letter, digit, dot or the like goes on at either side.
func apart(text string, start, end int) bool {
	if start > 0 {
		if c := text[start-1]; isWord(c) || strings.IndexByte(".-:", c) >= 0 {
			return false
		}
	}
	return ends(text, end)
}

// ends reports whether the value that ends at text[end:] does not go on there.
func ends(text string, end int) bool {
	if end >= len(text) {
		return true
	}
	c := text[end]
	next := byte(' ')
	if end+1 < len(text) {
		next = text[end+1]
	}
	switch {
	case isWord(c), c == '@':
		return false
	case c == '-', c == '.':
		return !isLetter(next) && !isDigit(next)
	}
	return true
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

func net4(a, b, c byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c}), bits)
}

func net6(bits int, a ...byte) netip.Prefix {
	var b [16]byte
	copy(b[:], a)
	return netip.PrefixFrom(netip.AddrFrom16(b), bits)
}

// documentation is the network of addresses in examples.
func documentation() netip.Prefix { return net6(32, 0x20, 0x01, 0x0d, 0xb8) }

// reservedNets are the special-purpose networks of RFC 6890 and its successors that the standard library calls global.
func reservedNets() [14]netip.Prefix {
	return [14]netip.Prefix{
		net4(0, 0, 0, 8), net4(100, 64, 0, 10), net4(192, 0, 0, 24), net4(192, 0, 2, 24), net4(192, 88, 99, 24), net4(198, 18, 0, 15),
		net4(198, 51, 100, 24), net4(203, 0, 113, 24), net4(240, 0, 0, 4),
		documentation(),
		net6(20, 0x3f, 0xff),             // documentation
		net6(23, 0x20, 0x01, 0x00, 0x00), // IETF protocols
		net6(16, 0x20, 0x02),             // 6to4
		net6(64, 0x01),                   // discard
	}
}
