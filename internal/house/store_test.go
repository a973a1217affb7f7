package house

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestStoreStepsHavePoints finds what changes an object store and is not made inside a step with a point.
func TestStoreStepsHavePoints(t *testing.T) {
	pkgs, _ := parse(t)
	steps := 0
	for _, p := range pkgs {
		for name, f := range p.files {
			if folderOf(name) != "" || strings.HasPrefix(name, "internal/objects/") { // the client itself
				continue
			}
			pointed, bare := storeCallsOf(f)
			steps += len(pointed)
			for _, call := range bare {
				t.Errorf("%s calls %s: a step on a store is made inside durable.Disk.Put or Delete, with a point", name, call)
			}
		}
	}
	if steps < 4 {
		t.Errorf("%d steps on a store were found: the test looks for the wrong names", steps)
	}
}

// storeCallsOf lists the calls that change a store: those inside a step, and the others.
func storeCallsOf(f *ast.File) (pointed, bare []string) {
	var steps []ast.Node // functions that a Disk is handed
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Put" || s.Sel.Name == "Delete") && endsInDisk(s.X) {
			for _, arg := range call.Args {
				if lit, ok := arg.(*ast.FuncLit); ok {
					steps = append(steps, lit)
				}
			}
		}
		if name := storeCall(call); name != "" {
			if slices.ContainsFunc(steps, func(s ast.Node) bool { return within(s, call.Pos()) }) {
				pointed = append(pointed, name)
			} else {
				bare = append(bare, name)
			}
		}
		return true
	})
	return pointed, bare
}

func within(n ast.Node, at token.Pos) bool { return n.Pos() <= at && at < n.End() }

// endsInDisk holds for p.Disk, s.o.Disk and disk.
func endsInDisk(x ast.Expr) bool {
	id, ok := x.(*ast.Ident)
	return ok && strings.EqualFold(id.Name, "disk") || endsIn(x, "Disk") || endsIn(x, "disk")
}

// storeCall names a call that changes a store, or is "".
func storeCall(call *ast.CallExpr) string {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if x, ok := s.X.(*ast.Ident); ok && x.Name == "objects" && (s.Sel.Name == "PutBytes" || s.Sel.Name == "Claim") {
		return "objects." + s.Sel.Name
	}
	id, ok := s.X.(*ast.Ident)
	store := ok && strings.EqualFold(id.Name, "store") || endsIn(s.X, "Store") || endsIn(s.X, "store")
	if s.Sel.Name == "PutNew" || store && (s.Sel.Name == "Put" || s.Sel.Name == "Delete") {
		return "Store." + s.Sel.Name
	}
	return ""
}

// TestStoreStepsCatch plants breaches.
func TestStoreStepsCatch(t *testing.T) {
	p := newPackage("p")
	src := `// Package p is p.
package p

func a(s objects.Store) { s.PutNew(ctx, "a", nil) }
func b() { objects.PutBytes(ctx, s, "a", nil) }
func c(p Place) { p.Store.Delete(ctx, "a") }
func d(store objects.Store) { store.Put(ctx, "a", nil, 0, "") }
func e(p Place) { p.Disk.Put("a.b", "", func() error { return p.Store.Put(ctx, "a", nil, 0, "") }) }
func f(disk *durable.Disk) { disk.Delete("a.b", "", func() error { return store.Delete(ctx, "a") }) }
`
	if err := p.add("ingest/p.go", []byte(src)); err != nil {
		t.Fatal(err)
	}
	pointed, bare := storeCallsOf(p.files["ingest/p.go"])
	if !slices.Equal(bare, []string{"Store.PutNew", "objects.PutBytes", "Store.Delete", "Store.Put"}) || len(pointed) != 2 {
		t.Errorf("inside a step %v, outside %v", pointed, bare)
	}
}
