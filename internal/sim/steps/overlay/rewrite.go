package overlay

import (
	"go/ast"
	"go/token"
	"go/types"
)

// as is the name of the counter in the copies.
const as = "millraceSteps"

// rewriter makes one file count.
type rewriter struct {
	info   *types.Info
	ours   map[string]bool
	file   *token.File
	edits  []edit
	places int
}

// rewrite gives the file as it counts. Its lines stay where they are.
func (r *rewriter) rewrite(f *ast.File, src []byte) []byte {
	var stack []ast.Node
	closing := map[ast.Node][]edit{}
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			r.edits = append(r.edits, closing[top]...)
			return true
		}
		stack = append(stack, n)
		before := len(r.edits)
		closing[n] = r.visit(n)
		r.places += len(r.edits) - before
		return true
	})
	if r.places > 0 {
		r.put(f.Name.End(), `; import `+as+` "`+counter+`"`)
	}
	return apply(src, r.edits)
}

func (r *rewriter) at(p token.Pos) int { return r.file.Offset(p) }

// put puts text at a place.
func (r *rewriter) put(p token.Pos, text string) {
	r.edits = append(r.edits, edit{r.at(p), r.at(p), text})
}

// change puts text in the place of n characters.
func (r *rewriter) change(p token.Pos, n int, text string) {
	r.edits = append(r.edits, edit{r.at(p), r.at(p) + n, text})
}

// visit makes a node count, and gives the changes that come behind those of what is inside it.
func (r *rewriter) visit(n ast.Node) []edit {
	switch n := n.(type) {
	case *ast.FuncDecl:
		r.block(n.Body)
	case *ast.FuncLit:
		r.block(n.Body)
	case *ast.ForStmt:
		r.block(n.Body)
	case *ast.RangeStmt:
		r.block(n.Body)
	case *ast.IndexExpr:
		if m, ok := r.under(n.X).(*types.Map); ok && isString(m.Key()) {
			return r.wrap(n.Index)
		}
	case *ast.BinaryExpr:
		return r.binary(n)
	case *ast.AssignStmt:
		if n.Tok == token.ADD_ASSIGN && r.kind(n.Rhs[0]) == "S" {
			r.put(n.Rhs[0].Pos(), as+".Plus("+types.ExprString(n.Lhs[0])+", ")
			return r.closed(n.Rhs[0].End())
		}
	case *ast.CallExpr:
		return r.call(n)
	}
	return nil
}

// block counts each time that a block is entered.
func (r *rewriter) block(b *ast.BlockStmt) {
	if b != nil {
		r.put(b.Lbrace+1, " "+as+".N++; ")
	}
}

// binary counts what an operator reads.
func (r *rewriter) binary(n *ast.BinaryExpr) []edit {
	texts := r.kind(n.X) == "S" && r.kind(n.Y) == "S"
	switch {
	case n.Op == token.ADD && r.kind(n) == "S":
		return r.with("S", n)
	case n.Op == token.EQL && texts:
		r.put(n.X.Pos(), as+".Equal(")
	case n.Op == token.NEQ && texts:
		r.put(n.X.Pos(), "!"+as+".Equal(")
	default:
		return nil
	}
	r.change(n.OpPos, len(n.Op.String()), ",")
	return r.closed(n.Y.End())
}

// closed is a bracket at a place.
func (r *rewriter) closed(p token.Pos) []edit { return []edit{{r.at(p), r.at(p), ")"}} }

// wrap counts the length of an expression: of a text, of a slice; of anything else nothing.
func (r *rewriter) wrap(x ast.Expr) []edit {
	f := r.kind(x)
	if f == "" {
		return nil
	}
	return r.with(f, x)
}

// with puts a function of the counter around an expression.
func (r *rewriter) with(f string, x ast.Expr) []edit {
	r.put(x.Pos(), as+"."+f+"(")
	return r.closed(x.End())
}

// kind names the counter's function for an expression whose length is not known before it runs.
func (r *rewriter) kind(x ast.Expr) string {
	tv, ok := r.info.Types[x]
	if !ok || tv.Value != nil || tv.Type == nil {
		return ""
	}
	switch t := tv.Type.Underlying().(type) {
	case *types.Slice:
		return "L"
	case *types.Map:
		return "M"
	case *types.Basic:
		if t.Info()&types.IsString != 0 {
			return "S"
		}
	}
	return ""
}

func (r *rewriter) under(x ast.Expr) types.Type {
	if tv, ok := r.info.Types[x]; ok && tv.Type != nil {
		return tv.Type.Underlying()
	}
	return nil
}

func isString(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}
