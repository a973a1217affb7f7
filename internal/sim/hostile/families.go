package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"millrace"
)

// family is a kind of input that can be had in any length.
type family struct {
	name  string
	media string // of pages; "" for text
	make  func(n int) string
}

// document is one of the family, of about n bytes.
func (f family) document(n int) *millrace.Document { return f.documentOf(f.make(n)) }

// documentOf is a document of a text of the family.
func (f family) documentOf(text string) *millrace.Document {
	if f.media == "" {
		return &millrace.Document{Title: text[:min(len(text), 1000)], Text: text}
	}
	return &millrace.Document{Page: millrace.Page{Body: []byte(text), MediaType: f.media}}
}

// families are what quadratic programs have been slow on: prefixes that nearly match, nesting, one long word, one long line.
func families() []family {
	list := again("", "a", "a.", "a@", "a@a.", "1", "1.", "1 ", "+1 ", "12-", ":", "a:", "((((", "'", "-", "- ", "…", ".", "\n", "a\n", "a b ", "the ", "http://a.", "[", "[1]", "[edit", "{",
		"é", "Ã©", "ÃƒÂ©", "â€", "\u200d", "e\u0301", "\u0301", "\xff", "\xed\xa0\xbd", "世界", "中", "ก", "\u202e", "eyJ", "sk-", "-----BEGIN ", "<", "<EMAIL_1>", "GB82WEST", "4111 ", "\r", "\x1b[", "AKIA")
	list = append(list, family{"random bytes", "", random}, family{"every byte value", "", func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i)
		}
		return string(b)
	}}, family{"different words", "", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "w%d ", i)
		}
		return b.String()[:n]
	}}, family{"different words, twice over", "", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n/2; i++ {
			fmt.Fprintf(&b, "w%d ", i)
		}
		return b.String() + b.String()
	}}, family{"different lines", "", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "This is line %d of a text, and it says nothing.\n", i)
		}
		return b.String()[:n]
	}})
	list = append(list, pages()...)
	return append(list, others()...)
}

// again repeats each of the pieces, whole ones: half a character at the end would be another family.
func again(media string, pieces ...string) (all []family) {
	for _, p := range pieces {
		all = append(all, family{fmt.Sprintf("%.12q again and again", p), media, func(n int) string { return strings.Repeat(p, n/len(p)) }})
	}
	return all
}

// once is a piece before, one that is repeated, and one behind.
func once(name, media, before, piece, after string) family {
	return family{name, media, func(n int) string {
		return before + strings.Repeat(piece, max(0, n-len(before)-len(after))/len(piece)) + after
	}}
}

