package trainer

import (
	"math"
	"testing"
)

func TestByteBaselines(t *testing.T) {
	// "abab…": order 0 needs a bit a byte and a little for the end of the document, order 1 next to nothing.
	var text []byte
	for range 5000 {
		text = append(text, "ab"...)
	}
	o0, o1, o2 := ByteBaselines(text, text[:2000])
	if math.Abs(o0-1) > 0.01 || o1 > 0.01 || o2 > 0.01 {
		t.Errorf("orders 0, 1, 2: %v, %v, %v bits per byte", o0, o1, o2)
	}
	// Nothing to count: every token of the vocabulary is as likely as any other.
	o0, o1, o2 = ByteBaselines(nil, []byte("xyz"))
	if want := math.Log2(vocabulary); o0 < want || o1 != o0 || o2 != o0 {
		t.Errorf("without text: %v, %v, %v, want at least %v", o0, o1, o2, want)
	}
	if o0, _, _ := ByteBaselines(text, nil); o0 != 0 {
		t.Errorf("nothing held out: %v", o0)
	}
}

// TestBaselinesSumToOne: interpolation must leave a distribution.
func TestBaselinesSumToOne(t *testing.T) {
	train := appendTokens(nil, "the mill turns the wheel; the wheel turns the mill")
	for k := range 3 {
		c := count(train, k)
		for _, context := range [][]uint16{{'t', 'h'}, {'z', 'z'}, {'e', ' '}} {
			var sum float64
			for x := range vocabulary {
				sum += c.mix(context[:k], uint16(x), 1.0/vocabulary)
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("order %d after %v: probabilities sum to %v", k, context[:k], sum)
			}
		}
	}
}
