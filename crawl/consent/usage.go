package consent

import (
	"strings"

	"millrace"
)

// usageHeaders reads Content-Usage and Content-Signal of the answer. Several lines of a header are one
// value, as RFC 9110 joins them.
func usageHeaders(c *collector, header []millrace.Field) {
	for _, name := range []string{"Content-Usage", "Content-Signal"} {
		if lines := values(header, name); len(lines) > 0 {
			raw := strings.Join(lines, ", ")
			c.add(millrace.Statement{Source: "header:" + name, Raw: raw, Value: usageOf(name, raw)})
		}
	}
}

// usageOf reads the value of a Content-Usage or Content-Signal.
func usageOf(name, value string) millrace.Consent {
	if name == "Content-Signal" {
		return signal(value)
	}
	return usage(value)
}

// usage reads a Content-Usage for training: a dictionary of RFC 9651 whose key train-ai has the token
// y or n (draft-ietf-aipref-attach, draft-ietf-aipref-vocab). Any other value, and a dictionary that does
// not parse, say nothing.
func usage(value string) millrace.Consent {
	last := ""
	ok := dictionary(value, func(key, token string) {
		if key == "train-ai" {
			last = token
		}
	})
	switch {
	case ok && last == "n":
		return millrace.No
	case ok && last == "y":
		return millrace.Yes
	}
	return millrace.NotSaid
}

// signal reads a Content-Signal for training: "search=yes, ai-train=no". It is no dictionary of RFC 9651
// by its description, so that any "ai-train=no" in it counts, and no before yes.
func signal(value string) millrace.Consent {
	out := millrace.NotSaid
	for part := range strings.SplitSeq(value, ",") {
		k, v, _ := strings.Cut(part, "=")
		if !strings.EqualFold(strings.TrimSpace(k), "ai-train") {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "no", "n":
			out = stricter(out, millrace.No)
		case "yes", "y":
			out = stricter(out, millrace.Yes)
		}
	}
	return out
}

// dictionary parses a dictionary of RFC 9651, section 4.2.2, and calls f with each member in order.
// token is the member's value where that is a token, else "". It reports whether all of s parses.
func dictionary(s string, f func(key, token string)) bool {
	p := fields{s: strings.Trim(s, " ")}
	for p.s != "" {
		key := p.key()
		if key == "" {
			return false
		}
		token := ""
		if p.eat('=') {
			if token = p.member(); p.bad {
				return false
			}
		}
		if p.parameters(); p.bad {
			return false
		}
		f(key, token)
		p.space(" \t")
		if p.s == "" {
			return true
		}
		if !p.eat(',') {
			return false
		}
		if p.space(" \t"); p.s == "" {
			return false // a trailing comma
		}
	}
	return true
}

// fields is a parser of structured fields; s is what is left.
type fields struct {
	s   string
	bad bool
}

func (p *fields) eat(c byte) bool {
	if p.s == "" || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

func (p *fields) space(set string) { p.s = strings.TrimLeft(p.s, set) }

// take cuts off the longest prefix whose bytes are ok.
func (p *fields) take(ok func(c byte) bool) string {
	i := 0
	for i < len(p.s) && ok(p.s[i]) {
		i++
	}
	out := p.s[:i]
	p.s = p.s[i:]
	return out
}

func (p *fields) key() string {
	if p.s == "" || !isLower(p.s[0]) && p.s[0] != '*' {
		return ""
	}
	return p.take(func(c byte) bool { return isLower(c) || isDigit(c) || strings.IndexByte("_-.*", c) >= 0 })
}

// member reads an item or an inner list, without its parameters.
func (p *fields) member() (token string) {
	if !p.eat('(') {
		return p.item()
	}
	for {
		p.space(" ")
		if p.eat(')') {
			return ""
		}
		p.item()
		if p.parameters(); p.bad {
			return ""
		}
		if p.s == "" || p.s[0] != ' ' && p.s[0] != ')' {
			p.bad = true
			return ""
		}
	}
}

// item reads a bare item; its text is given where it is a token.
func (p *fields) item() (token string) {
	if p.s == "" {
		p.bad = true
		return ""
	}
	switch c := p.s[0]; {
	case isAlpha(c), c == '*':
		return p.take(func(c byte) bool {
			return isAlpha(c) || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0
		})
	case isDigit(c), c == '-':
		p.number()
	case c == '@':
		p.s = p.s[1:]
		p.number()
	case c == '?':
		p.bad = len(p.s) < 2 || p.s[1] != '0' && p.s[1] != '1'
		p.s = p.s[min(2, len(p.s)):]
	case c == '"':
		p.quoted()
	case c == ':':
		i := strings.IndexByte(p.s[1:], ':')
		p.bad = i < 0
		p.s = p.s[i+2:]
	case c == '%':
		p.s = p.s[1:]
		p.quoted()
	default:
		p.bad = true
	}
	return ""
}

func (p *fields) number() {
	p.eat('-')
	whole := p.take(isDigit)
	p.bad = whole == "" || len(whole) > 15
	if p.eat('.') {
		part := p.take(isDigit)
		p.bad = p.bad || part == "" || len(part) > 3
	}
}

// quoted reads a string, or what follows the percent sign of a display string.
func (p *fields) quoted() {
	p.bad = !p.eat('"')
	for !p.bad {
		switch {
		case p.eat('"'):
			return
		case p.s == "", p.s[0] < ' ', p.s[0] >= 0x7f:
			p.bad = true
		case p.eat('\\'):
			p.bad = !p.eat('"') && !p.eat('\\')
		default:
			p.s = p.s[1:]
		}
	}
}

func (p *fields) parameters() {
	for !p.bad && p.eat(';') {
		p.space(" ")
		if p.key() == "" {
			p.bad = true
		} else if p.eat('=') {
			p.item()
		}
	}
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isAlpha(c byte) bool { return isLower(c | 0x20) }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
