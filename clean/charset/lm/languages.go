package lm

import (
	"slices"
	"unicode"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// speech is a language as the trainer is told of it: where it belongs.
type speech struct {
	code      string
	script    string
	encodings []string
}

// speeches lists the languages that the detector tells apart. A language that stands beside others in one encoding
// is here because its letters are not theirs, or because its frequent pairs are not.
func speeches() []speech {
	var (
		west     = []string{"windows-1252"}
		centre   = []string{"windows-1250", "iso-8859-2"}
		baltic   = []string{"windows-1257"}
		russian  = []string{"windows-1251", "koi8-r", "ibm866", "iso-8859-5"}
		ukraine  = []string{"windows-1251", "koi8-u"}
		cyrillic = []string{"windows-1251"}
		greek    = []string{"windows-1253", "iso-8859-7"}
		arabic   = []string{"windows-1256"}
	)
	var list []speech
	add := func(script string, encodings []string, codes ...string) {
		for _, c := range codes {
			list = append(list, speech{c, script, encodings})
		}
	}
	add("Latn", west, "en", "fr", "de", "es", "pt", "it", "nl", "sv", "da", "nb", "fi", "is", "ca", "gl", "eu", "ga", "af", "sq", "fo", "br", "oc", "gd", "id", "sw", "lb", "ast", Other)
	add("Latn", centre, "pl", "cs", "sk", "hu", "ro", "hr", "sl", "hsb", "dsb")
	add("Latn", []string{"windows-1254"}, "tr")
	add("Latn", baltic, "lt", "lv")
	add("Latn", []string{"windows-1257", "windows-1252"}, "et")
	add("Cyrl", russian, "ru")
	add("Cyrl", ukraine, "uk", "be")
	add("Cyrl", cyrillic, "bg", "sr", "mk")
	add("Grek", greek, "el")
	add("Hebr", []string{"windows-1255"}, "he")
	add("Arab", append(arabic, "iso-8859-6"), "ar")
	add("Arab", arabic, "fa", "ur")
	add("Thai", []string{"windows-874"}, "th")
	add(large, []string{"gb18030"}, "zh-Hans")
	add(large, []string{"big5", "gb18030"}, "zh-Hant")
	add(large, []string{"shift_jis", "euc-jp"}, "ja")
	add(large, []string{"euc-kr"}, "ko")
	return list
}

// Other stands for all languages in Latin letters that have no table: their text is none of the others'.
const Other = "und"

// Codes lists the languages, in the order of the model.
func Codes() []string {
	var codes []string
	for _, s := range speeches() {
		codes = append(codes, s.code)
	}
	return codes
}

// latin begins each alphabet.
const latin = "abcdefghijklmnopqrstuvwxyz"

// alphabet collects the letters that a script's encodings have, in lower case, behind those of ASCII, which turn up
// in every text.
func alphabet(script string) []rune {
	letters := []rune(latin)
	var more []rune
	for _, s := range speeches() {
		if s.script != script {
			continue
		}
		for _, name := range s.encodings {
			more = append(more, lettersOf(name)...)
		}
	}
	slices.Sort(more)
	return append(letters, slices.Compact(more)...)
}

// lettersOf lists the letters of a one-byte encoding beyond ASCII, in lower case; none of another encoding.
func lettersOf(name string) []rune {
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil
	}
	table, ok := e.(*charmap.Charmap)
	if !ok {
		return nil
	}
	var letters []rune
	for b := 0x80; b < 0x100; b++ {
		r := fold(table.DecodeByte(byte(b)))
		if r >= 0x80 && unicode.In(r, unicode.L, unicode.M, unicode.Cf) && r != 0xAD {
			letters = append(letters, r)
		}
	}
	return letters
}
