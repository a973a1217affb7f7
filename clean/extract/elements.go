package extract

import (
	"bytes"
	"strings"

	"golang.org/x/net/html/atom"
)

// class says what an element does to the text around it.
type class uint8

const (
	inline    class = iota // its text runs on; it is not kept on the stack
	void                   // has no content
	paragraph              // starts a block of text
	container              // starts a block of text and may be the main one
	skipped                // its text is never the page's
)

// classify sorts the elements of HTML. What it does not know runs on.
func classify(a atom.Atom) class {
	switch a {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Param,
		atom.Source, atom.Track, atom.Wbr:
		return void
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Pre, atom.Li, atom.Dt, atom.Dd, atom.Tr, atom.Caption,
		atom.Figcaption, atom.Summary, atom.Legend, atom.Address, atom.Hgroup, atom.Thead, atom.Tbody, atom.Tfoot, atom.Listing, atom.Xmp:
		return paragraph
	case atom.Body, atom.Div, atom.Section, atom.Article, atom.Main, atom.Td, atom.Th, atom.Blockquote, atom.Ul, atom.Ol, atom.Dl,
		atom.Table, atom.Form, atom.Fieldset, atom.Figure, atom.Center, atom.Details, atom.Header:
		return container
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Select, atom.Button, atom.Iframe, atom.Nav, atom.Footer,
		atom.Aside, atom.Dialog, atom.Object, atom.Canvas, atom.Audio, atom.Video, atom.Textarea, atom.Noembed, atom.Noframes, atom.Datalist:
		return skipped
	}
	return inline
}

// kind is the part that a block plays in the text.
type kind uint8

const (
	prose kind = iota
	heading
	item // of a list
	term // of a definition list: a term or its definition
	cell // of a table
	pre
)

// kindOf is the kind of the blocks directly inside a, where it has one of its own.
func kindOf(a atom.Atom, outer kind) kind {
	switch a {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return heading
	case atom.Pre, atom.Listing, atom.Xmp:
		return pre
	case atom.Li:
		return item
	case atom.Dt, atom.Dd:
		return term
	case atom.Td, atom.Th:
		return cell
	case atom.P, atom.Div:
		if outer == item || outer == term || outer == cell {
			return outer
		}
	}
	return prose
}

// level is a heading's depth, 1 to 6.
func level(a atom.Atom) uint8 {
	switch a {
	case atom.H1:
		return 1
	case atom.H2:
		return 2
	case atom.H3:
		return 3
	case atom.H4:
		return 4
	case atom.H5:
		return 5
	case atom.H6:
		return 6
	}
	return 0
}

// attributes are those that say something about an element's place on the page.
type attributes struct {
	names  string // class and id, lower case
	hidden bool
	main   bool // role=main
	aside  bool // a role that is not the page's text
	href   bool
}

// set takes in one attribute.
func (at *attributes) set(key, val []byte) {
	const most = 256
	val = val[:min(len(val), most)]
	switch string(key) {
	case "class", "id":
		at.names += " " + strings.ToLower(string(val))
	case "href":
		at.href = true
	case "hidden":
		at.hidden = true
	case "aria-hidden":
		at.hidden = at.hidden || string(val) == "true"
	case "style":
		v := bytes.ReplaceAll(bytes.ToLower(val), []byte(" "), nil)
		at.hidden = at.hidden || bytes.Contains(v, []byte("display:none")) || bytes.Contains(v, []byte("visibility:hidden"))
	case "role":
		switch strings.ToLower(string(val)) {
		case "main":
			at.main = true
		case "navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar", "dialog", "alert", "toolbar":
			at.aside = true
		}
	}
}

// unwanted reports whether the class names are those of boilerplate. A name of content saves it.
func (at *attributes) unwanted() bool {
	bad := false
	for name := range strings.FieldsSeq(at.names) {
		for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '-' || r == '_' }) {
			switch word {
			case "article", "content", "story", "body", "entry", "post", "main", "text", "doc", "docs", "documentation":
				return false
			case "sidebar", "share", "sharing", "social", "related", "promo", "menu", "breadcrumb", "breadcrumbs", "newsletter", "cookie",
				"cookies", "banner", "sponsor", "sponsored", "advert", "advertisement", "ads", "popup", "modal", "footer", "nav", "navbar",
				"navigation", "masthead", "pagination", "pager", "subscribe", "signup", "login", "toolbar", "comments", "commentlist", "respond",
				"editsection", "lineno", "linenos", "gutter", "toc", "hidden", "skip", "widget":
				bad = true
			}
		}
		if strings.HasPrefix(name, "comment-") {
			bad = true
		}
	}
	return bad
}

// language reports whether the class names are those of highlighted code.
func (at *attributes) language() bool {
	for name := range strings.FieldsSeq(at.names) {
		if strings.HasPrefix(name, "language-") || strings.HasPrefix(name, "lang-") || strings.HasPrefix(name, "highlight") ||
			strings.HasPrefix(name, "brush") || name == "code" || name == "chroma" || name == "prettyprint" || name == "sourcecode" {
			return true
		}
	}
	return false
}
