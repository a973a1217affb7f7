package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"millrace/clean/charset"
	"millrace/clean/extract"
	"millrace/internal/sim"
)

// manual is a package of Debian with pages of documentation.
type manual struct {
	name, folder string
	least        int                   // bytes: smaller pages are frames and redirects
	main         func(*html.Node) bool // the element with a page's main text
	not          func(*html.Node) bool // what in it is navigation
}

// manuals are the packages, in several scripts.
func manuals() []manual {
	handbook := func(n *html.Node) bool { return n.Data == "body" }
	docnav := func(n *html.Node) bool {
		c := " " + value(n, "class") + " "
		return strings.Contains(c, " docnav ") || strings.Contains(c, " toc ") || value(n, "id") == "title"
	}
	area := func(n *html.Node) bool { return value(n, "id") == "DisplayArea" }
	topics := func(n *html.Node) bool { return value(n, "class") == "relatedtopics" }
	const small, page = 6000, 2000
	list := []manual{{"debian-handbook", "usr/share/doc/debian-handbook/html", page, handbook, docnav}}
	for _, lang := range [...]string{"en-us", "de", "zh-cn"} {
		list = append(list, manual{"libreoffice-help-" + lang, "usr/share/libreoffice/help", small, area, topics})
	}
	return list
}

// most is how many pages of a package are looked at.
const most = 300

// documentation measures how much of the main text of manuals is kept.
func documentation(ctx context.Context, o options, _ string, b *sim.Bar) error {
	all, pages := 0.0, 0
	for _, m := range manuals() {
		dir, err := sim.Unpacked(ctx, o.docs, m.name)
		if err != nil {
			return err
		}
		kept, n, err := m.measure(filepath.Join(dir, m.folder), o.worst)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%s: no page with a main part in %s", m.name, m.folder)
		}
		b.Figures["kept_"+m.name] = kept / float64(n)
		fmt.Fprintf(os.Stderr, "%-24s %4d pages, %.4f of the main text kept\n", m.name, n, kept/float64(n))
		all += kept
		pages += n
	}
	share := all / float64(pages)
	b.Figures["documentation_pages"], b.Figures["documentation_kept"] = pages, share
	if share < keptDocumentation {
		return fmt.Errorf("%.3f of the main text of documentation is kept", share)
	}
	return nil
}

// measure sums the shares that are kept of the pages.
func (m manual) measure(dir string, worst int) (kept float64, n int, err error) {
	var names []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".html" {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() && info.Size() >= int64(m.least) {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	slices.Sort(names)
	type share struct {
		name string
		kept float64
	}
	var all []share
	for i := range min(most, len(names)) {
		name := names[i*len(names)/min(most, len(names))]
		data, err := os.ReadFile(name)
		if err != nil {
			return 0, 0, err
		}
		want, err := m.text(string(data))
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
		if len(shingles(want)) == 0 {
			continue
		}
		r := score([]counts{match(want, extract.HTML(charset.Decode(data, "", true).Text).Text)}).Recall
		all = append(all, share{name, r})
		kept += r
	}
	slices.SortFunc(all, func(a, b share) int { return int(1e6 * (a.kept - b.kept)) })
	for _, s := range all[:min(worst, len(all))] {
		fmt.Fprintf(os.Stderr, "docs %.3f %s\n", s.kept, s.name)
	}
	return kept, len(all), nil
}

// text is the main text, by the markup that the package's pages all have. It is read with a parser, and shares
// nothing with the extractor.
func (m manual) text(page string) (string, error) {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return "", err
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && m.main(n) {
			var b strings.Builder
			m.add(&b, n)
			return b.String(), nil
		}
	}
	return "", nil
}

// add writes the text inside n.
func (m manual) add(b *strings.Builder, n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data)
		case c.Type == html.ElementNode && (c.Data == "script" || c.Data == "style" || c.Data == "button" || m.not(c)):
		case c.Type == html.ElementNode:
			b.WriteString(gap(c.Data))
			m.add(b, c)
			b.WriteString(gap(c.Data))
		}
	}
}

// gap is a space around what is not within a line.
func gap(name string) string {
	switch name {
	case "a", "b", "i", "em", "strong", "code", "span", "tt", "kbd", "sup", "sub", "samp", "var", "acronym", "abbr", "small", "u":
		return ""
	}
	return " "
}

func value(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
