package extract

import "strings"

// attributes are those that say something about an element's place on the page.
type attributes struct {
	names
	hidden bool
	styled bool // hidden by its style: within a line, what is hidden otherwise is often a variant that a script shows
	main   bool // role=main
	aside  bool // a role that is not the page's text
	href   bool
	prop   bool // itemprop says that it is the article's text
	lang   string
}

// read takes in the attributes of a start tag.
func (at *attributes) read(list []attr) {
	for i := range list {
		switch key, val := list[i].key, list[i].val; strings.ToLower(key) {
		case "class", "id":
			at.add(val)
		case "href":
			at.href = true
		case "hidden":
			at.hidden = true
		case "aria-hidden":
			at.hidden = at.hidden || val == "true"
		case "style":
			at.styled = invisible(val)
			at.hidden = at.hidden || at.styled
		case "role":
			at.role(val)
		case "itemprop":
			at.prop = at.prop || strings.EqualFold(val, "articleBody")
		case "lang", "xml:lang":
			at.lang = val
		}
	}
}

func (at *attributes) role(val string) {
	switch strings.ToLower(val) {
	case "main":
		at.main = true
	case "navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar", "dialog", "alert", "toolbar":
		at.aside = true
	}
}

// invisible reports whether a style attribute hides its element.
func invisible(style string) bool {
	const most = 512
	style = strings.ToLower(style[:min(len(style), most)])
	if !strings.Contains(style, "none") && !strings.Contains(style, "hidden") {
		return false
	}
	style = strings.ReplaceAll(style, " ", "")
	return strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")
}

// attribute gives an attribute of a list by its name, or "".
func attribute(list []attr, name string) string {
	for i := range list {
		if strings.EqualFold(list[i].key, name) {
			return list[i].val
		}
	}
	return ""
}
