// Package quadratic does work that grows with the square of a text, in each way in which a stage could, so that a test can see that
// the count of steps notices all of them.
package quadratic

import (
	"html"
	"strings"
)

// Ways names them. Each gives a number, so that its work cannot be left out.
func Ways() map[string]func(s string) int {
	return map[string]func(s string) int{
		"looks back": looksBack, "looks ahead": looksAhead, "counts": counts, "hashes": hashes, "compares": compares, "copies": copies,
		"concatenates": concatenates, "appends": appends, "converts": converts, "calls a library": calls, "clears": clears,
	}
}

// Linear is none of them: each search goes on where the one before ended.
func Linear(s string) int {
	n, seen := 0, map[string]bool{}
	for s != "" {
		word, rest, _ := strings.Cut(s, " ")
		if !seen[word] && strings.Contains(word, "b") {
			n++
		}
		seen[word], s = true, strings.TrimSpace(rest)
	}
	return n
}

func looksBack(s string) (n int) {
	for i := range s {
		for j := i; j > 0; j-- {
			n += int(s[j])
		}
	}
	return n
}

func looksAhead(s string) (n int) {
	for i := range s {
		n += strings.IndexByte(s[i:], '>')
	}
	return n
}

func counts(s string) (n int) {
	for i := range s {
		n += strings.Count(s[:i], "a")
	}
	return n
}

func hashes(s string) (n int) {
	table := map[string]int{s: 1}
	for i := range s {
		n += table[s[i:]]
	}
	return n
}

func compares(s string) (n int) {
	half := len(s) / 2
	for i := range half {
		if s[i:half] == s[half:half+half-i] {
			n++
		}
	}
	return n
}

func copies(s string) int {
	list := make([]byte, len(s))
	for i := range s {
		copy(list[1:i+1], list)
		list[0] = s[i]
	}
	return int(list[0])
}

func concatenates(s string) int {
	t := ""
	for i := range s {
		t += s[i : i+1]
	}
	return len(t)
}

func appends(s string) int {
	var list []byte
	for i := range s {
		list = append([]byte{s[i]}, list...)
	}
	return len(list)
}

func converts(s string) (n int) {
	for i := range s {
		n += len([]rune(s[i:]))
	}
	return n
}

func calls(s string) (n int) {
	for i := range s {
		n += len(html.UnescapeString(s[i:]))
	}
	return n
}

func clears(s string) (n int) {
	list := make([]int, len(s))
	for i := range s {
		clear(list)
		list[i]++
	}
	return len(list)
}
