// Package charset turns the bytes of a page into UTF-8: bytes and what was said about them come in, text
// and the name of the encoding go out. Nothing is dropped: a byte that means nothing becomes U+FFFD and is counted.
//
// Read in this order: charset.go, prescan.go, guess.go.
package charset

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// Result is a page as text.
type Result struct {
	Text    string // valid UTF-8
	Name    string // the encoding's WHATWG name, such as "windows-1252"
	How     string // what decided: "bom", "utf16", "utf8", "header", "meta", "guess"
	Invalid int    // how many U+FFFD stand for bytes that mean nothing
	// Overridden says that a declared encoding did not fit the bytes and was not believed.
	Overridden bool
}

// Decode finds the encoding of body and decodes it. header is the charset parameter of the HTTP header;
// with markup, a declaration within the first 1,024 bytes counts too. The order is: byte order mark, UTF-16
// without one, valid UTF-8, header, declaration, statistics.
//
// Bytes that are valid UTF-8 are UTF-8 whatever the labels say: other encodings hardly ever look like it by chance.
func Decode(body []byte, header string, markup bool) Result {
	if r, ok := byMark(body); ok {
		return r
	}
	if name := wide(body); name != "" {
		return decode(body, name, "utf16")
	}
	label, how := lookup(header), "header"
	if label == "" && markup {
		label, how = lookup(Declared(body)), "meta"
	}
	if !shifts(body, label) && utf8.Valid(body) {
		return Result{Text: string(body), Name: "utf-8", How: "utf8"}
	}
	if label == "" {
		return decode(body, Guess(body), "guess")
	}
	said := decode(body, label, how)
	if !doubtful(said) {
		return said
	}
	name := Guess(body)
	if name == said.Name {
		return said
	}
	guessed := decode(body, name, "guess")
	if guessed.Invalid*2 < said.Invalid {
		guessed.Overridden = true
		return guessed
	}
	return said
}

// doubtful reports whether more than one character in a thousand means nothing.
func doubtful(r Result) bool { return r.Invalid > 0 && r.Invalid*1000 > utf8.RuneCountInString(r.Text) }

// byMark decodes bytes that start with a byte order mark.
func byMark(body []byte) (Result, bool) {
	switch {
	case bytes.HasPrefix(body, []byte{0xEF, 0xBB, 0xBF}):
		return decode(body[3:], "utf-8", "bom"), true
	case bytes.HasPrefix(body, []byte{0xFF, 0xFE}):
		return decode(body[2:], "utf-16le", "bom"), true
	case bytes.HasPrefix(body, []byte{0xFE, 0xFF}):
		return decode(body[2:], "utf-16be", "bom"), true
	}
	return Result{}, false
}

// wide recognises UTF-16 without a mark: of text in most languages, spaces and markup included, a good
// part of every second byte is zero, and none of the others.
func wide(body []byte) string {
	head := body[:min(len(body), 4096)&^1]
	if len(head) < 16 {
		return ""
	}
	var zero [2]int
	for i, c := range head {
		if c == 0 {
			zero[i&1]++
		}
	}
	enough := len(head) / 2 / 5
	switch {
	case zero[1] > enough && zero[0]*20 <= zero[1]:
		return "utf-16le"
	case zero[0] > enough && zero[1]*20 <= zero[0]:
		return "utf-16be"
	}
	return ""
}

// shifts reports whether body uses the escapes of ISO-2022-JP, which is valid ASCII as bytes.
func shifts(body []byte, label string) bool {
	if label != "" && label != "iso-2022-jp" {
		return false
	}
	return bytes.Contains(body, []byte("\x1b$B")) || bytes.Contains(body, []byte("\x1b$@"))
}

// lookup gives the WHATWG name for a label, or "" where the label means nothing that can be decoded.
func lookup(label string) string {
	label = strings.Trim(label, " \t\r\n\f\"'")
	if label == "" || len(label) > 64 {
		return ""
	}
	e, err := htmlindex.Get(label)
	if err != nil {
		return ""
	}
	name, err := htmlindex.Name(e)
	if err != nil || name == "replacement" {
		return ""
	}
	return name
}

// decode reads body as the encoding of that name.
func decode(body []byte, name, how string) Result {
	r := Result{Name: name, How: how}
	if name == "utf-8" {
		r.Text, r.Invalid = utf8Text(body)
		return r
	}
	var e encoding.Encoding
	switch name {
	case "utf-16le":
		e = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "utf-16be":
		e = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	default:
		// The name comes from htmlindex itself.
		e, _ = htmlindex.Get(name)
	}
	text, err := e.NewDecoder().Bytes(body)
	if err != nil {
		// No decoder of x/text fails on input; one that did would lose text.
		r.Text, r.Invalid = utf8Text(body)
		r.Name = "utf-8"
		return r
	}
	r.Text = string(text)
	r.Invalid = strings.Count(r.Text, "\uFFFD")
	return r
}

// utf8Text replaces each byte that is no part of a valid sequence by U+FFFD.
func utf8Text(body []byte) (string, int) {
	if utf8.Valid(body) {
		return string(body), 0
	}
	var b strings.Builder
	b.Grow(len(body) + len(body)/16)
	invalid := 0
	for len(body) > 0 {
		r, n := utf8.DecodeRune(body)
		if r == utf8.RuneError && n == 1 {
			invalid++
		}
		b.WriteRune(r)
		body = body[n:]
	}
	return b.String(), invalid
}
