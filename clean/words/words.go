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
	rules := theRules()
	for i := 0; i < len(text); {
		if rules.class[text[i]] == spaces {
			i++
			continue
		}
		if n, mark := rules.plain(text[i:]); n > 0 { // most words are like this
			words = append(words, text[i:i+n])
			i += n
			if mark {
				words = append(words, text[i:i+1])
				i++
			}
			i = min(i+1, len(text))
			continue
		}
		gap, end := chunk(text, i)
		if gap < end {
			words = rules.splitChunk(words, text[gap:end])
		}
		i = end
	}
	return words
}

// plain is the length of the word at the front of text where it is what most words are: letters of ASCII, perhaps one mark
// behind them, and then a space, a line end or the end; else 0.
func (r *rules) plain(text string) (n int, mark bool) {
	for n < len(text) && r.class[text[n]] == letters {
		n++
	}
	if n == 0 {
		return 0, false
	}
	end := n
	if n < len(text) {
		switch c := r.class[text[n]]; {
		case c == marks, c == ends, c == stops && text[n-1] >= 'a':
			end++
		}
		if end < len(text) && r.class[text[end]] != spaces {
			return 0, false
		}
		if end > n {
			if _, ok := r.exception(text[:end]); ok {
				return 0, false
			}
		}
	}
	if _, ok := r.exception(text[:n]); ok {
		return 0, false
	}
	return n, end > n
}

// splitChunk appends the words of a chunk without whitespace.
func (r *rules) splitChunk(words []string, chunk string) []string {
	if parts, ok := r.exception(chunk); ok {
		return appendParts(words, chunk, parts)
	}
	first := len(words)
	s := chunk
	var suffixes []string
	for s != "" {
		p, n := prefixLen(s), 0
		if p == 0 {
			if n = suffixLen(s); n == 0 {
				break
			}
		}
		if _, ok := r.exception(s); ok {
			break
		}
		if p > 0 {
			words = append(words, s[:p])
			s = s[p:]
			if _, ok := r.exception(s); ok {
				break
			}
			n = suffixLen(s)
		}
		if n > 0 {
			suffixes = append(suffixes, s[len(s)-n:])
			s = s[:len(s)-n]
		}
	}
	words = r.splitCore(words, s)
	for i := len(suffixes) - 1; i >= 0; i-- {
		words = append(words, suffixes[i])
	}
	return r.join(words, first, chunk)
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// splitCore splits what is left of a chunk without its prefixes and suffixes.
func (r *rules) splitCore(words []string, s string) []string {
	if s == "" {
		return words
	}
	if parts, ok := r.exception(s); ok {
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
func (r *rules) join(words []string, first int, chunk string) []string {
	if len(words)-first < 2 {
		return words
	}
	parts := words[first:]
	for i, at := 0, 0; i < len(parts); i++ {
		if n, _ := r.longest(parts[i:], chunk[at:]); n == 0 {
			at += len(parts[i])
			continue
		}
		// From the first exception on, the words are made anew.
		rest := slices.Clone(parts[i:])
		words = words[:first+i]
		for len(rest) > 0 {
			n, size := r.longest(rest, chunk[at:])
			if n == 0 {
				n, size = 1, len(rest[0])
				words = append(words, rest[0])
			} else {
				lens, _ := r.exception(chunk[at : at+size])
				words = appendParts(words, chunk[at:at+size], lens)
			}
			rest, at = rest[n:], at+size
		}
		return words
	}
	return words
}

// longest finds how many of the words at the front of s make one exception, two at least, and its length.
func (r *rules) longest(words []string, s string) (n, size int) {
	most := int(r.joins[s[0]])
	for k, end := 0, 0; k < len(words); k++ {
		if end += len(words[k]); end > most {
			break
		}
		if k == 0 {
			continue
		}
		if _, ok := r.exception(s[:end]); ok && (prefixLen(s[:end]) > 0 || suffixLen(s[:end]) > 0) {
			n, size = k+1, end
		}
	}
	return n, size
}

// exception looks s up in the table of exceptions.
func (r *rules) exception(s string) ([]int, bool) {
	if !r.rare(s) {
		return nil, false
	}
	parts, ok := r.exceptions[s]
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
	if name == "" {
		return false
	}
	if isDigit(rune(name[len(name)-1])) && strings.Count(name, ".") != 3 {
		return false // neither an address nor a name: that ends with letters
	}
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
