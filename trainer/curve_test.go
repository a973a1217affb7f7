package trainer

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func ExampleCurve() {
	var evals []Eval
	for s := 20; s <= 400; s += 20 {
		fall := math.Exp(-float64(s) / 100)
		evals = append(evals, Eval{Step: s, TrainLoss: 1.7 + 3*fall, ValLoss: 2 + 2.8*fall})
	}
	fmt.Print(Curve(evals, 60, 8))
	// Output:
	// 6.5 ⠀⠀⠠⣀
	//       ⠀⠀⠀⠀⠕⠢⡀
	//       ⠀⠀⠀⠀⠀⠀⠉⢑⠢⢄⡀
	//       ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠐⠈⡒⠢⠤⣀
	//       ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠁⠠⠉⢉⠒⠲⠤⠤⣀⣀
	//       ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠈⠀⠂⠀⠄⠩⠉⢉⠑⡒⠒⠒⠢⠤⠤⠤⠤⠤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
	//   2.5 ⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠀⠁⠀⠁⠐⠀⠐⠀⠂⠀⠄⠠⠀⠠⠀⠄⠀⠄⠉⠍⢉⠉⢉⠉⡉⠉
	//       bits a token: ⣀ held out, ⠄ train             step 400
}

// TestCurvesFit: whatever the numbers are, the drawing keeps to its size and is well-formed.
func TestCurvesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evals := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Eval {
			return Eval{
				Step:      rapid.IntRange(0, 1<<40).Draw(t, "step"),
				TrainLoss: rapid.Float64().Draw(t, "train"),
				ValLoss:   rapid.OneOf(rapid.Just(math.NaN()), rapid.Just(math.Inf(1)), rapid.Just(1e-300), rapid.Float64Range(0, 8)).Draw(t, "val"),
			}
		}), 0, 20).Draw(t, "evals")
		w, h := rapid.IntRange(-5, 200).Draw(t, "width"), rapid.IntRange(-5, 50).Draw(t, "height")
		text := Curve(evals, w, h)
		rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if text != "" && len(rows) != max(h, 4) {
			t.Fatalf("%d lines, want %d", len(rows), h)
		}
		for _, r := range rows {
			if utf8.RuneCountInString(r) > max(w, 28) {
				t.Fatalf("%d columns, want %d: %q", utf8.RuneCountInString(r), w, r)
			}
		}
		d := xml.NewDecoder(strings.NewReader(CurveSVG(evals, w, h)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}
