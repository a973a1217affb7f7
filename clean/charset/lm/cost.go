package lm

import (
	"math"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Table reads bytes of a one-byte encoding as the classes of a script.
type Table struct {
	class [256]uint8
	cased [256]uint8
}

// NewTable makes the table of an encoding for a script.
func (s *Script) NewTable(m *charmap.Charmap) *Table {
	t := &Table{}
	for b := range 256 {
		r := m.DecodeByte(byte(b))
		t.class[b], t.cased[b] = s.class(r), cased(r)
	}
	return t
}

// Text is a reading of bytes, as classes of a script.
type Text struct {
	script *Script
	class  []uint8
	runes  []rune // of large scripts: what the classes stand for
	base   int    // what the reading costs in every language
	words  []word
}

// word is a stretch of text up to a space, with it, or to the end of the text.
type word struct {
	end     int
	english int // what it costs as English
}

// foreign is what a word costs for being English in a text that is not.
const foreign = Nat / 2

// Bytes reads bytes by a table.
func (s *Script) Bytes(b []byte, t *Table) Text {
	text := Text{script: s, class: make([]uint8, len(b))}
	var prev uint8
	for i, c := range b {
		text.class[i] = t.class[c]
		text.base += inside[t.class[c]] + caseCost[prev][t.cased[c]]
		prev = t.cased[c]
	}
	text.split()
	return text
}

// String reads text.
func (s *Script) String(str string) Text {
	text := Text{script: s, class: make([]uint8, 0, len(str))}
	var prev uint8
	for _, r := range str {
		c, k := s.class(r), cased(r)
		text.class = append(text.class, c)
		text.base += inside[c] + caseCost[prev][k]
		prev = k
		if s.large {
			text.runes = append(text.runes, r)
		}
	}
	text.split()
	return text
}

// split finds the words, and what those of ASCII alone cost as English: names, commands and whole sentences of it stand in
// texts of every language, and say nothing about their encoding.
func (t *Text) split() {
	english, width := t.script.english, t.script.latin
	t.words = make([]word, 0, len(t.class)/4+1)
	row := english[space*width:]
	sum := foreign
	for i, c := range t.class {
		if c >= firstLetter+26 || c > sign && c != tick && c < firstLetter {
			sum = math.MaxInt / 2
		} else if sum < math.MaxInt/2 {
			sum += int(row[c])
			row = english[int(c)*width:]
		}
		if c == space || i == len(t.class)-1 {
			t.words = append(t.words, word{i + 1, sum})
			sum, row = foreign, english[space*width:]
		}
	}
}

// Cost is what a text costs in a language of its script. Each word in ASCII may as well be English.
func (l *Lang) Cost(t Text) int {
	sum, width, at := t.base, l.script.width, 0
	row := l.pairs[space*width : space*width+width]
	for _, w := range t.words {
		cost := 0
		for _, c := range t.class[at:w.end] {
			cost += int(row[c])
			row = l.pairs[int(c)*width : int(c)*width+width]
		}
		sum += min(cost, w.english)
		at = w.end
	}
	if l.within == nil {
		return sum
	}
	for i, c := range t.class {
		if han <= c && c < firstLetter {
			sum += int(l.within[t.runes[i]])
		}
	}
	return sum
}

// ScriptOf finds the script that most of a text's letters beyond ASCII belong to: Latin, where there are none.
func (m *Model) ScriptOf(text string) *Script {
	counts := make([]int, len(m.Scripts))
	for _, r := range text {
		if r < utf8.RuneSelf || r == utf8.RuneError {
			continue
		}
		for i, s := range m.Scripts {
			if s.class(r) >= han {
				counts[i]++
			}
		}
	}
	best := 0
	for i, n := range counts {
		if n > counts[best] {
			best = i
		}
	}
	return m.Scripts[best]
}
