package pii

import "unicode/utf8"

// Longest chain of digits that is looked at: a telephone number with an extension, or a card.
const (
	maxDigits = 24
	maxGroups = 8
)

// chain is a row of digits in groups, as numbers are written for people: 030 123 45-67. From any digit it is looked at as far as maxDigits.
type chain struct {
	digits [maxDigits]byte
	groups [maxGroups]group
	size   int  // groups
	open   bool // it goes on, but what is longer is no number that is looked for
}

// group is a run of digits.
type group struct {
	from, to int
	n        int    // digits of the chain up to its end
	layout   uint64 // the lengths of the groups up to it, as hexadecimal digits: 0x324 for 123-45-6789
	joint    byte   // the sign before it; ' ' for any kind of space, '(' where a bracket is among several
	joints   byte   // the sign between the groups up to it; 0 where there are several kinds
}

// joint gives the place of the digit behind the joint at text[at:], and the joint's sign; 0 where no digit follows.
func joint(text string, at int) (next int, sign byte) {
	for k := 0; k < 3 && at < len(text); k++ {
		c := text[at]
		size := 1
		switch {
		case isDigit(c):
			return at, sign
		case c == ' ', c == '-', c == '.', c == '/', c == '(', c == ')':
		case c == 0xc2 && at+1 < len(text) && text[at+1] == 0xa0: // no-break space
			c, size = ' ', 2
		case c == 0xe2 && at+2 < len(text) && text[at+1] == 0x80 && (text[at+2] == 0xaf || text[at+2] == 0x89):
			c, size = ' ', 3 // narrow spaces
		case c == 0xe2 && at+2 < len(text) && text[at+1] == 0x80 && 0x90 <= text[at+2] && text[at+2] <= 0x93:
			c, size = '-', 3 // hyphens and the en dash
		default:
			return 0, 0
		}
		switch {
		case k == 0:
			sign = c
		case c == '(' || c == ')' || sign == '(' || sign == ')':
			sign = '('
		case c == sign:
			return 0, 0 // two spaces or two dots stand between numbers, not in one
		case sign == ' ':
			sign = c
		}
		at += size
	}
	if at < len(text) && isDigit(text[at]) {
		return at, sign
	}
	return 0, 0
}

// read reads the chain that begins with the digit at text[at:].
func (c *chain) read(text string, at int) {
	sign := byte(0)
	n := 0
	for c.size, c.open = 0, false; c.size < maxGroups; {
		from := at
		for at < len(text) && isDigit(text[at]) {
			if n == maxDigits {
				c.open = true
				return
			}
			c.digits[n] = text[at]
			n++
			at++
		}
		g := group{from: from, to: at, n: n, joint: sign, joints: sign, layout: uint64(min(at-from, 15))}
		if c.size > 0 {
			before := c.groups[c.size-1]
			g.layout |= before.layout << 4
			if c.size > 1 && sign != before.joints {
				g.joints = 0
			}
		}
		c.groups[c.size] = g
		c.size++
		if c.size == 3 && n < leastStart {
			return // a row of small numbers
		}
		if at, sign = joint(text, at); at == 0 {
			return
		}
	}
	c.open = true
}

// digits gives the end of the run of digits that begins at text[at:], and whether it may be part of a value. Most runs are not, which has to be soon seen.
func (s *scan) digits(at int) (end int, maybe bool) {
	text := s.text
	for end = at + 1; end < len(text) && isDigit(text[end]); {
		end++
	}
	n := end - at
	switch {
	case at > s.done && isASCII(text[at-1]):
		return end, n > 1 && (isUpper(text[at-1]) || n == 2 && end < len(text) && isASCII(text[end]))
	case n == 6 || n > 6 && n < 20:
		return end, true
	}
	return end, n < 6 && end < len(text) && s.goesOn(end) && (n <= 3 && text[end] == '.' || s.enough(end, n))
}

// leastStart is the number of digits that the first three groups of any value have.
const leastStart = 5

// enough reports whether the n digits before text[end:] and the two groups behind them are more than a row of small numbers.
func (s *scan) enough(end, n int) bool {
	for range 2 {
		next, _ := joint(s.text, end)
		if next == 0 {
			return n > leastStart
		}
		for end = next; end < len(s.text) && isDigit(s.text[end]); end++ {
			if n++; n > leastStart {
				return true
			}
		}
	}
	return n >= leastStart
}

