package pii

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest parts of an address, in bytes (RFC 5321, section 4.5.3.1).
const (
	maxLocal  = 64
	maxDomain = 253
)

// email looks at the address around the @ at text[at:]. It may not reach before from.
func email(text string, from, at int) (hit, bool) {
	start := at
	for start > from && at-start < maxLocal && localByte(text[start-1]) {
		start--
	}
	if at-start == maxLocal && start > from && localByte(text[start-1]) {
		return hit{}, false
	}
	for start < at && !utf8.RuneStart(text[start]) {
		start++
	}
	start += len(text[start:at]) - len(strings.TrimLeftFunc(text[start:at], edge))
	end := at + 1
	for end < len(text) && end-at <= maxDomain && domainByte(text[end]) {
		end++
	}
	domain := strings.TrimRightFunc(strings.ToValidUTF8(text[at+1:end], ""), edge)
	end = at + 1 + len(domain)
	local := text[start:at]
	switch {
	case local == "", strings.HasSuffix(local, "."), strings.Contains(local, ".."), !utf8.ValidString(local), !utf8.ValidString(text[at+1 : end]):
		return hit{}, false
	case !isDomain(domain), reserved(domain):
		return hit{}, false
	case end < len(text) && (text[end] == ':' && remote(text[end+1:]) || text[end] == '@'):
		return hit{}, false
	}
	return hit{from: start, to: end, kind: "EMAIL", key: local + "@" + strings.ToLower(domain)}, true
}

// localByte leaves out signs that RFC 5322 allows and nobody uses: they make addresses of paths.
func localByte(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("%'+-_.", c) >= 0
}

func domainByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' || c == '.' }

// edge reports whether r cannot begin a local part or end a domain: punctuation around the address.
func edge(r rune) bool {
	if r >= utf8.RuneSelf {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '+'
}

// isDomain reports whether s has two labels at least, and a last one of letters.
func isDomain(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot < 1 {
		return false
	}
	top := s[dot+1:]
	if utf8.RuneCountInString(top) < 2 {
		return false
	}
	for _, r := range top {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.HasPrefix(top, "xn--") {
			return false
		}
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// reserved reports whether nobody can own an address at the domain (RFC 2606).
func reserved(domain string) bool {
	d := strings.ToLower(domain)
	for _, r := range [...]string{"example.com", "example.org", "example.net", "example", "test", "invalid", "localhost"} {
		if d == r || strings.HasSuffix(d, "."+r) {
			return true
		}
	}
	return false
}

// remote reports whether s is the path of a git remote, as in git@host:path.
func remote(s string) bool {
	if s == "" {
		return false
	}
	return isLetter(s[0]) || isDigit(s[0]) || s[0] == '/' || s[0] == '~' || s[0] == '_'
}
