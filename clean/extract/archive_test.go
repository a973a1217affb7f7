package extract

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
)

// packedOf makes an archive of names and texts, in order.
func packedOf(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(parts[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	containerXML = `<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>`
	core         = `<x xmlns:dc="d"><dc:title>The mill</dc:title><dc:creator>A. Miller</dc:creator><dc:date>1901-02-03T04:05:06Z</dc:date><dc:language>en</dc:language></x>`
)

func TestArchive(t *testing.T) {
	opf := `<package><metadata xmlns:dc="d"><dc:title>The mill</dc:title><dc:creator>A. Miller</dc:creator><dc:date>1901-02-03</dc:date><dc:language>en</dc:language></metadata>
<manifest><item id="b" href="two.xhtml" media-type="application/xhtml+xml"/><item id="a" href="one.xhtml" media-type="application/xhtml+xml"/><item id="c" href="p.png" media-type="image/png"/></manifest>
<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="a"/><itemref idref="c"/><itemref idref="x"/></spine></package>`
	word := `<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Head</w:t></w:r></w:p>
<w:p><w:r><w:t xml:space="preserve">One </w:t></w:r><w:r><w:t>two</w:t><w:tab/><w:t>three</w:t><w:delText>no</w:delText></w:r></w:p>
<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/></w:numPr></w:pPr><w:r><w:t>item</w:t></w:r></w:p><w:p><w:pPr><w:numPr><w:ilvl w:val="1"/></w:numPr></w:pPr><w:r><w:t>inner</w:t></w:r></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
<mc:AlternateContent><mc:Fallback><w:p><w:r><w:t>again</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent><w:p><w:r><w:t>End</w:t></w:r></w:p></w:body></w:document>`
	open := `<office:document-content><office:body><text:h text:outline-level="2">Head</text:h><text:p>One<text:s/>two <text:span>three</text:span><text:line-break/>four</text:p>
<text:list><text:list-item><text:p>item</text:p></text:list-item></text:list><text:p>x<office:annotation><text:p>no</text:p></office:annotation>y</text:p>
<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table></office:body></office:document-content>`
	tests := []struct {
		name           string
		body           []byte
		text, markdown string
	}{
		{"epub", packedOf(t, "mimetype", "application/epub+zip", "META-INF/container.xml", containerXML, "OEBPS/book.opf", opf, "OEBPS/two.xhtml", "<title>2</title><body><p>second", "OEBPS/one.xhtml", "<body class=sidebar><h1>Chapter</h1><p>first"),
			"Chapter\n\nfirst\n\nsecond", "# Chapter\n\nfirst\n\nsecond"},
		{"docx", packedOf(t, "[Content_Types].xml", "", "word/document.xml", word, "docProps/core.xml", core),
			"Head\n\nOne two three\n\nitem\ninner\n\na\tb\n\nEnd", "# Head\n\nOne two three\n\n- item\n    - inner\n\n| a | b |\n| --- | --- |\n\nEnd"},
		{"odt", packedOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", open, "meta.xml", core),
			"Head\n\nOne two three\nfour\n\nitem\n\nxy\n\na\tb", "## Head\n\nOne two three\nfour\n\n- item\n\nxy\n\n| a | b |\n| --- | --- |"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if form, _ := FormOf("", tt.body); form != Packed {
				t.Errorf("form %v", form)
			}
			p, err := Options{}.Archive(tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if p.Text != tt.text {
				t.Errorf("text %q\nwant %q", p.Text, tt.text)
			}
			if p.Title != "The mill" || p.Author != "A. Miller" || p.Date != "1901-02-03" || p.Lang != "en" {
				t.Errorf("title %q, author %q, date %q, language %q", p.Title, p.Author, p.Date, p.Lang)
			}
			if p, err = (Options{Markdown: true}).Archive(tt.body); err != nil || p.Text != tt.markdown {
				t.Errorf("markdown %q, %v\nwant %q", p.Text, err, tt.markdown)
			}
		})
	}
}

// An archive that unpacks to more than it should, is damaged, or is another one gives an error and no text.
func TestArchiveHostile(t *testing.T) {
	bomb := packedOf(t, "word/document.xml", "<w:p><w:t>"+strings.Repeat(" ", maxUnpacked+1))
	few := packedOf(t, "word/document.xml", "<w:p><w:t>"+strings.Repeat(" ", 8<<20))
	for name, body := range map[string][]byte{
		"bomb": bomb, "ratio": few, "cut": bomb[:len(bomb)-30], "empty": nil, "no zip": []byte("PK\x03\x04"), "others": packedOf(t, "a.txt", "text"),
		"no book": packedOf(t, "META-INF/container.xml", containerXML), "no root": packedOf(t, "META-INF/container.xml", "<a>"),
	} {
		if p, err := (Options{}).Archive(body); err == nil {
			t.Errorf("%s: no error, text of %d bytes", name, len(p.Text))
		}
	}
	deep := packedOf(t, "word/document.xml", strings.Repeat("<w:p><w:tbl>", 1e5)+"<w:p><w:t>text")
	if p, err := (Options{}).Archive(deep); err != nil || p.Text != "text" {
		t.Errorf("a deep document: %q, %v", p.Text, err)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add([]byte("<w:p><w:pStyle w:val='heading2'/><w:t>a</w:t></w:p><w:tbl><w:tr><w:tc>"), []byte("<item id=a href=b media-type=html/><itemref idref=a/>"))
	f.Add([]byte("<text:h text:outline-level='1'>a</text:h><text:list><text:list-item><text:p>b"), []byte("</text:p></a>&amp;<![CDATA["))
	f.Fuzz(func(t *testing.T, text, more []byte) {
		for _, body := range [][]byte{text, packedOf(t, "word/document.xml", string(text), "docProps/core.xml", string(more)), packedOf(t, "content.xml", string(text), "meta.xml", string(more)),
			packedOf(t, "META-INF/container.xml", containerXML, "OEBPS/book.opf", string(more), "OEBPS/b", string(text))} {
			p, err := Options{Markdown: true}.Archive(body)
			if err == nil {
				whole(t, p)
			}
		}
		whole(t, Options{}.Feed(strings.ToValidUTF8(string(text), "?")))
	})
}

func TestFeed(t *testing.T) {
	rss := `<?xml version="1.0"?><rss><channel><title>News &amp; more</title><description>no</description><item><title>One</title><link>http://a</link><description>short</description>
<content:encoded><![CDATA[<p>first</p><p>second &amp; third</p>]]></content:encoded></item><item><title>Two</title><description>&lt;p&gt;fourth&lt;/p&gt;</description><media:title>no</media:title></item></channel></rss>`
	atom := `<feed><title>News &amp; more</title><entry><title type="text">One</title><summary>short</summary><content type="xhtml"><div><p>first</p><p>second &amp; <b>third</b></p></div></content></entry>
<entry><title>Two</title><content type="html">&lt;p&gt;fourth</content></entry></feed>`
	const want = "One\n\nfirst\n\nsecond & third\n\nTwo\n\nfourth"
	for name, src := range map[string]string{"rss": rss, "atom": atom} {
		if form, _ := FormOf("application/xml", []byte(src)); form != Feed {
			t.Errorf("%s: form %v", name, form)
		}
		if p := (Options{}).Feed(src); p.Text != want || p.Title != "News & more" {
			t.Errorf("%s: %q, %q\nwant %q", name, p.Title, p.Text, want)
		}
	}
	if p := (Options{}).Feed("<rss><item><description>" + strings.Repeat("<![CDATA[word ]]>", 1e5)); len(p.Text) != 5e5-1 {
		t.Errorf("a text in many pieces has %d bytes", len(p.Text))
	}
}
