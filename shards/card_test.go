package shards

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace"

	"github.com/goccy/go-yaml"
	"golang.org/x/net/html"
)

func TestWriteCard(t *testing.T) {
	const evil = `<script>alert(1)</script>|[x](javascript:1)` + "\x1b[31m\u202e"
	dir, docs := t.TempDir(), testDocs(1, 120)
	for _, d := range docs {
		d.Title, d.Page.Licence = evil, evil
		d.Text = evil + d.Text
	}
	if err := fill(t.Context(), openTest(t, testOptions(dir)), docs, 50); err != nil {
		t.Fatal(err)
	}
	info := CardInfo{Name: evil, Facts: []CardFact{{"kills", evil}}, Gates: []Gate{{"language", "0.99", "≥ 0.9", true}, {evil, "1", "2", false}},
		Points: []Point{{0, 5.5, 5.6}, {10, 4, math.NaN()}, {20, 3, 3.2}}}
	if err := WriteCard(t.Context(), nil, dir, info); err != nil {
		t.Fatal(err)
	}
	first := cards(t, dir)
	checkMarkdown(t, first["README.md"])
	checkCroissant(t, dir, first["croissant.json"])
	checkHTML(t, first["card.html"])
	if err := WriteCard(t.Context(), nil, dir, info); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(first, cards(t, dir)) {
		t.Error("a second card of the same table is another one")
	}
}

func cards(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, n := range []string{"README.md", "croissant.json", "card.html"} {
		b, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		m[n] = string(b)
	}
	return m
}

func checkMarkdown(t *testing.T, s string) {
	t.Helper()
	parts := strings.SplitN(s, "---\n", 3)
	if len(parts) != 3 {
		t.Fatalf("no YAML head:\n%s", s)
	}
	var head struct {
		Name    string `yaml:"pretty_name"`
		Lang    []string
		License string
		Configs []struct {
			Name  string `yaml:"config_name"`
			Files []struct {
				Split string
				Path  []string
			} `yaml:"data_files"`
		}
	}
	if err := yaml.Unmarshal([]byte(parts[1]), &head); err != nil {
		t.Fatalf("%v\n%s", err, parts[1])
	}
	if head.License != "other" || len(head.Configs) != 2 || head.Configs[0].Files[0].Path[0] != "data/part-*.parquet" {
		t.Errorf("head %+v", head)
	}
	if strings.Contains(parts[2], "<script") || strings.ContainsAny(parts[2], "\x1b\u202e") {
		t.Error("hostile text in README.md")
	}
	if !strings.Contains(parts[2], "in 120 = kept ") || !strings.Contains(parts[2], "quality.word\\_count") && !strings.Contains(parts[2], "quality.word_count") {
		t.Errorf("no funnel:\n%s", parts[2])
	}
}

// TestCardLicence: the table is under a licence only where every kept row is.
func TestCardLicence(t *testing.T) {
	for _, c := range []struct {
		of   func(i int) string
		want string
	}{
		{func(int) string { return "CC-BY-4.0" }, "cc-by-4.0"},
		{func(i int) string { return []string{"CC-BY-4.0", "", "CC-BY-4.0"}[i%3] }, "other"},
		{func(i int) string { return []string{"CC-BY-4.0", "CC0-1.0"}[i%2] }, "other"},
		{func(int) string { return millrace.LicenceConflict }, "other"},
		{func(int) string { return "" }, "other"},
	} {
		dir, docs := t.TempDir(), testDocs(1, 40)
		for i, d := range docs {
			d.Page.Licence = c.of(i)
		}
		if err := fill(t.Context(), openTest(t, testOptions(dir)), docs, 50); err != nil {
			t.Fatal(err)
		}
		if err := WriteCard(t.Context(), nil, dir, CardInfo{}); err != nil {
			t.Fatal(err)
		}
		got := cards(t, dir)
		if !strings.Contains(got["README.md"], "\nlicense: \""+c.want+"\"\n") {
			t.Errorf("want %s:\n%.300s", c.want, got["README.md"])
		}
		for _, share := range []string{"| licence | rows", "| consent | rows", "| not_said |"} {
			if !strings.Contains(got["README.md"], share) {
				t.Errorf("README.md lacks %q", share)
			}
		}
	}
}

