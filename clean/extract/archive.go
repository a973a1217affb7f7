package extract

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Bounds on what a zip archive may unpack to, in bytes: all of it, and so many times its own size beyond the first part.
const (
	maxUnpacked = 32 << 20
	firstPart   = 1 << 20
	maxRatio    = 200
	maxParts    = 10000
)

// ErrNoText means that an archive is none of those with text.
var ErrNoText = errors.New("an archive that is neither EPUB, DOCX nor ODT")

// Archive takes the text out of a book (EPUB) or an office document (DOCX, ODT): all of it, in its order.
func (o Options) Archive(body []byte) (Page, error) {
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return Page{}, fmt.Errorf("read archive: %w", err)
	}
	a := &archive{files: map[string]*zip.File{}, budget: min(maxUnpacked, firstPart+maxRatio*int64(len(body))), reader: newReader("", o)}
	for _, f := range z.File[:min(len(z.File), maxParts)] {
		a.files[f.Name] = f
	}
	switch {
	case a.files["META-INF/container.xml"] != nil:
		err = a.book()
	case a.files["word/document.xml"] != nil:
		err = a.parts("word/document.xml", "docProps/core.xml", wordElements())
	case a.files["content.xml"] != nil:
		err = a.parts("content.xml", "meta.xml", openElements())
	default:
		err = ErrNoText
	}
	if err != nil {
		return Page{}, err
	}
	return a.reader.page(o), nil
}

// archive is an open archive, and the reader that its parts go through.
type archive struct {
	files  map[string]*zip.File
	budget int64 // bytes that may still be unpacked
	reader *reader
}

// unpack gives a part of the archive.
func (a *archive) unpack(name string) (data []byte, err error) {
	f := a.files[name]
	if f == nil {
		return nil, fmt.Errorf("the archive has no part %q", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("unpack %q: %w", name, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	data, err = io.ReadAll(io.LimitReader(r, a.budget+1))
	if err != nil {
		return nil, fmt.Errorf("unpack %q: %w", name, err)
	}
	if a.budget -= int64(len(data)); a.budget < 0 {
		return nil, fmt.Errorf("unpack %q: the archive holds more than it should: over %d bytes", name, min(maxUnpacked, len(data)))
	}
	return data, nil
}

// walk goes through a part's XML, which may be damaged: what can be read counts.
func (a *archive) walk(name string, visit func(xml.Token)) error {
	data, err := a.unpack(name)
	if err != nil {
		return err
	}
	walkXML(data, visit)
	return nil
}

// walkXML gives the tokens of XML up to its end, or to what is none.
func walkXML(data []byte, visit func(xml.Token)) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		t, err := d.RawToken()
		if err != nil {
			return
		}
		visit(t)
	}
}

// xmlAttr gives an attribute by its name without prefix, or "".
func xmlAttr(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// book reads an EPUB: the chapters in the order of its spine.
func (a *archive) book() error {
	root := ""
	err := a.walk("META-INF/container.xml", func(t xml.Token) {
		if s, ok := t.(xml.StartElement); ok && s.Name.Local == "rootfile" && root == "" {
			root = xmlAttr(s, "full-path")
		}
	})
	if err != nil {
		return err
	}
	href := map[string]string{}
	var spine []string
	var d described
	err = a.walk(root, func(t xml.Token) {
		d.visit(t)
		s, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case s.Name.Local == "item" && strings.Contains(xmlAttr(s, "media-type"), "html"):
			href[xmlAttr(s, "id")] = xmlAttr(s, "href")
		case s.Name.Local == "itemref" && len(spine) < maxParts:
			spine = append(spine, xmlAttr(s, "idref"))
		}
	})
	if err != nil {
		return err
	}
	for _, id := range spine {
		name := path.Join(path.Dir(root), href[id])
		if href[id] == "" || a.files[name] == nil {
			continue
		}
		data, err := a.unpack(name)
		if err != nil {
			return err
		}
		delete(a.files, name) // a spine that names a chapter again has it once
		a.reader.more(strings.ToValidUTF8(string(data), "\uFFFD"))
	}
	d.tell(&a.reader.meta)
	return nil
}

// parts reads an office document: its text, and what it says about itself.
func (a *archive) parts(text, about string, elements map[string]action) error {
	w := &office{reader: a.reader, elements: elements}
	if err := a.walk(text, w.visit); err != nil {
		return err
	}
	a.reader.finish()
	if a.files[about] == nil {
		return nil
	}
	var d described
	err := a.walk(about, d.visit)
	d.tell(&a.reader.meta)
	return err
}

// described is the Dublin Core of a document.
type described struct {
	in                        string
	title, author, date, lang string
}

// visit takes in one token.
func (d *described) visit(t xml.Token) {
	switch t := t.(type) {
	case xml.StartElement:
		d.in = t.Name.Local
	case xml.EndElement:
		d.in = ""
	case xml.CharData:
		for name, to := range map[string]*string{"title": &d.title, "creator": &d.author, "date": &d.date, "created": &d.date, "language": &d.lang} {
			if d.in == name && *to == "" {
				*to = strings.ToValidUTF8(string(t[:min(len(t), maxTitle)]), "")
			}
		}
	}
}

// tell hands over what was said.
func (d *described) tell(m *metadata) {
	m.title, m.lang = line(d.title), d.lang
	m.author, m.date = "", ""
	m.setAuthor(fromMeta, d.author)
	m.setDate(fromMeta, d.date)
}
