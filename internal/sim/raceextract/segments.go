package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"millrace/internal/sim"
)

// marked is a Go module that carries pages, each with pieces of text that belong to its main part and pieces that
// do not. As with the articles, one half of them was looked at while the extractor was made, and the other half is
// reported; but results on that half were seen on the way, so it is not wholly unseen.
const marked = "github.com/markusmobius/go-trafilatura@v1.12.2"

// pieces are what was marked on a page.
type pieces struct{ with, without []string }

// readSegments gets the module's pages.
func readSegments(ctx context.Context) (*pageSet, map[string]pieces, error) {
	dir, err := sim.Module(ctx, marked)
	if err != nil {
		return nil, nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "scripts", "comparison", "data.go"), nil, 0)
	if err != nil {
		return nil, nil, err
	}
	set, all := &pageSet{}, map[string]pieces{}
	var errs []error
	ast.Inspect(file, func(n ast.Node) bool {
		entry, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		name, p := entryOf(entry)
		if name == "" {
			return true
		}
		html, err := os.ReadFile(filepath.Join(dir, "test-files", "comparison", name))
		if err != nil {
			html, err = os.ReadFile(filepath.Join(dir, "test-files", "mock", name))
		}
		if err != nil {
			errs = append(errs, err)
			return false
		}
		id := strconv.Itoa(len(set.pages))
		set.pages = append(set.pages, page{id: id, url: name, html: html})
		all[id] = p
		return false
	})
	if len(set.pages) == 0 {
		errs = append(errs, errors.New("no pages in "+marked))
	}
	return set, all, errors.Join(errs...)
}

// entryOf reads a literal with the fields File, With and Without.
func entryOf(lit *ast.CompositeLit) (name string, p pieces) {
	for _, e := range lit.Elts {
		field, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := field.Key.(*ast.Ident)
		if !ok {
			continue
		}
		var texts []string
		ast.Inspect(field.Value, func(n ast.Node) bool {
			if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING {
				if text, err := strconv.Unquote(s.Value); err == nil {
					texts = append(texts, text)
				}
			}
			return true
		})
		switch {
		case key.Name == "File" && len(texts) == 1:
			name = texts[0]
		case key.Name == "With":
			p.with = texts
		case key.Name == "Without":
			p.without = texts
		}
	}
	return name, p
}

// found counts the pieces of a page in a text.
func (p pieces) found(text string) (c counts) {
	text = oneLine(text)
	for _, s := range p.with {
		if strings.Contains(text, oneLine(s)) {
			c.both++
		} else {
			c.missing++
		}
	}
	for _, s := range p.without {
		if strings.Contains(text, oneLine(s)) {
			c.extra++
		}
	}
	return c
}

// print names the pieces that were not judged right.
func (p pieces) print(text string) {
	text = oneLine(text)
	for _, s := range p.with {
		if !strings.Contains(text, oneLine(s)) {
			fmt.Fprintf(os.Stderr, "  missing %q\n", s)
		}
	}
	for _, s := range p.without {
		if strings.Contains(text, oneLine(s)) {
			fmt.Fprintf(os.Stderr, "  extra %q\n", s)
		}
	}
}

// oneLine has single spaces for all white space.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
