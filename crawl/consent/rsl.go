package consent

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"millrace"
	"millrace/crawl/robots"

	"golang.org/x/text/encoding/htmlindex"
)

// Bounds on RSL.
const (
	maxDocuments = 4     // that one page and its robots.txt can make us fetch
	maxContents  = 5_000 // of one document
)

// document is an RSL document: what it says for which URLs.
type document struct {
	at       time.Time
	contents []content
}

// content is one <content> element.
type content struct {
	authority string // "" where its url is a path
	pattern   robots.Pattern
	value     millrace.Consent
	raw       string
}

// reference is an RSL document that something names.
type reference struct{ where, url string }

// references lists the RSL documents that speak for a page, each once, with the place of its first mention.
func references(in Input) []reference {
	var out []reference
	add := func(where, ref string) {
		at := in.Resolve(strings.TrimSpace(ref))
		known := slices.ContainsFunc(out, func(r reference) bool { return r.url == at })
		if at != "" && !known && len(out) < maxDocuments {
			out = append(out, reference{where, at})
		}
	}
	for _, l := range links(in.Header) {
		if isRSL(l.kind) {
			add("header", l.target)
		}
	}
	if in.Head != nil {
		for _, ref := range in.Head.rsl {
			add("link", ref)
		}
	}
	if in.Rules != nil {
		for _, ref := range in.Rules.licences {
			add("robots", ref)
		}
	}
	return out
}

// Wanted lists the RSL documents that a page or its robots.txt names and in.Site does not know, at most
// four. For robots.txt alone, give the URL of any page of the host and the rules.
func Wanted(in Input) (out []string) {
	for _, r := range references(in) {
		if in.Site == nil {
			out = append(out, r.url)
		} else if _, known := in.Site.rsl[r.url]; !known {
			out = append(out, r.url)
		}
	}
	return out
}

// rsl adds what RSL documents say about a page. A document that could not be had leaves its name.
func rsl(c *collector, in Input) {
	for _, r := range references(in) {
		var d *document
		if in.Site != nil {
			d = in.Site.rsl[r.url]
		}
		if d == nil {
			c.add(millrace.Statement{Source: "rsl:" + r.where, Raw: r.url})
			continue
		}
		for _, m := range d.about(in.URL) {
			c.add(millrace.Statement{Source: "rsl:" + r.where, Raw: r.url + " " + m.raw, Value: m.value, At: d.at})
		}
	}
	if in.Head == nil {
		return
	}
	for _, text := range in.Head.inline {
		if d := parseRSL([]byte(text), time.Time{}); d != nil {
			for _, m := range d.about(in.URL) {
				c.add(millrace.Statement{Source: "rsl:inline", Raw: m.raw, Value: m.value})
			}
		}
	}
}

// about lists the contents that url belongs to: of those that match, the ones with the longest pattern.
func (d *document) about(at string) (out []content) {
	host, path, longest := authority(at), robots.Path(at), 0
	for _, e := range d.contents {
		if e.authority != "" && e.authority != host || !e.pattern.Match(path) || e.pattern.Len() < longest {
			continue
		}
		if e.pattern.Len() > longest {
			longest, out = e.pattern.Len(), out[:0]
		}
		out = append(out, e)
	}
	return out
}

// rslContent is a content element of RSL 1.0, as far as it matters here.
type rslContent struct {
	URL      string       `xml:"url,attr"`
	Server   string       `xml:"server,attr"`
	Licences []rslLicence `xml:"license"`
	Raw      string       `xml:",innerxml"`
}

type rslLicence struct {
	Permits   []rslTerm `xml:"permits"`
	Prohibits []rslTerm `xml:"prohibits"`
	Payments  []rslTerm `xml:"payment"`
}

type rslTerm struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// parseRSL reads a document up to the first byte that is no XML. What holds no content element is no
// RSL document, and gives nil.
func parseRSL(body []byte, at time.Time) *document {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = charset
	out := &document{at: at}
	root := false
	for len(out.contents) < maxContents {
		t, err := d.Token()
		if err != nil {
			break
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "rsl":
			root = true
		case "content":
			var e rslContent
			if root && d.DecodeElement(&e, &start) == nil {
				out.contents = append(out.contents, e.content())
			}
		}
	}
	if len(out.contents) == 0 {
		return nil
	}
	return out
}

func charset(name string, in io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, errors.New("read RSL: unknown encoding")
	}
	return e.NewDecoder().Reader(in), nil
}

func (e *rslContent) content() content {
	ref := strings.TrimSpace(e.URL)
	out := content{value: e.value(), raw: clip(`<content url="` + ref + `"` + attribute("server", e.Server) + `>` + strings.Join(strings.Fields(e.Raw), " "))}
	if out.authority = authority(ref); out.authority != "" {
		_, ref, _ = strings.Cut(ref, "://")
		if i := strings.IndexAny(ref, "/?"); i >= 0 {
			ref = ref[i:]
		} else {
			ref = "/"
		}
	}
	if !strings.HasPrefix(ref, "/") && !strings.HasPrefix(ref, "*") {
		ref = "/" + ref
	}
	out.pattern = robots.Compile(ref)
	return out
}

// authority is the host and port of a URL in lower case, without a default port; "" where ref is a path.
func authority(ref string) string {
	scheme, rest, ok := strings.Cut(strings.ToLower(ref), "://")
	if !ok || strings.ContainsAny(scheme, "/?") {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return strings.TrimSuffix(rest, map[string]string{"http": ":80", "https": ":443"}[scheme])
}

func attribute(name, value string) string {
	if value == "" {
		return ""
	}
	return " " + name + `="` + value + `"`
}

// value is what a content says about training. Who must ask a server or pay first has not been allowed.
func (e *rslContent) value() millrace.Consent {
	if strings.TrimSpace(e.Server) != "" {
		return millrace.No
	}
	out := millrace.NotSaid
	for _, l := range e.Licences {
		out = stricter(out, l.value())
	}
	return out
}

// value is what one licence says. A yes needs a permit for training without any condition beside it.
func (l *rslLicence) value() millrace.Consent {
	for _, p := range l.Prohibits {
		if p.usage() && p.names() {
			return millrace.No
		}
	}
	for _, p := range l.Payments {
		if !strings.EqualFold(strings.TrimSpace(p.Type), "free") {
			return millrace.No
		}
	}
	yes, limited := false, false
	for _, p := range l.Permits {
		if p.usage() {
			yes = yes || p.names()
		} else {
			limited = true // to certain users or countries
		}
	}
	for _, p := range l.Prohibits {
		limited = limited || !p.usage()
	}
	if yes && !limited {
		return millrace.Yes
	}
	return millrace.NotSaid
}

// usage reports whether a term speaks of uses; that is also what one without a type does.
func (t rslTerm) usage() bool {
	return strings.TrimSpace(t.Type) == "" || strings.EqualFold(strings.TrimSpace(t.Type), "usage")
}

// names reports whether a term's list of uses holds training.
func (t rslTerm) names() bool {
	for w := range strings.FieldsFuncSeq(t.Text, func(r rune) bool { return r == ',' || r <= ' ' }) {
		switch strings.ToLower(w) {
		case "all", "ai-all", "ai-train", "train-ai":
			return true
		}
	}
	return false
}
