package pii

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

// Longest parts of an address, in bytes (RFC 5321, section 4.5.3.1).
const (
	maxLocal  = 64
	maxDomain = 253
)

// email looks at the address around the @ at text[at:].
func (s *scan) email(at int) (hit, bool) {
	start, ok := s.local(at)
	if !ok {
		return hit{}, false
	}
	end := domainEnd(s.text, at+1)
	local, domain := s.text[start:at], s.text[at+1:end]
	switch {
	case local == "git", strings.HasSuffix(local, "."), strings.Contains(local, ".."), !isDomain(domain):
		return hit{}, false
	case start > 0 && s.text[start-1] == '@', strings.HasSuffix(s.text[s.done:start], "://"):
		return hit{}, false // somebody's name at a social network; a login in a URL
	case end < len(s.text) && (s.text[end] == ':' && remote(s.text[end+1:]) || s.text[end] == '@'):
		return hit{}, false
	}
	domain = strings.ToLower(domain)
	return hit{from: start, to: end, kind: Email, kept: reserved(domain), key: local + "@" + domain}, true
}

// local gives the place where the local part before the @ at text[at:] begins.
func (s *scan) local(at int) (start int, ok bool) {
	from := max(s.done, at-maxLocal-utf8.UTFMax)
	start = at
	behind := ' ' // the sign behind the one that is looked at
	for start > from {
		r, size := utf8.DecodeLastRuneInString(s.text[from:start])
		if !localRune(r) || r == utf8.RuneError || unspaced(r) && behind != ' ' && !unspaced(behind) {
			break
		}
		start, behind = start-size, r
	}
	if at-start > maxLocal {
		return 0, false
	}
	start += len(s.text[start:at]) - len(strings.TrimLeftFunc(s.text[start:at], edge))
	return start, start < at
}

// localRune leaves out signs that RFC 5322 allows and nobody uses: they make addresses of paths.
func localRune(r rune) bool {
	if r < utf8.RuneSelf {
		return isASCII(byte(r)) || isDigit(byte(r)) || strings.IndexByte("%'+-_.", byte(r)) >= 0
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}

// unspaced reports whether r is of a script that puts no spaces between words. Around an address in letters of another one
// stands then the sentence, not the address.
func unspaced(r rune) bool {
	return r >= 0x2e80 || 0x0e00 <= r && r < 0x1000 || 0x1000 <= r && r < 0x10a0 || 0x1780 <= r && r < 0x1800
}

// domainEnd gives the place where the domain that begins at text[from:] ends.
func domainEnd(text string, from int) int {
	end, cut := from, 0
	before := ' '
	for end < len(text) && end-from <= maxDomain {
		r, size := utf8.DecodeRuneInString(text[end:])
		if r == utf8.RuneError || r < utf8.RuneSelf && !isASCII(byte(r)) && !isDigit(byte(r)) && r != '-' && r != '.' ||
			r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
			break
		}
		if cut == 0 && unspaced(r) && before != ' ' && before != '.' && !unspaced(before) {
			cut = end
		}
		end, before = end+size, r
	}
	trim := func(end int) int { return from + len(strings.TrimRightFunc(text[from:end], edge)) }
	if cut > 0 && isDomain(text[from:trim(cut)]) {
		return trim(cut)
	}
	return trim(end)
}

// edge reports whether r cannot begin a local part or end a domain: punctuation around the address.
func edge(r rune) bool {
	if r >= utf8.RuneSelf {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '+'
}

// isDomain reports whether s has two labels at least, and a last one under which names are given out.
func isDomain(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot < 1 || len(s) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return isTop(s[dot+1:])
}

// isTop reports whether there is such a top-level domain. Those that are not in ASCII are taken as they come.
func isTop(top string) bool {
	if utf8.RuneCountInString(top) < 2 {
		return false
	}
	plain := true
	for _, r := range top {
		plain = plain && r < utf8.RuneSelf
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.HasPrefix(top, "xn--") {
			return false
		}
	}
	if !plain {
		return true
	}
	top = strings.ToLower(top)
	switch top {
	case "local", "lan", "corp", "internal", "intranet", "home", "onion", "example", "test", "invalid", "localhost":
		return true
	}
	_, listed := publicsuffix.PublicSuffix("a.b." + top)
	return listed
}

// reserved reports whether nobody can own an address at the domain (RFC 2606).
func reserved(domain string) bool {
	for _, r := range [...]string{"example.com", "example.org", "example.net", "example", "test", "invalid", "localhost"} {
		if domain == r || strings.HasSuffix(domain, "."+r) {
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
	return isASCII(s[0]) || isDigit(s[0]) || s[0] == '/' || s[0] == '~' || s[0] == '_'
}
