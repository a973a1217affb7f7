package demo

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

const (
	ownPage  = 50      // words of prose that give a type a page of its own
	maxCode  = 8 << 10 // bytes of one code block; syscall's constants are a megabyte
	maxFiles = 400     // files of one package
)

// buildContext is fixed, so that every machine serves the same pages.
func buildContext() build.Context {
	c := build.Default
	c.GOOS, c.GOARCH, c.CgoEnabled = "linux", "amd64", false
	return c
}

// packagePages documents one package: a page for it, and one for each type with enough to say.
func packagePages(bc *build.Context, u unit) ([]*page, error) {
	fset, files, err := parsePackage(bc, u.dir)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	p, err := doc.NewFromFiles(fset, files, u.importPath)
	if err != nil { // files that make no package: go doc has no page for them either
		return nil, nil
	}
	w := &docWriter{pkg: p, fset: fset}
	return w.pages(u.importPath), nil
}

// parsePackage reads a folder's files and examples; what cannot be parsed is left out, as go doc does.
func parsePackage(bc *build.Context, dir string) (*token.FileSet, []*ast.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read package: %w", err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	name := ""
	for _, e := range entries {
		n := e.Name()
		test := strings.HasSuffix(n, "_test.go")
		if e.IsDir() || !strings.HasSuffix(n, ".go") || test && !strings.HasPrefix(n, "example") || len(files) == maxFiles {
			continue
		}
		if strings.Contains(filepath.ToSlash(dir), "/src/cmd/") && n != "doc.go" && n != "alldocs.go" {
			continue
		}
		if ok, err := bc.MatchFile(dir, n); err != nil || !ok {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, n), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		base := strings.TrimSuffix(f.Name.Name, "_test")
		if name == "" && !test {
			name = base
		}
		if !test && base != name { // a stray generator
			continue
		}
		files = append(files, f)
	}
	if name == "" {
		return fset, nil, nil
	}
	return fset, files, nil
}

// docWriter turns go/doc's view of a package into pages.
type docWriter struct {
	pkg    *doc.Package
	fset   *token.FileSet
	blocks []block
}

func (w *docWriter) pages(importPath string) []*page {
	var own []*page
	var small []*doc.Type
	for _, t := range w.pkg.Types {
		p := &page{path: "/pkg/" + importPath + "/" + t.Name + ".html", title: "type " + w.pkg.Name + "." + t.Name}
		w.blocks = nil
		w.put(heading, p.title)
		w.typ(t)
		p.blocks = w.blocks
		if p.words() < ownPage {
			small = append(small, t)
			continue
		}
		own = append(own, p)
	}
	p := &page{path: "/pkg/" + importPath + "/", title: "package " + importPath}
	w.blocks = nil
	w.put(heading, p.title)
	w.overview(small)
	p.blocks = w.blocks
	if p.words() < ownPage && len(own) == 0 {
		return nil
	}
	return append([]*page{p}, own...)
}

func (w *docWriter) overview(small []*doc.Type) {
	w.prose(w.pkg.Doc)
	w.examples(w.pkg.Examples)
	w.values("Constants", w.pkg.Consts)
	w.values("Variables", w.pkg.Vars)
	if len(w.pkg.Funcs) > 0 {
		w.put(heading, "Functions")
		w.funcs(w.pkg.Funcs)
	}
	for _, t := range small {
		w.put(heading, "type "+t.Name)
		w.typ(t)
	}
}

func (w *docWriter) typ(t *doc.Type) {
	w.decl(t.Decl)
	w.prose(t.Doc)
	w.examples(t.Examples)
	w.values("", t.Consts)
	w.values("", t.Vars)
	w.funcs(t.Funcs)
	w.funcs(t.Methods)
}

func (w *docWriter) funcs(fs []*doc.Func) {
	for _, f := range fs {
		name := f.Name
		if f.Recv != "" {
			name = strings.TrimPrefix(f.Recv, "*") + "." + name
		}
		w.put(heading, "func "+name)
		w.decl(f.Decl)
		w.prose(f.Doc)
		w.examples(f.Examples)
	}
}

func (w *docWriter) values(title string, vs []*doc.Value) {
	if len(vs) > 0 && title != "" {
		w.put(heading, title)
	}
	for _, v := range vs {
		w.decl(v.Decl)
		w.prose(v.Doc)
	}
}

func (w *docWriter) examples(es []*doc.Example) {
	for _, e := range es {
		w.put(heading, strings.TrimSpace("Example "+e.Suffix))
		w.prose(e.Doc)
		w.node(e.Code, e.Comments)
		if e.Output != "" {
			w.put(code, e.Output)
		}
	}
}

func (w *docWriter) decl(d ast.Decl) {
	if f, ok := d.(*ast.FuncDecl); ok {
		f.Body = nil
		f.Doc = nil
	}
	if g, ok := d.(*ast.GenDecl); ok {
		g.Doc = nil
	}
	w.node(d, nil)
}

// node prints Go code, cut at a line end when it is very long.
func (w *docWriter) node(n ast.Node, comments []*ast.CommentGroup) {
	var x any = n
	if comments != nil {
		x = &printer.CommentedNode{Node: n, Comments: comments}
	}
	var b bytes.Buffer
	cfg := printer.Config{Mode: printer.UseSpaces | printer.TabIndent, Tabwidth: 4}
	if err := cfg.Fprint(&b, w.fset, x); err != nil {
		return
	}
	s := b.String()
	if len(s) > maxCode {
		s = s[:strings.LastIndexByte(s[:maxCode], '\n')+1]
	}
	w.put(code, s)
}

// prose parses a doc comment into paragraphs, headings, lists and code.
func (w *docWriter) prose(text string) {
	d := w.pkg.Parser().Parse(text)
	for _, b := range d.Content {
		w.comment(b)
	}
}

func (w *docWriter) comment(b comment.Block) {
	switch b := b.(type) {
	case *comment.Paragraph:
		w.put(para, plain(b.Text))
	case *comment.Heading:
		w.put(heading, plain(b.Text))
	case *comment.Code:
		w.put(code, b.Text)
	case *comment.List:
		for _, it := range b.Items {
			var parts []string
			for _, c := range it.Content {
				if p, ok := c.(*comment.Paragraph); ok {
					parts = append(parts, plain(p.Text))
				}
			}
			w.put(item, strings.Join(parts, " "))
		}
	}
}

func (w *docWriter) put(k kind, s string) { w.blocks = appendBlock(w.blocks, k, s) }

// appendBlock cleans white space and leaves out what is empty. Only code keeps its lines.
func appendBlock(bs []block, k kind, s string) []block {
	if k == code {
		s = strings.Trim(s, "\n")
	} else {
		s = strings.Join(strings.Fields(s), " ")
	}
	if s == "" {
		return bs
	}
	return append(bs, block{k, s})
}

func plain(ts []comment.Text) string {
	var b strings.Builder
	for _, t := range ts {
		switch t := t.(type) {
		case comment.Plain:
			b.WriteString(string(t))
		case comment.Italic:
			b.WriteString(string(t))
		case *comment.Link:
			b.WriteString(plain(t.Text))
		case *comment.DocLink:
			b.WriteString(plain(t.Text))
		}
	}
	return b.String()
}
