package clean_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millrace"
	"millrace/clean"
)

func load(t testing.TB) *clean.Recipe {
	t.Helper()
	r, err := clean.Load("default")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDefault(t *testing.T) {
	r := load(t)
	var names []string
	for _, s := range r.Stages() {
		names = append(names, s.Name())
	}
	if want := []string{"extract", "repair", "language", "pii", "gopher-repetition", "gopher-quality"}; !slices.Equal(names, want) {
		t.Errorf("stages %v, want %v", names, want)
	}
	want := []string{"chars", "lang_score", "lang_share", "pii_density", "dup_paragraphs", "dup_paragraph_chars", "dup_lines", "dup_line_chars",
		"top_2gram", "top_3gram", "top_4gram", "dup_5gram", "dup_6gram", "dup_7gram", "dup_8gram", "dup_9gram", "dup_10gram",
		"words", "mean_word_length", "symbol_hash_ratio", "symbol_ellipsis_ratio", "bullet_lines", "ellipsis_lines", "alpha_words", "stop_words"}
	if got := r.Signals(); !slices.Equal(got, want) {
		t.Errorf("signals %v, want %v", got, want)
	}
	if n := len(r.Rules()); n != 22 {
		t.Errorf("%d rules, want 22", n)
	}
	for _, rule := range r.Rules() {
		if rule.Source == "" {
			t.Errorf("the limit of %s has no source", rule.Signal)
		}
	}
	if r.Name() != "default" || !slices.Contains(clean.Names(), "default") {
		t.Errorf("name %q among %v", r.Name(), clean.Names())
	}
}

// A stage says all that it can measure and decide.
func TestDescribers(t *testing.T) {
	r := load(t)
	var signals []string
	for _, s := range r.Stages() {
		d, ok := s.(millrace.Describer)
		if !ok {
			t.Fatalf("%s describes nothing", s.Name())
		}
		signals = append(signals, d.SignalNames()...)
		for _, rule := range r.Rules() {
			if rule.Stage == s.Name() && !slices.Contains(d.Reasons(), rule.Reason) {
				t.Errorf("%s does not say that it can give %s", s.Name(), rule.Reason)
			}
		}
	}
	if !slices.Equal(signals, r.Signals()) {
		t.Errorf("stages say %v, the recipe %v", signals, r.Signals())
	}
}

func TestRecipeErrors(t *testing.T) {
	rule := func(s string) string { return "steps:\n  - step: extract\n    rules:\n      - {" + s + "}\n" }
	tests := []struct{ name, in, want string }{
		{"unknown key", "name: x\nstepps: []\n", "recipe r.yaml:2:1: unknown key \"stepps\""},
		{"unknown key in a rule", rule("signal: chars, minn: 1, reason: extract.empty"), "recipe r.yaml:4:25: unknown key \"minn\""},
		{"unknown step", "steps:\n  - step: polish\n", "recipe r.yaml:2:11: unknown step \"polish\""},
		{"unknown signal", rule("signal: charz, min: 1, reason: extract.empty"), "recipe r.yaml:4:18: unknown signal \"charz\""},
		{"a signal of a later step", rule("signal: words, min: 1, reason: extract.empty"), "unknown signal \"words\""},
		{"unknown reason", rule("signal: chars, min: 1, reason: extract.none"), "unknown reason \"extract.none\""},
		{"a reason of others", rule("signal: chars, min: 1, reason: dup.exact"), "unknown reason \"dup.exact\""},
		{"no limit", rule("signal: chars, reason: extract.empty"), "a rule needs min or max"},
		{"no signal", rule("min: 1, reason: extract.empty"), "a rule needs a signal"},
		{"never below", rule("signal: chars, max: -1, reason: extract.empty"), "recipe r.yaml:4:30: chars is never below 0"},
		{"never above", "steps:\n  - step: gopher-quality\n    rules:\n      - {signal: alpha_words, min: 1.5, reason: quality.alpha_words}\n", "alpha_words is never above 1"},
		{"nothing between", rule("signal: chars, min: 5, max: 4, reason: extract.empty"), "max 4 is below min 5"},
		{"not a number", rule("signal: chars, min: ten, reason: extract.empty"), "recipe r.yaml:4:30: want a number"},
		{"infinity", rule("signal: chars, min: .inf, reason: extract.empty"), "want a"},
		{"twice", "steps:\n  - step: pii\n  - step: pii\n", "recipe r.yaml:3:11: step \"pii\" stands twice"},
		{"key twice", "name: a\nname: b\nsteps: []\n", "recipe r.yaml:2:1:"},
		{"no steps", "name: x\n", "a recipe needs steps"},
		{"steps is no list", "steps: 1\n", "recipe r.yaml:1:8: want a list"},
		{"a list", "- a\n", "want keys"},
		{"alias", "steps: &a\n  - step: pii\nname: *a\n", "want text"},
		{"syntax", "steps: [\n", "recipe r.yaml"},
		{"empty", "", "recipe r.yaml"},
		{"two documents", "name: a\n---\nname: b\n", "want one YAML document"},
		{"too large", strings.Repeat("#", 1<<17), "larger than"},
		{"too deep", strings.Repeat("[", 1<<15), "nested too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := clean.Parse("r.yaml", []byte(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

// The caret points at the column.
func ExampleParse() {
	_, err := clean.Parse("mine.yaml", []byte("steps:\n  - step: extract\n    rule: []\n"))
	fmt.Println(err)
	// Output:
	// recipe mine.yaml:3:5: unknown key "rule": the keys here are step, rules, name, run, licences, sources, hosts, file
	//     3 |     rule: []
	//       |     ^
}

func TestLoad(t *testing.T) {
	if _, err := clean.Load("no-such-recipe"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "default") {
		t.Errorf("error %v", err)
	}
	name := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(name, []byte("name: mine\nsteps: [{step: repair}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := clean.Load(name)
	if err != nil || r.Name() != "mine" || len(r.Stages()) != 1 {
		t.Errorf("Load = %v, %v", r, err)
	}
}

// The hash changes with what can change a row, and with nothing else.
func TestHash(t *testing.T) {
	parse := func(s string) string {
		r, err := clean.Parse("r.yaml", []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return r.Hash()
	}
	base := "name: a\nsteps:\n  - step: extract\n    rules:\n      - {signal: chars, min: 1, reason: extract.empty, source: a book}\n  - step: repair\n"
	for _, same := range []string{
		strings.Replace(base, "name: a", "name: b # renamed", 1), strings.Replace(base, "a book", "another", 1), strings.Replace(base, "min: 1,", "min: 1.0,", 1),
	} {
		if parse(same) != parse(base) {
			t.Errorf("the hash of\n%s\ndiffers", same)
		}
	}
	for _, other := range []string{
		strings.Replace(base, "min: 1", "min: 2", 1), strings.Replace(base, "min: 1", "max: 1", 1), strings.Replace(base, "- step: repair", "- step: pii", 1),
		strings.Replace(base, "extract.empty", "quality.word_count", 1), strings.Replace(base, "  - step: repair\n", "", 1),
	} {
		if parse(other) == parse(base) {
			t.Errorf("the hash of\n%s\nis the same", other)
		}
	}
}

func TestRuleDecide(t *testing.T) {
	one, two := 0.1, 0.3
	r := clean.Rule{Min: &one, Max: &two}
	tests := []struct {
		value, limit float64
		keep         bool
	}{
		{0.1, 0, true}, {0.3, 0, true}, {0.2, 0, true}, {math.NaN(), 0, true},
		{0.0999, 0.1, false}, {0.3001, 0.3, false}, {math.Inf(1), 0.3, false}, {math.Inf(-1), 0.1, false},
		{float64(float32(0.3)), 0, true}, // as stored
	}
	for _, tt := range tests {
		limit, keep := r.Decide(tt.value)
		if keep != tt.keep || !keep && limit != tt.limit {
			t.Errorf("Decide(%v) = %v, %v, want %v, %v", tt.value, limit, keep, tt.limit, tt.keep)
		}
	}
}

// Deciding again from the stored signals gives the verdict that the stages gave.
func TestDecideAgain(t *testing.T) {
	r := load(t)
	words := []string{"the", "mill", "of", "and", "grinds", "corn", "water", "-", "…", "#", "\n", "\n\n", "12.5", "wheel turns", "with"}
	rapid.Check(t, func(rt *rapid.T) {
		d := &millrace.Document{Text: strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 300).Draw(rt, "words"), " ")}
		live := judge(t, r, d)
		again := r.Decide(d.Signals)
		if again.Reason != live.Reason || again.Stage != live.Stage || again.Signal != live.Signal || again.Limit != live.Limit ||
			float32(again.Value) != float32(live.Value) {
			rt.Errorf("live %+v, again %+v", live, again)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("name: a\nsteps:\n  - step: extract\n    rules:\n      - {signal: chars, min: 1, reason: extract.empty}\n"))
	f.Add([]byte("steps: [{step: pii}, {step: pii}]"))
	f.Add([]byte("a: &a [*a]\n? b\n: |\n  c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := clean.Parse("f.yaml", data)
		if (r == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", r, err)
		}
		if err == nil && (len(r.Stages()) == 0 || r.Hash() == "") {
			t.Error("a recipe that does nothing")
		}
	})
}
