// Package pii masks personal data: text comes in; the same text, with e-mail and public IP addresses, telephone
// numbers, bank accounts, payment cards, national identity numbers and secret keys replaced by placeholders, goes
// out, with the count of each. It looks at bytes, not at patterns: its work is linear in the text.
//
// A placeholder such as <EMAIL_1> is numbered within its document, and the same value has the same number. With a
// key, the replacement is a function of key and value alone, the same in every document. Masking twice changes nothing.
// What a checksum cannot tell from chance needs a word beside it that says what it is. Names and postal addresses are not found.
//
// Read in this order: pii.go, policy.go, find.go; then what is found: email.go, ip.go, number.go with words.go,
// phone.go, card.go, iban.go, identity.go, key.go.
package pii

import (
	"strconv"
	"strings"

	"millrace"
)

// Kind is what a value is.
type Kind uint8

// The kinds, in the order in which they are counted.
const (
	Email Kind = iota
	IPv4
	IPv6
	Phone
	IBAN
	Card
	ID
	Key
	Kinds // how many there are
)

// String is the kind's name, as in the edit pii.email and in a policy.
func (k Kind) String() string {
	return [...]string{"email", "ipv4", "ipv6", "phone", "iban", "card", "id", "key"}[k]
}

// tag is what the kind's placeholders begin with.
func (k Kind) tag() string { return tags[k] }

// tags has one place for each kind; those of the two kinds of IP address are the same.
var tags = [Kinds]string{"EMAIL", "IP", "IP", "PHONE", "IBAN", "CARD", "ID", "KEY"}

// Counts says how many values of each kind were masked.
type Counts [Kinds]int

// Any reports whether anything was masked.
func (c Counts) Any() bool { return c != Counts{} }

// Total is the number of values of all kinds.
func (c Counts) Total() int {
	n := 0
	for _, k := range c {
		n += k
	}
	return n
}

// Result is what became of a text.
type Result struct {
	Text   string
	Code   []millrace.Span
	Counts Counts
}

// Mask masks every kind of value in text and moves along the spans of code, which are in order and inside text.
func Mask(text string, code []millrace.Span) (string, []millrace.Span, Counts) {
	r := Policy{}.Apply(text, code)
	return r.Text, r.Code, r.Counts
}

// maxRounds bounds how often a text is looked at. The first round finds everything there is; the second one
// looks whether a replacement has made something new. Few texts have ever needed a third, and they were made for it.
const maxRounds = 4

// Apply masks text as the policy says and moves along the spans of code, which are in order and inside text.
func (p Policy) Apply(text string, code []millrace.Span) Result {
	r := Result{Text: text, Code: code}
	m := masker{policy: p}
	for range maxRounds {
		hits := p.find(r.Text)
		if len(hits) == 0 {
			break
		}
		m.round(&r, hits)
	}
	return r
}

// masker chooses the replacements of one document.
type masker struct {
	policy  Policy
	numbers map[string]string // by tag and key
	next    map[string]int
	rounds  int
}

// round replaces the hits.
func (m *masker) round(r *Result, hits []hit) {
	if m.rounds == 0 {
		m.numbers, m.next = map[string]string{}, map[string]int{}
		m.reserve(r.Text)
	}
	m.rounds++
	var b strings.Builder
	b.Grow(len(r.Text))
	ends := make([]int, len(hits)) // of the replacements in the new text
	at := 0
	for i, h := range hits {
		b.WriteString(r.Text[at:h.from])
		b.WriteString(m.replacement(h, r.Text[h.from:h.to]))
		ends[i] = b.Len()
		at = h.to
		r.Counts[h.kind]++
	}
	b.WriteString(r.Text[at:])
	r.Text, r.Code = b.String(), move(r.Code, hits, ends)
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

// reserve takes out the numbers that stand in the text already, so that a second run does not give them again.
func (m *masker) reserve(text string) {
	for {
		open := strings.IndexByte(text, '<')
		if open < 0 {
			return
		}
		text = text[open:]
		tag, rest := tagOf(text)
		if tag == "" {
			text = text[1:]
			continue
		}
		text = rest
		digits, _, ok := strings.Cut(rest[:min(len(rest), 10)], ">")
		if n, err := strconv.Atoi(digits); ok && err == nil && n > m.next[tag] {
			m.next[tag] = n
		}
	}
}

// replacement is a placeholder with a number, or what the policy's key makes of the value.
func (m *masker) replacement(h hit, text string) string {
	key := h.kind.tag() + " " + h.key
	r, ok := m.numbers[key]
	switch {
	case ok && len(m.policy.Key) == 0:
		return r
	case len(m.policy.Key) > 0:
		return m.policy.fake(h, text, m.rounds > 1)
	}
	m.next[h.kind.tag()]++
	r = "<" + h.kind.tag() + "_" + strconv.Itoa(m.next[h.kind.tag()]) + ">"
	m.numbers[key] = r
	return r
}

// maxPlaceholder is longer than any placeholder.
const maxPlaceholder = 32

// tagOf gives the tag of the placeholder that text begins with, and what stands behind it and its underscore.
func tagOf(text string) (tag, rest string) {
	if len(text) < 4 || text[0] != '<' {
		return "", text
	}
	under := strings.IndexByte(text[:min(len(text), 8)], '_')
	if under < 0 {
		return "", text
	}
	for _, t := range tags {
		if text[1:under] == t {
			return t, text[under+1:]
		}
	}
	return "", text
}

// closes gives the tag of the placeholder that text ends with.
func closes(text string) string {
	if text == "" || text[len(text)-1] != '>' {
		return ""
	}
	text = text[max(0, len(text)-maxPlaceholder) : len(text)-1]
	open := strings.LastIndexByte(text, '<')
	if open < 0 {
		return ""
	}
	tag, number := tagOf(text[open:])
	if tag == "" || number == "" {
		return ""
	}
	for i := range len(number) {
		if !isDigit(number[i]) && (number[i] < 'a' || 'z' < number[i]) {
			return ""
		}
	}
	return tag
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|32 && c|32 <= 'f' }

// isASCII reports whether c is an ASCII letter.
func isASCII(c byte) bool { return 'a' <= c|32 && c|32 <= 'z' }

// isLetter takes any byte of a sign outside ASCII for one of a letter.
func isLetter(c byte) bool { return isASCII(c) || c >= 0x80 }

// isWord reports whether c goes on with an ASCII word or number.
func isWord(c byte) bool { return isASCII(c) || isDigit(c) || c == '_' }
