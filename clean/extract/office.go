package extract

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// action is what an element of an office document means.
type action struct {
	tag    tag  // an element of HTML that does the same
	words  bool // its text counts
	skip   bool // with all inside it
	write  string
	change func(*reader, xml.StartElement) // the paragraph that has begun
}

// office goes through the XML of an office document.
type office struct {
	*reader
	elements map[string]action
	skipping int // elements that are open in one that is skipped
	inWords  int // elements that are open whose text counts
}

// visit takes in one token.
func (w *office) visit(t xml.Token) {
	switch t := t.(type) {
	case xml.StartElement:
		w.beginElement(t)
	case xml.EndElement:
		w.endElement(t)
	case xml.CharData:
		if w.skipping == 0 && w.inWords > 0 {
			w.put(string(t))
		}
	}
}

// beginElement goes by names without prefix, which is the document's own choice.
func (w *office) beginElement(t xml.StartElement) {
	a := w.elements[t.Name.Local]
	switch {
	case w.skipping > 0 || a.skip:
		w.skipping++
		return
	case a.write == "\n":
		w.lineBreak()
	case a.write != "":
		w.put(a.write)
	case a.tag != other:
		w.flush()
		w.impliedEnd(a.tag)
		w.push(a.tag, elements[a.tag].class, &attributes{})
	}
	if a.words {
		w.inWords++
	}
	if a.change != nil && w.top().tag == tagP {
		a.change(w.reader, t)
	}
}

func (w *office) endElement(t xml.EndElement) {
	if w.skipping > 0 {
		w.skipping--
		return
	}
	a := w.elements[t.Name.Local]
	if a.words && w.inWords > 0 {
		w.inWords--
	}
	if a.tag != other {
		w.tag = a.tag
		w.end()
	}
}

// put adds text.
func (w *office) put(s string) {
	if w.cut {
		return
	}
	w.text, w.raw = strings.ToValidUTF8(s, "\uFFFD"), true
	w.write()
	w.cut = w.cut || len(w.out) >= maxText || len(w.blocks) >= maxBlock || len(w.nodes) >= maxBlock
}

// wordElements are those of DOCX. Fallback repeats what stands before it.
func wordElements() map[string]action {
	style := func(r *reader, t xml.StartElement) {
		r.headline(strings.TrimPrefix(strings.ToLower(xmlAttr(t, "val")), "heading"))
	}
	listed := func(r *reader, _ xml.StartElement) {
		r.listed++
		r.top().kind, r.top().item, r.top().depth = item, r.listed, max(r.top().depth, 1)
	}
	depth := func(r *reader, t xml.StartElement) {
		if n, err := strconv.Atoi(xmlAttr(t, "val")); err == nil && n >= 0 {
			r.top().depth = uint8(min(n, 30) + 1)
		}
	}
	return map[string]action{
		"p": {tag: tagP}, "t": {words: true}, "tab": {write: " "}, "br": {write: "\n"}, "cr": {write: "\n"}, "pStyle": {change: style},
		"numPr": {change: listed}, "ilvl": {change: depth}, "tbl": {tag: tagTable}, "tr": {tag: tagTr}, "tc": {tag: tagTd},
		"Fallback": {skip: true}, "tabs": {skip: true},
	}
}

// openElements are those of ODT.
func openElements() map[string]action {
	title := func(r *reader, t xml.StartElement) { r.headline(xmlAttr(t, "outline-level")) }
	return map[string]action{
		"p": {tag: tagP, words: true}, "h": {tag: tagP, words: true, change: title}, "s": {write: " "}, "tab": {write: " "}, "line-break": {write: "\n"},
		"list": {tag: tagUl}, "list-item": {tag: tagLi}, "table": {tag: tagTable}, "table-row": {tag: tagTr}, "table-cell": {tag: tagTd},
		"annotation": {skip: true}, "tracked-changes": {skip: true}, "note": {skip: true}, "forms": {skip: true},
	}
}

// headline makes a heading of the paragraph that has begun.
func (r *reader) headline(level string) {
	if n, err := strconv.Atoi(level); err == nil && n > 0 {
		r.top().kind, r.top().level = heading, uint8(min(n, 6))
	}
}
