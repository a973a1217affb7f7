package extract

import "strings"

// token is what the scanner found.
type token uint8

const (
	ended token = iota
	words       // between tags: entities are still in it, unless it is raw
	startTag
	endTag
)

// attr is one attribute as it stands in the page.
type attr struct{ key, val string }

// scanner cuts a page into tags and text, as browsers do. It gives parts of the page and copies nothing; the text
// of scripts and styles, and comments, is jumped over. The tokenizer of x/net/html, which goes byte by byte and
// copies, sees the same (TestScanLikeTokenizer): it took two thirds of the time.
type scanner struct {
	src  string
	at   int
	from int // of the token
	to   int

	tag   tag
	name  string // of a tag, as it is written
	attrs []attr // of a start tag; a key may stand twice, and the first counts
	slash bool   // a start tag that ends in "/>"
	text  string
	raw   bool // text is to be taken as it is
	inRaw tag
}

// maxAttrs bounds the attributes of a tag that are looked at.
const maxAttrs = 200

// next goes to the next tag or text.
func (s *scanner) next() token {
	if s.inRaw != other {
		t := s.inRaw
		s.inRaw = other
		from := s.at
		s.at = s.rawEnd(t)
		if s.at > from {
			s.from, s.to = from, s.at
			s.text, s.raw = s.src[from:s.at], t != tagTitle && t != tagTextarea
			return words
		}
	}
	s.raw = false
	from := s.at
	for {
		i := strings.IndexByte(s.src[s.at:], '<')
		if i < 0 || s.at+i+1 >= len(s.src) {
			return s.last(from)
		}
		i += s.at
		c := s.src[i+1]
		switch {
		case letter(c), c == '!', c == '?':
		case c == '/' && i+2 < len(s.src):
		case c == '/':
			return s.last(from)
		default:
			s.at = i + 1
			continue
		}
		if i > from {
			s.from, s.to, s.at = from, i, i
			s.text = s.src[from:i]
			return words
		}
		switch t := s.markup(i, c); t {
		case words: // a comment
			from = s.at
		default:
			return t
		}
	}
}

// last is the text up to the end of the page.
func (s *scanner) last(from int) token {
	s.at = len(s.src)
	if from == s.at {
		return ended
	}
	s.from, s.to, s.text = from, s.at, s.src[from:]
	return words
}

// markup reads what begins with the "<" at i; words means that it was a comment.
func (s *scanner) markup(i int, c byte) token {
	switch {
	case letter(c):
		return s.readTag(i, i+1, startTag)
	case c == '/' && letter(s.src[i+2]):
		return s.readTag(i, i+2, endTag)
	case c == '!' && strings.HasPrefix(s.src[i+2:], "--"):
		s.at = commentEnd(s.src, i+4)
	default:
		s.at = len(s.src)
		if j := strings.IndexByte(s.src[i+2:], '>'); j >= 0 {
			s.at = i + 2 + j + 1
		}
	}
	return words
}

// commentEnd is the place behind the comment whose text begins at from.
func commentEnd(src string, from int) int {
	for at := from; ; {
		j := strings.IndexByte(src[at:], '>')
		if j < 0 {
			return len(src)
		}
		at += j
		body := src[from:at]
		if body == "" || body == "-" || strings.HasSuffix(body, "--") || strings.HasSuffix(body, "--!") {
			return at + 1
		}
		at++
	}
}

// tag reads a tag whose name begins at i. One that the page ends in is none.
func (s *scanner) readTag(from, i int, t token) token {
	s.from, s.attrs, s.slash = from, s.attrs[:0], false
	at := i
	for i < len(s.src) && !space(s.src[i]) && s.src[i] != '/' && s.src[i] != '>' {
		i++
	}
	s.name = s.src[at:i]
	s.tag = lookup(s.name)
	i, valued := s.attributes(i)
	if i >= len(s.src) {
		s.at = len(s.src)
		return ended
	}
	s.slash = t == startTag && s.src[i-1] == '/' && valued != i
	s.at, s.to = i+1, i+1
	if t == startTag {
		switch s.tag {
		case tagIframe, tagNoembed, tagNoframes, tagNoscript, tagPlaintext, tagScript, tagStyle, tagTextarea, tagTitle, tagXmp:
			s.inRaw = s.tag
		}
	}
	return t
}

