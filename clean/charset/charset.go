// Package charset turns the bytes of a page into UTF-8: bytes and what was said about them come in, text
// and the name of the encoding go out. Nothing is dropped: a byte that means nothing becomes U+FFFD and is counted.
//
// What was said is believed when the bytes agree with it; else, and where nothing was said, statistics decide. They stand
// in model.bin, which `make train-charset` makes.
//
// Read in this order: charset.go, prescan.go, verify.go, utf8.go, wide.go, guess.go, sample.go, lm.
package charset

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// Policy says what becomes of bytes that mean nothing.
type Policy uint8

const (
	// Salvage reads a lone invalid byte inside of UTF-8 as windows-1252, and mends what is nearly UTF-8: CESU-8 and
	// Java's NUL. What is left becomes U+FFFD. All is counted.
	Salvage Policy = iota
	// Replace makes U+FFFD of all but what can be mended.
	Replace
	// Strict makes an error of the first of them.
	Strict
)

// ErrInvalid is what Strict makes of bytes that mean nothing.
var ErrInvalid = errors.New("bytes mean nothing in their encoding")

// Result is a page as text.
type Result struct {
	Text     string // valid UTF-8
	Name     string // the encoding's WHATWG name, such as "windows-1252"
	How      string // what decided: "bom", "utf16", "utf8", "header", "meta", "guess"
	Invalid  int    // how many U+FFFD stand for bytes that mean nothing
	Salvaged int    // how many bytes inside of UTF-8 were read as windows-1252
	Mended   int    // how many characters were written in what is nearly UTF-8
	// Overridden says that a declared encoding did not fit the bytes and was not believed.
	Overridden bool
}

// Decode is Salvage.Decode, which knows no error.
func Decode(body []byte, header string, markup bool) Result {
	return Salvage.find(body, header, markup)
}

// Decode finds the encoding of body and decodes it. header is the charset parameter of the HTTP header;
// with markup, a declaration within the first 1,024 bytes counts too. The order is: byte order mark, UTF-16
// without one, valid UTF-8, header, declaration, statistics. An error is ErrInvalid, with Strict only; the result has
// no text then.
//
// Bytes that are valid UTF-8 are UTF-8 whatever the labels say: other encodings hardly ever look like it by chance.
func (p Policy) Decode(body []byte, header string, markup bool) (Result, error) {
	r := p.find(body, header, markup)
	if p == Strict && r.Invalid > 0 {
		r.Text = ""
		return r, ErrInvalid
	}
	return r, nil
}

// find decodes, and leaves the errors to Decode.
func (p Policy) find(body []byte, header string, markup bool) Result {
	if r, ok := p.byMark(body); ok {
		return r
	}
	if name := wide(body); name != "" {
		return p.decode(body, name, "utf16")
	}
	labels := [2]said{{lookup(header), "header"}, {"", "meta"}}
	if markup {
		labels[1].name = lookup(Declared(body))
	}
	if labels[0].name == "" {
		labels[0], labels[1].name = labels[1], ""
	}
	shifted := shifts(body, labels[0].name)
	if name := labels[0].name; shifted && name != "" && name != "iso-2022-jp" {
		r := p.decode(body, "iso-2022-jp", "guess")
		if shifted = r.Invalid == 0; shifted {
			r.Overridden = true
			return r
		}
	}
	if !shifted && utf8.Valid(body) {
		return p.decode(body, "utf-8", "utf8")
	}
	counts := countUTF8(body)
	if !shifted && counts.cutOnly() {
		return p.decode(body, "utf-8", "utf8")
	}
	if labels[0].name == "" {
		return p.decode(body, guess(body, counts, ""), "guess")
	}
	return p.label(body, counts, labels)
}

// said is an encoding that somebody declared.
type said struct{ name, how string }

// label decodes by what was said, as far as the bytes agree with it.
func (p Policy) label(body []byte, counts utf8Counts, labels [2]said) Result {
	said := p.decode(body, labels[0].name, labels[0].how)
	if credible(body, counts, said) {
		return said
	}
	if name := labels[1].name; name != "" && name != said.Name {
		if second := p.decode(body, name, "meta"); credible(body, counts, second) {
			second.Overridden = true
			return second
		}
	}
	name := guess(body, counts, said.Name)
	if name == said.Name {
		return said
	}
	guessed := p.decode(body, name, "guess")
	if guessed.Text == said.Text && said.damage() == 0 {
		return said
	}
	if d := said.damage(); doubtful(d, said.Text) && guessed.damage()*2 >= d {
		return said
	}
	guessed.Overridden = true
	return guessed
}

// byMark decodes bytes that start with a byte order mark.
func (p Policy) byMark(body []byte) (Result, bool) {
	switch {
	case bytes.HasPrefix(body, []byte{0xEF, 0xBB, 0xBF}):
		return p.decode(body[3:], "utf-8", "bom"), true
	case bytes.HasPrefix(body, []byte{0xFF, 0xFE}):
		return p.decode(body[2:], "utf-16le", "bom"), true
	case bytes.HasPrefix(body, []byte{0xFE, 0xFF}):
		return p.decode(body[2:], "utf-16be", "bom"), true
	}
	return Result{}, false
}

// shifts reports whether body uses the escapes of ISO-2022-JP, which is valid ASCII as bytes, so that no other label can be
// right. Where it is labelled so, bytes beyond ASCII do not speak against it.
func shifts(body []byte, label string) bool {
	if !bytes.Contains(body, []byte("\x1b$B")) && !bytes.Contains(body, []byte("\x1b$@")) {
		return false
	}
	return label == "iso-2022-jp" || bytes.IndexFunc(body, beyondASCII) < 0
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
func (p Policy) decode(body []byte, name, how string) Result {
	r := Result{Name: name, How: how}
	if name == "utf-8" {
		p.utf8Text(body, &r)
		return r
	}
	var e encoding.Encoding
	switch name {
	case "utf-16le":
		e = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "utf-16be":
		e = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "gbk":
		e = simplifiedchinese.GB18030 // as browsers do: it has all of GBK
	default:
		// The name comes from htmlindex itself.
		e, _ = htmlindex.Get(name)
	}
	text, err := e.NewDecoder().Bytes(body)
	if err != nil {
		// No decoder of x/text fails on input; one that did would lose text.
		r.Name = "utf-8"
		p.utf8Text(body, &r)
		return r
	}
	r.Text = string(text)
	r.Invalid = strings.Count(r.Text, "\uFFFD")
	return r
}
