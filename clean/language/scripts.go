package language

import (
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// script is a set of letters. The first ones have rules of their own.
type script uint8

const (
	noLetter  script = iota
	inherited        // a mark, or a letter of several scripts: it goes with the letter before it
	latin
	han
	kana
	hangul
	firstOther
)

// maxScripts bounds the scripts that there are.
const maxScripts = 44

// writing is a script, with its ISO 15924 code and the language that alone, or mostly, uses it.
type writing struct {
	code, lang string
	tables     []*unicode.RangeTable
}

// writings lists the scripts, in the order of their numbers.
var writings = sync.OnceValue(func() []writing {
	t := func(list ...*unicode.RangeTable) []*unicode.RangeTable { return list }
	return []writing{
		noLetter: {}, inherited: {},
		latin: {"Latn", "", t(unicode.Latin)}, han: {"Hani", "zh", t(unicode.Han, unicode.Bopomofo)},
		kana: {"Jpan", "ja", t(unicode.Hiragana, unicode.Katakana)}, hangul: {"Hang", "ko", t(unicode.Hangul)},
		firstOther: {"Cyrl", "", t(unicode.Cyrillic)}, 7: {"Arab", "", t(unicode.Arabic)}, 8: {"Deva", "", t(unicode.Devanagari)},
		9: {"Grek", "el", t(unicode.Greek)}, 10: {"Hebr", "he", t(unicode.Hebrew)}, 11: {"Thai", "th", t(unicode.Thai)},
		12: {"Beng", "bn", t(unicode.Bengali)}, 13: {"Taml", "ta", t(unicode.Tamil)}, 14: {"Telu", "te", t(unicode.Telugu)},
		15: {"Geor", "ka", t(unicode.Georgian)}, 16: {"Armn", "hy", t(unicode.Armenian)}, 17: {"Ethi", "am", t(unicode.Ethiopic)},
		18: {"Khmr", "km", t(unicode.Khmer)}, 19: {"Mymr", "my", t(unicode.Myanmar)}, 20: {"Laoo", "lo", t(unicode.Lao)},
		21: {"Gujr", "gu", t(unicode.Gujarati)}, 22: {"Guru", "pa", t(unicode.Gurmukhi)}, 23: {"Knda", "kn", t(unicode.Kannada)},
		24: {"Mlym", "ml", t(unicode.Malayalam)}, 25: {"Sinh", "si", t(unicode.Sinhala)}, 26: {"Orya", "or", t(unicode.Oriya)},
		27: {"Tibt", "bo", t(unicode.Tibetan)}, 28: {"Thaa", "dv", t(unicode.Thaana)}, 29: {"Syrc", "syr", t(unicode.Syriac)},
		30: {"Mong", "mn", t(unicode.Mongolian)}, 31: {"Cher", "chr", t(unicode.Cherokee)}, 32: {"Cans", "iu", t(unicode.Canadian_Aboriginal)},
		33: {"Tfng", "zgh", t(unicode.Tifinagh)}, 34: {"Nkoo", "nqo", t(unicode.Nko)}, 35: {"Olck", "sat", t(unicode.Ol_Chiki)},
		36: {"Yiii", "ii", t(unicode.Yi)}, 37: {"Adlm", "ff", t(unicode.Adlam)}, 38: {"Vaii", "vai", t(unicode.Vai)},
		39: {"Mtei", "mni", t(unicode.Meetei_Mayek)}, 40: {"Java", "jv", t(unicode.Javanese)}, 41: {"Bali", "ban", t(unicode.Balinese)},
		42: {"Cakm", "ccp", t(unicode.Chakma)}, 43: {"Goth", "got", t(unicode.Gothic)},
	}
})

// alphabet knows the script and the small form of every letter.
type alphabet struct {
	low    [0x3000]uint32 // script<<scriptAt | small letter, by rune; 0 is no letter
	ranges []stretch      // of all runes, sorted
}

// What stands where in a letter.
const (
	smallLetter = 1<<21 - 1 // the rune
	oddLetter   = 1 << 23   // set where a text with it may be in another than the normal form
	scriptAt    = 24
)

// stretch is a range of runes in one script.
type stretch struct {
	from, to rune
	script   script
}

// letters makes the alphabet, once: about two milliseconds.
var letters = sync.OnceValue(func() *alphabet {
	a := &alphabet{}
	for s, w := range writings() {
		for _, t := range w.tables {
			for _, r := range t.R16 {
				a.add(rune(r.Lo), rune(r.Hi), rune(r.Stride), script(s))
			}
			for _, r := range t.R32 {
				a.add(rune(r.Lo), rune(r.Hi), rune(r.Stride), script(s))
			}
		}
	}
	slices.SortFunc(a.ranges, func(x, y stretch) int { return int(x.from - y.from) })
	for r := range a.low {
		a.low[r] = a.find(rune(r))
	}
	return a
})

func (a *alphabet) add(from, to, step rune, s script) {
	if step == 1 {
		a.ranges = append(a.ranges, stretch{from, to, s})
		return
	}
	for r := from; r <= to; r += step {
		a.ranges = append(a.ranges, stretch{r, r, s})
	}
}

// of gives script<<scriptAt | small letter of a rune, or 0 where it is no letter.
func (a *alphabet) of(r rune) uint32 {
	switch {
	case r < rune(len(a.low)):
		return a.low[r]
	case r >= 0x4e00 && r <= 0x9fff, r >= 0x3400 && r <= 0x4dbf:
		return uint32(han)<<scriptAt | uint32(r)
	case r >= 0xac00 && r <= 0xd7a3:
		return uint32(hangul)<<scriptAt | uint32(r)
	case r >= 0x3041 && r <= 0x30ff && r != 0x30fb && r != 0x3099 && r != 0x309a: // the sign that makes a vowel long is nobody's letter, but ends here
		return uint32(kana)<<scriptAt | uint32(r)
	}
	return a.find(r)
}

func (a *alphabet) find(r rune) uint32 {
	if !unicode.IsLetter(r) && !unicode.IsMark(r) {
		return 0
	}
	i, ok := slices.BinarySearchFunc(a.ranges, r, func(s stretch, r rune) int {
		switch {
		case s.to < r:
			return -1
		case s.from > r:
			return 1
		}
		return 0
	})
	s := inherited
	if ok {
		s = a.ranges[i].script
	}
	g := uint32(s)<<scriptAt | uint32(unicode.ToLower(r))
	if b := utf8.AppendRune(nil, r); !norm.NFC.IsNormal(b) || !norm.NFC.Properties(b).BoundaryBefore() {
		g |= oddLetter
	}
	return g
}

// weight is how much a letter of a script tells, beside a letter of an alphabet.
func (s script) weight() int32 {
	if s == han || s == kana || s == hangul {
		return 3
	}
	return 1
}

// scriptNamed finds a script by its code.
func scriptNamed(code string) (script, bool) {
	for s, w := range writings() {
		if w.code == code && code != "" {
			return script(s), true
		}
	}
	return noLetter, false
}
