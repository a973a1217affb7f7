package extract

import (
	"bytes"
	"mime"
	"strings"
)

// Form is how the bytes of a page are to be read.
type Form uint8

// The forms. Other means that there is no text to be had.
const (
	Other Form = iota
	Markup
	Plain
	Feed   // RSS or Atom
	Packed // EPUB, DOCX or ODT
)

// FormOf decides from the media type, and where that says nothing from the first bytes. It also gives
// the charset parameter.
func FormOf(mediaType string, body []byte) (form Form, charset string) {
	kind, params, err := mime.ParseMediaType(mediaType)
	if err != nil {
		// A broken parameter does not make the type unknown.
		kind, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
		kind = strings.TrimSpace(kind)
		params = nil
	}
	charset = params["charset"]
	form = media(kind, body)
	if (form == Markup || form == Plain) && binary(body) {
		form = Other // whatever it is called
		if packed(body) {
			form = Packed
		}
	}
	return form, charset
}

// media decides by the media type.
func media(kind string, body []byte) Form {
	switch {
	case kind == "text/html", kind == "application/xhtml+xml":
		return Markup
	case kind == "", kind == "application/octet-stream", kind == "application/zip", strings.HasSuffix(kind, "xml"):
		return sniff(body)
	case kind == "application/epub+zip", strings.HasPrefix(kind, "application/vnd.oasis.opendocument.text"),
		kind == "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		return Packed
	case strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "json"), strings.HasSuffix(kind, "yaml"):
		return Plain
	}
	return Other
}

// binary reports whether bytes are those of a picture, a film, an archive, a program or the like: they begin as one does, and
// hold control characters that no text has.
func binary(body []byte) bool {
	head := body[:min(len(body), 1024)]
	for _, start := range [...]string{"\x89PNG\r\n", "\xff\xd8\xff", "GIF8", "RIFF", "BM", "%PDF-", "PK\x03\x04", "\x1f\x8b\x08", "BZh", "\xfd7zXZ", "7z\xbc\xaf", "\x28\xb5\x2f\xfd", "Rar!",
		"\x7fELF", "MZ", "\xca\xfe\xba\xbe", "\xcf\xfa\xed\xfe", "\xd0\xcf\x11\xe0", "\x00asm", "\x00\x00\x01\x00", "wOFF", "wOF2", "OggS", "ID3", "fLaC", "\x1aE\xdf\xa3", "SQLite format"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return bytes.ContainsFunc(head, func(r rune) bool { return r < '\t' || '\r' < r && r < ' ' && r != '\x1b' || r == '\x7f' })
		}
	}
	return len(head) > 8 && string(head[4:8]) == "ftyp" && head[0] == 0
}

// sniff looks at the first bytes: markup begins with a tag that HTML pages begin with, and
// text has no NUL unless it is UTF-16.
func sniff(body []byte) Form {
	head := bytes.TrimLeft(bytes.TrimPrefix(body[:min(len(body), 1024)], []byte("\xef\xbb\xbf")), " \t\r\n\f")
	lower := bytes.ToLower(head)
	for _, tag := range [...]string{"<!doctype html", "<html", "<head", "<body", "<title", "<meta", "<div", "<p>", "<h1", "<!--", "<table"} {
		if bytes.HasPrefix(lower, []byte(tag)) {
			return Markup
		}
	}
	if bytes.HasPrefix(lower, []byte("<?xml")) && bytes.Contains(lower, []byte("<html")) {
		return Markup
	}
	for _, tag := range [...]string{"<rss", "<feed", "<rdf:rdf"} {
		if bytes.HasPrefix(lower, []byte(tag)) || bytes.HasPrefix(lower, []byte("<?xml")) && bytes.Contains(lower, []byte(tag)) {
			return Feed
		}
	}
	if packed(body) {
		return Packed
	}
	if zero := bytes.Count(head, []byte{0}); zero > 0 && zero*10 < len(head) {
		return Other
	}
	return Plain
}

// packed reports whether a zip archive begins with what a book or an office document begins with.
func packed(body []byte) bool {
	const header = 30 // bytes, and behind them the first part's name
	if len(body) < header || !bytes.HasPrefix(body, []byte("PK\x03\x04")) {
		return false
	}
	name := body[header:]
	for _, first := range [...]string{"mimetype", "[Content_Types].xml", "META-INF/", "_rels/", "word/", "docProps/"} {
		if bytes.HasPrefix(name, []byte(first)) {
			return true
		}
	}
	return false
}
