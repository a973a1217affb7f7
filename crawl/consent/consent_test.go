package consent

import (
	"testing"
	"time"

	"millrace"
	"millrace/crawl/robots"
)

const (
	yes  = millrace.Yes
	no   = millrace.No
	none = millrace.NotSaid
)

var when = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// input is a page of h.example with what stands around it.
func input(header []millrace.Field, page, robotsTxt string) Input {
	in := Input{URL: "https://h.example/a/page", Header: header, Token: "millbot", Resolve: func(ref string) string { return ref }}
	if page != "" {
		in.Head = Scan([]byte(page), in.Token)
	}
	if robotsTxt != "" {
		in.Rules = ReadRules(robots.Parse([]byte(robotsTxt)), in.Token, when)
	}
	return in
}

// TestTokens: the list is readable, and no name is in two classes.
func TestTokens(t *testing.T) {
	l := readTokens()
	seen := map[string]bool{}
	for _, class := range [][]string{l.Training, l.Search, l.User} {
		for _, name := range class {
			if seen[name] {
				t.Errorf("%s twice", name)
			}
			seen[name] = true
		}
	}
	if l.Version == "" || len(l.Training) < 25 {
		t.Errorf("version %q, %d tokens", l.Version, len(l.Training))
	}
}

func TestAnyNoWins(t *testing.T) {
	in := input([]millrace.Field{{Name: "Content-Usage", Value: "train-ai=y"}},
		"<meta name=robots content=noai><a rel=license href=https://creativecommons.org/licenses/by/4.0/>",
		"User-agent: *\nContent-Signal: ai-train=yes\n")
	by := Statements(in)
	if len(by) != 4 || Combine(by) != no || Licence(by) != "CC-BY-4.0" {
		t.Errorf("%v of %+v", Combine(by), by)
	}
}
