// Package docs holds the pages about reasons: a code comes in, its page goes out. `millrace explain` prints them.
//
// Each Reason of the root package has a page in rules, named by its code: why, source, default, and a case
// that is kept beside one that is dropped.
package docs

import (
	"embed"
	"strings"
)

//go:embed rules/*.md
var rules embed.FS

// Rule gives the page of a reason's code, in Markdown. A failure of a stage without a page of its own has the
// page of failed.stage.
func Rule(code string) (string, bool) {
	page, err := rules.ReadFile("rules/" + code + ".md")
	if err != nil && strings.HasPrefix(code, "failed.") {
		page, err = rules.ReadFile("rules/failed.stage.md")
	}
	return string(page), err == nil
}

// Codes lists the codes that have a page, sorted.
func Codes() []string {
	entries, err := rules.ReadDir("rules")
	if err != nil {
		return nil // the folder is part of the program
	}
	var codes []string
	for _, e := range entries {
		codes = append(codes, strings.TrimSuffix(e.Name(), ".md"))
	}
	return codes
}

// Title is what a page's heading says behind the code.
func Title(page string) string {
	line, _, _ := strings.Cut(page, "\n")
	_, title, _ := strings.Cut(line, ": ")
	return title
}
