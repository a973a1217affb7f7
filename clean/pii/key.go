package pii

import (
	"math"
	"strings"
)

// secretRule describes the keys of a service by what they begin with.
type secretRule struct {
	head  string // up to its first sign that is looked at
	rest  string // of what they begin with
	least int    // signs behind it
	most  int
	signs uint8 // of which they are
}

// Sets of signs.
const (
	small    = 1 << iota // a to z
	large                // A to Z
	numeral              // 0 to 9
	dash                 // - and _
	point                // .
	alphabet = small | large | numeral
	url      = alphabet | dash
)

// secretRules lists the keys that are known by what they begin with. Each head ends with a sign of signHead.
var secretRules = [...]secretRule{
	{"AK", "IA", 16, 16, large | numeral}, {"AS", "IA", 16, 16, large | numeral}, // AWS
	{"AIz", "a", 33, 40, url},                                                                                                                                           // Google
	{"ghp_", "", 36, 255, alphabet}, {"gho_", "", 36, 255, alphabet}, {"ghu_", "", 36, 255, alphabet}, {"ghs_", "", 36, 255, alphabet}, {"ghr_", "", 36, 255, alphabet}, // GitHub
	{"github_", "pat_", 36, 255, url},
	{"glpat-", "", 20, 64, url | point}, {"gldt-", "", 20, 64, url}, {"glrt-", "", 20, 64, url}, // GitLab
	{"xoxb-", "", 20, 255, url}, {"xoxp-", "", 20, 255, url}, {"xoxa-", "", 20, 255, url}, {"xoxr-", "", 20, 255, url}, {"xoxs-", "", 20, 255, url}, {"xapp-", "", 20, 255, url}, // Slack
	{"sk-", "", 20, 255, url},                                                                                                                                                        // OpenAI, Anthropic and others
	{"sk_", "live_", 16, 255, alphabet}, {"sk_", "test_", 16, 255, alphabet}, {"rk_", "live_", 16, 255, alphabet}, {"rk_", "test_", 16, 255, alphabet}, {"whsec_", "", 24, 128, url}, // Stripe
	{"npm_", "", 36, 64, alphabet}, {"pypi-", "", 40, 512, url}, {"hf_", "", 30, 64, alphabet}, {"dckr_", "pat_", 24, 64, url}, // registries
	{"SG", ".", 60, 80, url | point},                                                                     // SendGrid
	{"shpat_", "", 32, 32, alphabet}, {"shpss_", "", 32, 32, alphabet}, {"shpca_", "", 32, 32, alphabet}, // Shopify
	{"dop_", "v1_", 64, 64, small | numeral}, {"gsk_", "", 40, 64, alphabet}, {"r8_", "", 36, 40, alphabet}, {"xai-", "", 40, 128, url}, {"nvapi-", "", 40, 128, url}, {"pplx-", "", 40, 64, alphabet}, {"tvly-", "", 20, 64, url},
	{"figd_", "", 36, 64, url}, {"lin_", "api_", 32, 64, alphabet}, {"sntrys_", "", 60, 255, url}, {"PMAK-", "", 50, 64, url}, {"EZAK", "", 54, 54, alphabet}, {"sq0csp-", "", 40, 46, url}, {"key-", "", 32, 32, small | numeral}, {"GOCSPX-", "", 28, 28, url}, {"AGE-", "SECRET-KEY-1", 58, 58, large | numeral}, {"rzp_", "live_", 14, 14, alphabet}, {"pk_", "live_", 16, 255, alphabet}, {"xoxe-", "", 20, 255, url}, {"NRAK-", "", 27, 27, alphabet},
}

// maxSecret bounds what one key is looked at for.
const maxSecret = 4096

// byEnd lists the rules by the last two bytes of their heads, folded into one.
var byEnd = endings()

func fold(a, b byte) uint8 { return a*31 + b }

func endings() (table [256][]secretRule) {
	for _, r := range secretRules {
		n := len(r.head)
		at := fold(r.head[n-2], r.head[n-1])
		table[at] = append(table[at], r)
	}
	return table
}

// heads has the last two signs before the - or _ of every head, so that most are known for none at a glance.
var heads = headPairs()

func pairOf(a, b byte) uint16 { return (uint16(a)*37 + uint16(b)) % 1024 }

func headPairs() (table [1024]bool) {
	for _, r := range secretRules {
		if n := len(r.head); n > 2 {
			table[pairOf(r.head[n-3], r.head[n-2])] = true
		}
	}
	table[pairOf('-', '-')] = true // -----BEGIN
	return table
}

