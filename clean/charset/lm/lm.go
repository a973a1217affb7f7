// Package lm says how likely a text is in a language, for the detector of encodings: a text, or bytes in a
// one-byte encoding, come in; a cost in sixteenths of a nat for each language goes out. Costs of readings of the
// same bytes can be compared, whatever they are readings in.
//
// A language is a table of pairs of letters: what does it cost that this one follows that one? The languages of a
// script share an alphabet, made of the encodings that the script came in before UTF-8. Of Chinese, Japanese and
// Korean, the kinds of characters have pairs, and each character has a cost within its kind.
//
// The tables are trained by internal/sim/charset/train and embedded by the package above.
//
// Read in this order: lm.go, languages.go, class.go, cost.go, train.go, file.go.
package lm

// Nat is the number of cost units in a nat.
const Nat = 16

// large is the name of the script of thousands of characters.
const large = "Hani"

// Model is what is known of all languages.
type Model struct {
	Scripts []*Script
}

// Script is an alphabet with the languages that are written in it.
type Script struct {
	Name    string
	Langs   []*Lang
	letters []rune         // in the order of their classes, from firstLetter on
	index   map[rune]uint8 // letter -> class
	width   int            // the number of classes, a power of two
	large   bool           // Chinese, Japanese and Korean
	english []uint8        // the table of English, and its width: the classes of ASCII are the same in all scripts
	latin   int
}

// Lang is what is known of one language.
type Lang struct {
	Code      string
	Encodings []string // WHATWG names of the encodings that it came in, the commonest first
	script    *Script
	pairs     []uint8 // cost of a class behind a class
	within    []uint8 // of 65,536 runes: the cost of a rune within its class; nil but for large scripts
}

// newScript makes an alphabet of letters.
func newScript(name string, letters []rune) *Script {
	s := &Script{Name: name, large: name == large, letters: letters, index: make(map[rune]uint8, len(letters))}
	for i, r := range letters {
		s.index[r] = uint8(firstLetter + i)
	}
	s.width = 1
	for s.width < firstLetter+len(letters) {
		s.width *= 2
	}
	return s
}

// link tells all scripts of English.
func (m *Model) link() {
	for _, l := range m.Scripts[0].Langs {
		if l.Code == "en" {
			for _, s := range m.Scripts {
				s.english, s.latin = l.pairs, m.Scripts[0].width
			}
		}
	}
}
