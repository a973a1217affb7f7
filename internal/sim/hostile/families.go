package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// family is a kind of input that can be had in any length.
type family struct {
	name   string
	markup bool
	make   func(n int) string
}

// families are what quadratic programs have been slow on: prefixes that nearly match, nesting, one long word, one long line.
func families() []family {
	again := func(markup bool, pieces ...string) (all []family) {
		for _, p := range pieces {
			all = append(all, family{fmt.Sprintf("%.12q again and again", p), markup, func(n int) string { return strings.Repeat(p, n/len(p)+1)[:n] }})
		}
		return all
	}
	list := again(false, "a", "a.", "a@", "a@a.", "1", "1.", "1 ", "+1 ", "12-", ":", "a:", "((((", "'", "-", "- ", "…", ".", "\n", "a\n", "a b ", "the ", "http://a.", "[", "[1]", "[edit", "{",
		"é", "Ã©", "ÃƒÂ©", "â€", "\u200d", "e\u0301", "\u0301", "\xff", "\xed\xa0\xbd", "世界", "中", "ก", "\u202e", "eyJ", "sk-", "-----BEGIN ", "<", "<EMAIL_1>", "GB82WEST", "4111 ", "\r", "\x1b[", "AKIA")
	list = append(list, family{"random bytes", false, func(n int) string {
		r := rand.New(rand.NewPCG(1, 2))
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}}, family{"different words", false, func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "w%d ", i)
		}
		return b.String()[:n]
	}})
	list = append(list, again(true, "<", "</", "&", "&amp", "<div>", "<ul><li>", "<table><tr><td>x", "<a><b><i><p></b></a>", "<p>text. ", "<!--", "<script>", "<a href=x>y</a> ", "<b a=", "<div class='",
		"<select><option>", "<svg>", "\x00", "]]>", "<style>", "<pre>", "<li>x", "\x1b$B", "\xa4", "\x81", "<meta charset=x>")...)
	return append(list, family{"one tag with many attributes", true, func(n int) string { return "<p " + strings.Repeat("a='b' ", n/6) + ">x" }},
		family{"a table of many rows", true, func(n int) string {
			return "<table>" + strings.Repeat("<tr><td>a cell with text, <td>and another one.", n/47) + "</table>"
		}},
		family{"an article", true, func(n int) string {
			return "<article>" + strings.Repeat("<p>The mill stands at the end of the lane, where the brook comes down. ", n/72) + "</article>"
		}})
}
