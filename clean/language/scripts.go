package language

import "unicode"

// script is a set of letters.
type script uint8

const (
	latinScript script = iota
	cyrillic
	arabic
	han
	kana
	hangul
	greek
	hebrew
	thai
	devanagari
	bengali
	tamil
	telugu
	georgian
	armenian
	ethiopic
	khmer
	myanmar
	lao
	gujarati
	gurmukhi
	kannada
	malayalam
	sinhala
	scripts
)

// tables pairs each script with its letters, its ISO 15924 code, and the language that mostly uses it.
func tables() [scripts]struct {
	table      *unicode.RangeTable
	code, lang string
} {
	return [scripts]struct {
		table      *unicode.RangeTable
		code, lang string
	}{
		{unicode.Latin, "Latn", ""}, {unicode.Cyrillic, "Cyrl", ""}, {unicode.Arabic, "Arab", ""}, {unicode.Han, "Hani", "zh"},
		{unicode.Katakana, "Jpan", "ja"}, {unicode.Hangul, "Hang", "ko"}, {unicode.Greek, "Grek", "el"}, {unicode.Hebrew, "Hebr", "he"},
		{unicode.Thai, "Thai", "th"}, {unicode.Devanagari, "Deva", "hi"}, {unicode.Bengali, "Beng", "bn"}, {unicode.Tamil, "Taml", "ta"},
		{unicode.Telugu, "Telu", "te"}, {unicode.Georgian, "Geor", "ka"}, {unicode.Armenian, "Armn", "hy"}, {unicode.Ethiopic, "Ethi", "am"},
		{unicode.Khmer, "Khmr", "km"}, {unicode.Myanmar, "Mymr", "my"}, {unicode.Lao, "Laoo", "lo"}, {unicode.Gujarati, "Gujr", "gu"},
		{unicode.Gurmukhi, "Guru", "pa"}, {unicode.Kannada, "Knda", "kn"}, {unicode.Malayalam, "Mlym", "ml"}, {unicode.Sinhala, "Sinh", "si"},
	}
}

// countScripts counts the letters of each script.
func countScripts(text string) (counts [scripts]int, letters int) {
	list := tables()
	last := latinScript // texts stay in one script
	for _, r := range text {
		if r < 0x80 {
			if 'a' <= r|32 && r|32 <= 'z' {
				counts[latinScript]++
				letters++
			}
			continue
		}
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		if unicode.Is(list[last].table, r) {
			counts[last]++
			continue
		}
		if unicode.Is(unicode.Hiragana, r) {
			counts[kana]++
			continue
		}
		for s := range list {
			if unicode.Is(list[s].table, r) {
				last = script(s)
				counts[s]++
				break
			}
		}
	}
	return counts, letters
}

// scriptCode is the ISO 15924 code, which for Japanese covers two scripts.
func scriptCode(s script, counts [scripts]int) string {
	if s == han && counts[kana]*20 > counts[han] {
		s = kana
	}
	return tables()[s].code
}

func scriptLanguage(s script) string { return tables()[s].lang }
