package robots

import (
	"fmt"
	"strings"
	"testing"
)

// rules600 is a large file of the usual kind: 600 rules, half of them with wildcards.
func rules600() []byte {
	var b strings.Builder
	b.WriteString("User-agent: *\n")
	for i := range 300 {
		fmt.Fprintf(&b, "Disallow: /section%d/private/\nAllow: /*/topic%d*.html$\n", i, i)
	}
	return []byte(b.String())
}

func BenchmarkParse600(b *testing.B) {
	data := rules600()
	b.ReportAllocs()
	for b.Loop() {
		Parse(data)
	}
}

func BenchmarkMatch600(b *testing.B) {
	g := Parse(rules600()).Group("millbot")
	for name, url := range map[string]string{
		"none":     "https://h.example/some/longer/path/to/an/article-about-things?page=3",
		"prefix":   "https://h.example/section299/private/x.html",
		"wildcard": "https://h.example/a/b/c/topic299-and-more.html",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g.Allowed(url)
			}
		})
	}
}
