package clean

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"millrace"
)

// casesSuffix is what the cases of a recipe NAME.yaml are called, beside it.
const casesSuffix = ".cases.yaml"

// maxCaseFile bounds the file of a document, in bytes.
const maxCaseFile = 32 << 20

// Cases are documents with what a recipe is to make of them.
type Cases struct {
	File   string // where they stand
	Recipe string // a name or a file, as Load takes it
	List   []Case
}

// Case is one document, and what is expected.
type Case struct {
	Line, Column int
	Name         string
	Expect       millrace.Reason // "" is kept
	Stage        string          // "" is any
	Signals      []Expected
	Edits        []Expected
	Becomes      *string // the text afterwards; nil is any

	document millrace.Document
}

// Expected is a number that is to lie between two limits, both included.
type Expected struct {
	Name      string
	Low, High float64
}

// LoadCases reads the cases beside a recipe. It takes their file, NAME.cases.yaml, or the recipe's, or the name of a recipe that is
// built in.
func LoadCases(nameOrFile string) (*Cases, error) {
	file, dir := nameOrFile, filepath.Dir(nameOrFile)
	data, err := recipes.ReadFile("recipes/" + nameOrFile + casesSuffix)
	if err == nil {
		file, dir = nameOrFile+casesSuffix, ""
	} else {
		if _, err := recipes.ReadFile("recipes/" + nameOrFile + ".yaml"); err == nil {
			return nil, fmt.Errorf("the recipe %s has no cases", nameOrFile)
		}
		if !strings.HasSuffix(file, casesSuffix) {
			file = strings.TrimSuffix(file, filepath.Ext(file)) + casesSuffix
		}
		if data, err = readFile(file); err != nil {
			return nil, fmt.Errorf("read cases: %w", err)
		}
	}
	c, err := parseCases(file, dir, data)
	if err != nil || c.Recipe != "" {
		return c, err
	}
	if c.Recipe = strings.TrimSuffix(file, casesSuffix); dir != "" {
		c.Recipe += ".yaml"
	}
	return c, nil
}

// caseParser reads cases. Files that they name are seen from dir; "" reads none.
type caseParser struct {
	recipeParser
}

func parseCases(name, dir string, data []byte) (*Cases, error) {
	body, p, err := parseYAML("cases "+name, dir, data)
	if err != nil {
		return nil, err
	}
	cp := &caseParser{*p}
	top, err := cp.fields(body, "recipe", "cases")
	if err != nil {
		return nil, err
	}
	c := &Cases{File: name}
	if c.Recipe, err = cp.text(top["recipe"]); err != nil {
		return nil, err
	}
	if _, err := recipes.ReadFile("recipes/" + c.Recipe + ".yaml"); err != nil && c.Recipe != "" && !filepath.IsAbs(c.Recipe) {
		c.Recipe = filepath.Join(dir, c.Recipe)
	}
	list, err := cp.list(top["cases"])
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, cp.at(body.GetToken(), "no cases")
	}
	for _, n := range list {
		one, err := cp.one(n)
		if err != nil {
			return nil, err
		}
		c.List = append(c.List, one)
	}
	return c, nil
}

// one reads one case.
func (p *caseParser) one(n ast.Node) (c Case, err error) {
	f, err := p.fields(n, "name", "text", "html", "file", "url", "title", "lang", "source", "licence", "expect", "stage", "signals", "edits", "becomes")
	if err != nil {
		return c, err
	}
	first := beginning(n)
	c.Line, c.Column = first.Position.Line, first.Position.Column
	var text, html, file, expect, becomes string
	for _, t := range [...]struct {
		key string
		to  *string
	}{{"name", &c.Name}, {"text", &text}, {"html", &html}, {"file", &file}, {"url", &c.document.Page.URL}, {"title", &c.document.Title},
		{"lang", &c.document.Lang}, {"source", &c.document.Page.Source}, {"licence", &c.document.Page.Licence}, {"expect", &expect},
		{"stage", &c.Stage}, {"becomes", &becomes}} {
		if *t.to, err = p.words(f[t.key]); err != nil {
			return c, err
		}
	}
	if f["becomes"] != nil {
		c.Becomes = &becomes
	}
	if c.Expect, err = p.expect(n, f["expect"], expect); err != nil {
		return c, err
	}
	if c.Signals, err = p.numbers(f["signals"]); err != nil {
		return c, err
	}
	if c.Edits, err = p.numbers(f["edits"]); err != nil {
		return c, err
	}
	given := 0
	for _, key := range [...]string{"text", "html", "file"} {
		if f[key] != nil {
			given++
		}
	}
	if given != 1 {
		return c, p.at(first, "a case has one of text, html and file")
	}
	switch {
	case f["text"] != nil:
		c.document.Text = text
	case f["html"] != nil:
		c.document.Page.Body, c.document.Page.MediaType = []byte(html), "text/html"
	default:
		err = p.file(&c.document.Page, f["file"], file)
	}
	return c, err
}

