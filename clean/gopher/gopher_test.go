package gopher

import (
	"math"
	"slices"
	"strings"
	"testing"

	"millrace/clean/words"
)

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
			got := Quality(tt.in, words.Words(tt.in))
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
			got := new(Meter).Repetition(tt.in, words.Words(tt.in))
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

// The figures are those of dolma 1.2.1's get_attributes; the cases were run through it.
func TestDolma(t *testing.T) {
	text := "- the mill of\n- the mill of\nand # to…\n"
	want := map[string]float64{"dolma_words": 11, "dolma_median_word_length": 3, "dolma_symbol_words": 2.0 / 11, "dolma_alpha_words": 8.0 / 11,
		"dolma_stop_words": 5, "dolma_bullet_lines": 0.5, "dolma_ellipsis_lines": 0.25, "dolma_dup_lines": 0.5, "dolma_dup_line_chars": 26.0 / 27,
		"dolma_top_2gram": 8.0 / 27, "dolma_top_3gram": 16.0 / 27, "dolma_top_4gram": 20.0 / 27, "dolma_dup_5gram": 0}
	got := new(Meter).Dolma(text)
	for i, name := range DolmaSignals() {
		if w, ok := want[name]; ok && !near(got[i], w) {
			t.Errorf("%s = %v, want %v", name, got[i], w)
		}
	}
	if n := len(new(Meter).Dolma("")); n != len(DolmaSignals()) {
		t.Errorf("%d signals of nothing", n)
	}
}

// A text has all of its signals, whatever it is.
func FuzzSignals(f *testing.F) {
	f.Add("I don't (foo): e.g. http://a.io/b\n\na a a a\n# ...")
	f.Add("\xff.\x80's°C.…—a-—b")
	f.Fuzz(func(t *testing.T, text string) {
		if n := len(new(Meter).Repetition(text, words.Words(text))) + len(Quality(text, words.Words(text))); n != 21 {
			t.Errorf("%d signals", n)
		}
	})
}

// Work that grew with the square of the text would take hours here.
func TestHostileEnds(t *testing.T) {
	for _, piece := range []string{"(", "'", ".", "a.", "a@", "a-", "''", "):", "…", "a,b", "://", "1+", "a\n", "\n"} {
		text := strings.Repeat(piece, 1<<18/len(piece))
		if n := len(new(Meter).Repetition(text, words.Words(text))) + len(Quality(text, words.Words(text))); n != 21 {
			t.Errorf("%q: %d signals", piece, n)
		}
	}
}
