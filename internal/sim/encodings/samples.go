package encodings

import (
	"html"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// Pair is a language in an encoding.
type Pair struct {
	Lang     string `json:"lang"`
	Encoding string `json:"encoding"` // WHATWG's name
}

// Python is the name that Python has for the encoding: browsers mean by some names more than Python does.
func (p Pair) Python() string {
	switch p.Encoding {
	case "shift_jis":
		return "cp932"
	case "euc-kr":
		return "cp949"
	case "windows-874":
		return "cp874"
	}
	return p.Encoding
}

// can reports whether the encoding has all that a text needs.
func (p Pair) can(text string) bool {
	e, err := htmlindex.Get(p.Encoding)
	if err != nil {
		return false
	}
	_, err = e.NewEncoder().String(text)
	return err == nil
}

// Pairs lists those that the bar counts.
func Pairs() []Pair {
	return []Pair{
		{"zh-Hans", "gb18030"}, {"zh-Hant", "big5"}, {"ja", "shift_jis"}, {"ja", "euc-jp"}, {"ja", "iso-2022-jp"}, {"ko", "euc-kr"},
		{"pl", "windows-1250"}, {"cs", "windows-1250"}, {"hu", "windows-1250"}, {"ru", "windows-1251"}, {"uk", "windows-1251"}, {"bg", "windows-1251"},
		{"fr", "windows-1252"}, {"de", "windows-1252"}, {"es", "windows-1252"}, {"pt", "windows-1252"}, {"el", "windows-1253"}, {"tr", "windows-1254"},
		{"he", "windows-1255"}, {"ar", "windows-1256"}, {"fa", "windows-1256"}, {"lt", "windows-1257"}, {"lv", "windows-1257"}, {"th", "windows-874"},
		{"ru", "koi8-r"}, {"uk", "koi8-u"}, {"pl", "iso-8859-2"}, {"cs", "iso-8859-2"},
		{"fr", "utf-8"}, {"zh-Hans", "utf-8"}, {"ru", "utf-16le"}, {"ja", "utf-16be"},
	}
}

// MorePairs lists those that are measured beside.
func MorePairs() []Pair {
	return []Pair{
		{"it", "windows-1252"}, {"nl", "windows-1252"}, {"sv", "windows-1252"}, {"da", "windows-1252"}, {"fi", "windows-1252"}, {"is", "windows-1252"}, {"ca", "windows-1252"},
		{"ro", "windows-1250"}, {"sk", "windows-1250"}, {"hr", "windows-1250"}, {"sl", "windows-1250"}, {"hu", "iso-8859-2"}, {"et", "windows-1257"}, {"sr", "windows-1251"},
		{"mk", "windows-1251"}, {"be", "windows-1251"}, {"ru", "iso-8859-5"}, {"ru", "ibm866"}, {"el", "iso-8859-7"}, {"ur", "windows-1256"}, {"zh-Hant", "gb18030"},
		{"zh-Hans", "utf-16le"}, {"ko", "utf-16be"}, {"ar", "utf-16le"}, {"en", "utf-16le"},
	}
}

// Lengths are those of samples, in characters. The longest are pages.
func Lengths() []int { return []int{60, 250, 1500} }

// Sample is a text that is to be encoded and read again.
type Sample struct {
	Pair
	Codec  string `json:"codec"` // Python's name of the encoding
	Length int    `json:"length"`
	Text   string `json:"text"`
	Bytes  []byte `json:"bytes,omitempty"` // Text in the encoding
}

// Samples cuts up to n samples of each length for a pair, each with something beyond ASCII in it, from paragraphs that
// the encoding has all letters of.
func Samples(r *rand.Rand, pair Pair, paragraphs []string, n int) []Sample {
	var out []Sample
	var whole []string
	for _, p := range paragraphs {
		if p = adapt(p, pair); pair.can(p) {
			whole = append(whole, p)
		}
	}
	if len(whole) == 0 {
		return nil
	}
	for _, length := range Lengths() {
		for range 8 * n {
			if len(out) > 0 && out[len(out)-1].Length == length && count(out, length) == n {
				break
			}
			parts := take(r, whole, length)
			text := strings.Join(parts, "\n")
			if !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
				continue
			}
			if length == 1500 {
				text = pageOf(strings.Split(text, "\n"))
			}
			out = append(out, Sample{Pair: pair, Codec: pair.Python(), Length: length, Text: text})
		}
	}
	return out
}

func count(list []Sample, length int) int {
	n := 0
	for _, s := range list {
		if s.Length == length {
			n++
		}
	}
	return n
}

// take cuts length characters, from the middle of a paragraph on, and of those behind it as many as are needed.
func take(r *rand.Rand, paragraphs []string, length int) []string {
	at := r.IntN(len(paragraphs))
	first := []rune(paragraphs[at])
	if len(first) > length {
		first = first[r.IntN(len(first)-length+1):]
		if i := strings.IndexByte(string(first[:min(20, len(first))]), ' '); i >= 0 && len(first)-length >= 20 {
			first = []rune(string(first)[i+1:])
		}
	}
	var parts []string
	for left := length; left > 0; {
		part := first[:min(left, len(first))]
		parts = append(parts, string(part))
		left -= len(part)
		at = (at + 1) % len(paragraphs)
		first = []rune(paragraphs[at])
	}
	return parts
}

// adapt writes a text as people did who had this encoding: without letters that it does not have, and for which it has
// others that were used instead.
func adapt(text string, p Pair) string {
	if strings.HasPrefix(p.Encoding, "utf") {
		return text
	}
	switch p.Lang {
	case "ro":
		return strings.NewReplacer("ș", "ş", "ț", "ţ", "Ș", "Ş", "Ț", "Ţ").Replace(text)
	case "fa", "ur":
		pairs := []string{"ی", "ي"}
		for i, d := range []rune("۰۱۲۳۴۵۶۷۸۹") {
			pairs = append(pairs, string(d), string(rune('0'+i)))
		}
		return strings.NewReplacer(pairs...).Replace(text)
	case "ar":
		var pairs []string
		for i, d := range []rune("٠١٢٣٤٥٦٧٨٩") {
			pairs = append(pairs, string(d), string(rune('0'+i)))
		}
		return strings.NewReplacer(pairs...).Replace(text)
	}
	return text
}

// pageOf makes a page of paragraphs, which says nothing of its encoding.
func pageOf(paragraphs []string) string {
	var b strings.Builder
	title := paragraphs[0]
	if r := []rune(title); len(r) > 40 {
		title = string(r[:40])
	}
	b.WriteString("<!DOCTYPE html>\n<html>\n<head>\n<title>" + html.EscapeString(title) + "</title>\n" +
		"<link rel=\"stylesheet\" href=\"/style/main.css\">\n<script>var page = {id: 17, kind: \"article\"};</script>\n</head>\n<body class=\"page\">\n" +
		"<div id=\"menu\"><a href=\"/\">Home</a> <a href=\"/about.html\">About</a></div>\n")
	for _, p := range paragraphs {
		b.WriteString("<p class=\"text\">" + html.EscapeString(p) + "</p>\n")
	}
	b.WriteString("<div id=\"foot\">Copyright 2004</div>\n</body>\n</html>\n")
	return b.String()
}
