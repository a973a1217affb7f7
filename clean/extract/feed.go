package extract

import (
	"encoding/xml"
	"strings"
)

// Feed takes the text out of RSS and Atom: title and text of each entry.
func (o Options) Feed(src string) Page {
	f := &feed{reader: newReader("", o)}
	walkXML([]byte(src), f.visit)
	f.endEntry()
	f.finish()
	f.meta.title = line(f.title)
	return f.page(o)
}

// feed goes through the XML of a feed.
type feed struct {
	*reader
	title   string // of the feed
	inEntry bool
	field   string            // the element that is open, of those that count
	values  map[string][]byte // of the entry
	xhtml   int               // elements that are open in an Atom text that is XHTML
}

// visit takes in one token.
func (f *feed) visit(t xml.Token) {
	switch t := t.(type) {
	case xml.StartElement:
		f.beginElement(t)
	case xml.EndElement:
		if t.Name.Local == "item" || t.Name.Local == "entry" {
			f.endEntry()
		}
		if f.xhtml > 0 {
			if f.xhtml--; f.xhtml > 0 {
				f.add("</" + t.Name.Local + ">")
				return
			}
		}
		f.field = ""
	case xml.CharData:
		if f.xhtml > 1 {
			f.add(escape(string(t)))
			return
		}
		f.add(string(t))
	}
}

func (f *feed) beginElement(t xml.StartElement) {
	if f.xhtml > 0 {
		f.xhtml++
		f.add("<" + t.Name.Local + ">")
		return
	}
	name := t.Name.Local
	switch {
	case name == "item", name == "entry":
		f.endEntry()
		f.inEntry, f.values, f.field = true, map[string][]byte{}, ""
	case name == "title", name == "description", name == "summary", name == "content", name == "encoded":
		f.field = name
		if t.Name.Space == "media" {
			f.field = ""
		}
		if xmlAttr(t, "type") == "xhtml" {
			f.xhtml = 1
		}
	default:
		f.field = ""
	}
}

// add takes in text of the open element.
func (f *feed) add(s string) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	switch {
	case f.field == "":
	case f.inEntry && len(f.values[f.field]) < maxText:
		f.values[f.field] = append(f.values[f.field], s...)
	case !f.inEntry && f.field == "title" && len(f.title) < maxTitle:
		f.title += s
	}
}

// endEntry writes the entry: its title as a heading, and the longest of its texts.
func (f *feed) endEntry() {
	if !f.inEntry || f.cut {
		return
	}
	f.inEntry = false
	if title := strings.TrimSpace(string(f.values["title"])); title != "" {
		f.more("<h2>" + title + "</h2>")
	}
	var text []byte
	for _, name := range [...]string{"encoded", "content", "description", "summary"} {
		if len(f.values[name]) > len(text) {
			text = f.values[name]
		}
	}
	f.more(string(text))
}

// signs makes markup of text. It is made once: that costs more than a hundred short texts.
var signs = strings.NewReplacer("&", "&amp;", "<", "&lt;")

// escape makes markup of text.
func escape(s string) string { return signs.Replace(s) }
