package clean_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace"
	"millrace/clean"
)

// fence finds the fenced block of a page with a mark, and the words behind the mark.
func fence(page, mark string) (text, info string, ok bool) {
	_, rest, ok := strings.Cut(page, "\n```"+mark)
	if !ok {
		return "", "", false
	}
	info, rest, _ = strings.Cut(rest, "\n")
	text, _, ok = strings.Cut(rest, "\n```")
	return text, strings.TrimSpace(info), ok
}

// judge runs a document through a recipe, as the runner does.
func judge(t testing.TB, r *clean.Recipe, d *millrace.Document) millrace.Verdict {
	t.Helper()
	for _, s := range r.Stages() {
		v, err := s.Process(t.Context(), d)
		if err != nil {
			t.Fatalf("%s: %v", s.Name(), err)
		}
		if !v.Kept() {
			return v
		}
	}
	return millrace.Verdict{}
}

// The examples of the pages about reasons come out as the pages say.
func TestPagesExamples(t *testing.T) {
	files, err := filepath.Glob("../docs/rules/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	ran := 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		page := strings.ReplaceAll(string(data), "\r\n", "\n")
		code := strings.TrimSuffix(filepath.Base(name), ".md")
		recipe, err := clean.Load("default")
		if text, _, ok := fence(page, "recipe"); ok {
			recipe, err = clean.Parse(code, []byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
		for mark, want := range map[string]millrace.Reason{"kept": "", "dropped": millrace.Reason(code)} {
			text, info, ok := fence(page, mark)
			if !ok {
				continue
			}
			ran++
			d := &millrace.Document{Text: text}
			if info == "html" {
				d = &millrace.Document{Page: millrace.Page{Body: []byte(text), MediaType: "text/html"}}
			}
			if v := judge(t, recipe, d); v.Reason != want {
				t.Errorf("%s, %s example: %v, want %q", code, mark, v, want)
			}
		}
	}
	if ran < 42 {
		t.Errorf("%d examples ran", ran)
	}
}
