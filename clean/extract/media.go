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
	switch {
	case kind == "text/html", kind == "application/xhtml+xml":
		return Markup, charset
	case kind == "", kind == "application/octet-stream", kind == "application/zip", strings.HasSuffix(kind, "xml"):
		return sniff(body), charset
	case kind == "application/epub+zip", strings.HasPrefix(kind, "application/vnd.oasis.opendocument.text"),
		kind == "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		return Packed, charset
	case kind == "text/plain", kind == "text/markdown":
		return Plain, charset
	case strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "json"), strings.HasSuffix(kind, "yaml"):
		return Plain, charset
	}
	return Other, charset
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