// number looks at the run of digits text[at:end], and says where to go on if it belongs to nothing.
func (s *scan) number(at, end int) (h hit, next int, ok bool) {
	text, n := s.text, end-at
	if at > s.done && isASCII(text[at-1]) {
		h, ok = s.lettered(at, n)
		return h, end, ok
	}
	if n == 6 && (end == len(text) || !s.goesOn(end)) {
		h, ok = s.six(at)
		return h, end, ok
	}
	if n <= 3 && text[end] == '.' {
		dots := 0
		if h, dots, ok = s.ipv4(at); ok {
			return h, end, true
		}
		if dots > 0 && !isPairs(text[at:dots]) {
			return h, dots, false // an object identifier, a version
		}
	}
	c := &s.row
	c.read(text, at)
	if c.groups[c.size-1].n < 6 && !c.open {
		return h, end, false
	}
	if h, ok = s.prefixed(at, n); ok || !s.begins(at, n) {
		return h, end, ok
	}
	if h, ok = s.identity(c); ok {
		return h, end, true
	}
	h, ok = s.national(c)
	return h, end, ok
}

// isPairs reports whether text is a telephone number as in France: 01.42.68.53.00.
func isPairs(text string) bool {
	return len(text) >= 14 && text[2] == '.' && text[5] == '.' && text[8] == '.' && text[11] == '.'
}

// goesOn reports whether another group of digits may follow text[:end].
func (s *scan) goesOn(end int) bool {
	c := s.text[end]
	if signs[c]>>8&signDigit == 0 || c < utf8.RuneSelf && (end+1 == len(s.text) || signs[s.text[end+1]]>>8&signDigit == 0) {
		return false
	}
	next, _ := joint(s.text, end)
	return next > 0
}

// six looks at six digits that no other digits follow.
func (s *scan) six(at int) (hit, bool) {
	if h, ok := s.prefixed(at, 6); ok || at+6 == len(s.text) {
		return h, ok
	}
	if c := s.text[at+6]; (c == 'A' || c == 'B') && s.begins(at, 6) {
		return s.corsican(hit{from: at, kind: ID})
	}
	return hit{}, false
}

// begins reports whether a number can begin with the n digits at text[at:]: nothing before them belongs to it.
func (s *scan) begins(at, n int) bool {
	if at == s.done {
		return true
	}
	before := s.text[at-1]
	switch before {
	case '_', '@', '#', '$', '%', '&', '\\', '~', '^', '-':
		return false
	case '.', ')', ',', '/', '+':
		if at-2 < s.done {
			return true
		}
		c := s.text[at-2]
		switch before {
		case '.':
			return !isDigit(c) && c != '.'
		case ')':
			return !isDigit(c)
		case ',':
			return !isDigit(c) || n > 3
		}
		return !isWord(c) && c != before && c < utf8.RuneSelf
	}
	return true
}

// whole reports whether the first groups are a number of their own: what is around them is not written in the same way.
func (s *scan) whole(c *chain, groups int) bool {
	last := c.groups[groups-1]
	if !ends(s.text, last.to) {
		return false
	}
	first := c.groups[0]
	sign := c.groups[groups-1].joints
	if groups < c.size {
		next := c.groups[groups]
		if next.joint != ' ' || sign == ' ' && next.to-next.from == last.to-last.from {
			return false
		}
	}
	if sign != ' ' {
		return true
	}
	n, digits, letters := 0, false, false // of the word before
	for at := first.from - 2; at-n >= s.done && n < 8 && isWord(s.text[at-n]); n++ {
		digits = digits || isDigit(s.text[at-n])
		letters = letters || isASCII(s.text[at-n])
	}
	if digits && s.text[first.from-1] == ' ' && (letters || n == first.to-first.from) {
		return false // one more of a table of such groups
	}
	digits, letters = false, false // of the word behind
	for at := last.to + 1; at < len(s.text) && at < last.to+8 && isWord(s.text[at]); at++ {
		digits = digits || isDigit(s.text[at])
		letters = letters || isASCII(s.text[at])
	}
	return !digits || !letters
}

// identity looks for cards and identity numbers in the first groups of the chain.
func (s *scan) identity(c *chain) (hit, bool) {
	for groups := c.size; groups > 0; groups-- {
		digits := c.digits[:c.groups[groups-1].n]
		if len(digits) < 8 {
			break
		}
		cue, id := isIdentity(c, groups)
		card, sure := isCard(c, groups)
		if !card && !id || !s.whole(c, groups) {
			continue
		}
		h := hit{from: c.groups[0].from, to: c.groups[groups-1].to, kind: ID, key: string(digits)}
		if id && (cue == 0 || s.says(h.from, h.to, cue)) {
			return h, true
		}
		if card && (sure || s.says(h.from, h.to, cueCard)) {
			h.kind, h.kept = Card, string(digits[:4]) == fakeIssuer
			return h, true
		}
	}
	return s.checked(c)
}

// says reports whether one of the words around text[from:to] is a cue.
func (s *scan) says(from, to int, cue cue) bool {
	w := s.words(from, true)
	return w.any()&cue != 0 || s.behind(to)&cue != 0
}
