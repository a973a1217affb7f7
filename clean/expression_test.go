package clean_test

import (
	"runtime/debug"
	"strings"
	"testing"
	"unicode/utf8"

	"millrace"
	"millrace/clean"
)

const inWords = "steps:\n  - step: extract\n  - step: language\n    rules:\n      - {keep: '%s'}\n"

func TestExpression(t *testing.T) {
	english := "The mill stands at the end of the lane, where the brook comes down from the hills, and it has a wheel."
	tests := []struct {
		keep string
		want bool
	}{
		{`lang == "en"`, true},
		{`lang == "de" || chars < 10`, false},
		{`lang in ["en", "de"] && chars > 50`, true},
		{`not (url startsWith "https://mill.")`, false},
		{`title matches "^[A-Z]"`, true},
		{`chars / 2 > 1000`, false},
	}
	for _, tt := range tests {
		r, err := clean.Parse("words", []byte(strings.ReplaceAll(inWords, "%s", tt.keep)))
		if err != nil {
			t.Fatal(err)
		}
		d := &millrace.Document{Text: english, Title: "The mill", Page: millrace.Page{URL: "https://mill.example/"}}
		v := judge(t, r, d)
		if v.Kept() != tt.want {
			t.Errorf("%s: %v", tt.keep, v)
		}
		if !tt.want && (v.Reason != millrace.RuleExpression || v.Signal != tt.keep) {
			t.Errorf("%s: %v", tt.keep, v)
		}
	}
}

// Signals keep their places when recipes are joined.
func TestExpressionJoined(t *testing.T) {
	one, err := clean.Load("gopher-quality@datatrove-0.10")
	if err != nil {
		t.Fatal(err)
	}
	two, err := clean.Parse("two", []byte("steps:\n  - step: extract\n    rules:\n      - {keep: chars == 3}\n"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := clean.Join(one.Without("gopher-quality"), two)
	if err != nil {
		t.Fatal(err)
	}
	if v := judge(t, all, &millrace.Document{Text: "abc"}); !v.Kept() {
		t.Error(v)
	}
	if v := judge(t, all, &millrace.Document{Text: "abcd"}); v.Kept() {
		t.Error("kept")
	}
	if all.Hash() == two.Hash() || all.Has("gopher-quality") {
		t.Error("a step more or less is no other recipe")
	}
}

// What an expression cannot say is said when the recipe is read, with its place.
func TestExpressionErrors(t *testing.T) {
	for keep, want := range map[string]string{
		`words > 3`:       "unknown name words",
		`chars >`:         "unexpected token",
		`chars`:           "expected bool",
		`len(title) > 3`:  "",
		`1 in 1..1000000`: "not for rules",
		`all([1], # > 0)`: "",
		strings.Repeat("chars > 1 && ", 300) + "true": "",
	} {
		_, err := clean.Parse("words.yaml", []byte(strings.ReplaceAll(inWords, "%s", keep)))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "words.yaml:5:16") {
			t.Errorf("%.40s: %v", keep, err)
		}
	}
	_, err := clean.Parse("words.yaml", []byte("steps:\n  - step: extract\n    rules:\n      - {keep: chars > 1, min: 3}\n"))
	if err == nil || !strings.Contains(err.Error(), "not both") {
		t.Error(err)
	}
}

// An expression of any kind is compiled or refused, at its place; and what is compiled says something of any document.
func FuzzExpression(f *testing.F) {
	for _, keep := range []string{`lang in ["en", "de"] && chars > 50`, `not (url startsWith "x")`, `title matches "^[A-Z]" ? chars > 3 : lang_score < 0.5`, "((((", `chars ?? 1`, `let a = 1; a > 0`} {
		f.Add(keep, "a title")
	}
	f.Fuzz(func(t *testing.T, keep, title string) {
		if strings.ContainsAny(keep, "\n\r") || !utf8.ValidString(keep) {
			t.Skip()
		}
		r, err := clean.Parse("words.yaml", []byte(strings.ReplaceAll(inWords, "%s", strings.ReplaceAll(keep, "'", "''"))))
		if err != nil {
			return
		}
		for _, s := range r.Stages() {
			_, _ = s.Process(t.Context(), &millrace.Document{Text: title, Title: title}) // what divides by nothing is an error
		}
	})
}

// Brackets make no nodes, and yet they are read by calls within calls.
func TestExpressionDeep(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(64 << 20)) // as the product does
	for _, piece := range []string{"(", "!", "-", "[", "{a:", "chars ? ", "1 + ("} {
		_, err := clean.Parse("words.yaml", []byte(strings.ReplaceAll(inWords, "%s", strings.Repeat(piece, 60000/len(piece)))))
		if err == nil {
			t.Errorf("%q again and again was taken", piece)
		}
	}
}
