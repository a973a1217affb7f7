package crawl

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/encoding/charmap"
)

const maxLinks = 10_000 // of one page

// scanLinks lists the addresses that an HTML page links to, in order and without repetition.
func scanLinks(body []byte, page string) []address {
	from, err := newBase(page, nil)
	if err != nil {
		return nil
	}
	var out []address
	seen := map[string]bool{}
	based := false
	add := func(ref string) {
		ref = strings.TrimSpace(ref)
		if ref == "" || ref[0] == '#' {
			return
		}
		if a, err := parseAddress(toUTF8(ref), from); err == nil && len(a.fetch) <= 4*maxURL && !seen[a.key] {
			seen[a.key] = true
			out = append(out, a)
		}
	}
	walk(body, func(tag atom.Atom, attr func(string) string) bool {
		switch tag {
		case atom.Base:
			if href := attr("href"); href != "" && !based {
				based = true
				if b, err := newBase(toUTF8(href), from); err == nil {
					from = b
				}
			}
		case atom.A, atom.Area:
			if !hasToken(attr("rel"), "nofollow") {
				add(attr("href"))
			}
		case atom.Link:
			if t, _ := xmlType(attr("type")); hasToken(attr("rel"), "alternate") && isFeedType(t) {
				add(attr("href"))
			}
		case atom.Frame, atom.Iframe:
			add(attr("src"))
		case atom.Meta:
			if strings.EqualFold(attr("http-equiv"), "refresh") {
				add(refreshTarget(attr("content")))
			}
		}
		return len(out) < maxLinks
	})
	return out
}

// walk calls f for each start tag until f returns false. attr gives an attribute's value, or "".
func walk(body []byte, f func(tag atom.Atom, attr func(string) string) bool) {
	z := html.NewTokenizer(bytes.NewReader(body))
	var attrs [][2][]byte // names and values, which stand in the tokenizer's buffer
	attr := func(name string) string {
		for _, a := range attrs {
			if string(a[0]) == name {
				return string(a[1])
			}
		}
		return ""
	}
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := atom.Lookup(name)
			switch tag {
			case atom.A, atom.Area, atom.Base, atom.Frame, atom.Iframe, atom.Link, atom.Meta:
			default:
				continue // the tokenizer passes over the attributes
			}
			attrs = attrs[:0]
			for more && len(attrs) < 64 {
				var k, v []byte
				k, v, more = z.TagAttr()
				attrs = append(attrs, [2][]byte{k, v})
			}
			if !f(tag, attr) {
				return
			}
		}
	}
}

// refreshTarget is the URL in "5; url=…", or "".
func refreshTarget(content string) string {
	_, target, _ := strings.Cut(content, ";")
	target = strings.TrimSpace(target)
	if len(target) < 4 || !strings.EqualFold(target[:3], "url") {
		return ""
	}
	target, ok := strings.CutPrefix(strings.TrimSpace(target[3:]), "=")
	if !ok {
		return ""
	}
	return strings.Trim(strings.TrimSpace(target), `"'`)
}

// toUTF8 reads what is no UTF-8 as windows-1252, the usual encoding of pages that declare none.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return out
}

// hasToken looks for a word in a list of words, as rel attributes are.
func hasToken(list, word string) bool {
	for f := range strings.FieldsSeq(list) {
		if strings.EqualFold(f, word) {
			return true
		}
	}
	return false
}