// beginning is the first token of a mapping.
func beginning(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// words reads text, also where it has lines of its own. The last line's end is none of it.
func (p *caseParser) words(n ast.Node) (string, error) {
	if l, ok := n.(*ast.LiteralNode); ok {
		return strings.TrimSuffix(l.Value.Value, "\n"), nil
	}
	return p.text(n)
}

// expect reads the fate of a document.
func (p *caseParser) expect(c, n ast.Node, word string) (millrace.Reason, error) {
	r := millrace.Reason(word)
	switch {
	case n == nil:
		return "", p.at(beginning(c), "a case needs expect: kept, or the code of a reason")
	case word == "kept":
		return "", nil
	case r == millrace.RuleProcess, strings.HasPrefix(word, "failed."), slices.Contains(reasons(), r):
		return r, nil
	}
	return "", p.at(n.GetToken(), "unknown reason %q: want kept, failed.STEP, %s or %s", word, millrace.RuleProcess, joinReasons(reasons()))
}

// numbers reads what numbers are expected: a value, or a list of the lowest and the highest.
func (p *caseParser) numbers(n ast.Node) (list []Expected, err error) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case nil:
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return nil, p.at(n.GetToken(), "want names with a number, or with a lowest and a highest one: {words: [50, 60]}")
	}
	for _, v := range values {
		e := Expected{Name: v.Key.GetToken().Value}
		limits := []ast.Node{v.Value, v.Value}
		if s, ok := v.Value.(*ast.SequenceNode); ok {
			limits = s.Values
		}
		if len(limits) != 2 {
			return nil, p.at(v.Value.GetToken(), "want a number, or a lowest and a highest one")
		}
		for i, to := range [...]*float64{&e.Low, &e.High} {
			f, err := p.number(limits[i])
			if err != nil {
				return nil, err
			}
			*to = *f
		}
		if e.Low > e.High {
			return nil, p.at(v.Value.GetToken(), "%g is above %g: no number can be between", e.Low, e.High)
		}
		list = append(list, e)
	}
	return list, nil
}

// file reads a page's bytes.
func (p *caseParser) file(page *millrace.Page, n ast.Node, name string) error {
	if p.dir == "" {
		return p.at(n.GetToken(), "what is built in has no files beside it")
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return p.at(n.GetToken(), "there is no file %s", path)
		}
		return p.at(n.GetToken(), "%s", err)
	}
	defer f.Close()
	page.Body, err = io.ReadAll(io.LimitReader(f, maxCaseFile+1))
	switch {
	case err != nil:
		return p.at(n.GetToken(), "%s", err)
	case len(page.Body) > maxCaseFile:
		return p.at(n.GetToken(), "%s is larger than %d bytes", path, maxCaseFile)
	}
	page.MediaType = map[string]string{".html": "text/html", ".htm": "text/html", ".txt": "text/plain", ".md": "text/plain"}[strings.ToLower(filepath.Ext(path))]
	return nil
}

// Document makes the case's document anew.
func (c *Case) Document() *millrace.Document {
	d := c.document
	d.Page.Body = slices.Clone(d.Page.Body)
	return &d
}

// Differs says what has come out otherwise than expected: a sentence each. names are those of the document's signals.
func (c *Case) Differs(d *millrace.Document, names []string) (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if v := d.Verdict; v.Reason != c.Expect {
		say("expected %s, and it is %s", fate(c.Expect), told(v))
	} else if c.Stage != "" && v.Stage != c.Stage {
		say("expected stage %s, and it is %s", c.Stage, told(v))
	}
	for _, e := range c.Signals {
		i := slices.Index(names, e.Name)
		switch {
		case i < 0:
			say("signal %s: no step measures it", e.Name)
		case i >= len(d.Signals) || math.IsNaN(float64(d.Signals[i])):
			say("signal %s: expected %s, and it was not measured", e.Name, e)
		case d.Signals[i] < float32(e.Low) || d.Signals[i] > float32(e.High):
			say("signal %s: expected %s, and it is %g", e.Name, e, d.Signals[i])
		}
	}
	for _, e := range c.Edits {
		n := 0.0
		for _, edit := range d.Edits {
			if edit.Kind == e.Name {
				n = float64(edit.Count)
			}
		}
		if n < e.Low || n > e.High {
			say("edit %s: expected %s, and it is %g", e.Name, e, n)
		}
	}
	if c.Becomes != nil && strings.TrimRight(d.Text, "\n") != strings.TrimRight(*c.Becomes, "\n") {
		say("the text becomes %q, and not %q", d.Text, *c.Becomes)
	}
	return list
}

// String is the range as a case has it.
func (e Expected) String() string {
	if e.Low == e.High {
		return fmt.Sprintf("%g", e.Low)
	}
	return fmt.Sprintf("%g to %g", e.Low, e.High)
}

func fate(r millrace.Reason) string {
	if r == "" {
		return "kept"
	}
	return string(r)
}

// told is a verdict with what it rests on.
func told(v millrace.Verdict) string {
	s := fate(v.Reason)
	if v.Stage != "" {
		s += " by " + v.Stage
	}
	if v.Signal != "" {
		s += fmt.Sprintf(": %s is %g, limit %g", v.Signal, v.Value, v.Limit)
	}
	if v.Err != "" {
		s += ": " + v.Err
	}
	return s
}
