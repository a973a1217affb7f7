// Package house holds the text of the repository to its house rules: the size of files and
// functions, comments, no init, no mutable globals. What comes in is every Go file of the main
// module, what goes out is a test result. Tests and generated files are exempt.
package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The limits. Longer than this, a file or function is no longer read in one sitting.
const (
	maxFileLines = 500
	maxFuncLines = 70
)

// exceptions are allowed to break a rule: "file rule name" to the reason. An exception that
// excuses nothing is an error, so that the list stays short.
var exceptions = map[string]string{}

// wellKnown methods do what everybody knows, so that a comment would only repeat it.
var wellKnown = map[string]bool{"Error": true, "Unwrap": true, "String": true, "Len": true, "Less": true, "Swap": true}

// root is the repository as seen from this package.
const root = "../.."

func TestHouseRules(t *testing.T) {
	pkgs, files := parse(t)
	var found []breach
	for _, p := range pkgs {
		found = append(found, p.check()...)
	}
	used := map[string]bool{}
	for _, b := range found {
		if _, ok := exceptions[b.key()]; ok {
			used[b.key()] = true
			continue
		}
		t.Error(b)
	}
	for key := range exceptions {
		if !used[key] {
			t.Errorf("exception %q excuses nothing: remove it", key)
		}
	}
	if files == 0 {
		t.Fatal("no Go files found")
	}
}

// TestHouseRulesCatch plants one breach of each rule.
func TestHouseRulesCatch(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\t_ = 0\n", n) }
	tests := map[string]string{
		"file":     "// Package p is p.\npackage p\n" + strings.Repeat("\n", maxFileLines),
		"function": "// Package p is p.\npackage p\n\nfunc f() {\n" + lines(maxFuncLines) + "}\n",
		"package":  "package p\n",
		"comment":  "// Package p is p.\npackage p\n\n// T is fine.\ntype T struct{}\n\nfunc (T) M() {}\n",
		"init":     "// Package p is p.\npackage p\n\nfunc init() {}\n",
		"global":   "// Package p is p.\npackage p\n\nvar n int\n\nfunc f() { n++ }\n",
		"lock":     "// Package p is p.\npackage p\n\nvar mu sync.Mutex\n",
	}
	for rule, src := range tests {
		p := newPackage("p")
		if err := p.add("p/p.go", []byte(src)); err != nil {
			t.Fatal(err)
		}
		if got := p.check(); len(got) != 1 || got[0].rule != rule {
			t.Errorf("%s: found %v", rule, got)
		}
	}
	right := `// Package p is p.
package p

// Limits of a thing.
const (
	A = 1
	B = 2
)

var table = map[string]int{"a": 1}

// F shadows table, which is no breach.
func F() {
	table := 1
	table++
}

type hidden struct{}

func (hidden) Exported() {}
`
	p := newPackage("p")
	if err := p.add("p/p.go", []byte(right)); err != nil {
		t.Fatal(err)
	}
	if got := p.check(); len(got) != 0 {
		t.Errorf("right code is refused: %v", got)
	}
}

// breach is one place where a rule is broken.
type breach struct{ file, rule, name, what string }

func (b breach) key() string    { return fmt.Sprintf("%s %s %s", b.file, b.rule, b.name) }
func (b breach) String() string { return fmt.Sprintf("%s: %s (rule %q)", b.file, b.what, b.key()) }

// pack is one package's files.
type pack struct {
	dir     string
	fset    *token.FileSet
	files   map[string]*ast.File
	globals map[string]bool // package-level variables
	found   []breach
}

func newPackage(dir string) *pack {
	return &pack{dir: dir, fset: token.NewFileSet(), files: map[string]*ast.File{}, globals: map[string]bool{}}
}

// parse reads the main module's Go files, tests and generated files left out.
func parse(t *testing.T) (pkgs map[string]*pack, files int) {
	t.Helper()
	pkgs = map[string]*pack{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(path, rel, d)
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		if pkgs[dir] == nil {
			pkgs[dir] = newPackage(dir)
		}
		files++
		return pkgs[dir].add(filepath.ToSlash(rel), src)
	})
	if err != nil {
		t.Fatal(err)
	}
	return pkgs, files
}

