// Package words splits text into words and sentences exactly as spaCy 3.8's blank English pipeline does, which is what
// datatrove counts for its filters. Text comes in, parts of it go out.
//
// Read in this order: words.go, sentences.go, python.go, classes.go, exceptions.go.
package words

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxException bounds the look-up in the table of exceptions: its longest entry is shorter, and hashing
// a whole chunk at each step would cost quadratic work.
const maxException = 32

// Words splits text as spaCy 3.8's blank English pipeline does, which is what datatrove counts: words,
// and punctuation as words of their own. Whitespace belongs to no word. The words are parts of text.
func Words(text string) []string {
	words := make([]string, 0, len(text)/5+1)
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && letter(text[j]) {
			j++
		}
		if j > i && (j == len(text) || text[j] == ' ' || text[j] == '\n') && !rare(text[i:j]) { // most words are like this
			words = append(words, text[i:j])
			i = j + 1
			continue
		}
		gap, end := chunk(text, i)
		if gap < end {
			words = splitChunk(words, text[gap:end])
		}
		i = end
	}
	return words
}

// splitChunk appends the words of a chunk without whitespace.
func splitChunk(words []string, chunk string) []string {
	if list, ok := simple(words, chunk); ok {
		return list
	}
	if parts, ok := exception(chunk); ok {
		return appendParts(words, chunk, parts)
	}
	first := len(words)
	s := chunk
	var suffixes []string
	for s != "" {
		p := prefixLen(s)
		if p == 0 && suffixLen(s) == 0 {
			break
		}
		if _, ok := exception(s); ok {
			break
		}
		if p > 0 {
			words = append(words, s[:p])
			s = s[p:]
			if _, ok := exception(s); ok {
				break
			}
		}
		if n := suffixLen(s); n > 0 {
			suffixes = append(suffixes, s[len(s)-n:])
			s = s[:len(s)-n]
		}
	}
	words = splitCore(words, s)
	for i := len(suffixes) - 1; i >= 0; i-- {
		words = append(words, suffixes[i])
	}
	return join(words, first, chunk)
}

// simple splits what most chunks are, without asking the rules: letters of ASCII, and perhaps one mark behind them.
func simple(words []string, chunk string) ([]string, bool) {
	n := len(chunk) - 1
	for i := range n {
		if !letter(chunk[i]) {
			return words, false
		}
	}
	last := chunk[n]
	if letter(last) {
		return append(words, chunk), !rare(chunk)
	}
	if n == 0 || rare(chunk) || rare(chunk[:n]) {
		return words, false
	}
	switch last {
	case ',', ';', ':', '!', '?':
	case '.':
		if c := chunk[n-1]; c < 'a' || c > 'z' {
			return words, false
		}
	default:
		return words, false
	}
	return append(words, chunk[:n], chunk[n:]), true
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// splitCore splits what is left of a chunk without its prefixes and suffixes.
func splitCore(words []string, s string) []string {
	if s == "" {
		return words
	}
	if parts, ok := exception(s); ok {
		return appendParts(words, s, parts)
	}
	if isURL(s) {
		return append(words, s)
	}
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; letter(c) || '0' <= c && c <= '9' || c == '_' {
			i++
			continue
		}
		n := infixLen(s, i)
		if n == 0 {
			_, size := utf8.DecodeRuneInString(s[i:])
			i += size
			continue
		}
		if i > start {
			words = append(words, s[start:i])
		}
		if i > 0 {
			words = append(words, s[i:i+n])
			start = i + n
		}
		i += n
	}
	if start < len(s) {
		words = append(words, s[start:])
	}
	return words
}

// join puts neighbours among words[first:] together where they make an exception with punctuation,
// such as "):". The words from first on lie side by side in chunk and make it up.
func join(words []string, first int, chunk string) []string {
	if len(words)-first < 2 {
		return words
	}
	parts := words[first:]
	for i, at := 0, 0; i < len(parts); i++ {
		if n, _ := longest(parts[i:], chunk[at:]); n == 0 {
			at += len(parts[i])
			continue
		}
		// From the first exception on, the words are made anew.
		rest := slices.Clone(parts[i:])
		words = words[:first+i]
		for len(rest) > 0 {
			n, size := longest(rest, chunk[at:])
			if n == 0 {
				n, size = 1, len(rest[0])
				words = append(words, rest[0])
			} else {
				lens, _ := exception(chunk[at : at+size])
				words = appendParts(words, chunk[at:at+size], lens)
			}
			rest, at = rest[n:], at+size
		}
		return words
	}
	return words
}

