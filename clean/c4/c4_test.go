package c4

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const five = "The mill stands here. It has a wheel. The brook is wide. Rain falls. Corn comes."

func TestClean(t *testing.T) {
	tests := []struct {
		name, in string
		ends     bool
		want     Result
	}{
		{"nothing", "", false, Result{}},
		{"as it is", five, true, Result{Text: five, Sentences: 5}},
		{"few words", "Home\nAbout us\n" + five, false, Result{Text: five, Lines: 2, Sentences: 5}},
		{"no end mark", "The wheel of the mill\n" + five, false, Result{Text: "The wheel of the mill\n" + five, Sentences: 6}},
		{"no end mark, as in the paper", "The wheel of the mill\n" + five, true, Result{Text: five, Lines: 1, Sentences: 5}},
		{"three dots", "The wheel turns on...\n" + five, true, Result{Text: five, Lines: 1, Sentences: 5}},
		{"script", "Please enable JAVAscript now.\n" + five, false, Result{Text: five, Lines: 1, Sentences: 5}},
		{"cookies", "This mill uses Coo\u212Aies to count you.\n" + five, false, Result{Text: five, Lines: 1, Sentences: 5}},
		{"citations", "A wheel[12] of oak[] and iron[edit] turns[citation needed] here[x].\n", false,
			Result{Text: "A wheel of oak and iron turns here[x].", Citations: 4, Sentences: 1}},
		{"a long word", strings.Repeat("x", 1001) + " and two more.\n" + five, false, Result{Text: five, Lines: 1, Sentences: 5}},
		{"a word of a thousand", strings.Repeat("é", 1000) + " is long.", false, Result{Text: strings.Repeat("é", 1000) + " is long.", Sentences: 1}},
		{"lorem", five + "\nLorem Ipsum dolor sit.", false, Result{Text: five + "\nLorem Ipsum dolor sit.", Lorem: true}},
		{"curly", five + "\nbody { color brown }", false, Result{Text: five + "\nbody { color brown }", Curly: true}},
		{"what comes first counts", "a b {\nlorem ipsum dolor", false, Result{Text: "a b {\nlorem ipsum dolor", Curly: true}},
		{"a line that goes anyway", "{ x\n" + five, false, Result{Text: five, Lines: 1, Sentences: 5}},
		{"Python's line ends", "one two three\u2028four five six\r\nseven eight nine", false,
			Result{Text: "one two three\nfour five six\nseven eight nine", Sentences: 3}},
		{"spaces", "  one   two three \t\n\n", false, Result{Text: "one   two three", Lines: 1, Sentences: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in, tt.ends); got != tt.want {
				t.Errorf("Clean(%q)\n= %+v\nwant %+v", tt.in, got, tt.want)
			}
		})
	}
}

// What stays was there, and cleaning it again takes no more lines out but those whose citations are gone.
func FuzzClean(f *testing.F) {
	f.Add(five+"\nHome\n[1] [edit", true)
	f.Add("a\xffb c d\u2028{", false)
	f.Fuzz(func(t *testing.T, text string, ends bool) {
		r := Clean(text, ends)
		if len(r.Text) > len(text) || utf8.ValidString(text) && !utf8.ValidString(r.Text) {
			t.Errorf("%q became %q", text, r.Text)
		}
		if (r.Lorem || r.Curly) && (r.Text != text || r.Sentences != 0) {
			t.Errorf("given up, and yet %+v", r)
		}
		if r.Sentences > len(r.Text) {
			t.Errorf("%d sentences in %d bytes", r.Sentences, len(r.Text))
		}
	})
}