// skip leaves out what is not code of the main module.
func skip(path, rel string, d fs.DirEntry) error {
	name := d.Name()
	if rel == "." {
		return nil
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil || name == "testdata" || name == "corpus" || strings.HasPrefix(name, ".") {
		return fs.SkipDir
	}
	return nil
}

// add parses one file.
func (p *pack) add(name string, src []byte) error {
	f, err := parser.ParseFile(p.fset, name, src, parser.ParseComments)
	if err != nil {
		return err
	}
	if ast.IsGenerated(f) {
		return nil
	}
	p.files[name] = f
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					p.globals[n.Name] = true
				}
			}
		}
	}
	return nil
}

func (p *pack) report(file, rule, name, format string, args ...any) {
	p.found = append(p.found, breach{file, rule, name, fmt.Sprintf(format, args...)})
}

// check holds all rules against the package.
func (p *pack) check() []breach {
	commented := len(p.files) == 0
	for name, f := range p.files {
		// A command whose only file is tagged away needs a comment too.
		commented = commented || f.Doc != nil
		if n := p.fset.File(f.Pos()).LineCount(); n > maxFileLines {
			p.report(name, "file", "", "%d lines, limit %d", n, maxFileLines)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				p.checkFunc(name, d)
			case *ast.GenDecl:
				p.checkDecl(name, d)
			}
		}
	}
	if !commented {
		p.report(p.dir, "package", "", "the package has no comment: say what comes in, what goes out, and in which order to read")
	}
	return p.found
}

func (p *pack) checkFunc(file string, d *ast.FuncDecl) {
	name := d.Name.Name
	if d.Recv == nil && name == "init" {
		p.report(file, "init", name, "init: a registry is a value that somebody makes")
	}
	if n := p.fset.Position(d.End()).Line - p.fset.Position(d.Pos()).Line + 1; n > maxFuncLines {
		p.report(file, "function", name, "func %s has %d lines, limit %d", name, n, maxFuncLines)
	}
	if d.Name.IsExported() && d.Doc == nil && receiverExported(d) && !(d.Recv != nil && wellKnown[name]) {
		p.report(file, "comment", name, "func %s has no comment", name)
	}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, x := range n.Lhs {
					p.checkWrite(file, x)
				}
			}
		case *ast.IncDecStmt:
			p.checkWrite(file, n.X)
		}
		return true
	})
}

// checkWrite reports a write to a package-level variable, or to a part of one.
func (p *pack) checkWrite(file string, x ast.Expr) {
	for {
		switch e := x.(type) {
		case *ast.IndexExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.ParenExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.Ident:
			if p.isGlobal(e) {
				p.report(file, "global", e.Name, "line %d writes the package variable %s", p.fset.Position(e.Pos()).Line, e.Name)
			}
			return
		default:
			return
		}
	}
}

// isGlobal reports whether a name means a package-level variable. The parser binds a name to
// its declaration within the file; a name that it could not bind comes from another file.
func (p *pack) isGlobal(id *ast.Ident) bool {
	if !p.globals[id.Name] {
		return false
	}
	if id.Obj == nil {
		return true
	}
	spec, ok := id.Obj.Decl.(*ast.ValueSpec)
	if !ok {
		return false
	}
	for _, f := range p.files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				for _, s := range g.Specs {
					if s == ast.Spec(spec) {
						return true
					}
				}
			}
		}
	}
	return false
}

func (p *pack) checkDecl(file string, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				p.report(file, "comment", s.Name.Name, "type %s has no comment", s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					p.report(file, "comment", n.Name, "%s has no comment", n.Name)
				}
			}
			if d.Tok == token.VAR && isLock(s.Type) {
				p.report(file, "lock", s.Names[0].Name, "%s: a lock at package level guards mutable globals", s.Names[0].Name)
			}
		}
	}
}

// isLock reports whether a type comes from sync or sync/atomic.
func isLock(t ast.Expr) bool {
	s, ok := t.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && (x.Name == "sync" || x.Name == "atomic")
}

// receiverExported reports whether a method can be reached by its type's name; a function always can.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch e := t.(type) {
		case *ast.StarExpr:
			t = e.X
		case *ast.IndexExpr:
			t = e.X
		case *ast.IndexListExpr:
			t = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return true
		}
	}
}
