package clean_test

import (
	"strings"
	"testing"

	"millrace"
	"millrace/clean"
)

func TestAllow(t *testing.T) {
	const all = "steps: [{step: allow, licences: [CC0-1.0, 'https://creativecommons.org/licenses/by/4.0/'], sources: [crawl, books], hosts: [example.org]}]"
	r, err := clean.Parse("r", []byte(all))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		licence, source, url string
		want                 millrace.Reason
	}{
		{"CC0-1.0", "crawl", "https://example.org/a", ""},
		{"cc0-1.0", "books", "https://WWW.Example.org:8443/a", ""},
		{"http://creativecommons.org/licenses/by/4.0", "crawl", "https://a.b.example.org./", ""},
		{"", "crawl", "https://example.org/", millrace.LicenceUnknown},
		{" ", "crawl", "https://example.org/", millrace.LicenceUnknown},
		{"CC-BY-NC-4.0", "crawl", "https://example.org/", millrace.LicenceOther},
		{millrace.LicenceConflict, "crawl", "https://example.org/", millrace.LicenceOther},
		{"CC0-1.0", "forum", "https://example.org/", millrace.SourceOther},
		{"CC0-1.0", "", "https://example.org/", millrace.SourceOther},
		{"CC0-1.0", "crawl", "https://notexample.org/", millrace.SourceOther},
		{"CC0-1.0", "crawl", "https://example.org.evil.net/", millrace.SourceOther},
		{"CC0-1.0", "crawl", "file:books/a.jsonl#3", millrace.SourceOther},
		{"CC0-1.0", "crawl", "https://%zz", millrace.SourceOther},
		{"CC0-1.0", "crawl", "https://" + strings.Repeat(".", 100) + "/", millrace.SourceOther},
	} {
		d := &millrace.Document{Text: "x", Page: millrace.Page{Licence: c.licence, Source: c.source, URL: c.url}}
		if v := judge(t, r, d); v.Reason != c.want {
			t.Errorf("%+v: %v", c, v)
		}
	}
}

// What one list says is not asked of a recipe that has another.
func TestAllowLists(t *testing.T) {
	for list, keeps := range map[string]bool{"licences: [MIT]": false, "sources: [books]": true, "hosts: [example.org]": false} {
		r, err := clean.Parse("r", []byte("steps: [{step: allow, "+list+"}]"))
		if err != nil {
			t.Fatal(err)
		}
		if v := judge(t, r, &millrace.Document{Page: millrace.Page{Source: "books"}}); v.Kept() != keeps {
			t.Errorf("%s: %v", list, v)
		}
	}
}

// A line of a file says its licence in a field that millrace does not know.
func TestAllowField(t *testing.T) {
	r, err := clean.Parse("r", []byte("steps: [{step: allow, licences: [MIT]}]"))
	if err != nil {
		t.Fatal(err)
	}
	for meta, want := range map[string]millrace.Reason{
		`{"license":"MIT"}`: "", `{"licence":"mit"}`: "", `{"license":null,"licence":"mit"}`: "", `{"license":"GPL-3.0"}`: millrace.LicenceOther,
		`{"license":["MIT"]}`: millrace.LicenceUnknown, `{}`: millrace.LicenceUnknown, "": millrace.LicenceUnknown, "{": millrace.LicenceUnknown,
	} {
		if v := judge(t, r, &millrace.Document{Meta: meta}); v.Reason != want {
			t.Errorf("%s: %v", meta, v)
		}
	}
	d := &millrace.Document{Meta: `{"license":"MIT"}`, Page: millrace.Page{Licence: millrace.LicenceConflict}}
	if v := judge(t, r, d); v.Reason != millrace.LicenceOther {
		t.Errorf("a field against what the page says: %v", v)
	}
}

func TestAllowRecipe(t *testing.T) {
	for text, want := range map[string]string{
		"steps: [{step: allow}]":                                          "needs licences, sources or hosts",
		"steps: [{step: allow, licences: []}]":                            "allows nothing",
		"steps: [{step: allow, licences: ['']}]":                          "is none of licences",
		"steps: [{step: allow, hosts: ['https://example.org']}]":          "is none of hosts",
		"steps: [{step: allow, licences: [MIT], rules: []}]":              "has no rules",
		"steps: [{step: allow, hosts: [a.b]}, {step: allow, hosts: [c]}]": "stands twice",
		"steps: [{step: repair, hosts: [a.b]}]":                           "unknown key \"hosts\"",
	} {
		if _, err := clean.Parse("r", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	hash := map[string]string{}
	var list []*clean.Recipe
	for _, text := range []string{"licences: [MIT]", "sources: [MIT]", "hosts: [MIT]", "licences: [MIT, CC0-1.0]"} {
		r, err := clean.Parse("r", []byte("steps: [{step: allow, "+text+"}]"))
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := hash[r.Hash()]; ok {
			t.Errorf("%s and %s have one hash", text, other)
		}
		hash[r.Hash()], list = text, append(list, r)
	}
	if _, err := clean.Join(list...); err == nil {
		t.Error("two lists were joined, and one of them forgotten")
	}
}
