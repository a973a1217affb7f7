package crashfs

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pointName is what a point is called: the words of FOLDER.WHAT.
var pointName = regexp.MustCompile(`^[a-z]+(\.[a-z]+)+$`)

// makers are the functions whose first word is a point: the methods of a durable.Disk and a durable.File, and what
// hands a name on to them.
var makers = map[string]bool{"Open": true, "Temp": true, "Mkdir": true, "Rename": true, "Link": true, "Remove": true, "RemoveAll": true,
	"SyncDir": true, "Acknowledge": true, "Replace": true, "ReplaceFrom": true, "Create": true, "WriteAt": true, "Truncate": true,
	"Sync": true, "Writer": true, "cut": true, "Put": true, "Delete": true}

// Points lists the points that the Go files in dir name, tests left out.
func Points(dir string) ([]string, error) {
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && path != dir {
			return below(err)
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && makers[calleeOf(call)] {
				for _, arg := range call.Args {
					if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if s, err := strconv.Unquote(lit.Value); err == nil && pointName.MatchString(s) {
							found[s] = true
						}
						break
					}
				}
			}
			return true
		})
		return nil
	})
	return slices.Sorted(maps.Keys(found)), err
}

// below leaves out folders below.
func below(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

func calleeOf(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// Sometimes begins the reason for a point that only some runs pass, by how their goroutines fall.
const Sometimes = "sometimes: "

// Passed is an error where there is a point in the Go files of a folder at which no life has passed. A point that is
// several steps has passed with any of them. but names exceptions, each with its reason; one that excuses nothing is
// an error too, unless its reason begins with Sometimes.
func (r *Report) Passed(dir string, but map[string]string) error {
	points, err := Points(dir)
	if err == nil && len(points) == 0 {
		err = fmt.Errorf("%s has no points", dir)
	}
	errs := []error{err}
	for _, p := range points {
		passed := false
		for _, seen := range []map[string]int{r.Points, r.Recovery} {
			for s := range seen {
				passed = passed || s == p || strings.HasPrefix(s, p+".")
			}
		}
		switch {
		case !passed && but[p] == "":
			errs = append(errs, fmt.Errorf("no life passes the point %s", p))
		case passed && but[p] != "" && !strings.HasPrefix(but[p], Sometimes):
			errs = append(errs, fmt.Errorf("the exception for %s excuses nothing: remove it", p))
		}
	}
	return errors.Join(errs...)
}
