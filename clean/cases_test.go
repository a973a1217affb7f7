package clean

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace"
)

// What comes with the recipes that are built in.
func TestShippedCases(t *testing.T) {
	files, err := filepath.Glob("recipes/*" + casesSuffix)
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		c, err := LoadCases(strings.TrimSuffix(filepath.Base(name), casesSuffix))
		if err != nil {
			t.Error(err)
			continue
		}
		r, err := Load(c.Recipe)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.List {
			d := c.List[i].Document()
			for _, s := range r.Stages() {
				v, err := s.Process(t.Context(), d)
				if err != nil {
					v = millrace.Verdict{Reason: millrace.Failed(s.Name()), Err: err.Error()}
				}
				if d.Verdict = v; !v.Kept() {
					break
				}
			}
			for _, s := range c.List[i].Differs(d, r.Signals()) {
				t.Errorf("%s:%d:%d: %s", name, c.List[i].Line, c.List[i].Column, s)
			}
		}
	}
}

// Whatever comes out otherwise is said.
func TestDiffers(t *testing.T) {
	c, err := parseCases("x.cases.yaml", ".", []byte("cases:\n  - {text: a b, expect: quality.word_count, stage: gopher-quality, signals: {words: [3, 4], chars: 3, other: 1}, edits: {pii.email: 1}, becomes: a}\n"))
	if err != nil {
		t.Fatal(err)
	}
	one := c.List[0]
	if one.Line != 2 || one.Column != 6 {
		t.Errorf("the case is at %d:%d", one.Line, one.Column)
	}
	d := one.Document()
	d.Signals = millrace.Signals{3, 3}
	names := []string{"words", "chars", "more"}
	want := []string{"expected quality.word_count, and it is kept", "signal other: no step", "edit pii.email: expected 1, and it is 0", `the text becomes "a b", and not "a"`}
	for _, w := range want {
		if got := strings.Join(one.Differs(d, names), "\n"); !strings.Contains(got, w) {
			t.Errorf("%q is not in\n%s", w, got)
		}
	}
	if got := one.Differs(d, names); len(got) != len(want) {
		t.Errorf("%q", got)
	}
	d.Verdict = millrace.Verdict{Reason: millrace.QualityWordCount, Stage: "another", Signal: "words", Value: 2, Limit: 50}
	d.Signals, d.Text = d.Signals[:1], "a\n"
	d.AddEdit("pii.email", 1)
	got := strings.Join(one.Differs(d, append(names, "other")), "\n")
	if got != "expected stage gopher-quality, and it is quality.word_count by another: words is 2, limit 50\nsignal chars: expected 3, and it was not measured\nsignal other: expected 1, and it was not measured" {
		t.Error(got)
	}
}

// What is wrong with cases is said with its place.
func TestCasesErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "page.txt"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ in, want string }{
		{"cases: []", "no cases"},
		{"case: 1", "c.yaml:1:1: unknown key"},
		{"cases:\n  - {text: a}", "c.yaml:2:6: a case needs expect"},
		{"cases:\n  - {expect: kept}", "c.yaml:2:6: a case has one of"},
		{"cases:\n  - {text: a, html: b, expect: kept}", "c.yaml:2:6: a case has one of"},
		{"cases:\n  - {text: a, expect: quality.wordcount}", "c.yaml:2:23: unknown reason"},
		{"cases:\n  - {text: 5, expect: kept}", "c.yaml:2:12: want text"},
		{"cases:\n  - {file: no.html, expect: kept}", "c.yaml:2:12: there is no file"},
		{"cases:\n  - {text: a, expect: kept, signals: {words: [1]}}", "want a number"},
		{"cases:\n  - {text: a, expect: kept, signals: {words: [2, 1]}}", "no number can be between"},
		{"cases:\n  - {text: a, expect: kept, signals: {words: many}}", "want a number"},
		{"cases:\n  - {text: a, expect: kept, signals: [words]}", "want names with a number"},
		{"cases:\n  - a", "want keys"},
		{"cases: a", "want a list"},
		{"cases:\n  - {text: a\n", "c.yaml:"},
	} {
		if _, err := parseCases("c.yaml", dir, []byte(tt.in)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.in, err, tt.want)
		}
	}
	c, err := parseCases("c.yaml", dir, []byte("recipe: x.yaml\ncases:\n  - {file: page.txt, expect: failed.sulking}"))
	if err != nil || string(c.List[0].Document().Page.Body) != "text" || c.Recipe != filepath.Join(dir, "x.yaml") {
		t.Errorf("%+v: %v", c, err)
	}
}

func FuzzCases(f *testing.F) {
	for _, s := range []string{"cases:\n  - {text: a, expect: kept}", "recipe: default\ncases:\n  - name: x\n    text: |\n      a\n      b\n    expect: quality.symbols\n    signals: {a: [1, 2], b: 3}\n", "cases: {}", "- -", "cases:\n- ? a\n  : b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCases("f.yaml", "", []byte(s))
		if err != nil {
			return
		}
		for i := range c.List {
			one := &c.List[i]
			if d := one.Document(); one.Line < 1 || one.Column < 1 || d.Page.Body == nil && one.document.Page.Body != nil {
				t.Errorf("%+v", one)
			}
			one.Differs(one.Document(), nil)
		}
	})
}
