package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// ours gives what the scanner sees, a line for each tag and text.
func ours(src string) []string {
	var out []string
	s := scanner{src: src}
	for {
		switch s.next() {
		case ended:
			return out
		case words:
			t := strings.ReplaceAll(strings.ReplaceAll(s.text, "\r\n", "\n"), "\r", "\n")
			if !s.raw {
				t = html.UnescapeString(t)
			}
			out = joined(out, t)
		case startTag:
			line := "<" + lowered(s.name)
			var seen []string
			for _, a := range s.attrs {
				if key := lowered(a.key); !slices.Contains(seen, key) {
					seen = append(seen, key)
					line += fmt.Sprintf(" %s=%q", key, a.val)
				}
			}
			if s.slash {
				line += "/"
			}
			out = append(out, line)
		case endTag:
			out = append(out, "/"+lowered(s.name))
		}
	}
}

// lowered makes ASCII letters small.
func lowered(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = lower(b[i])
	}
	return string(b)
}

// joined adds text, to the text before it if there is one: a comment between them is none.
func joined(out []string, t string) []string {
	if n := len(out); n > 0 && strings.HasPrefix(out[n-1], "=") {
		out[n-1] += t
		return out
	}
	return append(out, "="+t)
}

// theirs gives what the tokenizer of x/net/html sees.
func theirs(src string) []string {
	var out []string
	z := html.NewTokenizer(strings.NewReader(src))
	for {
		switch t := z.Next(); t {
		case html.ErrorToken:
			return out
		case html.TextToken:
			out = joined(out, string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			line := "<" + string(name)
			for more {
				var key, val []byte
				key, val, more = z.TagAttr()
				line += fmt.Sprintf(" %s=%q", key, val)
			}
			if t == html.SelfClosingTagToken {
				line += "/"
			}
			out = append(out, line)
		case html.EndTagToken:
			name, _ := z.TagName()
			out = append(out, "/"+string(name))
		}
	}
}

// alike compares the two on one page. Of what they are known to see in another way the pages have none: NUL, which
// the tokenizer replaces here and there, references and carriage returns in attributes, which the scanner leaves, and
// the slash behind an attribute that stands twice.
func alike(t *testing.T, src string) {
	t.Helper()
	src = strings.NewReplacer("\x00", "", "&", "+", "\r", "").Replace(strings.ToValidUTF8(src, "?"))
	a, b := ours(src), theirs(src)
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			t.Fatalf("%q: token %d: nothing, the tokenizer has %q", src, i, b[i])
		case i >= len(b):
			t.Fatalf("%q: token %d: %q, the tokenizer has nothing", src, i, a[i])
		case strings.TrimSuffix(a[i], "/") != strings.TrimSuffix(b[i], "/"):
			t.Fatalf("%q: token %d: %q, the tokenizer has %q", src, i, a[i], b[i])
		}
	}
}

func TestScanLikeTokenizer(t *testing.T) {
	for _, src := range []string{
		"", "text", "<", "a<", "a</", "</", "<>", "</>", "</ x>y", "<!>a", "<!", "<!-", "<!--", "<!-->a", "<!--->b", "<!---->c", "<!-- a -- b -->c",
		"<!-- a --!>b", "<!--!>-->c", "<!--a--!-->d", "<!DOCTYPE html>a", "<?xml version='1.0'?>a", "<![CDATA[x]]>y", "a < b", "a <3 b",
		"<p>", "<P CLASS=A id = 'b' c=\"d\" e>x</P >", "<br/>", "<br / >", "<p a=/>", "<p a='/'/>", "<a href=x/y/>", "<p =a>", "<p ==a>", "<p a==b>",
		"<p a=>b", "<p a = >b", "<p a='b>c'd>e", "<p a='b", "<p a", "<p a=", "<p / a>", "<p /a/>", "<p\n\ta\f=\nb>", "<p a=1 a=2 A=3>",
		"<title>a<b>c</title>d", "<TITLE>a</TiTlE\n>d", "<title>a</titles>b</title x>c", "<title>", "<title/>a</title>b", "<textarea><p></textarea><p>",
		"<style>p > a { x: '</b>' }</style>a", "<noscript><p>a</noscript>b", "<iframe><p></iframe>a", "<xmp><p></xmp>a", "<plaintext><p></plaintext>",
		"<script>a < b && c</script>d", "<script>'<!--'</script>d", "<script><!-- <script>a</script> --></script>b", "<script><!-- <script >a</script>b</script>c",
		"<script><!-- <script>a --> </script>b", "<script><!-- </script>b", "<script><!--><script></script>b", "<script><!-- <! </script>b", "<script><!-- < --></script>b",
		"<script></scripts></script >a", "<script><!--<script/></script></script>a", "<script><!-- <scripx></script>a", "<script>", "<script><!--", "<script></script",
		"<svg><path d='M0'/></svg>", "<custom-element a>b</custom-element>", "<a<b>c", "<ä>x", "<p ä=ö>",
	} {
		alike(t, src)
	}
}

func FuzzScan(f *testing.F) {
	f.Add("<p class=a id='b'>c<!-- d --><br/></p><title>e</title>")
	f.Add("<script><!-- <script>a</script> --></script>b<![CDATA[x]]><textarea></textarea>")
	f.Add("<!--a--!-->d<!--!>--><a href=x/y/ =b c = d>")
	f.Fuzz(func(t *testing.T, src string) { alike(t, src) })
}

// The table of elements finds each of its names, and no other.
func TestElements(t *testing.T) {
	for i := tag(1); i < tags; i++ {
		name := elements[i].name
		if name == "" || len(name) > maxName {
			t.Errorf("element %d is called %q", i, name)
		}
		if got := lookup(strings.ToUpper(name)); got != i {
			t.Errorf("lookup(%q) = %d, want %d", name, got, i)
		}
	}
	for _, name := range []string{"", "x", "divs", "blockquotes", "font", "b", "\x00"} {
		if got := lookup(name); got != other {
			t.Errorf("lookup(%q) = %d", name, got)
		}
	}
}
