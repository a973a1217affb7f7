package overlay

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// cost says how the work of a function outside the counted packages is counted.
type cost int

const (
	whole  cost = iota // its texts and slices, to their ends
	free               // a bounded number of bytes, or what it makes, which is counted where it is read
	find               // from the front, up to what it finds
	last               // from the end
	cut                // strings.Cut
	space              // strings.TrimSpace
	trim               // strings.Trim and its kin
	second             // as much as its second argument is long
	sorted             // its first argument, and n log n
)

// costs are those of functions that do not read all that they are given. What is not here is counted as if it did.
func costs(pkg, name string) cost {
	switch pkg {
	case "encoding/binary", "errors", "sort", "math/bits":
		return free
	case "unicode/utf8":
		if !strings.HasPrefix(name, "RuneCount") && !strings.HasPrefix(name, "Valid") {
			return free
		}
	case "slices":
		switch {
		case strings.HasPrefix(name, "Sort"):
			return sorted
		case strings.HasPrefix(name, "BinarySearch"):
			return free
		}
	case "strings", "bytes":
		switch name {
		case "Index", "IndexByte", "IndexAny", "IndexFunc", "IndexRune", "Contains", "ContainsRune", "ContainsAny", "ContainsFunc":
			return find
		case "LastIndex", "LastIndexByte", "LastIndexAny", "LastIndexFunc":
			return last
		case "Cut":
			return cut
		case "TrimSpace":
			return space
		case "Trim", "TrimLeft", "TrimRight", "TrimFunc", "TrimLeftFunc", "TrimRightFunc":
			return trim
		case "HasPrefix", "HasSuffix", "TrimPrefix", "TrimSuffix", "CutPrefix", "CutSuffix", "EqualFold":
			return second
		}
	}
	return whole
}

// call counts what a call reads.
func (r *rewriter) call(n *ast.CallExpr) []edit {
	fun := r.info.Types[n.Fun]
	switch {
	case fun.IsType():
		if len(n.Args) == 1 && r.kind(n.Args[0]) != "" && r.kind(n) != "" && r.kind(n) != r.kind(n.Args[0]) {
			return r.wrap(n.Args[0])
		}
		return nil
	case fun.IsBuiltin():
		return r.builtin(n)
	}
	f, name := r.callee(n)
	if f == nil || f.Pkg() == nil || r.ours[f.Pkg().Path()] {
		return nil
	}
	c := whole
	if f.Signature().Recv() == nil {
		c = costs(f.Pkg().Path(), f.Name())
	}
	switch c {
	case free:
	case find:
		if other, ok := strings.CutPrefix(f.Name(), "Contains"); ok {
			r.put(n.Pos(), "(")
			r.change(name.Pos(), len(name.Name), "Index"+other)
			return append(r.through("Find", n), edit{r.at(n.End()), r.at(n.End()), " >= 0)"})
		}
		return r.through("Find", n)
	case last:
		return r.through("Last", n)
	case cut:
		return r.through("Cut", n)
	case space:
		return r.through("Space", n)
	case trim:
		return r.through("Trim", n)
	case second:
		return r.wrap(n.Args[1])
	case sorted:
		return r.with("Sorted", n.Args[0])
	case whole:
		var closed []edit
		for _, a := range n.Args {
			closed = append(closed, r.wrap(a)...)
		}
		return closed
	}
	return nil
}

// through hands a call to a function of the counter, which makes it.
func (r *rewriter) through(f string, n *ast.CallExpr) []edit {
	r.put(n.Pos(), as+"."+f+"(")
	r.change(n.Lparen, 1, ", ")
	return nil
}

// callee is the function that is called, and the last word of its name.
func (r *rewriter) callee(n *ast.CallExpr) (*types.Func, *ast.Ident) {
	fun := ast.Unparen(n.Fun)
	if x, ok := fun.(*ast.IndexExpr); ok {
		fun = x.X
	}
	var name *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		name = x
	case *ast.SelectorExpr:
		name = x.Sel
	default:
		return nil, nil
	}
	f, _ := r.info.Uses[name].(*types.Func)
	return f, name
}

// builtin counts what a builtin function copies or clears.
func (r *rewriter) builtin(n *ast.CallExpr) []edit {
	name, ok := ast.Unparen(n.Fun).(*ast.Ident)
	if !ok {
		return nil
	}
	end := n.Args[max(0, len(n.Args)-1):]
	switch name.Name {
	case "append":
		if n.Ellipsis != token.NoPos {
			return r.wrap(end[0])
		}
	case "copy":
		return r.with("I", n)
	case "clear":
		return r.wrap(end[0])
	case "make":
		if tv := r.info.Types[end[0]]; len(n.Args) > 1 && tv.Value == nil {
			return r.with("I", end[0])
		}
	}
	return nil
}
