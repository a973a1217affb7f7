package main

import (
	"math"
	"testing"
)

// TestMatch: the figures of small pages, worked out by hand.
func TestMatch(t *testing.T) {
	tests := []struct {
		name, want, got   string
		precision, recall float64
	}{
		{"equal", "a b c d e", "a, b; c d (e)", 1, 1},
		{"nothing of either", "", "", 1, 1},
		{"nothing found", "a b c d", "", 0, 0},
		{"nothing marked", "", "a b c d", 0, 0},
		{"half of it", "a b c d e", "a b c d", 1, 0.5},
		{"twice as much", "a b c d", "a b c d e", 0.5, 1},
		{"another case", "a b c d", "A b c d", 0, 0},
		{"twice the same", "a b c d", "a b c d. a b c d", 0.2, 1},
		{"too short for a shingle", "a b c", "a b c", 1, 1},
	}
	for _, tt := range tests {
		s := score([]counts{match(tt.want, tt.got)})
		if math.Abs(s.Precision-tt.precision) > 1e-9 || math.Abs(s.Recall-tt.recall) > 1e-9 {
			t.Errorf("%s: precision %v, recall %v, want %v, %v", tt.name, s.Precision, s.Recall, tt.precision, tt.recall)
		}
	}
}

// TestScore: figures are made of the sums of shares, and the interval holds F1.
func TestScore(t *testing.T) {
	each := []counts{match("a b c d e", "a b c d"), match("a b c d", "a b c d e"), match("a b c d", "a b c d")}
	s := score(each)
	if want := 2.0 / 2.5; math.Abs(s.Precision-want) > 1e-9 || math.Abs(s.Recall-want) > 1e-9 || math.Abs(s.F1-want) > 1e-9 {
		t.Errorf("score = %+v, want %v", s, want)
	}
	low, high := interval(1, each)
	if !(low < s.F1 && s.F1 < high && high <= 1) {
		t.Errorf("interval = [%v, %v] around %v", low, high, s.F1)
	}
	if low, high := between(1, each, each); low != 0 || high != 0 {
		t.Errorf("a set and itself differ by [%v, %v]", low, high)
	}
}

// TestHalves: each page is in one half.
func TestHalves(t *testing.T) {
	s := &pageSet{}
	for i := range 200 {
		s.pages = append(s.pages, page{id: string(rune('a'+i%26)) + string(rune('a'+i/26))})
	}
	tune, report := s.half("tune"), s.half("report")
	if len(tune)+len(report) != len(s.half("all")) || len(tune) < 60 || len(report) < 60 {
		t.Errorf("halves of %d and %d pages of %d", len(tune), len(report), len(s.pages))
	}
}
