package robots

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/temoto/robotstxt"
)

// testCase is one entry of testdata/cases.yaml.
type testCase struct {
	Name, Source, Robots, Agent, URL string
	Allowed                          bool
	Line                             int
	Temoto, Protego                  string // why that library differs; "" where it agrees
}

func (c *testCase) fullURL() string {
	if strings.HasPrefix(c.URL, "/") {
		return "http://h.example" + c.URL
	}
	return c.URL
}

func readCases(t *testing.T) []testCase {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []testCase
	if err := yaml.UnmarshalWithOptions(data, &cases, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for i := range cases {
		if cases[i].Agent == "" {
			cases[i].Agent = "millbot"
		}
	}
	return cases
}

// TestCases holds the table: our answers are right, and temoto's differ where the table says so, and
// nowhere else.
func TestCases(t *testing.T) {
	cases := readCases(t)
	if len(cases) < 120 {
		t.Fatalf("%d cases", len(cases))
	}
	seen := map[string]bool{}
	differs := 0
	for _, c := range cases {
		if seen[c.Name] || c.Source == "" {
			t.Errorf("%s: a name that stands twice, or no source", c.Name)
		}
		seen[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			allowed, rule, line, _ := Parse([]byte(c.Robots)).Allowed(c.Agent, c.fullURL())
			if allowed != c.Allowed || line != c.Line || (rule == "") != (line == 0) {
				t.Errorf("allowed %v by line %d %q, want %v by line %d", allowed, line, rule, c.Allowed, c.Line)
			}
			got, said := temoto(c)
			if agrees := said && got == c.Allowed; agrees != (c.Temoto == "") {
				t.Errorf("temoto: answer %v (%v), but the table says %q", got, said, c.Temoto)
			}
		})
		if c.Temoto != "" {
			differs++
		}
	}
	t.Logf("%d cases, of which temoto answers %d as we do", len(cases), len(cases)-differs)
}

// temoto asks the library as its documentation shows: with the path and the query. said is false where
// it has no answer.
func temoto(c testCase) (allowed, said bool) {
	f, err := robotstxt.FromString(c.Robots)
	if err != nil {
		return false, false
	}
	_, path, _ := strings.Cut(c.fullURL(), "h.example")
	path, _, _ = strings.Cut(path, "#")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return f.FindGroup(c.Agent).Test(path), true
}