// longest finds how many of the words at the front of s make one exception, two at least, and its length.
func longest(words []string, s string) (n, size int) {
	for k, end := 0, 0; k < len(words); k++ {
		if end += len(words[k]); end > maxException {
			break
		}
		if k == 0 {
			continue
		}
		if _, ok := exception(s[:end]); ok && (prefixLen(s[:end]) > 0 || suffixLen(s[:end]) > 0) {
			n, size = k+1, end
		}
	}
	return n, size
}

// exception looks s up in the table of exceptions.
func exception(s string) ([]int, bool) {
	if !rare(s) {
		return nil, false
	}
	parts, ok := exceptions()[s]
	return parts, ok
}

// appendParts cuts s into pieces of the given lengths.
func appendParts(words []string, s string, parts []int) []string {
	for _, n := range parts {
		words = append(words, s[:n])
		s = s[n:]
	}
	return words
}

// prefixLen is the length of the punctuation that is cut off the front of s.
func prefixLen(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if letter(s[0]) && s[0] != 'U' && s[0] != 'C' && s[0] != 'A' {
		return 0
	}
	switch {
	case isPunct(r), isQuote(r), isCurrency(r), isIcon(r):
		return n
	case r == '§', r == '%', r == '=', r == '—', r == '–':
		return n
	case r == '+':
		if len(s) > 1 && isDigit(rune(s[1])) {
			return 0
		}
		return n
	case r == '.':
		return dots(s)
	}
	for _, c := range [...]string{"US$", "C$", "A$"} {
		if strings.HasPrefix(s, c) {
			return len(c)
		}
	}
	return 0
}

// dots is the length of the run of two or more full stops at the front of s.
func dots(s string) int {
	n := 0
	for n < len(s) && s[n] == '.' {
		n++
	}
	if n < 2 {
		return 0
	}
	return n
}

// suffixLen is the length of the longest suffix that a rule cuts off.
func suffixLen(s string) int {
	r, n := utf8.DecodeLastRuneInString(s)
	before := s[:len(s)-n]
	prev, prevSize := utf8.DecodeLastRuneInString(before)
	switch {
	case r == '…' && prev == '…':
		return n + prevSize
	case r == 's' || r == 'S':
		if prev == '\'' || prev == '’' {
			return n + prevSize
		}
	case r == '+' && isDigit(prev):
		return n
	case r == '.':
		if prev == '.' {
			return len(s) - len(strings.TrimRight(s, "."))
		}
		return stop(before, prev, prevSize)
	}
	if u := unitLen(s); u > 0 {
		return u
	}
	switch {
	case isPunct(r), isQuote(r), isIcon(r), r == '—', r == '–':
		return n
	}
	return 0
}

// stop decides whether the full stop after before ends a sentence (1) or belongs to an abbreviation (0).
func stop(before string, prev rune, prevSize int) int {
	if before == "" {
		return 0
	}
	if isDigit(prev) || isLower(prev) || isPunct(prev) || isQuote(prev) || strings.ContainsRune("%²-+|()?:", prev) {
		return 1
	}
	if isUpper(prev) {
		if prev2, _ := utf8.DecodeLastRuneInString(before[:len(before)-prevSize]); isUpper(prev2) {
			return 1
		}
		if strings.ContainsRune("FCK", prev) && strings.HasSuffix(before[:len(before)-prevSize], "°") {
			return 1
		}
	}
	return 0
}

// unitLen is the length of the unit or currency at the end of s that stands right behind a digit.
func unitLen(s string) int {
	i := len(s)
	for low := max(0, i-maxUnit*utf8.UTFMax); i > low && (s[i-1] < '0' || s[i-1] > '9'); {
		i--
	}
	if i == 0 || i == len(s) || s[i-1] < '0' || s[i-1] > '9' || !units()[s[i:]] {
		return 0
	}
	return len(s) - i
}

