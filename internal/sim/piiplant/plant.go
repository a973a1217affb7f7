// Package piiplant makes documents with personal data in them, and with what only looks like it: a seed comes in, lines of text
// with the place and kind of what was planted go out. It judges maskers, so it knows nothing of one: it computes its checksums itself.
//
// Read in this order: plant.go, values.go, account.go, national.go, traps.go, sentences.go.
package piiplant

import (
	"math/rand/v2"
	"strings"
)

// Line is one line of a document, or several where the value is a block. It holds one value, or one trap.
type Line struct {
	Before, Value, After string
	Kind                 string // email, ipv4, ipv6, phone, iban, card, id, key; "" for a trap
	Sort                 string // more exactly: "phone.cue", "id.us_ssn", "trap.version"
}

// Text is the line as it stands in the document.
func (l Line) Text() string { return l.Before + l.Value + l.After }

// Document is a few lines.
type Document struct{ Lines []Line }

// Text is the document.
func (d Document) Text() string {
	var lines []string
	for _, l := range d.Lines {
		lines = append(lines, l.Text())
	}
	return strings.Join(lines, "\n")
}

// planter makes values from one source of chance.
type planter struct{ *rand.Rand }

// Documents makes n documents. The same seed gives the same ones.
func Documents(seed uint64, n int) []Document {
	p := planter{rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
	docs := make([]Document, n)
	for i := range docs {
		if i%20 == 19 {
			docs[i].Lines = []Line{p.block()} // several lines: nothing else stands beside it
			continue
		}
		for range 6 + p.IntN(7) {
			docs[i].Lines = append(docs[i].Lines, p.line())
		}
	}
	return docs
}

// line plants a value in three of five lines, a trap in the others.
func (p planter) line() Line {
	if p.IntN(5) < 2 {
		return p.trap()
	}
	makers := []func() (kind, sort, value string, sentences []string){
		p.email, p.email, p.ipv4, p.ipv4, p.ipv6, p.plusPhone, p.cuePhone, p.cuePhone, p.iban, p.card, p.card, p.secret, p.secret, p.national, p.national, p.national, p.national,
	}
	kind, sort, value, sentences := makers[p.IntN(len(makers))]()
	before, after, _ := strings.Cut(pick(p, sentences), "%")
	return Line{Before: before, Value: value, After: after, Kind: kind, Sort: sort}
}

// block plants a private key.
func (p planter) block() Line {
	name := pick(p, []string{"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"})
	var b strings.Builder
	b.WriteString("-----BEGIN " + name + "-----\n")
	for range 4 + p.IntN(20) {
		b.WriteString(p.signs(64, base64Signs) + "\n")
	}
	b.WriteString(p.signs(20+p.IntN(40), base64Signs) + "==\n-----END " + name + "-----")
	return Line{Before: "This is the file of the server:\n", Value: b.String(), After: "\nIt must not be shown to anybody.", Kind: "key", Sort: "key.private"}
}

func pick[T any](p planter, list []T) T { return list[p.IntN(len(list))] }

const (
	smallSigns  = "abcdefghijklmnopqrstuvwxyz"
	largeSigns  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digitSigns  = "0123456789"
	wordSigns   = smallSigns + largeSigns + digitSigns
	hexSigns    = "0123456789abcdef"
	base64Signs = wordSigns + "+/"
	urlSigns    = wordSigns + "-_"
)

// signs draws n signs of a set.
func (p planter) signs(n int, set string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = set[p.IntN(len(set))]
	}
	return string(b)
}

// digits draws n digits.
func (p planter) digits(n int) string { return p.signs(n, digitSigns) }

// grouped puts a separator between groups of the given lengths.
func grouped(text, separator string, lengths ...int) string {
	var parts []string
	for _, n := range lengths {
		parts = append(parts, text[:n])
		text = text[n:]
	}
	if text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, separator)
}
