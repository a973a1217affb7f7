package consent

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"millrace"
)

// licencePrefix begins the source of every statement about a licence.
const licencePrefix = "licence:"

// licences reads where a page names its licence: rel=license, the Link header, meta, JSON-LD and RDFa. A
// Creative Commons licence is a grant for the page; two different licences are none. A grant is a yes only
// where its terms leave training open: NC and ND are conditions that a corpus cannot promise to keep.
func licences(c *collector, in Input) {
	var found []licence
	for _, l := range links(in.Header) {
		if l.is("license") && !isRSL(l.kind) {
			found = append(found, licence{"header", l.target})
		}
	}
	if in.Head != nil {
		found = append(found, in.Head.licences...)
	}
	var names []string
	for _, l := range found {
		if n := nameOf(l); n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, l := range found {
		n := nameOf(l)
		if n == "" {
			continue
		}
		s := millrace.Statement{Source: licencePrefix + l.where, Raw: l.raw}
		if len(names) == 1 && slices.Contains(openLicences, family(n)) {
			s.Value = millrace.Yes
		}
		c.add(s)
	}
}

// openLicences are the families that let anybody use a work for anything.
var openLicences = []string{"CC0", "CC-PDM", "CC-BY", "CC-BY-SA"}

// nameOf is what a mention calls a licence: its SPDX identifier, or the reference as written where it is a
// link to something else. A rights statement in words is no licence.
func nameOf(l licence) string {
	if id := SPDX(l.raw); id != "" || l.where == "meta" {
		return id
	}
	return l.raw
}

// Licence is the licence that statements name: an SPDX identifier, a reference as written,
// millrace.LicenceConflict where there are two, or "".
func Licence(by []millrace.Statement) string {
	out := ""
	for _, s := range by {
		where, ok := strings.CutPrefix(s.Source, licencePrefix)
		if !ok {
			continue
		}
		if n := nameOf(licence{where, s.Raw}); out == "" {
			out = n
		} else if n != out {
			return millrace.LicenceConflict
		}
	}
	return out
}

// ccURL is the address of a Creative Commons licence or mark.
var ccURL = regexp.MustCompile(`(?i)(?:^|[/.\s"'(<])creativecommons\.org/(licenses|publicdomain)/([a-z+-]+)(?:/(\d\.\d))?(?:/([a-z]{2})(?:[/?#.]|$))?`)

// SPDX is the identifier of the Creative Commons licence that text names by its address, or "". Ported
// versions have their country behind the version, as SPDX writes it.
func SPDX(text string) string {
	m := ccURL.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	kind, version, country := strings.ToLower(m[2]), m[3], strings.ToUpper(m[4])
	if strings.EqualFold(m[1], "publicdomain") {
		switch kind {
		case "zero":
			return join("CC0", version)
		case "mark":
			return join("CC-PDM", version)
		}
		return ""
	}
	switch kind {
	case "by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd":
		return join("CC-"+strings.ToUpper(kind), version, country)
	case "by-nd-nc": // as version 1.0 wrote it
		return join("CC-BY-NC-ND", version, country)
	}
	return ""
}

func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "-")
}

// family is an identifier without its version.
func family(id string) string {
	if i := strings.IndexFunc(id, func(r rune) bool { return r == '.' }); i > 1 && id[i-2] == '-' {
		return id[:i-2]
	}
	return id
}

// link is one entry of a Link header (RFC 8288).
type link struct{ target, rel, kind string }

func (l link) is(rel string) bool { return hasToken(l.rel, rel) }

// links reads the Link headers that name a licence.
func links(header []millrace.Field) (out []link) {
	for _, v := range values(header, "Link") {
		for len(out) < maxFound {
			_, rest, ok := strings.Cut(v, "<")
			if !ok {
				break
			}
			l := link{}
			if l.target, v, ok = strings.Cut(rest, ">"); !ok {
				break
			}
			if v = l.parameters(v); l.is("license") {
				out = append(out, l)
			}
		}
	}
	return out
}

// parameters reads `; rel="license"; type=…` up to the comma before the next entry.
func (l *link) parameters(s string) (rest string) {
	anchored := false
	for {
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, ";") {
			break
		}
		i := strings.IndexAny(s[1:], "=;,")
		if i < 0 {
			return ""
		}
		name := strings.ToLower(strings.TrimSpace(s[1 : i+1]))
		if s = s[i+1:]; s[0] != '=' {
			continue
		}
		var value string
		value, s = parameterValue(strings.TrimLeft(s[1:], " \t"))
		switch {
		case name == "rel" && l.rel == "":
			l.rel = value
		case name == "type":
			l.kind = value
		case name == "anchor":
			anchored = anchored || value != "" && value != "#"
		}
	}
	if anchored {
		l.rel = "" // it speaks of something else
	}
	return s
}

func parameterValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, ";,")
		if i < 0 {
			i = len(s)
		}
		return strings.TrimSpace(s[:i]), s[i:]
	}
	value, rest, _ = strings.Cut(s[1:], `"`)
	return value, rest
}

// linkedData lists the licences that a JSON-LD script states for the page: of its outermost objects, and
// of those in their graph. A picture's or a data set's licence is not the page's.
func linkedData(script []byte) (out []string) {
	var v any
	if json.Unmarshal(script, &v) != nil {
		return nil
	}
	var walk func(v any, depth int)
	walk = func(v any, depth int) {
		switch v := v.(type) {
		case []any:
			for _, e := range v[:min(len(v), maxFound)] {
				walk(e, depth)
			}
		case map[string]any:
			if !isPageType(v["@type"]) {
				return
			}
			for _, k := range []string{"license", "schema:license"} {
				out = append(out, idsOf(v[k])...)
			}
			if g, ok := v["@graph"]; ok && depth == 0 {
				walk(g, depth+1)
			}
		}
	}
	walk(v, 0)
	return out[:min(len(out), maxFound)]
}

// isPageType reports whether a JSON-LD type may be the text of a page.
func isPageType(v any) bool {
	switch v := v.(type) {
	case string:
		switch strings.TrimPrefix(v[strings.LastIndexByte(v, '/')+1:], "schema:") {
		case "ImageObject", "VideoObject", "AudioObject", "MediaObject", "Dataset", "SoftwareApplication", "SoftwareSourceCode", "Product", "Organization", "Person":
			return false
		}
	case []any:
		for _, e := range v[:min(len(v), maxFound)] {
			if s, ok := e.(string); ok && !isPageType(s) {
				return false
			}
		}
	}
	return true
}

// idsOf lists the addresses in a JSON-LD value.
func idsOf(v any) (out []string) {
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case map[string]any:
		for _, k := range []string{"@id", "url"} {
			if s, ok := v[k].(string); ok {
				return []string{s}
			}
		}
	case []any:
		for _, e := range v[:min(len(v), maxFound)] {
			if _, deep := e.([]any); !deep {
				out = append(out, idsOf(e)...)
			}
		}
	}
	return out
}
