package lm

import (
	"fmt"
	"math"
	"unicode/utf8"
)

const (
	// pull is how many pairs the frequency of single letters counts for behind a letter that was seen little.
	pull = 12
	// sharePool is how much of a language's letters are those of the whole script: names and loan words.
	sharePool = 0.004
	// shareEnglish is how much English is in a text of another script.
	shareEnglish = 0.05
	// maxCost is the highest cost that a table holds, in units.
	maxCost = 255
)

// Train makes a model of texts: language code -> paragraphs. Every language that the detector knows has to be
// there. The same texts give the same model.
func Train(texts map[string][]string) (*Model, error) {
	m := &Model{}
	scripts := map[string]*Script{}
	for _, s := range speeches() {
		if len(texts[s.code]) == 0 {
			return nil, fmt.Errorf("no text in language %q", s.code)
		}
		script := scripts[s.script]
		if script == nil {
			letters := alphabet(s.script)
			if firstLetter+len(letters) > 256 {
				return nil, fmt.Errorf("script %s has %d letters", s.script, len(letters))
			}
			script = newScript(s.script, letters)
			scripts[s.script], m.Scripts = script, append(m.Scripts, script)
		}
		script.Langs = append(script.Langs, &Lang{Code: s.code, Encodings: s.encodings, script: script})
	}
	for _, script := range m.Scripts {
		script.train(texts)
	}
	m.link()
	return m, nil
}

// train fills in the tables of a script's languages.
func (s *Script) train(texts map[string][]string) {
	counts := make([]*tally, len(s.Langs))
	pool := newTally(s.width)
	for i, l := range s.Langs {
		counts[i] = s.count(texts[l.Code])
		pool.add(counts[i], 1/counts[i].sum)
	}
	if s.Name != "Latn" {
		english := s.count(texts["en"])
		for _, c := range counts {
			c.add(english, shareEnglish*c.sum/english.sum)
		}
	}
	for i, l := range s.Langs {
		l.pairs = counts[i].costs(pool)
		if s.large {
			l.within = within(s, texts[l.Code])
		}
	}
}

// tally counts pairs of classes and single ones.
type tally struct {
	width  int
	pairs  []float64
	single []float64
	sum    float64
}

func newTally(width int) *tally {
	return &tally{width: width, pairs: make([]float64, width*width), single: make([]float64, width)}
}

// count counts a language's text. Each paragraph stands between spaces.
func (s *Script) count(paragraphs []string) *tally {
	t := newTally(s.width)
	for _, p := range paragraphs {
		prev := uint8(space)
		for _, r := range p + " " {
			c := s.class(r)
			t.pairs[int(prev)*t.width+int(c)]++
			t.single[c]++
			t.sum++
			prev = c
		}
	}
	return t
}

// add counts another tally in, with a weight.
func (t *tally) add(o *tally, weight float64) {
	for i, n := range o.pairs {
		t.pairs[i] += n * weight
	}
	for i, n := range o.single {
		t.single[i] += n * weight
	}
	t.sum += o.sum * weight
}

// costs makes the table of a language: what follows a class is mixed from pairs, single letters, the letters of the
// whole script, and everything alike.
func (t *tally) costs(pool *tally) []uint8 {
	out := make([]uint8, len(t.pairs))
	for prev := range t.width {
		for c := range t.width {
			alike := 1 / float64(t.width)
			single := (1-sharePool)*t.single[c]/t.sum + sharePool*(0.9*pool.single[c]/pool.sum+0.1*alike)
			p := (t.pairs[prev*t.width+c] + pull*single) / (t.single[prev] + pull)
			out[prev*t.width+c] = cost(p)
		}
	}
	return out
}

// cost is a probability in units.
func cost(p float64) uint8 {
	return uint8(min(maxCost, math.Round(-math.Log(p)*Nat)))
}

// within makes the costs of characters within their class.
func within(s *Script, paragraphs []string) []uint8 {
	counts := make([]float64, 0x10000)
	var sums [firstLetter]float64
	for _, p := range paragraphs {
		for _, r := range p {
			if c := s.class(r); r >= utf8.RuneSelf && han <= c && c < firstLetter {
				counts[r]++
				sums[c]++
			}
		}
	}
	out := make([]uint8, len(counts))
	for r, n := range counts {
		out[r] = unknown
		if c := s.class(rune(r)); n > 0 && han <= c && c < firstLetter {
			out[r] = min(unknown, cost((n-0.3)/sums[c]))
		}
	}
	return out
}
