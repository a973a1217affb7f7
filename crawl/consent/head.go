package consent

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	headSize  = 64 << 10 // where meta elements and links to RSL documents are looked for
	maxScript = 64 << 10 // of one JSON-LD or RSL script
	maxFound  = 64       // of each kind of thing that a page's head can hold
)

// Head is what an HTML page says about its own use.
type Head struct {
	robots    []string // <meta name=robots> and the one for our token
	tdm       []string // <meta name=tdm-reservation>
	tdmPolicy []string // <meta name=tdm-policy>
	rsl       []string // <link rel=license type=application/rsl+xml>
	inline    []string // <script type=application/rsl+xml>
	licences  []licence
}

// licence is a mention of a licence: where it stands, and what is written there.
type licence struct{ where, raw string }

// Scan reads an HTML page. token is our product token. Licences often stand in the footer, so that the
// whole page is read where the word occurs at all; anything else is looked for in its first 64 KiB.
func Scan(body []byte, token string) *Head {
	s := scanner{token: token, rdfa: bytes.Contains(body, []byte("cc:license"))}
	z := html.NewTokenizer(bytes.NewReader(body))
	long := len(body) > headSize && (bytes.Contains(body[headSize:], []byte("icense")) || bytes.Contains(body[headSize:], []byte("ICENSE")))
	for read := 0; ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return &s.head
		}
		if read += len(z.Raw()); read > headSize {
			if s.late = true; !long {
				return &s.head
			}
		}
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			s.tag(z)
		case html.TextToken:
			if s.script != "" {
				s.text(z.Text())
			}
		}
	}
}

// scanner is the state of a Scan.
type scanner struct {
	head   Head
	token  string
	rdfa   bool // look at the attributes of every element
	late   bool // behind the first 64 KiB
	script string
	attrs  map[string]string
}

func (s *scanner) tag(z *html.Tokenizer) {
	s.script = ""
	name, more := z.TagName()
	tag := atom.Lookup(name)
	switch tag {
	case atom.Meta, atom.Link, atom.A, atom.Script:
	default:
		if !s.rdfa {
			return // the tokenizer passes over the attributes
		}
	}
	s.attrs = map[string]string{}
	for n := 0; more && n < maxFound; n++ {
		var k, v []byte
		k, v, more = z.TagAttr()
		if _, twice := s.attrs[string(k)]; !twice {
			s.attrs[string(k)] = string(v)
		}
	}
	switch tag {
	case atom.Meta:
		s.meta()
	case atom.Link, atom.A:
		s.link(tag)
	case atom.Script:
		s.script = strings.ToLower(strings.TrimSpace(s.attrs["type"]))
		return
	}
	if s.rdfa {
		s.relation()
	}
}

func (s *scanner) meta() {
	name, content := strings.ToLower(strings.TrimSpace(s.attrs["name"])), s.attrs["content"]
	if name == "" {
		name = strings.ToLower(strings.TrimSpace(s.attrs["property"]))
	}
	switch name {
	case "dcterms.rights", "dc.rights", "dcterms.license", "dc.rights.license", "dcterms:license", "dcterms:rights", "dc:rights":
		s.licence("meta", content)
	case "tdm-reservation":
		s.keep(&s.head.tdm, content)
	case "tdm-policy":
		s.keep(&s.head.tdmPolicy, content)
	default:
		if name == "robots" || s.token != "" && strings.EqualFold(name, s.token) {
			s.keep(&s.head.robots, content)
		}
	}
}

func (s *scanner) link(tag atom.Atom) {
	if !hasToken(s.attrs["rel"], "license") || s.elsewhere() {
		return
	}
	href := strings.TrimSpace(s.attrs["href"])
	switch {
	case href == "":
	case !isRSL(s.attrs["type"]):
		s.licence("rel", href)
	case tag == atom.Link:
		s.keep(&s.head.rsl, href)
	}
}

// relation reads RDFa: rel or property is cc:license.
func (s *scanner) relation() {
	if s.elsewhere() || !hasToken(s.attrs["rel"], "cc:license") && !hasToken(s.attrs["property"], "cc:license") {
		return
	}
	for _, name := range []string{"resource", "href", "content"} {
		if v := strings.TrimSpace(s.attrs[name]); v != "" {
			s.licence("rdfa", v)
			return
		}
	}
}

// elsewhere reports whether an element speaks of another work than the page.
func (s *scanner) elsewhere() bool { return strings.TrimSpace(s.attrs["about"]) != "" }

func (s *scanner) licence(where, raw string) {
	if raw = strings.TrimSpace(raw); raw != "" && len(s.head.licences) < maxFound {
		s.head.licences = append(s.head.licences, licence{where, clip(raw)})
	}
}

// keep appends what stands in the first 64 KiB.
func (s *scanner) keep(list *[]string, v string) {
	if !s.late && len(*list) < maxFound {
		*list = append(*list, clip(v))
	}
}

func (s *scanner) text(b []byte) {
	kind := s.script
	s.script = ""
	if len(b) > maxScript {
		return
	}
	switch {
	case kind == "application/ld+json":
		for _, l := range linkedData(b) {
			s.licence("json-ld", l)
		}
	case isRSL(kind) && !s.late && len(s.head.inline) < maxPerSource:
		s.head.inline = append(s.head.inline, string(b))
	}
}

// isRSL reports whether a media type is that of an RSL document.
func isRSL(mediaType string) bool {
	kind, _, _ := strings.Cut(mediaType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/rsl+xml")
}
