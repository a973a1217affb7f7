package clean_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"millrace"
)

const paragraph = "The mill stands at the end of the lane, where the brook comes down from the hills. In wet years the wheel turns from " +
	"autumn to spring, and the miller grinds the corn of three villages. When the water is low he mends the sluice, cleans the " +
	"race, and waits with his neighbours for rain. His daughter keeps the books, and she has never lost a sack."

// A page goes through the whole recipe: decoded, extracted, repaired, named, masked, measured.
func TestPageThroughRecipe(t *testing.T) {
	body := "<html><head><title>The mill of ann@mill-race.io</title></head><body><nav>menu</nav><main><h1>Mill</h1><p>" + paragraph +
		"</p><pre><code>mill --mail ann@mill-race.io; grind();</code></pre><p>Mail ann@mill-race.io or bob@mill-race.io, caf\xc3\x83\xc2\xa9.</p></main>"
	d := &millrace.Document{Page: millrace.Page{Body: []byte(body), MediaType: "text/html"}}
	r := load(t)
	if v := judge(t, r, d); !v.Kept() {
		t.Fatal(v)
	}
	if want := "Mill\n\n" + paragraph + "\n\nmill --mail <EMAIL_1>; grind();\n\nMail <EMAIL_1> or <EMAIL_2>, café."; d.Text != want {
		t.Errorf("text %q, want %q", d.Text, want)
	}
	if d.Title != "The mill of <EMAIL_1>" || d.Charset != "utf-8" || d.Extract != "fast" || d.Lang != "en" || d.Script != "Latn" || d.LangSure < 0.5 {
		t.Errorf("document %+v", d)
	}
	if d.Page.Body != nil {
		t.Error("the bytes are still there")
	}
	if len(d.Code) != 1 || d.Text[d.Code[0].From:d.Code[0].To] != "mill --mail <EMAIL_1>; grind();" {
		t.Errorf("code %v", d.Code)
	}
	want := []millrace.Edit{{Kind: "repair.mojibake", Count: 1}, {Kind: "pii.email", Count: 4}}
	if diff := cmp.Diff(want, d.Edits); diff != "" {
		t.Error(diff)
	}
	if len(d.Signals) != len(r.Signals()) {
		t.Fatalf("%d signals, want %d", len(d.Signals), len(r.Signals()))
	}
	for i, name := range r.Signals() {
		if math.IsNaN(float64(d.Signals[i])) {
			t.Errorf("%s is not measured", name)
		}
	}
}

// The first rule that fails decides, and all signals of its step are measured all the same; those of later steps are not.
func TestVerdictEvidence(t *testing.T) {
	d := &millrace.Document{Text: strings.Repeat(paragraph+"\n\n", 3)}
	r := load(t)
	v := judge(t, r, d)
	want := millrace.Verdict{Reason: millrace.RepeatParagraphs, Stage: "gopher-repetition", Signal: "dup_paragraphs", Value: 2.0 / 3, Limit: 0.3}
	if v != want {
		t.Errorf("verdict %+v, want %+v", v, want)
	}
	measured := func(name string) bool {
		return !math.IsNaN(float64(d.Signals[slices.Index(r.Signals(), name)]))
	}
	if !measured("dup_10gram") || measured("words") {
		t.Errorf("signals %v", d.Signals)
	}
}

func TestExtractStage(t *testing.T) {
	stage := load(t).Stages()[0]
	tests := []struct {
		name             string
		d                millrace.Document
		text, how, chars string
		reason           millrace.Reason
		fails            bool
	}{
		{name: "text that came with the document", d: millrace.Document{Text: "as it is <p>"}, text: "as it is <p>", how: "none"},
		{name: "plain", d: millrace.Document{Page: millrace.Page{Body: []byte("caf\xe9"), MediaType: "text/plain"}}, text: "café", how: "none"},
		{name: "charset of the header", d: millrace.Document{Page: millrace.Page{Body: []byte("<p>\xcf\xf0\xe8"), MediaType: "text/html; charset=windows-1251"}}, text: "При", how: "fast"},
		{name: "empty page", d: millrace.Document{Page: millrace.Page{Body: []byte("<p> </p>"), MediaType: "text/html"}}, how: "fast", reason: millrace.ExtractEmpty},
		{name: "no bytes and no text", how: "none", reason: millrace.ExtractEmpty},
		{name: "empty body", d: millrace.Document{Page: millrace.Page{Body: []byte{}}}, how: "none", reason: millrace.ExtractEmpty},
		{name: "picture", d: millrace.Document{Page: millrace.Page{Body: []byte("\x89PNG"), MediaType: "image/png"}}, fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := stage.Process(t.Context(), &tt.d)
			if (err != nil) != tt.fails || v.Reason != tt.reason {
				t.Errorf("verdict %v, error %v", v, err)
			}
			if err == nil && (tt.d.Text != tt.text || tt.d.Extract != tt.how) {
				t.Errorf("text %q by %q, want %q by %q", tt.d.Text, tt.d.Extract, tt.text, tt.how)
			}
		})
	}
}

// Code is left out of what is measured.
func TestCodeIsNotMeasured(t *testing.T) {
	r := load(t)
	i := slices.Index(r.Signals(), "words")
	words := func(body string) float32 {
		d := &millrace.Document{Page: millrace.Page{Body: []byte(body), MediaType: "text/html"}}
		judge(t, r, d)
		return d.Signals[i]
	}
	prose := "<main><p>" + paragraph + "</p>"
	if a, b := words(prose), words(prose+"<pre><code>"+strings.Repeat("x := 1; ", 100)+"</code></pre>"); a != b {
		t.Errorf("%v words without code, %v with", a, b)
	}
}

// Whatever the bytes are: no panic, valid UTF-8, code inside the text, one verdict at most.
func FuzzStages(f *testing.F) {
	f.Add([]byte("<main><p>ann@acme.io<pre>x = 1;</pre>caf\xe9"), "text/html; charset=latin1")
	f.Add([]byte("\xff\xfe\x00\xd8a\x00"), "")
	f.Add([]byte("Ã©\r\n\x1b[1m\u200b8.8.8.8"), "text/plain")
	r := load(f)
	f.Fuzz(func(t *testing.T, body []byte, media string) {
		d := &millrace.Document{Page: millrace.Page{Body: body, MediaType: media}}
		for _, s := range r.Stages() {
			v, err := s.Process(t.Context(), d)
			if err != nil && s.Name() != "extract" {
				t.Fatalf("%s: %v", s.Name(), err)
			}
			if err != nil || !v.Kept() {
				break
			}
		}
		if !utf8.ValidString(d.Text) || !utf8.ValidString(d.Title) {
			t.Errorf("no valid UTF-8: %q %q", d.Title, d.Text)
		}
		at := 0
		for _, s := range d.Code {
			if s.From < at || s.To < s.From || s.To > len(d.Text) {
				t.Errorf("span %v of a text of %d bytes", s, len(d.Text))
			}
			at = s.To
		}
	})
}
