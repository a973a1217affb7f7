package gopher

import "testing"

func FuzzDolma(f *testing.F) {
	f.Add("the mill # of the mill…\n- a line\n- a line\n* b")
	f.Add("\xff \u0085 \n\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := new(Meter).Dolma(text)
		if len(got) != len(DolmaSignals()) {
			t.Fatalf("%d signals", len(got))
		}
		for i, v := range got {
			if !(v >= 0) {
				t.Errorf("%s = %v", DolmaSignals()[i], v)
			}
		}
	})
}
