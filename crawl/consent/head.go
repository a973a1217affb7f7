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

// Scan reads an HTML page. token is our product token. Licences often stand in the footer and are looked for
// in the whole page, anything else in its first 64 KiB.
func Scan(body []byte, token string) *Head {
	s := scanner{token: token}
	early := body[:min(len(body), headSize)]
	end := max(lastFold(early, "<meta", 1), lastFold(early, "rsl+xml", 4), lastFold(body, "license", 2))
	z := html.NewTokenizer(bytes.NewReader(body))
	for at := 0; at <= end; at += len(z.Raw()) {
		s.late = at >= headSize
		switch z.Next() {
		case html.ErrorToken:
			return &s.head
		case html.StartTagToken, html.SelfClosingTagToken:
			s.tag(z)
		case html.TextToken:
			if s.script != "" {
				s.text(z.Text())
			}
		}
	}
	return &s.head
}

// lastFold is where word, in lower case, begins for the last time in b, in any case; -1 where it does not.
// It looks for the byte at rare, of which pages have least.
func lastFold(b []byte, word string, rare int) int {
	last := -1
	for _, c := range [2]byte{word[rare], strings.ToUpper(word)[rare]} {
		for at := rare; at < len(b); at++ {
			i := bytes.IndexByte(b[at:], c)
			if i < 0 {
				break
			}
			at += i
			if end := at - rare + len(word); end <= len(b) && at-rare > last && strings.EqualFold(string(b[at-rare:end]), word) {
				last = at - rare
			}
		}
	}
	return last
}

// scanner is the state of a Scan.
type scanner struct {
	head   Head
	token  string
	late   bool // behind the first 64 KiB
	script string
	attrs  []html.Attribute
}

// tag reads an element. Its attributes are looked at only where they can matter.
func (s *scanner) tag(z *html.Tokenizer) {
	s.script = ""
	licence := lastFold(z.Raw(), "license", 2) >= 0
	name, more := z.TagName()
	tag := atom.Lookup(name)
	if !licence && tag != atom.Meta && tag != atom.Script {
		return
	}
	s.attrs = s.attrs[:0]
	for more && len(s.attrs) < maxFound {
		var k, v []byte
		k, v, more = z.TagAttr()
		s.attrs = append(s.attrs, html.Attribute{Key: string(k), Val: string(v)})
	}
	switch tag {
	case atom.Meta:
		s.meta()
	case atom.Link, atom.A:
		s.link(tag)
	case atom.Script:
		s.script = strings.ToLower(strings.TrimSpace(s.attr("type")))
	}
	if licence {
		s.relation()
	}
}

// attr is the value of an attribute, or "". Of equal names the first counts.
func (s *scanner) attr(name string) string {
	for _, a := range s.attrs {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func (s *scanner) meta() {
	name, content := strings.ToLower(strings.TrimSpace(s.attr("name"))), s.attr("content")
	if name == "" {
		name = strings.ToLower(strings.TrimSpace(s.attr("property")))
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
	if !hasToken(s.attr("rel"), "license") || s.elsewhere() {
		return
	}
	href := strings.TrimSpace(s.attr("href"))
	switch {
	case href == "":
	case !isRSL(s.attr("type")):
		s.licence("rel", href)
	case tag == atom.Link:
		s.keep(&s.head.rsl, href)
	}
}

// relation reads RDFa: rel or property is cc:license.
func (s *scanner) relation() {
	if s.elsewhere() || !hasToken(s.attr("rel"), "cc:license") && !hasToken(s.attr("property"), "cc:license") {
		return
	}
	for _, name := range []string{"resource", "href", "content"} {
		if v := strings.TrimSpace(s.attr(name)); v != "" {
			s.licence("rdfa", v)
			return
		}
	}
}

// elsewhere reports whether an element speaks of another work than the page.
func (s *scanner) elsewhere() bool { return strings.TrimSpace(s.attr("about")) != "" }

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
