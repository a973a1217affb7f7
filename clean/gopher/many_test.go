package gopher

import (
	"fmt"
	"strings"
	"testing"
)

// Where more places repeat than the table is made for, it grows, and counts what a map of strings counts.
func TestRepetitionMany(t *testing.T) {
	const words = maxBits + 10000
	few, twice := make([]string, words), make([]string, 2*words)
	state := uint32(1)
	for i := range few {
		state = state*1664525 + 1013904223
		few[i] = string(rune('a' + state>>24%20))
		twice[i] = fmt.Sprint(state)
		twice[words+i] = twice[i]
	}
	for name, list := range map[string][]string{"few words": few, "twice over": twice} {
		text := strings.Join(list, " ")
		got := new(Meter).Repetition(text, list)
		for i, signal := range RepetitionSignals() {
			want := -1.0
			var n int
			if _, err := fmt.Sscanf(signal, "top_%dgram", &n); err == nil {
				want = topOf(list, n)
			} else if _, err := fmt.Sscanf(signal, "dup_%dgram", &n); err == nil && (n == 5 || n == 10) {
				want = twiceOf(list, n)
			}
			if want >= 0 && !near(got[i], want/float64(len(text))) {
				t.Errorf("%s: %s = %v, want %v", name, signal, got[i], want/float64(len(text)))
			}
		}
	}
}

func topOf(list []string, n int) float64 {
	seen, most := map[string]int{}, 0
	for i := range len(list) - n + 1 {
		s := strings.Join(list[i:i+n], " ")
		seen[s]++
		most = max(most, seen[s])
	}
	for i := range len(list) - n + 1 {
		if s := strings.Join(list[i:i+n], " "); seen[s] == most {
			return float64(len(s) * most)
		}
	}
	return 0
}

func twiceOf(list []string, n int) float64 {
	seen, chars := map[string]bool{}, 0
	for i := 0; i+n <= len(list); {
		s := strings.Join(list[i:i+n], "")
		if seen[s] {
			chars, i = chars+len(s), i+n
			continue
		}
		seen[s] = true
		i++
	}
	return float64(chars)
}
