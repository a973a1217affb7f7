// Package overlay makes a copy of packages that counts its steps: source comes in, and a file for "go build -overlay" goes out,
// by which the same packages are built from copies with a counter in each function and in each loop, and around each call of
// code outside them that reads a text. Nobody has to remember to count in a new loop, and the product pays nothing.
//
// Read in this order: overlay.go, rewrite.go, calls.go, counting.go.txt.
package overlay

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

//go:embed counting.go.txt
var counting []byte

// counter is the package that counts.
const counter = "millrace/internal/sim/steps"

// listed is what go list says about a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// Make writes copies of the packages into dir, and gives the name of the overlay file and the number of places that count.
// The packages are named as for go list, in the module around the working folder.
func Make(ctx context.Context, dir string, patterns ...string) (name string, places int, err error) {
	all, err := list(ctx, append([]string{"-deps", "-export"}, append(patterns, counter)...))
	if err != nil {
		return "", 0, err
	}
	wanted, err := list(ctx, patterns)
	if err != nil {
		return "", 0, err
	}
	export, replace := map[string]string{}, map[string]string{}
	for _, p := range all {
		export[p.ImportPath] = p.Export
		if p.ImportPath == counter {
			replace[filepath.Join(p.Dir, "steps.go")] = filepath.Join(dir, "steps.go")
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "steps.go"), counting, 0o600); err != nil {
		return "", 0, fmt.Errorf("write the counter: %w", err)
	}
	m := &maker{dir: dir, replace: replace, ours: map[string]bool{counter: true}, fset: token.NewFileSet()}
	m.importer = importer.ForCompiler(m.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(export[path]) })
	for _, p := range wanted {
		m.ours[p.ImportPath] = true
	}
	for _, p := range wanted {
		if err := m.copy(p); err != nil {
			return "", 0, fmt.Errorf("make %s count: %w", p.ImportPath, err)
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", 0, err
	}
	name = filepath.Join(dir, "overlay.json")
	return name, m.places, os.WriteFile(name, data, 0o600)
}

// list asks go list for packages.
func list(ctx context.Context, args []string) ([]listed, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=ImportPath,Dir,Export,GoFiles"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.Bytes())
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		all = append(all, p)
	}
}

// maker copies packages.
type maker struct {
	dir      string
	replace  map[string]string
	ours     map[string]bool // packages that count
	fset     *token.FileSet
	importer types.Importer
	files    int
	places   int
}

// copy writes a copy of a package's files.
func (m *maker) copy(p listed) error {
	var files []*ast.File
	var sources [][]byte
	for _, name := range p.GoFiles {
		src, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(m.fset, filepath.Join(p.Dir, name), src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files, sources = append(files, f), append(sources, src)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	if _, err := (&types.Config{Importer: m.importer}).Check(p.ImportPath, m.fset, files, info); err != nil {
		return err
	}
	for i, f := range files {
		r := &rewriter{info: info, ours: m.ours, file: m.fset.File(f.Pos())}
		out := r.rewrite(f, sources[i])
		m.places += r.places
		m.files++
		to := filepath.Join(m.dir, fmt.Sprintf("%03d-%s", m.files, p.GoFiles[i]))
		if err := os.WriteFile(to, out, 0o600); err != nil {
			return err
		}
		m.replace[filepath.Join(p.Dir, p.GoFiles[i])] = to
	}
	return nil
}

// edit is a change of a source text: what stands between two places gives way to text.
type edit struct {
	from, to int
	text     string
}

// apply makes the changes. Of those at one place, the first comes first.
func apply(src []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(out, src[at:e.from]...)
		out = append(out, e.text...)
		at = e.to
	}
	return append(out, src[at:]...)
}
