package texts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/zeebo/xxh3"
	"golang.org/x/net/html"
)

// shortest is how many letters a paragraph has to have.
const shortest = 12

// builder collects the paragraphs of each tag, each text once, up to a limit.
type builder struct {
	texts map[string]*Text
	seen  map[string]bool
	size  map[string]int
}

func newBuilder() *builder {
	return &builder{texts: map[string]*Text{}, seen: map[string]bool{}, size: map[string]int{}}
}

func (b *builder) add(tag, paragraph string) {
	p := strings.Join(strings.Fields(paragraph), " ")
	lang := langOf(tag)
	if lang == "" || b.size[tag] >= most || letters(p) < shortest || b.seen[tag+" "+p] {
		return
	}
	b.seen[tag+" "+p] = true
	b.size[tag] += len(p)
	if b.texts[tag] == nil {
		b.texts[tag] = &Text{Lang: lang, Tag: tag}
	}
	b.texts[tag].Paragraphs = append(b.texts[tag].Paragraphs, p)
}

func (b *builder) list() []Text {
	var list []Text
	for _, tag := range slices.Sorted(maps.Keys(b.texts)) {
		list = append(list, *b.texts[tag])
	}
	return list
}

func letters(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			n += 2
		}
	}
	return n
}

// files lists the plain files below dir that fit a pattern, in an order that has nothing to do with their subjects.
func files(dir string, fits *regexp.Regexp) ([]string, error) {
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && fits.MatchString(filepath.ToSlash(path)) {
			list = append(list, path)
		}
		return err
	})
	name := func(path string) string { return strings.TrimPrefix(path, dir) }
	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(cmp.Compare(xxh3.HashString(name(a)), xxh3.HashString(name(b))), cmp.Compare(a, b))
	})
	return list, err
}

