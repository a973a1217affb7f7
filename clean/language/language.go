// Package language names the language of a text: text comes in, a language, a script and a probability go out.
//
// The script is known from the letters alone and often fixes the language. Where several languages share a script, a linear
// model decides, over hashed words and n-grams of two to four letters; it is trained by internal/sim/langtrain, and languages.md lists what it
// knows and from which texts. It says "und" rather than guess: below a probability that training chose, for too few letters, and for noise.
//
// Bosnian, Croatian and Serbian in Latin letters, Indonesian and Malay, Zulu and Xhosa, and the two written forms of Norwegian
// differ too little for short texts. Where together they are likely, the likelier one is named, with its own probability.
//
// Read in this order: language.go, reader.go, model.go, scripts.go.
package language

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Result is what a text seems to be written in.
type Result struct {
	Lang   string  // ISO 639-1 where there is one, else ISO 639-3; "und" where not sure
	Script string  // ISO 15924 code of most letters; "" without letters
	Score  float32 // the probability of Lang, as measured on texts that the model was not trained on
}

// Share is the part of a text that is in one language.
type Share struct {
	Lang, Script string
	Part         float32 // of the letters; all parts together are 1
}

const (
	sampleBytes = 1 << 16 // how much of a text is looked at
	pieceBytes  = 160     // a piece of Mixed ends with the first line that makes it so long
	fewLetters  = 8       // fewer tell nothing; signs of Chinese, Japanese and Korean count three times
	sole        = 0.99    // the probability of a language that has a script almost for itself
)

// Identify looks at the beginning of text.
func Identify(text string) Result { return embedded().Identify(text) }

// Mixed looks at the beginning of text, as a whole and piece by piece: its shares are those of the languages of the
// pieces, the largest first.
func Mixed(text string) (Result, []Share) { return embedded().Mixed(text) }

// Identify is the function of that name, with this model.
func (m *Model) Identify(text string) Result {
	var all tally
	var p pieces
	p.begin(m, text)
	for p.next() {
		all.add(&p.t)
	}
	return m.decide(&all)
}

// Mixed is the function of that name, with this model.
func (m *Model) Mixed(text string) (Result, []Share) {
	var all tally
	var p pieces
	p.begin(m, text)
	var shares []Share
	sum := float32(0)
	for p.next() {
		all.add(&p.t)
		letters := int32(0)
		for s := range p.t.scripts {
			letters += p.t.letters[s] * s.weight()
		}
		if letters == 0 {
			continue
		}
		r := m.decide(&p.t)
		i := slices.IndexFunc(shares, func(s Share) bool { return s.Lang == r.Lang && s.Script == r.Script })
		if i < 0 {
			i = len(shares)
			shares = append(shares, Share{Lang: r.Lang, Script: r.Script})
		}
		shares[i].Part += float32(letters)
		sum += float32(letters)
	}
	for i := range shares {
		shares[i].Part /= sum
	}
	slices.SortFunc(shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Part, a.Part), cmp.Compare(a.Lang, b.Lang), cmp.Compare(a.Script, b.Script))
	})
	return m.decide(&all), shares
}

// pieces cuts a sample of a text at line ends.
type pieces struct {
	text string // what is left
	t    tally  // of the last piece
	r    reader
}

func (p *pieces) begin(m *Model, text string) {
	if n := sampleBytes; len(text) > n {
		for n > sampleBytes-utf8.UTFMax && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	p.text = text
	p.r.abc, p.r.table, p.r.takes, p.r.shift = letters(), m.table, m.takes, m.shift
}

// next counts what is in the next piece.
func (p *pieces) next() bool {
	if p.text == "" {
		return false
	}
	piece := p.text
	if len(piece) > pieceBytes {
		if i := strings.IndexByte(piece[pieceBytes:], '\n'); i >= 0 {
			piece = piece[:pieceBytes+i+1]
		}
	}
	p.text = p.text[len(piece):]
	p.t.clear()
	// Most pieces have none of the letters that leave the form open, and need not be looked at twice.
	if odd := p.r.read(piece, &p.t); odd && !norm.NFC.IsNormalString(piece) {
		p.t.clear()
		p.r.read(norm.NFC.String(piece), &p.t)
	}
	return true
}

// ScriptOf gives the ISO 15924 code of the script of most letters, or "".
func ScriptOf(text string) string {
	var t tally
	r := reader{abc: letters()}
	r.read(text, &t)
	_, code, _ := t.script()
	return code
}

// script finds the script of most letters, with its code.
func (t *tally) script() (s script, code string, weight int32) {
	// Japanese is written in both.
	japanese := t.letters[kana]*20 > t.letters[han]+t.letters[kana]
	for i := range t.scripts {
		n := t.letters[i] * i.weight()
		if i == han || i == kana {
			i, n = han, (t.letters[han]+t.letters[kana])*han.weight()
			if japanese {
				i = kana
			}
		}
		if n > weight || n == weight && i < s {
			s, weight = i, n
		}
	}
	return s, writings()[s].code, weight
}

// decide names the language of what was counted.
func (m *Model) decide(t *tally) Result {
	s, code, weight := t.script()
	r := Result{Lang: "und", Script: code}
	if weight < fewLetters {
		return r
	}
	if !m.mixed[s] {
		if lang := writings()[s].lang; lang != "" {
			r.Lang, r.Score = lang, sole
		}
		return r
	}
	var room [128]float64
	p := m.weigh(t, s, room[:0])
	best := 0
	for i, k := range m.classes[s] {
		if p[i] > p[best] {
			best = i
		}
		if m.langs[k] != NoLanguage {
			r.Score = max(r.Score, float32(p[i]))
		}
	}
	lang := m.langs[m.classes[s][best]]
	together := p[best]
	if group := kin(lang); group != lang {
		together = 0
		for i, k := range m.classes[s] {
			if kin(m.langs[k]) == group {
				together += p[i]
			}
		}
	}
	if together >= float64(m.unsure) && lang != NoLanguage {
		r.Lang = lang
	}
	return r
}

// kin gives languages that short texts do not tell apart one name. All of each group share their scripts.
func kin(lang string) string {
	switch lang {
	case "bs", "hr", "sr":
		return "hbs"
	case "id", "ms":
		return "msa"
	case "zu", "xh":
		return "ngu"
	case "nb", "nn":
		return "nor"
	}
	return lang
}
