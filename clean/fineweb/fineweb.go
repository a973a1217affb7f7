// Package fineweb measures a text for the rules that FineWeb adds to those of Gopher and C4 (Penedo et al. 2024, arXiv
// 2406.17557), as datatrove 0.10's FineWebQualityFilter does: text comes in, a row of signals goes out.
package fineweb

import (
	"math"
	"strings"
	"unicode/utf8"

	"millrace/clean/words"
)

const shortLine = 30 // characters

// Quality measures text, whose words list is. The result is indexed by Signals; NaN is a share of nothing.
func Quality(text string, list []string) []float64 {
	var lines, ended, short, twice, chars int
	seen := map[string]struct{}{}
	for line := range strings.SplitSeq(text, "\n") {
		size := utf8.RuneCountInString(line)
		chars += size
		if strings.TrimFunc(line, words.IsSpace) == "" {
			continue
		}
		lines++
		if last, _ := utf8.DecodeLastRuneInString(line); words.IsTerminal(last) {
			ended++
		}
		if size <= shortLine {
			short++
		}
		if _, ok := seen[line]; ok {
			twice += size
		} else {
			seen[line] = struct{}{}
		}
	}
	return []float64{float64(lines), share(ended, lines), share(short, lines), share(twice, chars),
		share(strings.Count(text, "\n"), len(list))}
}

// Signals names what Quality measures, in its order.
func Signals() []string {
	return []string{"fineweb_lines", "fineweb_line_ends", "fineweb_short_lines", "fineweb_dup_line_chars", "fineweb_newlines"}
}

func share(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}
