package overlay

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// The copy of a package has the same lines, and counts in each function and loop, and around what reads a text.
func TestMake(t *testing.T) {
	file, places, err := Make(t.Context(), t.TempDir(), "millrace/internal/sim/hostile/quadratic")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(data, &overlay); err != nil || len(overlay.Replace) != 2 {
		t.Fatalf("%s: %v", data, err)
	}
	for from, to := range overlay.Replace {
		if strings.HasSuffix(from, "steps.go") {
			continue
		}
		before, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := strings.Count(string(before), "\n"), strings.Count(string(after), "\n"); a != b {
			t.Errorf("%d lines became %d", a, b)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), to, after, 0); err != nil {
			t.Error(err)
		}
		for _, want := range []string{
			"for i := range s { millraceSteps.N++; ", "table[millraceSteps.S(s[i:])]", "millraceSteps.Find(strings.IndexByte, s[i:], '>')", "millraceSteps.I(copy(",
			"strings.Count(millraceSteps.S(s[:i]), \"a\")", "if millraceSteps.Equal(s[i:half] , s[half:half+half-i])", "t += millraceSteps.Plus(t, s[i : i+1])",
			"[]rune(millraceSteps.S(s[i:]))", "clear(millraceSteps.L(list))", "millraceSteps.L(list)...)", "(millraceSteps.Find(strings.Index, word, \"b\") >= 0)",
			"millraceSteps.Cut(strings.Cut, s, \" \")", "millraceSteps.Space(strings.TrimSpace, rest)", "make([]byte, millraceSteps.I(len(s)))",
		} {
			if !strings.Contains(string(after), want) {
				t.Errorf("no %s in\n%s", want, after)
			}
		}
	}
	if places < 50 {
		t.Errorf("%d places count", places)
	}
}
