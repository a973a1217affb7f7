package clean_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"millrace"
	"millrace/clean"
)

// Every byte value, alone and beside every other, in text and in markup, under labels that are right and wrong: a verdict, and text
// that is UTF-8.
func TestEveryByte(t *testing.T) {
	recipes := []*clean.Recipe{load(t)}
	for _, step := range clean.Steps() {
		r, err := clean.Single(step)
		if err != nil {
			t.Fatal(err)
		}
		recipes = append(recipes, r)
	}
	var every, pairs []byte
	for i := range 256 {
		every = append(every, byte(i))
	}
	for i := range 1 << 16 {
		pairs = append(pairs, byte(i>>8), byte(i))
	}
	whole(t, recipes[0], pairs, "text/html")
	whole(t, recipes[0], pairs[1:], "text/plain; charset=big5")
	for _, media := range []string{"", "text/plain", "text/html; charset=shift_jis", "text/html; charset=utf-16", "application/xml", "application/rss+xml", "application/epub+zip", "image/png", "\x00;=\xff"} {
		for _, r := range recipes {
			for _, body := range [][]byte{every, every[1:], []byte("<rss><item><title>" + string(every)), append(every, every[128:]...)} {
				whole(t, r, body, media)
			}
		}
		if !strings.HasPrefix(media, "text") {
			continue
		}
		for i := range 256 {
			for _, format := range []string{"%s", "a%sb", "<p>a%sb</p>", "<p a='%s", "<%s>", "&%s;", "a@b.example%s", "%s 8.8.8.8"} {
				whole(t, recipes[0], []byte(strings.Replace(format, "%s", string(every[i:i+1]), 1)), media)
			}
		}
	}
}

// whole runs a page through a recipe, and its bytes as text through it, and looks at what comes out.
func whole(t *testing.T, r *clean.Recipe, body []byte, media string) {
	t.Helper()
	for _, d := range []*millrace.Document{
		{Page: millrace.Page{Body: body, MediaType: media}}, {Title: string(body[:min(len(body), 100)]), Text: string(body)},
	} {
		from := fmt.Sprintf("%s of %.20q as %q", r.Name(), body, media)
		page := d.Page.Body != nil
		for _, s := range r.Stages() {
			v, err := s.Process(t.Context(), d)
			if err != nil && !strings.HasPrefix(s.Name(), "extract") && s.Name() != "charset" {
				t.Fatalf("%s: %s: %v", from, s.Name(), err)
			}
			if err != nil || !v.Kept() {
				break
			}
			if !utf8.ValidString(d.Text) && (page || s.Name() == "repair") {
				t.Fatalf("%s: %s: no valid UTF-8", from, s.Name())
			}
		}
	}
}
