// Package c4 takes lines out of a text and measures it as datatrove 0.10's C4QualityFilter does (Raffel et al. 2020,
// arXiv 1910.10683): text comes in, the text of the lines that stay and what was seen go out.
package c4

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"millrace/clean/words"
)

const (
	longWord = 1000 // characters; a line with a longer word goes
	fewWords = 3    // a line with fewer goes
)

// Result is a text after C4's rules for lines.
type Result struct {
	Text      string
	Lines     int  // that were taken out
	Citations int  // marks such as [3] or [edit] that were
	Lorem     bool // a line says "lorem ipsum": the reading stopped there
	Curly     bool // a line holds {: the reading stopped there
	Sentences int  // of the lines that stay
}

// Clean reads text line by line. With endMarks, a line has to end with . ? ! " or ', and not with three dots, as in C4;
// FineWeb does without this rule. Where Lorem or Curly is set, Text is the text that came in, and Sentences says nothing.
func Clean(text string, endMarks bool) Result {
	r := Result{}
	var b strings.Builder
	b.Grow(len(text))
	for rest := text; rest != ""; {
		var line string
		line, rest = words.CutLine(rest)
		line = strings.TrimFunc(line, words.IsSpace)
		bare, cited := citations(line)
		if tooLong(line) || endMarks && !ends(bare) || few(line) {
			r.Lines++
			continue
		}
		low := lower(bare)
		if strings.Contains(low, "lorem ipsum") {
			return Result{Text: text, Lorem: true}
		}
		if strings.Contains(low, "javascript") {
			r.Lines++
			continue
		}
		if strings.Contains(bare, "{") {
			return Result{Text: text, Curly: true}
		}
		if policy(low) {
			r.Lines++
			continue
		}
		r.Citations += cited
		r.Sentences += words.Sentences(bare)
		b.WriteString(bare)
		b.WriteByte('\n')
	}
	r.Text = strings.TrimFunc(b.String(), words.IsSpace)
	return r
}

// policy reports whether a line in small letters speaks of the site's terms or of cookies.
func policy(low string) bool {
	if strings.Contains(low, "cookie") {
		for _, p := range [...]string{"cookie policy", "uses cookies", "use of cookies", "use cookies"} {
			if strings.Contains(low, p) {
				return true
			}
		}
	}
	return strings.Contains(low, "terms of use") || strings.Contains(low, "privacy policy")
}

// ends reports whether a line ends as a sentence does.
func ends(line string) bool {
	return line != "" && strings.IndexByte(".?!\"'", line[len(line)-1]) >= 0 && !strings.HasSuffix(line, "...")
}

// few reports whether a line has fewer words than one has to.
func few(line string) bool {
	n, in := 0, false
	for _, r := range line {
		space := words.IsSpace(r)
		if !space && !in {
			if n++; n == fewWords {
				return false
			}
		}
		in = !space
	}
	return true
}

// tooLong reports whether a word of the line has too many characters.
func tooLong(line string) bool {
	if len(line) <= longWord {
		return false
	}
	n := 0
	for _, r := range line {
		if n++; words.IsSpace(r) {
			n = 0
		}
		if n > longWord {
			return true
		}
	}
	return false
}

// citations takes out "[", digits or none, "]"; "[edit]"; "[citation needed]".
func citations(line string) (string, int) {
	if strings.IndexByte(line, '[') < 0 {
		return line, 0
	}
	var b strings.Builder
	n := 0
	for {
		i := strings.IndexByte(line, '[')
		if i < 0 {
			break
		}
		if size := citation(line[i:]); size > 0 {
			b.WriteString(line[:i])
			line = line[i+size:]
			n++
			continue
		}
		b.WriteString(line[:i+1])
		line = line[i+1:]
	}
	b.WriteString(line)
	return b.String(), n
}

// citation is the length of the mark at the front of s, or 0.
func citation(s string) int {
	for _, mark := range [...]string{"[edit]", "[citation needed]"} {
		if strings.HasPrefix(s, mark) {
			return len(mark)
		}
	}
	i := 1
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.Is(unicode.Nd, r) {
			break
		}
		i += n
	}
	if i < len(s) && s[i] == ']' {
		return i + 1
	}
	return 0
}

// lower makes small letters of what could be part of one of the phrases: of ASCII, and of the sign of Kelvin.
func lower(line string) string {
	if strings.Contains(line, "\u212A") {
		line = strings.ReplaceAll(line, "\u212A", "k")
	}
	for i := range len(line) {
		if c := line[i]; 'A' <= c && c <= 'Z' {
			b := []byte(line)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c | 0x20
				}
			}
			return string(b)
		}
	}
	return line
}
