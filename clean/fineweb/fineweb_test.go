package fineweb

import (
	"math"
	"slices"
	"strings"
	"testing"

	"millrace/clean/words"
)

func TestQuality(t *testing.T) {
	nan := math.NaN()
	long := strings.Repeat("x", 31)
	tests := []struct {
		name, in string
		want     []float64 // in the order of Signals
	}{
		{"nothing", "", []float64{0, nan, nan, nan, nan}},
		{"blank", " \n\t", []float64{0, nan, nan, 0, nan}},
		// Two lines of three with a mark, one of them short; one line end for each of the two newlines and 6 words.
		{"marks", "a b.\n" + long + "!\n" + long, []float64{3, 2.0 / 3, 1.0 / 3, 0, 2.0 / 5}},
		// "ab" comes again twice: 4 of 8 characters.
		{"copies", "ab\nab\n\nab\ncd", []float64{4, 0, 1, 4.0 / 8, 4.0 / 4}},
		{"other scripts", "世界。\nمرحبا؟\nনমস্কার।", []float64{3, 1, 1, 0, 2.0 / 6}},
	}
	same := func(a, b float64) bool { return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-12 }
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Quality(tt.in, words.Words(tt.in)); len(got) != len(Signals()) || !slices.EqualFunc(got, tt.want, same) {
				t.Errorf("Quality(%q)\n= %v\nwant %v\nof %v", tt.in, got, tt.want, Signals())
			}
		})
	}
}
