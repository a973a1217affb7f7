package trainer

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestScoreAnyBytes: whatever a page holds, its score is a number, and text beyond max has no part in it.
func TestScoreAnyBytes(t *testing.T) {
	g := newTestGPT(t, tiny(true))
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "text"))
		n := rapid.IntRange(1, 70).Draw(t, "max")
		s := g.Score(text, n)
		if math.IsNaN(s) || s < 0 || (s == 0) != (text == "") {
			t.Fatalf("%q scores %v", text, s)
		}
		if len(text) > n && g.Score(text[:n], n) != s {
			t.Fatalf("%q scores otherwise without what is beyond %d bytes", text, n)
		}
		if out := g.Generate(text, 8, 1); len(out) > 8 {
			t.Fatalf("%d bytes, want at most 8", len(out))
		}
	})
}

// TestScoreIsTheLoss: an untrained model is about as wrong as one that guesses.
func TestScoreIsTheLoss(t *testing.T) {
	c := tiny(false)
	g := newTestGPT(t, c)
	clear(g.params.head)
	if got, want := g.Score(strings.Repeat("abc", 50), 1000), math.Log2(vocabulary); math.Abs(got-want) > 1e-5 {
		t.Errorf("a model that knows nothing needs %v bits per byte, want %v", got, want)
	}
}

func TestDraw(t *testing.T) {
	logits := []float32{float32(math.Inf(-1)), 0, float32(math.Inf(-1)), 0, float32(math.Inf(-1))}
	for at, want := range map[float64]uint16{0: 1, 0.49: 1, 0.51: 3, math.Nextafter(1, 0): 3} {
		if got := draw(logits, at); got != want {
			t.Errorf("draw at %v gives %d, want %d", at, got, want)
		}
	}
}