func checkCroissant(t *testing.T, dir, s string) {
	t.Helper()
	var c struct {
		ConformsTo   string
		Distribution []struct {
			Type   string `json:"@type"`
			ID     string `json:"@id"`
			SHA256 string
		}
		RecordSet []struct{ Field []struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(s), &c); err != nil {
		t.Fatal(err)
	}
	n := 0
	kept, _ := openTable(t, dir).Files()
	for _, f := range kept {
		if d := c.Distribution[n]; d.ID != "data/"+f.Name || d.SHA256 != f.SHA256 {
			t.Errorf("file %s is described as %+v", f.Name, d)
		}
		n++
	}
	if len(c.Distribution) != n+1 || len(c.RecordSet) != 1 || len(c.RecordSet[0].Field) != len(columnsFor(testSignals, false)) {
		t.Errorf("%d files described as %d; %d record sets", n, len(c.Distribution), len(c.RecordSet))
	}
	if c.ConformsTo != "http://mlcommons.org/croissant/1.1" {
		t.Errorf("conforms to %q", c.ConformsTo)
	}
}

func checkHTML(t *testing.T, s string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	samples, lines := 0, 0
	for n := range doc.Descendants() {
		switch n.Data {
		case "script", "a", "img", "link", "iframe":
			if n.Type == html.ElementNode {
				t.Errorf("an element %s in the card", n.Data)
			}
		case "blockquote":
			samples++
		case "polyline":
			lines++
		}
	}
	if samples != 20 || lines != 2 {
		t.Errorf("%d samples, %d curves; want 20 and 2", samples, lines)
	}
	if strings.ContainsAny(s, "\x1b\u202e") {
		t.Error("control characters in card.html")
	}
}

// TestCardAfterRebuild: the files of the old table must not be read as the new one's.
func TestCardAfterRebuild(t *testing.T) {
	dir, docs := testCorpus(t, 40)
	old := openTable(t, dir).Entries()[0].Files[0].Name
	if err := Rebuild(t.Context(), nil, dir, "r2", "two"); err != nil {
		t.Fatal(err)
	}
	o := testOptions(dir)
	o.Recipe = "r2"
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	if err := WriteCard(t.Context(), nil, dir, CardInfo{}); err != nil {
		t.Fatal(err)
	}
	for name, s := range cards(t, dir) {
		if strings.Contains(s, old) || strings.Contains(s, "part-*") {
			t.Errorf("%s names the files of the old table", name)
		}
	}
	if now := openTable(t, dir).Entries()[1].Files[0].Name; !strings.Contains(cards(t, dir)["README.md"], now) {
		t.Errorf("README.md does not name %s", now)
	}
}

func TestCardOfNothing(t *testing.T) {
	if err := WriteCard(t.Context(), nil, t.TempDir(), CardInfo{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("check of an empty folder: %v", err)
	}
}

// TestSamplesAreFair: what is shown depends on the IDs and on nothing else.
func TestSamplesAreFair(t *testing.T) {
	var c, d chosen
	var rows []*Row
	for i := range 500 {
		rows = append(rows, &Row{MID: millrace.NewID("x", [32]byte{byte(i), byte(i >> 8)}), Offset: int64(i)})
	}
	for i := range rows {
		c.offer(rows[i])
		d.offer(rows[len(rows)-1-i])
	}
	if len(c.list) != samples {
		t.Fatalf("%d samples", len(c.list))
	}
	for i := range c.list {
		if c.list[i] != d.list[i] {
			t.Fatalf("sample %d depends on the order", i)
		}
	}
}
