package words

import (
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

// The counts are those that spaCy 3.8.16's sentencizer gives; the cases were run through it.
func TestSentences(t *testing.T) {
	tests := []struct {
		in   string
		want int
	}{
		{"", 0},
		{" \n ", 0},
		{"no mark", 1},
		{"One. Two! Three?", 3},
		{"One.) Two", 2},
		{"Wait... what", 1},       // an ellipsis is no mark
		{"Dr. Smith e.g. is.", 1}, // nor is the stop of an abbreviation
		{"aa. \t . b", 3},         // whitespace that is not one space is a word
		{"世界。你好。", 1},             // what has no space between is not parted
		{"世界 。 你好 。", 2},
		{"! ! !", 1},
	}
	for _, tt := range tests {
		if got := Sentences(tt.in); got != tt.want {
			t.Errorf("Sentences(%q) = %d, want %d", tt.in, got, tt.want)
		}
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
			if IsSpace(r) {
				return -1
			}
			return r
		}, text)
		if got != want {
			t.Errorf("Words(%q) make %q, want %q", text, got, want)
		}
		if n := Sentences(text); n > len(text) || n == 0 != (want == "") {
			t.Errorf("Sentences(%q) = %d", text, n)
		}
	})
}
