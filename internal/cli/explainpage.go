package cli

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"

	"millrace/clean/charset"
	"millrace/clean/extract"
	"millrace/internal/term"
)

// explainPage says which parts of a page its text leaves out, and why, in the page's order.
func (a *App) explainPage(file string) error {
	body, err := a.readFile(file)
	if err != nil {
		return &Error{Exit: Usage, Err: err, Try: "millrace explain --html FILE.html, or - for standard input"}
	}
	src := charset.Decode(body, "", true).Text
	page := extract.Options{Why: true}.Best(src)
	line, at := 1, 0
	for _, l := range page.Left {
		if l.From > at {
			line, at = line+strings.Count(src[at:l.From], "\n"), l.From
		}
		text := bare(src[l.From:max(l.From, l.To)])
		if a.json {
			a.emit(map[string]any{"type": "left", "reason": l.Reason.String(), "line": line, "from": l.From, "to": l.To, "text": text})
			continue
		}
		fmt.Fprintf(a.Stdout, "%6d  %-12s %s\n", line, l.Reason, term.Safe(term.Clip(text, 100)))
	}
	chars := utf8.RuneCountInString(page.Text)
	if a.json {
		a.emit(map[string]any{"type": "page", "title": page.Title, "text": page.Text, "chars": chars, "left": len(page.Left), "unsure": page.Unsure, "slow": page.Slow})
		return nil
	}
	fmt.Fprintf(a.Stdout, "%s: %d characters are its text; parts left out: %d\n", term.Safe(page.Title), chars, len(page.Left))
	switch {
	case page.Slow:
		fmt.Fprintln(a.Stdout, "The text is that of the slower extractor, which says nothing about the parts that it leaves out.")
	case page.Unsure:
		fmt.Fprintln(a.Stdout, "It is not sure, and the slower extractor found no more.")
	}
	return nil
}

// bare is the beginning of markup's text, on one line.
func bare(src string) string {
	const most = 4000 // bytes that are looked at
	var b strings.Builder
	for src = src[:min(len(src), most)]; src != ""; {
		text, rest, _ := strings.Cut(src, "<")
		b.WriteString(text + " ")
		_, src, _ = strings.Cut(rest, ">")
	}
	return strings.Join(strings.Fields(html.UnescapeString(strings.ToValidUTF8(b.String(), ""))), " ")
}
