package fasttext

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// file writes a model as fastText does: two words, two or three labels, four buckets, two dimensions.
type file struct {
	bytes.Buffer
}

func (f *file) put(list ...any) {
	for _, x := range list {
		switch x := x.(type) {
		case int:
			_ = binary.Write(f, binary.LittleEndian, int32(x))
		case string:
			f.WriteString(x + "\x00")
		default:
			_ = binary.Write(f, binary.LittleEndian, x)
		}
	}
}

// small is a model with a plain or a quantised input.
func small(loss int, quantised bool, minn, maxn int) []byte {
	f := &file{}
	f.put(793712314, 12, 2, 5, 5, 1, 5, 1, loss, 3, 4, minn, maxn, 100, 0.0001)
	labels := []string{"__label__a", "__label__b", "__label__c"}
	f.put(5, 2, 3, int64(100), int64(-1))
	f.put("red", int64(7), int8(0), "</s>", int64(6), int8(0))
	for i, l := range labels {
		f.put(l, int64(5-i), int8(1))
	}
	if !quantised {
		f.put(int8(0), int64(6), int64(2))
		for i := range 12 {
			f.put(float32(i) / 10)
		}
	} else {
		f.put(int8(1), int8(0), int64(6), int64(2), 6)
		f.Write([]byte{0, 1, 2, 3, 4, 5})
		f.put(2, 1, 2, 2)
		for i := range 512 {
			f.put(float32(i) / 10)
		}
	}
	f.put(int8(0), int64(3), int64(2))
	for _, x := range []float32{1, 0, 0, 1, -1, -1} {
		f.put(x)
	}
	return f.Bytes()
}

func read(t testing.TB, b []byte) *Model {
	t.Helper()
	m, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPredict works small models out by hand: red and the end have the rows 0 1 and 2 3, whose mean is .1 .2.
func TestPredict(t *testing.T) {
	exp := func(x float64) float64 { return math.Exp(x) }
	sum := exp(.1) + exp(.2) + exp(-.3)
	sig := func(x float64) float64 { return 1 / (1 + exp(-x)) }
	for name, tt := range map[string]struct {
		model []byte
		want  []Label
	}{
		"softmax":   {small(lossSoftmax, false, 0, 0), []Label{{"__label__b", float32(exp(.2) / sum)}, {"__label__a", float32(exp(.1) / sum)}}},
		"quantised": {small(lossSoftmax, true, 0, 0), []Label{{"__label__b", float32(exp(.2) / sum)}, {"__label__a", float32(exp(.1) / sum)}}},
		// In steps of a thirty-second.
		"each": {small(lossEach, false, 0, 0), []Label{{"__label__b", float32(sig(.1875))}, {"__label__a", float32(sig(.09375))}}},
		// Counts 5 4 3: the first inner node joins c and b, the root that one and a; a is left of it, for 5 is less than 7.
		"tree": {small(lossTree, false, 0, 0), []Label{{"__label__a", float32(1 - sig(.2))}, {"__label__b", float32(sig(.2) * sig(.1))}}},
	} {
		got := read(t, tt.model).Predict("red", 2)
		if len(got) != 2 {
			t.Fatalf("%s: %v", name, got)
		}
		for i := range got {
			if got[i].Name != tt.want[i].Name || math.Abs(float64(got[i].P-tt.want[i].P)) > 1e-4 {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
	}
}

// TestRows: which n-grams a word has.
func TestRows(t *testing.T) {
	m := read(t, small(lossSoftmax, false, 2, 3))
	m.buckets = 1 << 20
	var want []int64
	for _, gram := range strings.Fields("<é <éa éa éa> a>") {
		want = append(want, int64(m.wordCount)+int64(hash(gram)%m.buckets))
	}
	want = append(want, 1) // the end
	if got := m.rows("éa __label__x"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReadRefuses(t *testing.T) {
	good := small(lossTree, true, 2, 3)
	for n := range len(good) {
		if _, err := Read(bytes.NewReader(good[:n]), int64(n)); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a model", n, len(good))
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, loss := range []int{lossTree, lossSoftmax, lossEach} {
		for _, quantised := range []bool{false, true} {
			f.Add(small(loss, quantised, 2, 4), "red and blue")
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		m, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if got := m.Predict(text, 3); len(got) > 3 {
			t.Errorf("%v", got)
		}
	})
}
