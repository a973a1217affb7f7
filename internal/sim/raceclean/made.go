package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"millrace/internal/sim/piiplant"
	"millrace/internal/sim/texts"
)

// truth is what is known of a page that was made.
type truth struct {
	lang, encoding, label string
	plain                 []string  // paragraphs, as people wrote them
	damaged               []damage  // paragraphs of which mojibake was made
	private               []private // personal data
}

type damage struct{ right, wrong string }

type private struct{ value, kind string }

// maker makes pages around texts.
type maker struct {
	*rand.Rand
	texts   map[string][]string // by language
	at      map[string]int
	secrets []piiplant.Line
}

// madePages makes n pages: a quarter of them in English, the others in all languages.
func madePages(ctx context.Context, r *rand.Rand, o options) ([]page, error) {
	list, err := texts.Load(ctx, texts.Handbook, texts.Help)
	if err != nil {
		return nil, err
	}
	m := &maker{Rand: r, texts: map[string][]string{}, at: map[string]int{}}
	var langs []string
	for _, t := range list {
		lang := t.Lang
		if lang == "zh" {
			lang = "zh-CN"
			if strings.Contains(strings.ToLower(t.Tag), "tw") {
				lang = "zh-TW"
			}
		}
		for _, p := range t.Paragraphs {
			if n := utf8.RuneCountInString(p); n >= 60 && n <= 1200 && (lang == "en" || !texts.English(p)) {
				m.texts[lang] = append(m.texts[lang], p)
			}
		}
		if !slices.Contains(langs, lang) && len(m.texts[lang]) > 300 {
			langs = append(langs, lang)
		}
	}
	if len(langs) == 0 {
		return nil, errors.New("no texts to make pages of")
	}
	slices.Sort(langs)
	for _, lang := range langs {
		r.Shuffle(len(m.texts[lang]), func(i, j int) { m.texts[lang][i], m.texts[lang][j] = m.texts[lang][j], m.texts[lang][i] })
	}
	for _, d := range piiplant.Documents(o.seed, o.made) {
		for _, l := range d.Lines {
			if l.Kind != "" && !strings.Contains(l.Value, "\n") {
				m.secrets = append(m.secrets, l)
			}
		}
	}
	var out []page
	for i := range o.made {
		lang := "en"
		if r.IntN(4) > 0 {
			lang = langs[i%len(langs)]
		}
		p, err := m.page(i, lang)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// page makes one page.
func (m *maker) page(i int, lang string) (p page, err error) {
	t := &truth{lang: lang, encoding: "utf-8", label: labels[m.IntN(len(labels))]}
	if legacy := once()[strings.TrimSpace(lang)]; legacy != nil && m.IntN(2) == 0 {
		t.encoding = legacy[m.IntN(len(legacy))]
	}
	can, err := writable(t.encoding)
	if err != nil {
		return p, err
	}
	var body []string
	for range 4 + m.IntN(9) {
		text, ok := m.next(lang, can)
		if !ok {
			t.encoding = "utf-8" // it has not the letters
			can = utf8.ValidString
			continue
		}
		body = append(body, m.paragraph(t, text, can))
	}
	text := m.around(lang, body)
	p = page{url: fmt.Sprintf("http://made.example/%d/%s.html", i, lang), truth: t}
	p.body, p.contentType, err = labelled(text, t.encoding, t.label)
	return p, err
}

// writable says which texts an encoding has all signs for.
func writable(name string) (func(string) bool, error) {
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, err
	}
	return func(s string) bool {
		_, err := e.NewEncoder().String(s)
		return err == nil
	}, nil
}

// next takes the next paragraph of a language.
func (m *maker) next(lang string, can func(string) bool) (string, bool) {
	list := m.texts[lang]
	for range 50 {
		text := list[m.at[lang]%len(list)]
		m.at[lang]++
		if can(text) {
			return text, true
		}
	}
	return "", false
}

// paragraph writes a text, now and then damaged or with personal data in it, and notes which.
func (m *maker) paragraph(t *truth, text string, can func(string) bool) string {
	if wrong, ok := misread(t.lang, text); ok && t.encoding == "utf-8" && m.IntN(8) == 0 {
		t.damaged = append(t.damaged, damage{text, wrong})
		return wrong
	}
	if l := m.secrets[m.IntN(len(m.secrets))]; m.IntN(10) == 0 && can(l.Text()) {
		t.private = append(t.private, private{l.Value, l.Kind})
		return text + " " + strings.TrimSpace(l.Text())
	}
	t.plain = append(t.plain, text)
	return text
}

// misread is the UTF-8 of a text as a program reads it that expects the encoding of the language. Where there is little to
// see of it, there is none.
func misread(lang, text string) (string, bool) {
	table := charmap.Windows1252
	if lang == "ru" {
		table = charmap.Windows1251
	}
	beyond := 0
	for _, r := range text {
		if r >= utf8.RuneSelf {
			beyond++
		}
	}
	var b strings.Builder
	for i := range len(text) {
		r := table.DecodeByte(text[i])
		if r == utf8.RuneError {
			r = rune(text[i])
		}
		b.WriteRune(r)
	}
	return b.String(), beyond >= 4
}

// words takes a few words from somewhere in the language.
func (m *maker) words(lang string, most int) string {
	text := []rune(m.texts[lang][m.IntN(len(m.texts[lang]))])
	text = text[:min(len(text), 8*most)]
	list := strings.Fields(string(text))
	return html.EscapeString(strings.Join(list[:min(len(list), 1+m.IntN(most))], " "))
}

// links is a list of them.
func (m *maker) links(lang, class string, n, most int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<ul class=%q>\n", class)
	for range n {
		fmt.Fprintf(&b, "<li class=\"item-%d\"><a href=\"/%s/%d.html\" data-track=\"%x\">%s</a></li>\n", m.IntN(900), class, m.IntN(90000), m.Uint64(), m.words(lang, most))
	}
	return b.String() + "</ul>\n"
}

// script is what programs put into pages.
func (m *maker) script(n int) string {
	var b strings.Builder
	b.WriteString("<script>\n")
	for range n {
		fmt.Fprintf(&b, "window.site = window.site || {}; site.slot%d = {id: \"%x\", size: [%d, %d], lazy: %v};\nif (site.slot%d.lazy) { document.write('<div id=\"s%d\"></div>'); }\n",
			m.IntN(99), m.Uint64(), m.IntN(900), m.IntN(900), m.IntN(2) == 0, m.IntN(99), m.IntN(99))
	}
	return b.String() + "</script>\n"
}

// around puts paragraphs into a page with what pages have besides.
func (m *maker) around(lang string, body []string) string {
	var b strings.Builder
	title := m.words(lang, 7)
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=%q>\n<head><title>%s</title>\n<link rel=\"stylesheet\" href=\"/css/main.css\">\n<meta name=\"viewport\" content=\"width=device-width\">\n", lang, title)
	fmt.Fprintf(&b, "<style>.menu li{float:left;margin:0 %dpx}.art p{line-height:1.4}</style>\n%s</head>\n<body class=\"page t-%d\">\n", m.IntN(20), m.script(5+m.IntN(30)), m.IntN(30))
	fmt.Fprintf(&b, "<header><div class=\"logo\"><a href=\"/\"><img src=\"/logo.svg\" alt=\"\"></a></div>\n<nav>%s</nav></header>\n", m.links(lang, "menu", 5+m.IntN(20), 2))
	fmt.Fprintf(&b, "<div class=\"wrap\"><aside class=\"sidebar\"><h4>%s</h4>\n%s</aside>\n<main><article class=\"art\">\n<h1>%s</h1>\n", m.words(lang, 2), m.links(lang, "related", 4+m.IntN(12), 6), title)
	for i, p := range body {
		text := html.EscapeString(p)
		if i > 0 && m.IntN(5) == 0 {
			fmt.Fprintf(&b, "<h2>%s</h2>\n", m.words(lang, 5))
		}
		if m.IntN(6) == 0 {
			fmt.Fprintf(&b, "<figure><img src=\"/img/%d.jpg\" width=\"640\" height=\"360\" alt=\"\"></figure>\n", m.IntN(9000))
		}
		fmt.Fprintf(&b, "<p class=\"par\">%s</p>\n", text)
	}
	fmt.Fprintf(&b, "</article>\n<div class=\"share\">%s</div></main></div>\n%s", m.links(lang, "share", 4, 1), m.script(3+m.IntN(20)))
	fmt.Fprintf(&b, "<footer><div class=\"foot\">%s<p class=\"copy\">© 2004–2024 Example</p></div></footer>\n</body>\n</html>\n", m.links(lang, "foot", 6+m.IntN(12), 3))
	return b.String()
}
