// Package pii masks personal data: text comes in, the same text with e-mail addresses and public IP addresses
// replaced by placeholders goes out, with the count of each. It looks at bytes, not at patterns: its work is linear.
//
// A placeholder such as <EMAIL_1> is numbered within its document, and the same value has the same number.
// Masking twice changes nothing. Names, telephone numbers and postal addresses are not found.
//
// Read in this order: pii.go, email.go, ip.go.
package pii

import (
	"strconv"
	"strings"

	"millrace"
)

// Counts says how many values of each kind were masked.
type Counts struct{ Email, IPv4, IPv6 int }

// Any reports whether anything was masked.
func (c Counts) Any() bool { return c != Counts{} }

func (c *Counts) add(h hit) {
	switch {
	case h.kind == "EMAIL":
		c.Email++
	case strings.Contains(h.key, ":"):
		c.IPv6++
	default:
		c.IPv4++
	}
}

// hit is a value that is masked.
type hit struct {
	from, to int
	kind     string
	key      string // equal for equal values
}

// Mask masks text and moves along the spans of code, which are in order and inside text.
func Mask(text string, code []millrace.Span) (string, []millrace.Span, Counts) {
	var c Counts
	hits := find(text)
	if len(hits) == 0 {
		return text, code, c
	}
	m := masker{numbers: map[string]string{}, next: map[string]int{}}
	m.reserve(text)
	var b strings.Builder
	b.Grow(len(text))
	ends := make([]int, len(hits)) // of the placeholders in the new text
	at := 0
	for i, h := range hits {
		b.WriteString(text[at:h.from])
		b.WriteString(m.placeholder(h))
		ends[i] = b.Len()
		at = h.to
		c.add(h)
	}
	b.WriteString(text[at:])
	return b.String(), move(code, hits, ends), c
}

// move gives the spans their places in the new text. An edge inside a value moves behind its placeholder.
func move(code []millrace.Span, hits []hit, ends []int) []millrace.Span {
	moved := make([]millrace.Span, len(code))
	next := 0 // the first hit that begins at or behind the edge
	edge := func(p int) int {
		for next < len(hits) && hits[next].from < p {
			next++
		}
		if next == 0 {
			return p
		}
		return ends[next-1] + max(0, p-hits[next-1].to)
	}
	for i, s := range code {
		moved[i] = millrace.Span{From: edge(s.From), To: edge(s.To)}
	}
	return moved
}

// masker numbers the values of one document.
type masker struct {
	numbers map[string]string
	next    map[string]int
}

// reserve takes out the numbers that stand in the text already, so that a second run does not give them again.
func (m *masker) reserve(text string) {
	for _, kind := range [...]string{"EMAIL", "IP"} {
		for rest := text; ; {
			_, after, ok := strings.Cut(rest, "<"+kind+"_")
			if !ok {
				break
			}
			rest = after
			digits, _, ok := strings.Cut(after[:min(len(after), 10)], ">")
			if n, err := strconv.Atoi(digits); ok && err == nil && n > m.next[kind] {
				m.next[kind] = n
			}
		}
	}
}

func (m *masker) placeholder(h hit) string {
	key := h.kind + " " + h.key
	p, ok := m.numbers[key]
	if !ok {
		m.next[h.kind]++
		p = "<" + h.kind + "_" + strconv.Itoa(m.next[h.kind]) + ">"
		m.numbers[key] = p
	}
	return p
}

// find lists the values in the order of the text. They do not overlap.
func find(text string) []hit {
	var hits []hit
	done := 0 // text[:done] is taken
	for i := 0; i < len(text); i++ {
		var h hit
		var ok bool
		switch c := text[i]; {
		case c == '@':
			h, ok = email(text, done, i)
		case c == '.' && i > 0 && isDigit(text[i-1]):
			h, ok = ipv4(text, done, i)
		case c == ':':
			h, ok = ipv6(text, done, i)
		}
		if ok && !beside(text, h.from, h.to) {
			hits = append(hits, h)
			done = h.to
			i = done - 1
		}
	}
	return hits
}

// beside reports whether a placeholder touches text[from:to], with or without a joint between them. What touches a value is not a value of its own,
// and must not become one when the value is masked.
func beside(text string, from, to int) bool {
	const joints = "._-:'%+"
	if after := strings.TrimLeft(text[to:min(len(text), to+24)], joints); strings.HasPrefix(after, "<EMAIL_") || strings.HasPrefix(after, "<IP_") {
		return true
	}
	before := strings.TrimRight(text[max(0, from-32):from], joints)
	open := strings.LastIndexByte(before, '<')
	if open < 0 || !strings.HasSuffix(before, ">") {
		return false
	}
	return strings.HasPrefix(before[open:], "<EMAIL_") || strings.HasPrefix(before[open:], "<IP_")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|32 && c|32 <= 'f' }

func isLetter(c byte) bool { return 'a' <= c|32 && c|32 <= 'z' || c >= 0x80 }