// random is the same noise each time.
func random(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

const page = "text/html"

// pages are hostile as markup, or as bytes of an unknown encoding.
func pages() []family {
	list := again(page, "<", "</", "&", "&amp", "<div>", "<ul><li>", "<table><tr><td>x", "<a><b><i><p></b></a>", "<nobr><p>", "<p>text. ", "<!--", "<script>", "<a href=x>y</a> ", "<b a=", "<div class='",
		"<select><option>", "<svg>", "<template>", "<h1>", "<blockquote>", "<br>", "\x00", "]]>", "<style>", "<pre>", "<li>x", "\x1b$B", "\x1b$B!", "\xa4", "\x81", "\xc3", "\xe4\xb8", "<meta charset=x>", "<table>", "</table>", "</p>", "<form>")
	return append(list,
		once("one tag with many attributes", page, "<p ", "a='b' ", ">x"),
		once("one tag with one attribute", page, "<p a='", "b", "'>x"),
		once("one tag with a long name", page, "<p", "b", ">x"),
		once("one comment that is not ended", page, "<!--", "-- > ", ""),
		once("one comment of ends that are none", page, "<!--", "->", ""),
		once("one script that is not ended", page, "<script>", "</scrip ", ""),
		once("one script in a comment", page, "<script><!--", "<script></script>", ""),
		once("one title", page, "<title>", "</titl ", ""),
		once("one script of data", page, `<script type=application/ld+json>{"articleBody":"`, "a b c <p> &amp; ", `"}</script>`),
		once("many scripts of data", page, "", `<script type=application/ld+json>{"author":{"name":</script>`, ""),
		once("one link", page, "<a href=x>", "<p>word ", ""),
		once("a heading over each line", page, "<main>", "<h2>a</h2><ul><li><a href=x>y</a></ul>", ""),
		once("end tags of nothing under a deep stack", page, strings.Repeat("<div>", 1000), "</section></li></td>", ""),
		once("nested tables", page, strings.Repeat("<table><tr><td>", 300), "</div>", ""),
		once("nested boxes with text", page, "", "<div>A line of text, of words. ", ""),
		once("a table of many rows", page, "<table>", "<tr><td>a cell with text, <td>and another one.", "</table>"),
		once("an article", page, "<article>", "<p>The mill stands at the end of the lane, where the brook comes down. ", "</article>"),
		family{"random bytes of a page", page, random},
		family{"nested and ended", page, func(n int) string { return strings.Repeat("<div>", n/11) + strings.Repeat("</div>", n/11) }},
	)
}

// others are pages that are no markup.
func others() []family {
	const plain, xml, rss = "text/plain", "application/xml", "application/rss+xml"
	list := append(again(plain, "a", "\xff", "Ã©", "\r"), again(xml, "<a>", "<", "<?xml", "&a;", "<!DOCTYPE a [")...)
	return append(list,
		once("a feed of many items", rss, "<rss><channel>", "<item><title>a<description>b</description></title></item>", ""),
		once("a feed that is nested", rss, "<rss><channel>", "<item><title>", ""),
		once("a feed with one long text", rss, "<rss><channel><item><description>", "&lt;p>text ", ""),
		once("a feed of XHTML", rss, "<feed><entry><content type='xhtml'>", "<div>a", ""),
		once("a feed of one long title", rss, "<rss><channel><title>", "a<b/>", ""),
		packed("a DOCX of many paragraphs", "word/document.xml", "<w:p><w:r><w:t>a text</w:t></w:r></w:p>"),
		packed("a DOCX that is nested", "word/document.xml", "<w:tbl><w:tr><w:tc><w:p>"),
		packed("a DOCX of list items", "word/document.xml", "<w:p><w:numPr><w:ilvl w:val='9'/></w:numPr><w:t>a</w:t>"),
		packed("an ODT that is nested", "content.xml", "<text:list><text:list-item><text:p>a"),
		packed("an ODT of end tags", "content.xml", "</text:p></text:list>"),
		family{"an EPUB of many chapters", book, chapters},
	)
}

const (
	book = "application/epub+zip"
	most = 2000 // chapters
)

// packed is an archive of one part, not compressed, so that no limit on what it unpacks to ends it.
func packed(name, part, piece string) family {
	return family{name, book, func(n int) string {
		return archive([]string{part}, []string{"<document>" + strings.Repeat(piece, n/len(piece))})
	}}
}

// chapters makes a book with a chapter for each kilobyte, up to most.
func chapters(n int) string {
	count := min(n>>10+1, most)
	var list strings.Builder
	names, texts := []string{"META-INF/container.xml", "book.opf"}, []string{"<rootfile full-path='book.opf'/>", ""}
	for i := range count {
		fmt.Fprintf(&list, "<item id='c%d' href='c%d.html' media-type='text/html'/><itemref idref='c%d'/>", i, i, i)
		names, texts = append(names, fmt.Sprintf("c%d.html", i)), append(texts, strings.Repeat("<p>A line of text.", max(0, n/count-100)/18))
	}
	texts[1] = list.String()
	return archive(names, texts)
}

// archive packs parts.
func archive(names, texts []string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(texts[i]))
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}
