package gopher

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The words are those that spaCy 3.8.16 gives; the cases were run through it.
func TestWords(t *testing.T) {
	tests := []struct {
		in   string
		want string // joined by spaces
	}{
		{"The mill, the brook.", "The mill , the brook ."},
		{"I don't can't won't it's we'll They're", "I do n't ca n't wo n't it 's we 'll They 're"},
		{"I don’t", "I do n’t"},
		{"cannot gonna Let's y'all", "can not gon na Let 's y' all"},
		{"e.g. Dr. Smith's U.S. plan, etc.", "e.g. Dr. Smith 's U.S. plan , etc ."},
		{"(foo):", "( foo ):"},
		{"state-of-the-art", "state - of - the - art"},
		{"3-4 10km $5 5€ 20%", "3 - 4 10 km $ 5 5 € 20 %"},
		{"see http://example.com/a,b?c and foo/bar www.a.io.", "see http://example.com/a,b?c and foo / bar www.a.io ."},
		{"wait... what…", "wait ... what …"},
		{"end.Start a,b a:b x=y", "end . Start a , b a : b x = y"},
		{"\"quoted\" (and) [more]", "\" quoted \" ( and ) [ more ]"},
		{":) <3 4am", ":) <3 4 am"},
		{"a®©b", "a ® © b"},
		{"id. it", "i d. it"},
		{"well were its", "well were its"},
		{" \t\n\u00a0", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(Words(tt.in), " "); got != tt.want {
			t.Errorf("Words(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func near(a, b float64) bool { return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-12 }

func TestQuality(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name, in string
		want     []float64 // in the order of QualitySignals
	}{
		// 4 words, 1 of punctuation; letters 3+4+6; 1 hash, no ellipsis; 1 line; 3 of 4 with letters; "the" once.
		{"one line", "the mill stands #", []float64{3, 13.0 / 3, 1.0 / 4, 0, 0, 0, 3.0 / 4, 1}},
		// 6 words: - the of … - with; 3 are words of 3+2+4 letters; 2 of 3 lines have a bullet, 1 an ellipsis.
		{"lines", "- the\nof …\n  - with", []float64{3, 3, 0, 1.0 / 6, 2.0 / 3, 1.0 / 3, 3.0 / 6, 3}},
		{"capitals are no stop words", "THE Be", []float64{2, 2.5, 0, 0, 0, 0, 1, 0}},
		{"nothing", "", []float64{0, nan, nan, nan, nan, nan, nan, 0}},
		{"only signs", "* *", []float64{0, nan, 0, 0, 0, 0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Quality(tt.in)
			if !slices.EqualFunc(got, tt.want, near) {
				t.Errorf("Quality(%q)\n= %v\nwant %v\nof %v", tt.in, got, tt.want, QualitySignals())
			}
		})
	}
}

func TestRepetition(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name, in string
		want     map[string]float64
	}{
		// 3 paragraphs, one of them a copy of 2 characters, in a text of 10; the lines are the same three.
		{"paragraphs", "aa\n\nbb\n\naa", map[string]float64{"dup_paragraphs": 1.0 / 3, "dup_paragraph_chars": 0.2, "dup_lines": 1.0 / 3, "dup_line_chars": 0.2}},
		// 2 paragraphs, 3 lines: blank lines are none.
		{"lines", "x\nx\n\ny", map[string]float64{"dup_paragraphs": 0, "dup_lines": 1.0 / 3, "dup_line_chars": 1.0 / 6}},
		// "a b" twice: 2 × 3 characters of 9. Of the 3-grams, each once, the first counts: 5 of 9.
		{"top", "a b c a b", map[string]float64{"top_2gram": 6.0 / 9, "top_3gram": 5.0 / 9, "top_4gram": 7.0 / 9, "dup_5gram": 0}},
		// The five words come again: 5 characters of 19, counted without spaces.
		{"repeated", "a b c d e a b c d e", map[string]float64{"dup_5gram": 5.0 / 19, "dup_6gram": 0}},
		// The 5-gram at the second word is a copy, and so is the one behind it; the 2-gram stands there 10 times.
		{"run", "a a a a a a a a a a a", map[string]float64{"dup_5gram": 10.0 / 21, "top_2gram": 30.0 / 21}},
		{"too short", "one", map[string]float64{"top_2gram": nan, "top_4gram": nan, "dup_10gram": 0, "dup_lines": 0}},
		{"nothing", "", map[string]float64{"dup_lines": nan, "top_2gram": nan, "dup_5gram": nan}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Repetition(tt.in)
			if len(got) != len(RepetitionSignals()) {
				t.Fatalf("%d values, want %d", len(got), len(RepetitionSignals()))
			}
			for i, name := range RepetitionSignals() {
				if want, ok := tt.want[name]; ok && !near(got[i], want) {
					t.Errorf("%s = %v, want %v", name, got[i], want)
				}
			}
		})
	}
}

// The words are the text without its whitespace, in order, whatever the text is.
func FuzzWords(f *testing.F) {
	f.Add("I don't (foo): e.g. http://a.io/b ''''::x a®b :( ...")
	f.Add("\xff.\x80's°C.…—a-—b")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "?")
		}
		got := strings.Join(Words(text), "")
		want := strings.Map(func(r rune) rune {
			if isSpace(r) {
				return -1
			}
			return r
		}, text)
		if got != want {
			t.Errorf("Words(%q) make %q, want %q", text, got, want)
		}
		if n := len(Repetition(text)) + len(Quality(text)); n != 21 {
			t.Errorf("%d signals", n)
		}
	})
}

// Work that grew with the square of the text would take hours here.
func TestHostileEnds(t *testing.T) {
	for _, piece := range []string{"(", "'", ".", "a.", "a@", "a-", "''", "):", "…", "a,b", "://", "1+", "a\n", "\n"} {
		text := strings.Repeat(piece, 1<<18/len(piece))
		if n := len(Repetition(text)) + len(Quality(text)); n != 21 {
			t.Errorf("%q: %d signals", piece, n)
		}
	}
}
