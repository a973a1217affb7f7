package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unfuzzed are folders of clean that parse nothing.
var unfuzzed = map[string]string{
	"clean/process": "lines go to a program and come back; what they say is read in clean",
}

// TestCleanIsFuzzed finds folders of clean without a fuzz target: all of them read what the web sends. `.ci/fuzz` finds the targets.
func TestCleanIsFuzzed(t *testing.T) {
	target := regexp.MustCompile(`(?m)^func Fuzz[A-Z]`)
	code, fuzzed := map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob(filepath.Join(root, "clean", "*", "*", "*.go"))
	for _, pattern := range []string{"clean/*.go", "clean/*/*.go"} {
		more, globErr := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err == nil {
			err = globErr
		}
		files = append(files, more...)
	}
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		rel, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.ToSlash(rel)
		code[folder] = true
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fuzzed[folder] = fuzzed[folder] || target.Match(text)
	}
	for folder := range code {
		if fuzzed[folder] == (unfuzzed[folder] != "") {
			t.Errorf("%s: fuzz target %v, excused %q", folder, fuzzed[folder], unfuzzed[folder])
		}
	}
}
