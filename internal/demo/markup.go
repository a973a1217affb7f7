package demo

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

const (
	maxArticle   = 4 << 20 // bytes; a larger file is left out
	sectionWords = 700     // a longer article is split before a heading
)

// articlePages turns a README, a licence or an HTML article into pages of a readable length.
func articlePages(u unit) ([]*page, error) {
	st, err := os.Stat(u.file)
	if err != nil {
		return nil, fmt.Errorf("read article: %w", err)
	}
	if st.Size() > maxArticle {
		return nil, nil
	}
	data, err := os.ReadFile(u.file)
	if err != nil {
		return nil, fmt.Errorf("read article: %w", err)
	}
	return split(u, blocksOf(u.file, string(data))), nil
}

// blocksOf reads text by the ending of its file name.
func blocksOf(name, text string) []block {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm":
		return htmlBlocks(text)
	case ".md", ".markdown":
		return markdownBlocks(text)
	}
	var out []block
	for _, p := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		out = appendBlock(out, para, p)
	}
	return out
}

// split cuts an article before headings, so that no page has much more than sectionWords.
func split(u unit, bs []block) []*page {
	var pages []*page
	var cur []block
	words, part := 0, 0
	flush := func() {
		p := &page{title: u.importPath, blocks: cur, path: (&url.URL{Path: "/doc/" + strings.TrimSuffix(u.importPath, path.Ext(u.importPath))}).EscapedPath()}
		if cur == nil || p.words() < ownPage {
			return
		}
		if part++; part > 1 {
			p.title += " (part " + strconv.Itoa(part) + ")"
			p.path += "-" + strconv.Itoa(part)
		}
		p.path += ".html"
		if cur[0].kind != heading {
			p.blocks = append([]block{{heading, p.title}}, cur...)
		}
		pages = append(pages, p)
		cur, words = nil, 0
	}
	for _, b := range bs {
		if b.kind == heading && words >= sectionWords {
			flush()
		}
		cur = append(cur, b)
		if b.kind != code {
			words += len(strings.Fields(b.text))
		}
	}
	flush()
	return pages
}

// markdownBlocks reads the common part of Markdown line by line.
func markdownBlocks(text string) []block {
	var out []block
	var held []string
	now, fenced := para, false
	flush := func() {
		if now == code {
			out = appendBlock(out, code, strings.Join(held, "\n"))
		} else {
			out = appendBlock(out, now, inline(strings.Join(held, " ")))
		}
		held, now = nil, para
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		trim := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trim, "```") || strings.HasPrefix(trim, "~~~"):
			flush()
			if fenced = !fenced; fenced {
				now = code
			}
		case fenced:
			held = append(held, line)
		case trim == "" || strings.HasPrefix(trim, "|") || strings.Trim(trim, "-=*_ ") == "":
			flush()
		case strings.HasPrefix(trim, "#"):
			flush()
			out = appendBlock(out, heading, inline(strings.Trim(trim, "# ")))
		case listMark(trim) > 0:
			flush()
			now = item
			held = append(held, trim[listMark(trim):])
		default:
			held = append(held, trim)
		}
	}
	flush()
	return out
}

// listMark is the length of "- ", "* ", "+ " or "12. " at the start of a line.
func listMark(s string) int {
	if len(s) > 2 && strings.IndexByte("-*+", s[0]) >= 0 && s[1] == ' ' {
		return 2
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits > 0 && strings.HasPrefix(s[digits:], ". ") {
		return digits + 2
	}
	return 0
}

// inline takes marks, images and addresses out of a run of Markdown and keeps its words.
func inline(s string) string {
	var b strings.Builder
	lastTag := strings.LastIndexByte(s, '>') // known once, so that many "<" are not many searches
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '`' || c == '*' || c == '!' && strings.HasPrefix(s[i:], "![") || c == '[':
			i++
		case c == ']' && i+1 < len(s) && (s[i+1] == '(' || s[i+1] == '['):
			end := strings.IndexAny(s[i+2:], ")]")
			if end < 0 {
				return b.String()
			}
			i += 2 + end + 1
		case c == ']':
			i++
		case c == '<' && i < lastTag:
			i += strings.IndexByte(s[i:], '>') + 1
		default:
			b.WriteByte(c)
			i++
		}
	}
	return html.UnescapeString(b.String())
}

// htmlBlocks reads an article written in HTML, such as the language specification.
func htmlBlocks(text string) []block {
	var out []block
	var b strings.Builder
	now, skip := para, 0
	flush := func(next kind) {
		out = appendBlock(out, now, b.String())
		b.Reset()
		now = next
	}
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		tt := z.Next()
		switch tt {
		case html.ErrorToken:
			flush(para)
			return out
		case html.TextToken:
			if skip == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			open := tt == html.StartTagToken
			switch tag := string(name); tag {
			case "script", "style", "title", "nav":
				if open {
					skip++
				} else if skip > 0 {
					skip--
				}
			default:
				if k, ok := blockTag(tag); ok {
					if !open {
						k = para
					}
					if now == code && open && tag != "pre" { // marks inside pre
						continue
					}
					flush(k)
				}
			}
		}
	}
}

// blockTag tells which kind of block a tag starts. Other tags run on within one.
func blockTag(tag string) (kind, bool) {
	switch tag {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return heading, true
	case "pre":
		return code, true
	case "li", "dd", "dt":
		return item, true
	case "p", "div", "ul", "ol", "dl", "table", "tr", "section", "article", "main", "body", "header", "footer", "blockquote":
		return para, true
	}
	return 0, false
}
