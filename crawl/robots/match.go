package robots

import "strings"

// rule is one Allow or Disallow line.
type rule struct {
	pattern
	allow bool
	raw   string // the value as written
	line  int
	next  int // rule of the same block with the same head, counted from 1; 0: none
}

func newRule(allow bool, value string, line int) rule {
	return rule{pattern: compile(value), allow: allow, raw: value, line: line}
}

// beats reports whether r decides where best, which may be nil, would else: the longer pattern; of equally
// long ones Allow; of two alike the first.
func (r *rule) beats(best *rule) bool {
	switch {
	case best == nil || len(r.text) != len(best.text):
		return best == nil || len(r.text) > len(best.text)
	case r.allow != best.allow:
		return r.allow
	}
	return r.line < best.line
}

// String is the line in its usual form.
func (r *rule) String() string {
	if r.allow {
		return "Allow: " + printable(r.raw)
	}
	return "Disallow: " + printable(r.raw)
}

// pattern is a path pattern, split at its wildcards once so that a match is one walk over the path.
type pattern struct {
	text     string   // normalised; its length decides which rule wins
	head     string   // what stands before the first wildcard
	parts    []string // what stands behind each wildcard
	anchored bool     // ends with "$"
}

// Pattern is a path pattern for use outside of robots.txt: other files borrow the syntax.
type Pattern struct{ p pattern }

// Compile reads a pattern.
func Compile(value string) Pattern { return Pattern{compile(value)} }

// Match reports whether the pattern matches path, as Path gives it.
func (p Pattern) Match(path string) bool { return p.p.match(path) }

// Len is what the longest match is chosen by.
func (p Pattern) Len() int { return len(p.p.text) }

func compile(value string) pattern {
	p := pattern{}
	body, anchored := strings.CutSuffix(value, "$")
	p.anchored = anchored
	p.text = normalise(body, true)
	var rest string
	var wild bool
	if p.head, rest, wild = strings.Cut(p.text, "*"); wild {
		p.parts = strings.Split(rest, "*")
	}
	if anchored {
		p.text += "$"
	}
	return p
}

// match reports whether p matches path, which is normalised. The head must begin the path; each part is
// taken at its first place, which leaves the most room for those behind it. Where the end is bound it is
// looked at first, for that is quick and seldom fits.
func (p *pattern) match(path string) bool {
	rest, ok := strings.CutPrefix(path, p.head)
	return ok && p.matchTail(rest)
}

// matchTail is match for a path whose head fits and is cut off.
func (p *pattern) matchTail(rest string) bool {
	last := len(p.parts) - 1
	if last < 0 {
		return !p.anchored || rest == ""
	}
	middle := p.parts
	if p.anchored {
		var ok bool
		if rest, ok = strings.CutSuffix(rest, p.parts[last]); !ok {
			return false
		}
		middle = p.parts[:last]
	}
	for _, part := range middle {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return true
}

// normalise brings the octets of a pattern or path into one form: what need not be encoded is
// decoded, what must be is encoded, and hex digits are upper case. In a path, and in a pattern
// where they are no wildcard, "*" and "$" are written %2A and %24.
func normalise(s string, isPattern bool) string {
	if isPlain(s, isPattern) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			if v := unhex(s[i+1])<<4 | unhex(s[i+2]); isUnreserved(v) {
				b.WriteByte(v)
			} else {
				escape(&b, v)
			}
			i += 2
		case c == '*' && !isPattern, c == '$', mustEscape(c):
			escape(&b, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// isPlain reports whether s is in that form.
func isPlain(s string, isPattern bool) bool {
	for i := range len(s) {
		if c := s[i]; c == '%' || c == '$' || c == '*' && !isPattern || mustEscape(c) {
			return false
		}
	}
	return true
}

func escape(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}

// mustEscape holds for octets that never stand in a URL as they are.
func mustEscape(c byte) bool {
	switch c {
	case '"', '<', '>', '\\', '^', '`', '{', '|', '}':
		return true
	}
	return c <= ' ' || c >= 0x7f
}

func isUnreserved(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// printable makes a line of a stranger's file safe for a terminal, a header and a log.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