// infixLen is the length of the separator at s[i:], or 0.
func infixLen(s string, i int) int {
	r, n := utf8.DecodeRuneInString(s[i:])
	if r < utf8.RuneSelf && (isDigit(r) || 'a' <= r|32 && r|32 <= 'z') {
		return 0
	}
	if r == '.' {
		if d := dots(s[i:]); d > 0 {
			return d
		}
	}
	if r == '…' || isIcon(r) {
		return n
	}
	prev, _ := utf8.DecodeLastRuneInString(s[:i])
	next, _ := utf8.DecodeRuneInString(s[i+n:])
	if i == 0 {
		return 0
	}
	switch r {
	case '.':
		if (isLower(prev) || isQuote(prev)) && (isUpper(next) || isQuote(next)) {
			return n
		}
	case ',':
		if isAlpha(prev) && isAlpha(next) {
			return n
		}
	case '+', '*', '^':
		if isDigit(prev) && (isDigit(next) || next == '-') {
			return n
		}
	case ':', '<', '>', '=', '/':
		if (isAlpha(prev) || isDigit(prev)) && isAlpha(next) {
			return n
		}
	case '-', '–', '—', '~':
		return hyphenLen(s, i, r, prev, next)
	}
	return 0
}

// hyphenLen is the length of the hyphen, or run of hyphens, at s[i:] between two parts of a word.
func hyphenLen(s string, i int, r, prev, next rune) int {
	n := utf8.RuneLen(r)
	if r == '-' && isDigit(prev) && (isDigit(next) || next == '-') {
		return n
	}
	if !isAlpha(prev) && !isDigit(prev) {
		return 0
	}
	most := 1
	switch r {
	case '-':
		most = 3
	case '—':
		most = 2
	}
	for k := 1; ; k++ {
		next, _ := utf8.DecodeRuneInString(s[i+k*n:])
		if isAlpha(next) {
			return k * n
		}
		if next != r || k >= most {
			return 0
		}
	}
}

// isURL reports whether s as a whole is a web address, an e-mail address or a public IPv4 address.
func isURL(s string) bool {
	if strings.IndexByte(s, '.') < 0 {
		return false
	}
	if i := strings.Index(s, "://"); i >= 2 && isScheme(s[:i]) {
		s = s[i+3:]
	}
	if host(s) {
		return true
	}
	i := strings.LastIndexByte(s, '@')
	return i > 0 && host(s[i+1:])
}

func isScheme(s string) bool {
	for _, r := range s {
		if !isAlpha(r) && !isDigit(r) && !strings.ContainsRune("_+-.", r) {
			return false
		}
	}
	return true
}

// host reports whether s is a host name or address with an optional port and path.
func host(s string) bool {
	end := len(s)
	for i, r := range s {
		if !hostRune(r) && r != '.' {
			end = i
			break
		}
	}
	if !portAndPath(s[end:]) {
		return false
	}
	name := s[:end]
	if a, err := netip.ParseAddr(name); err == nil {
		return !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast()
	}
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 {
		return false
	}
	tld := name[dot+1:]
	for _, r := range tld {
		if !isLower(r) {
			return false
		}
	}
	if n := utf8.RuneCountInString(tld); n < 2 || n > 63 {
		return false
	}
	for label := range strings.SplitSeq(name[:dot], ".") {
		if label == "" || len(label) > 256 || strings.Trim(label, "-_") != label {
			return false
		}
	}
	return true
}

func hostRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || isDigit(r) || r == '-' || r == '_' || 0xA1 <= r && r <= 0xFFFF
}

// portAndPath reports whether s is nothing, or a port, or a path, or both.
func portAndPath(s string) bool {
	if strings.HasPrefix(s, ":") {
		n := 1
		for n < len(s) && isDigit(rune(s[n])) {
			n++
		}
		if n < 3 || n > 6 {
			return false
		}
		s = s[n:]
	}
	return s == "" || s[0] == '/' || s[0] == '?' || s[0] == '#'
}
