package pii

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// Action says what becomes of the values of a kind.
type Action uint8

// The actions. The zero value masks.
const (
	MaskValue    Action = iota
	DropDocument        // by whoever applies the policy, by the count. The value is masked all the same, for rejects hold no personal data either
	KeepValue
)

// Policy says what becomes of what is found. The zero value masks every kind with numbered placeholders.
type Policy struct {
	Do [Kinds]Action
	// Key, where it is not empty, makes every replacement a function of key and value (HMAC-SHA-256), so that a value
	// is replaced by the same thing in every document. Where nobody can own the result, it looks like the value:
	// an address at example.com, in 198.18.0.0/15 or 2001:db8::/32, a telephone number 555-01xx, a card of an issuer 9999 and an
	// account in a country ZZ, which do not exist. Identity numbers and keys have no such ranges: theirs is a placeholder with a hash.
	Key []byte
}

// Fingerprint names the key without giving it away: a changed key has another one.
func (p Policy) Fingerprint() string {
	mac := hmac.New(sha256.New, p.Key)
	mac.Write([]byte("millrace pii key"))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// ParseAction reads the name of an action in a recipe: mask, drop or keep.
func ParseAction(name string) (Action, error) {
	switch name {
	case "mask":
		return MaskValue, nil
	case "drop":
		return DropDocument, nil
	case "keep":
		return KeepValue, nil
	}
	return MaskValue, fmt.Errorf("%q is not mask, drop or keep", name)
}

// ParseKind reads the name of a kind.
func ParseKind(name string) (Kind, error) {
	var names []string
	for k := range Kinds {
		if k.String() == name {
			return k, nil
		}
		names = append(names, k.String())
	}
	return Kinds, fmt.Errorf("%q is not a kind of personal data; there are %s", name, strings.Join(names, ", "))
}

// fake is the replacement of a value under the policy's key. plain asks for a placeholder, for a text in which something that
// looks like a value has become one.
func (p Policy) fake(h hit, text string, plain bool) string {
	mac := hmac.New(sha256.New, p.Key)
	mac.Write([]byte(h.kind.tag() + "\x00" + h.key))
	sum := mac.Sum(nil)
	if !plain {
		switch h.kind {
		case Email:
			return "u" + hex.EncodeToString(sum[:6]) + "@example.com"
		case IPv4:
			return netip.AddrFrom4([4]byte{198, 18 + sum[0]&1, sum[1], sum[2]}).String()
		case IPv6:
			return netip.AddrFrom16([16]byte(append([]byte{0x20, 0x01, 0x0d, 0xb8}, sum[:12]...))).String()
		case Phone:
			return fakePhone(sum)
		case Card:
			return fakeCard(sum, text)
		case IBAN:
			return fakeIBAN(sum)
		}
	}
	return "<" + h.kind.tag() + "_x" + hex.EncodeToString(sum[:6]) + ">"
}

// fakePhone is a North American number from the range that films use.
func fakePhone(sum []byte) string {
	area := 200 + binary.BigEndian.Uint16(sum)%800
	if area%100 == 11 { // 911 and its like are no areas
		area++
	}
	return fmt.Sprintf("+1 %d-555-01%02d", area, binary.BigEndian.Uint16(sum[2:])%100)
}

// fakeCard has the value's length and separators, and a right check digit.
func fakeCard(sum []byte, text string) string {
	out := []byte(text)
	var places []int
	for i, c := range out {
		if isDigit(c) {
			places = append(places, i)
		}
	}
	digits := make([]byte, len(places))
	for i := range digits {
		digits[i] = '0' + sum[i]%10
	}
	copy(digits, fakeIssuer)
	last := len(digits) - 1
	for digits[last] = '0'; !luhn(digits); {
		digits[last]++
	}
	for i, at := range places {
		out[at] = digits[i]
	}
	return string(out)
}

// fakeIBAN is an account in a country that does not exist, with right check digits.
func fakeIBAN(sum []byte) string {
	account := fmt.Sprintf("%018d", binary.BigEndian.Uint64(sum)%1e18)
	rest := 0
	for _, c := range []byte(account) {
		rest = mod97(rest, c)
	}
	for _, c := range []byte("ZZ00") {
		rest = mod97(rest, c)
	}
	return fmt.Sprintf("ZZ%02d%s", 98-rest, account)
}
