package fineweb

import (
	"testing"

	"millrace/clean/words"
)

// Shares are shares, whatever the text is.
func FuzzQuality(f *testing.F) {
	f.Add("A line that ends.\nA line that does not\n\n \nA line that ends.")
	f.Add("\xff\n\u2028。\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := Quality(text, words.Words(text))
		if len(got) != len(Signals()) || got[0] < 0 {
			t.Fatalf("%v", got)
		}
		for i, v := range got[1:4] {
			if v < 0 || v > 1 {
				t.Errorf("%s = %v", Signals()[i+1], v)
			}
		}
	})
}