// each calls use for every file that fits, with what the first group of the pattern holds.
func each(dir, pattern string, use func(group string, content []byte) error) error {
	re := regexp.MustCompile(pattern)
	list, err := files(dir, re)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("no file fits %s", pattern)
	}
	for _, path := range list {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := use(re.FindStringSubmatch(filepath.ToSlash(path))[1], content); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// parseUDHR reads the declarations. The tag is BCP 47, as the page says it. Pages with a number for a name are varieties without a
// code of their own, which have the tag of a language that they are not: French (Welche), Swahili (Kibajuni).
func parseUDHR(dir string) ([]Text, error) {
	b := newBuilder()
	lang := regexp.MustCompile(`<html[^>]* lang="([^"]+)"`)
	err := each(dir, `/declaration/([a-z][^/]*)\.html$`, func(_ string, page []byte) error {
		m := lang.FindSubmatch(page)
		if m == nil {
			return errors.New("a page that names no language")
		}
		tag := string(m[1])
		if tag == "als" {
			tag = "sq"
		}
		return blocks(page, func(p string) {
			if !strings.HasPrefix(p, "[") && !strings.Contains(strings.ToLower(p), "missing") {
				b.add(tag, p)
			}
		})
	})
	return b.list(), err
}

// parseCatalogues reads gettext's. A message that is no translation, but the English one, is left out.
func parseCatalogues(dir string) ([]Text, error) {
	b := newBuilder()
	err := each(dir, `/(?:locale|resource)/([^/]+)/LC_MESSAGES/[^/]+\.mo$`, func(tag string, file []byte) error {
		list, err := parseMO(file)
		for _, m := range list {
			if tag == "en_GB" || tag == "en" || m.text != m.id {
				b.add(tag, plain(m.text))
			}
			if tag == "de" {
				b.add("en", plain(m.id)) // English has no catalogue
			}
		}
		return err
	})
	return b.list(), err
}

// parseMediaWiki reads the messages of the wiki and of its extensions, one JSON file a language.
func parseMediaWiki(dir string) ([]Text, error) {
	english := map[string]bool{}
	read := func(use func(tag, text string)) error {
		return each(dir, `/i18n/(?:[^/]+/)*([a-z][a-z-]+)\.json$`, func(tag string, file []byte) error {
			all := map[string]json.RawMessage{}
			if err := json.Unmarshal(file, &all); err != nil {
				return nil //nolint:nilerr // some files beside the messages are lists
			}
			for _, key := range slices.Sorted(maps.Keys(all)) {
				var text string
				if !strings.HasPrefix(key, "@") && json.Unmarshal(all[key], &text) == nil {
					use(tag, text)
				}
			}
			return nil
		})
	}
	err := read(func(tag, text string) {
		if tag == "en" {
			english[text] = true
		}
	})
	b := newBuilder()
	err = errors.Join(err, read(func(tag, text string) {
		if tag == "en" || !english[text] {
			b.add(tag, plain(text))
		}
	}))
	return b.list(), err
}

// parseHelp reads LibreOffice's help.
func parseHelp(dir string) ([]Text, error) {
	b := newBuilder()
	err := each(dir, `/help/([^/]+)/text/.*\.html$`, func(tag string, page []byte) error {
		return blocks(page, func(p string) {
			if letters(p) >= 40 {
				b.add(tag, p)
			}
		})
	})
	return b.list(), err
}

// parseManual reads GNOME's manuals, which are XML with paragraphs of the same name as in HTML. One that stands in the English manual
// as well was not translated.
func parseManual(dir string) ([]Text, error) {
	const pattern = `/help/([^/]+)/[^/]+/[^/]+\.page$`
	english := map[string]bool{}
	read := func(tag string, page []byte) error {
		return blocks(page, func(p string) {
			if tag == "C" {
				english[p] = true
			}
		})
	}
	b := newBuilder()
	err := errors.Join(each(dir, pattern, read), each(dir, pattern, func(tag string, page []byte) error {
		return blocks(page, func(p string) {
			if tag == "C" {
				tag = "en"
			}
			if letters(p) >= 40 && (tag == "en" || !english[p]) {
				b.add(tag, p)
			}
		})
	}))
	return b.list(), err
}

// parseHandbook reads Debian's manuals. A paragraph that stands in the English one as well was not translated.
func parseHandbook(dir string) ([]Text, error) {
	const pattern = `/(?:html|installation-guide-amd64)/([a-z]{2}(?:[-_][A-Z]{2})?)/.*\.html?$`
	english := map[string]bool{}
	err := each(dir, pattern, func(tag string, page []byte) error {
		if !strings.HasPrefix(tag, "en") {
			return nil
		}
		return blocks(page, func(p string) { english[p] = true })
	})
	b := newBuilder()
	err = errors.Join(err, each(dir, pattern, func(tag string, page []byte) error {
		return blocks(page, func(p string) {
			if letters(p) >= 40 && (strings.HasPrefix(tag, "en") || !english[p]) {
				b.add(tag, p)
			}
		})
	}))
	return b.list(), err
}

// blocks calls use with the text of each block of a page. Code, scripts and the head are left out.
func blocks(page []byte, use func(string)) error {
	inline := map[string]bool{"a": true, "abbr": true, "b": true, "em": true, "i": true, "span": true, "strong": true, "code": true, "tt": true,
		"sup": true, "sub": true, "small": true, "kbd": true, "var": true, "u": true, "q": true, "cite": true, "wbr": true, "acronym": true,
		"gui": true, "guiseq": true, "link": true, "key": true, "keyseq": true, "app": true, "file": true, "cmd": true, "sys": true, "output": true, "input": true}
	skipped := map[string]bool{"script": true, "style": true, "pre": true, "head": true, "nav": true, "footer": true, "noscript": true, "title": true,
		"info": true, "screen": true}
	z := html.NewTokenizer(bytes.NewReader(page))
	var text strings.Builder
	flush := func() {
		if s := strings.Join(strings.Fields(text.String()), " "); s != "" {
			use(s)
		}
		text.Reset()
	}
	skip := ""
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			flush()
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return err
			}
			return nil
		case html.TextToken:
			if skip == "" {
				text.Write(z.Text())
			}
			continue
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
		default:
			continue
		}
		raw, _ := z.TagName()
		name := string(raw)
		if !inline[name] {
			flush()
		}
		switch {
		case skip == "" && kind == html.StartTagToken && skipped[name]:
			skip = name
		case skip == name && kind == html.EndTagToken:
			skip = ""
		}
	}
}

// markup is what messages hold beside words: tags, entities, placeholders, wiki links, templates.
var markup = regexp.MustCompile(`<[^<>]*>|&[a-z]+;|&#[0-9]+;|%[-+ #0-9.]*(?:\([a-z_]+\))?[a-zA-Z]|%[0-9]+\$[a-z]|\$[0-9]+|\{\{[^{}|]*\||[{}]{1,2}|\[\[[^\[\]|]*\||[\[\]|*#=]+|'{2,}|https?:[^ ]*|[_&]|\\[nt]|[^ ]*[a-z]\.[a-z][^ ]*| --?[a-z][-a-z=]*`)

// plain takes the markup out of a message.
func plain(s string) string {
	if strings.Contains(s, "{{") {
		s = strings.NewReplacer("{{SITENAME}}", " ", "{{GENDER:$1|", " ", "{{int:", " ").Replace(s)
	}
	return markup.ReplaceAllStringFunc(s, func(m string) string {
		if m == "_" || m == "&" {
			return "" // marks the key of a menu
		}
		return " "
	})
}
