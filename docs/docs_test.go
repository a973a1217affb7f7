package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"millrace/docs"
)

// registered reads the Reason constants of the root package from its source.
func registered(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../verdict.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
			return true
		}
		for _, v := range spec.Values {
			code, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	slices.Sort(codes)
	return codes
}

// Every reason has a page, and every page a reason.
func TestPages(t *testing.T) {
	want := registered(t)
	if len(want) < 30 {
		t.Fatalf("found %d reasons in verdict.go: %v", len(want), want)
	}
	if got := docs.Codes(); !slices.Equal(got, want) {
		t.Errorf("pages  %v\nreasons %v", got, want)
	}
}

// Every page has the same parts.
func TestPageParts(t *testing.T) {
	for _, code := range docs.Codes() {
		page, ok := docs.Rule(code)
		if !ok {
			t.Errorf("no page for %s", code)
		}
		if !strings.HasPrefix(page, "# "+code+": ") {
			t.Errorf("%s: the page does not begin with its code", code)
		}
		for _, part := range []string{"\n**Source.** ", "\n**Default.** ", "\nKept:", "\nDropped:"} {
			if strings.Count(page, part) != 1 {
				t.Errorf("%s: %d times %q, want 1", code, strings.Count(page, part), part)
			}
		}
	}
}

func TestRule(t *testing.T) {
	if _, ok := docs.Rule("quality.nonsense"); ok {
		t.Error("a page for a code that is none")
	}
	if page, ok := docs.Rule("failed.mystage"); !ok || !strings.Contains(page, "failed.stage") {
		t.Error("no page for the failure of a stage from outside")
	}
}

func TestTitle(t *testing.T) {
	for _, code := range docs.Codes() {
		page, _ := docs.Rule(code)
		if docs.Title(page) == "" {
			t.Errorf("%s: the heading has no title behind its code", code)
		}
	}
}
