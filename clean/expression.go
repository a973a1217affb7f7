package clean

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"millrace"
)

// maxNodes bounds an expression. It has no loops and calls nothing, so its work is that of its nodes, and of the
// texts that it compares.
const maxNodes = 500

// expression is a rule in words: it keeps a document where it is true. It may name the signals that are measured up to
// its step, and lang, script, title, url, source, licence and charset.
type expression struct {
	source  string
	program *vm.Program
	signals []string // those that it names
	columns []int    // of these in Document.Signals
}

// texts are what an expression may know of a document besides its signals.
func texts(d *millrace.Document) map[string]any {
	return map[string]any{"lang": d.Lang, "script": d.Script, "title": d.Title, "url": d.Page.URL, "source": d.Page.Source,
		"licence": d.Page.Licence, "charset": d.Charset}
}

// newExpression compiles an expression over the signals measured so far.
func newExpression(source string, signals []string) (*expression, error) {
	env := texts(&millrace.Document{})
	for _, s := range signals {
		if _, ok := env[s]; !ok {
			env[s] = 0.0
		}
	}
	e := &expression{source: source}
	v := &names{}
	var err error
	// No functions: some of them run over lists, and lists can be long.
	if e.program, err = expr.Compile(source, expr.Env(env), expr.AsBool(), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Patch(v)); err != nil {
		return nil, err
	}
	if v.forbidden != "" {
		return nil, fmt.Errorf("%s is not for rules", v.forbidden)
	}
	for _, name := range v.found {
		if slices.Contains(signals, name) && !slices.Contains(e.signals, name) {
			e.signals = append(e.signals, name)
		}
	}
	return e, nil
}

// bind gives the expression the places of the signals in a recipe.
func (e *expression) bind(signals []string) *expression {
	bound := *e
	bound.columns = nil
	for _, name := range e.signals {
		bound.columns = append(bound.columns, slices.Index(signals, name))
	}
	return &bound
}

// names is a visitor that notes what an expression names.
type names struct {
	found     []string
	forbidden string
}

// Visit implements ast.Visitor.
func (n *names) Visit(node *ast.Node) {
	switch x := (*node).(type) {
	case *ast.IdentifierNode:
		n.found = append(n.found, x.Value)
	case *ast.BinaryNode:
		if x.Operator == ".." {
			n.forbidden = "the operator .."
		}
	case *ast.BuiltinNode, *ast.PredicateNode, *ast.CallNode:
		n.forbidden = strings.TrimPrefix(reflect.TypeOf(x).String(), "*ast.")
	}
}

// keeps evaluates the expression for a document. Where a signal that it names is not measured, it keeps.
func (e *expression) keeps(d *millrace.Document) (bool, error) {
	env := texts(d)
	for i, at := range e.columns {
		if at >= len(d.Signals) || math.IsNaN(float64(d.Signals[at])) {
			return true, nil
		}
		env[e.signals[i]] = float64(d.Signals[at])
	}
	out, err := expr.Run(e.program, env)
	if err != nil {
		return false, fmt.Errorf("rule %q: %w", e.source, err)
	}
	return out.(bool), nil
}

// over reports whether the rule looks at nothing but these signals.
func (r Rule) over(signals []string) bool {
	if r.keep == nil {
		return slices.Contains(signals, r.Signal)
	}
	for _, name := range r.keep.signals {
		if !slices.Contains(signals, name) {
			return false
		}
	}
	return true
}