// attributes reads up to the ">" of a tag, and gives its place, and where the last attribute's value ends.
func (s *scanner) attributes(i int) (end, valued int) {
	src := s.src
	for i = skipSpace(src, i); i < len(src) && src[i] != '>'; i = skipSpace(src, i) {
		key := i
		for i < len(src) && !space(src[i]) && src[i] != '/' && src[i] != '>' && (src[i] != '=' || i == key) {
			i++
		}
		keyEnd := i
		i = skipSpace(src, i)
		if i >= len(src) {
			break
		}
		val, valEnd := keyEnd, keyEnd
		switch src[i] {
		case '/':
			i++
		case '=':
			val, valEnd, i = value(src, skipSpace(src, i+1))
		}
		if keyEnd > key {
			valued = valEnd
			if len(s.attrs) < maxAttrs {
				s.attrs = append(s.attrs, attr{src[key:keyEnd], src[val:valEnd]})
			}
		}
	}
	return i, valued
}

// value reads an attribute's value at i, in quotes or without, and gives the place behind it.
func value(src string, i int) (from, to, next int) {
	if i >= len(src) {
		return i, i, i
	}
	if q := src[i]; q == '"' || q == '\'' {
		j := strings.IndexByte(src[i+1:], q)
		if j < 0 {
			return i + 1, len(src), len(src)
		}
		return i + 1, i + 1 + j, i + 1 + j + 1
	}
	from = i
	for i < len(src) && !space(src[i]) && src[i] != '>' {
		i++
	}
	return from, i, i
}

// rawEnd is where the text of a raw element ends: at its end tag, or with the page.
func (s *scanner) rawEnd(t tag) int {
	if t == tagPlaintext {
		return len(s.src)
	}
	name := elements[t].name
	end := rawTag(s.src, s.at, name)
	if t == tagScript {
		if i := strings.Index(s.src[s.at:end], "<!--"); i >= 0 {
			return scriptEnd(s.src, s.at+i+4)
		}
	}
	return end
}

// rawTag finds the end tag of the raw element of that name.
func rawTag(src string, at int, name string) int {
	for at < len(src) {
		i := strings.Index(src[at:], "</")
		if i < 0 {
			break
		}
		at += i
		if isEnd(src, at, name) > 0 {
			return at
		}
		at += 2
	}
	return len(src)
}

// isEnd gives the place behind the name and the character after it, where "</" at i begins such an end tag; else 0.
func isEnd(src string, i int, name string) int {
	end := i + 2 + len(name)
	if end >= len(src) || !strings.EqualFold(src[i+2:end], name) || !space(src[end]) && src[end] != '/' && src[end] != '>' {
		return 0
	}
	return end + 1
}

// scriptEnd finds the end of a script behind its first "<!--". In what such a comment hides, an end tag closes
// the inner script only.
func scriptEnd(src string, at int) int {
	const name = "script"
	const plain, hidden, inner = 0, 1, 2
	state, dashes := hidden, 2
	for at < len(src) {
		c := src[at]
		at++
		switch {
		case c == '-':
			dashes++
			continue
		case c == '>' && dashes >= 2 && state != plain:
			state = plain
		case c != '<':
		case at < len(src) && src[at] == '/':
			end := isEnd(src, at-1, name)
			switch {
			case end == 0:
				at++
			case state == inner:
				state, at = hidden, end
			default:
				return at - 1
			}
		case state == plain:
			if strings.HasPrefix(src[at:], "!--") {
				state, dashes, at = hidden, 2, at+3
				continue
			}
		case state == hidden:
			// x/net/html leaves the comment here, where the standard does not.
			if at < len(src) && !letter(src[at]) {
				state = plain
			} else if end := isEnd(src, at-2, name); end > 0 {
				state, at = inner, end
			}
		}
		dashes = 0
	}
	return len(src)
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }

func skipSpace(src string, i int) int {
	for i < len(src) && space(src[i]) {
		i++
	}
	return i
}
