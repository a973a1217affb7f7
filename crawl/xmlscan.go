package crawl

import (
	"bufio"
	"html"
	"io"
	"strings"
)

// xmlScanner goes through the tags of an XML document, however broken it is: one pass, no tree, no
// nesting to count, and no more memory than one tag or text of the size of a URL. Entities that a
// document declares itself are never expanded.
type xmlScanner struct {
	r    *bufio.Reader
	open bool // the "<" of the next tag has been taken
}

// xmlTag is a start or end tag.
type xmlTag struct {
	name  string // in lower case, with its prefix
	end   bool
	attrs string // as written
}

const maxXMLText = 2 * maxURL // bytes kept of a tag or a text

// next finds the next tag. Text, comments, declarations and CDATA sections before it are passed over.
func (s *xmlScanner) next() (xmlTag, error) {
	for {
		if !s.open {
			if _, err := s.until('<', false); err != nil {
				return xmlTag{}, err
			}
		}
		s.open = false
		c, err := s.r.ReadByte()
		if err != nil {
			return xmlTag{}, err
		}
		switch c {
		case '!':
			_, err = s.declaration()
		case '?':
			_, err = s.until('>', false)
		default:
			s.r.UnreadByte()
			return s.tag()
		}
		if err != nil {
			return xmlTag{}, err
		}
	}
}

// tag reads a tag behind its "<". A ">" in quotes does not end it.
func (s *xmlScanner) tag() (xmlTag, error) {
	var b []byte
	var quote byte
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return xmlTag{}, err
		}
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'') && len(b) > 0 && b[0] != '/':
			quote = c
		case quote == 0 && c == '>':
			return newXMLTag(string(b)), nil
		}
		if len(b) < maxXMLText {
			b = append(b, c)
		}
	}
}

func newXMLTag(s string) xmlTag {
	s, end := strings.CutPrefix(s, "/")
	s = strings.TrimSuffix(s, "/")
	name, attrs := s, ""
	if i := strings.IndexAny(s, " \t\r\n"); i >= 0 {
		name, attrs = s[:i], s[i:]
	}
	return xmlTag{name: strings.ToLower(name), end: end, attrs: attrs}
}

// attr is the value of an attribute, or "".
func (t xmlTag) attr(name string) string {
	for s := t.attrs; ; {
		s = strings.TrimLeft(s, " \t\r\n")
		key, rest, ok := strings.Cut(s, "=")
		rest = strings.TrimLeft(rest, " \t\r\n")
		if !ok || rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return ""
		}
		value, after, ok := strings.Cut(rest[1:], rest[:1])
		if !ok {
			return ""
		}
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(html.UnescapeString(value))
		}
		s = after
	}
}

// text reads up to the next tag and returns what stands there, CDATA sections included.
func (s *xmlScanner) text() (string, error) {
	var b strings.Builder
	for !s.open {
		part, err := s.until('<', true)
		if b.Len() < maxXMLText {
			b.WriteString(html.UnescapeString(part))
		}
		if err != nil {
			return b.String(), err
		}
		head, _ := s.r.Peek(1)
		if string(head) != "!" {
			s.open = true
			return strings.TrimSpace(b.String()), nil
		}
		s.r.Discard(1)
		if part, err = s.declaration(); err != nil {
			return b.String(), err
		}
		if b.Len() < maxXMLText {
			b.WriteString(part)
		}
	}
	return "", nil
}

// declaration reads what begins with "<!": the text of a CDATA section, or nothing of a comment or
// a document type with its entities.
func (s *xmlScanner) declaration() (string, error) {
	const cdata = "[CDATA["
	if head, _ := s.r.Peek(2); string(head) == "--" {
		s.r.Discard(2)
		_, err := s.through("-->", false)
		return "", err
	}
	if head, _ := s.r.Peek(len(cdata)); string(head) == cdata {
		s.r.Discard(len(cdata))
		return s.through("]]>", true)
	}
	depth := 0 // of "<" in the internal subset
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return "", err
		}
		switch c {
		case '<':
			depth++
		case '>':
			if depth--; depth < 0 {
				return "", nil
			}
		}
	}
}

// through reads up to and with end, whose last byte is ">" and whose others are all the same.
func (s *xmlScanner) through(end string, keep bool) (string, error) {
	var b []byte
	run := 0
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return "", err
		}
		if c == '>' && run >= len(end)-1 {
			return strings.TrimSuffix(string(b), end[:len(end)-1]), nil
		}
		if c == end[0] {
			run++
		} else {
			run = 0
		}
		if keep && len(b) < maxXMLText {
			b = append(b, c)
		}
	}
}

// until reads up to a byte and takes it.
func (s *xmlScanner) until(end byte, keep bool) (string, error) {
	var b []byte
	for {
		part, err := s.r.ReadSlice(end)
		if keep && len(b) < maxXMLText {
			b = append(b, part[:min(len(part), maxXMLText-len(b))]...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		return strings.TrimSuffix(string(b), string(end)), err
	}
}

// eofIsEnd takes the end of a document as no error: whatever was cut off, what came before counts.
func eofIsEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
