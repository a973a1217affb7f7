package charset

import (
	"bytes"
	"strings"
)

// prescanBytes is how far a declaration is looked for (WHATWG HTML, "prescan a byte stream").
const prescanBytes = 1024

// Declared finds the encoding that markup declares about itself: an XML declaration, or a meta element
// with charset or http-equiv, in the first 1,024 bytes. Comments are skipped. It returns "" if there is none.
// A declaration of UTF-16 means UTF-8, since it could be read as ASCII.
func Declared(body []byte) string {
	label := declared(body[:min(len(body), prescanBytes)])
	if name := lookup(label); name == "utf-16le" || name == "utf-16be" {
		return "utf-8"
	}
	return label
}

func declared(head []byte) string {
	if bytes.HasPrefix(head, []byte("<?xml")) {
		if end := bytes.IndexByte(head, '>'); end > 0 {
			if v := attribute(head[5:end], "encoding"); v != "" {
				return v
			}
		}
	}
	for len(head) > 0 {
		i := bytes.IndexByte(head, '<')
		if i < 0 {
			return ""
		}
		head = head[i:]
		if bytes.HasPrefix(head, []byte("<!--")) {
			end := bytes.Index(head, []byte("-->"))
			if end < 0 {
				return ""
			}
			head = head[end+3:]
			continue
		}
		if len(head) > 5 && bytes.EqualFold(head[:5], []byte("<meta")) && strings.IndexByte(" \t\r\n\f/", head[5]) >= 0 {
			end := bytes.IndexByte(head, '>')
			if end < 0 {
				end = len(head)
			}
			if v := metaCharset(head[5:end]); v != "" {
				return v
			}
			head = head[end:]
			continue
		}
		head = head[1:]
	}
	return ""
}

// metaCharset reads the charset of one meta element from its attributes.
func metaCharset(attrs []byte) string {
	if v := attribute(attrs, "charset"); v != "" {
		return v
	}
	if !strings.EqualFold(attribute(attrs, "http-equiv"), "content-type") {
		return ""
	}
	content := strings.ToLower(attribute(attrs, "content"))
	_, v, ok := strings.Cut(content, "charset")
	if !ok {
		return ""
	}
	v = strings.TrimLeft(v, " \t\r\n\f")
	if !strings.HasPrefix(v, "=") {
		return ""
	}
	v = strings.Trim(v[1:], " \t\r\n\f\"'")
	if end := strings.IndexAny(v, "; \t\r\n\f"); end >= 0 {
		v = v[:end]
	}
	return v
}

// attribute finds the value of one attribute. It is asked about 1,024 bytes at most.
func attribute(attrs []byte, name string) string {
	for len(attrs) > 0 {
		attrs = bytes.TrimLeft(attrs, " \t\r\n\f/")
		end := bytes.IndexAny(attrs, "= \t\r\n\f/")
		if end < 0 {
			end = len(attrs)
		}
		key := attrs[:end]
		attrs = bytes.TrimLeft(attrs[end:], " \t\r\n\f")
		var value []byte
		if len(attrs) > 0 && attrs[0] == '=' {
			value, attrs = attributeValue(bytes.TrimLeft(attrs[1:], " \t\r\n\f"))
		} else if end == 0 && len(attrs) > 0 {
			attrs = attrs[1:]
		}
		if strings.EqualFold(string(key), name) {
			return string(value)
		}
	}
	return ""
}

// attributeValue cuts a value, quoted or not, off the front of s.
func attributeValue(s []byte) (value, rest []byte) {
	if len(s) > 0 && (s[0] == '"' || s[0] == '\'') {
		if end := bytes.IndexByte(s[1:], s[0]); end >= 0 {
			return s[1 : 1+end], s[end+2:]
		}
		return s[1:], nil
	}
	end := bytes.IndexAny(s, " \t\r\n\f")
	if end < 0 {
		end = len(s)
	}
	return bytes.TrimRight(s[:end], "?"), s[end:]
}