// secret looks at the key whose beginning ends with text[at].
func (s *scan) secret(at int) (hit, bool) {
	if at-1 < s.done || s.text[at-1] == '-' && s.text[at+1] == '-' {
		return hit{}, false // the latter is in the midst of a rule
	}
	text := s.text
	for _, r := range byEnd[fold(text[at-1], text[at])] {
		start := at + 1 - len(r.head)
		if start < s.done || text[start:at+1] != r.head || !strings.HasPrefix(text[at+1:], r.rest) || !s.opensSecret(start) {
			continue
		}
		from := at + 1 + len(r.rest)
		end := from + run(text[from:], r.signs)
		if r.signs&point != 0 {
			end = from + len(strings.TrimRight(text[from:end], "."))
		}
		if n := end - from; n < r.least || n > r.most || end < len(text) && isWord(text[end]) || !random(text[from:end], r.head) {
			continue
		}
		return hit{from: start, to: end, kind: Key, key: text[start:end]}, true
	}
	switch {
	case text[at] == 'J' && text[at-1] == 'y' && at-2 >= s.done && text[at-2] == 'e' && s.opensSecret(at-2):
		return s.token(at - 2)
	case text[at] == '-' && text[at-1] == '-' && strings.HasPrefix(text[at+1:], "BEGIN "):
		return s.private(at)
	}
	return hit{}, false
}

// opensSecret reports whether a key may begin at text[start:].
func (s *scan) opensSecret(start int) bool {
	if start == s.done {
		return true
	}
	before := s.text[start-1]
	return !isWord(before) && before != '-' && before != '.'
}

// run counts the signs at the beginning of text that belong to the set.
func run(text string, signs uint8) int {
	for i := range min(len(text), maxSecret) {
		c, of := text[i], uint8(0)
		switch {
		case 'a' <= c && c <= 'z':
			of = small
		case 'A' <= c && c <= 'Z':
			of = large
		case isDigit(c):
			of = numeral
		case c == '-', c == '_':
			of = dash
		case c == '.':
			of = point
		}
		if of&signs == 0 {
			return i
		}
	}
	return min(len(text), maxSecret)
}

// random reports whether the signs behind the head are as mixed as those of a key are, and those of words and placeholders are not.
func random(text, head string) bool {
	var times [256]int
	numerals, capitals := 0, 0
	for i := range len(text) {
		times[text[i]]++
		if isDigit(text[i]) {
			numerals++
		}
		if isUpper(text[i]) {
			capitals++
		}
	}
	bits := 0.0
	for _, n := range times {
		if n > 0 {
			p := float64(n) / float64(len(text))
			bits -= p * math.Log2(p)
		}
	}
	if head == "sk-" && numerals < 3 && capitals < 8 { // it is also the start of names such as sk-learn
		return false
	}
	return bits >= min(3, 0.7*math.Log2(float64(len(text)))) && (numerals > 0 || bits > 4 || capitals >= 2)
}

// token looks at a JSON Web Token: three parts in base64, of which the first two begin as {" does.
func (s *scan) token(start int) (hit, bool) {
	text, at := s.text, start
	for part := range 3 {
		n := run(text[at:], url)
		if n < 10 || part < 2 && (at+n >= len(text) || text[at+n] != '.') || part == 1 && !strings.HasPrefix(text[at:], "eyJ") {
			return hit{}, false
		}
		at += n + 1
	}
	at--
	return hit{from: start, to: at, kind: Key, key: text[start:at]}, true
}

// private looks at a private key in PEM: the last hyphen before BEGIN is at text[at]. What has lost its end is taken as far as it goes.
func (s *scan) private(at int) (hit, bool) {
	const rule = "-----"
	text := s.text
	start := at + 1 - len(rule)
	if start < s.done || text[start:at+1] != rule {
		return hit{}, false
	}
	name, _, ok := strings.Cut(text[at+1:min(len(text), at+64)], rule)
	if !ok || !strings.HasSuffix(strings.TrimSuffix(name, " BLOCK"), "PRIVATE KEY") {
		return hit{}, false
	}
	from := at + 1 + len(name) + len(rule)
	body := text[from:]
	end, signs := 0, 0
	for end < len(body) {
		c := body[end]
		if isBase64(c) {
			signs++
		} else if c == '-' && strings.HasPrefix(body[end:], rule) || strings.IndexByte(" \t\r\n\\:,-.()\"", c) < 0 {
			break
		}
		end++
	}
	if foot := rule + "END" + strings.TrimPrefix(name, "BEGIN") + rule; signs >= leastKey && strings.HasPrefix(body[end:], foot) {
		end += len(foot)
	} else if end = lines64(body[:end]); end == 0 {
		return hit{}, false
	}
	to := from + end
	return hit{from: start, to: to, kind: Key, key: text[start:to]}, true
}

// leastKey is the number of signs of base64 that make a private key, or a line of one.
const leastKey = 32

func isBase64(c byte) bool { return isASCII(c) || isDigit(c) || c == '+' || c == '/' || c == '=' }

// lines64 gives the length of the lines of base64 at the beginning of text, behind the rest of a line.
func lines64(text string) int {
	at, end := 0, 0
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		for i := range len(bare) {
			if !isBase64(bare[i]) {
				return end
			}
		}
		switch full := len(bare) >= leastKey; {
		case full, end > 0 && strings.HasSuffix(bare, "="):
			end = at + len(strings.TrimRight(line, "\r\n"))
		case bare != "" || end > 0:
			return end
		}
		at += len(line)
	}
	return end
}
