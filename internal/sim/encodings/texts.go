// Package encodings has what the detector of encodings is trained on and tested with: the texts of packages come in,
// texts by language go out, those for training and those that nothing was trained on apart; and samples of them, each
// for a pair of a language and an encoding.
//
// Its commands: train writes clean/charset/model.bin; parity puts the detector beside those of Python.
//
// Read in this order: texts.go, samples.go.
package encodings

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/charmap"

	"millrace/clean/charset/lm"
	"millrace/internal/sim/texts"
)

const (
	// enough is how many bytes of a language are used.
	enough = 1_200_000
	// scarce is how many bytes of prose there have to be, or other held-out texts are added.
	scarce = 8_000
)

// Split is the texts of each language, apart.
type Split struct {
	Train, Test map[string][]string
}

// Texts loads the texts of every language that the detector knows. Test has Debian's handbooks and the second half of the
// Declaration of Human Rights, and a tenth of the rest where there is too little; Train has all the others.
func Texts(ctx context.Context) (Split, error) {
	list, err := texts.Load(ctx, texts.UDHR, texts.Django, texts.MediaWiki, texts.Gettext, texts.Help, texts.Handbook)
	if err != nil {
		return Split{}, err
	}
	s := Split{map[string][]string{}, map[string][]string{}}
	spare := map[string][]string{}
	known := map[string]bool{}
	for _, code := range lm.Codes() {
		known[code] = true
	}
	for _, t := range list {
		half := len(t.Paragraphs) / 2
		for i, p := range t.Paragraphs {
			code := codeOf(t, p)
			if !known[code] && t.Source == texts.UDHR && west(p) {
				code = lm.Other
			}
			switch {
			case !known[code] || !written(p, code):
			case t.Source == texts.Handbook, t.Source == texts.UDHR && i >= half:
				s.Test[code] = append(s.Test[code], p)
			case t.Source == texts.UDHR && i >= half*9/10:
				// Nobody's: other versions of the declaration may have this in their second half.
			case texts.HeldOut(p):
				spare[code] = append(spare[code], p)
			default:
				s.Train[code] = append(s.Train[code], p)
			}
		}
	}
	for code := range known {
		tested := map[string]bool{}
		for _, p := range s.Test[code] {
			tested[p] = true
		}
		s.Train[code] = slices.DeleteFunc(s.Train[code], func(p string) bool { return tested[p] })
		s.Train[code] = evenly(s.Train[code], enough)
		if size(s.Test[code]) < scarce {
			s.Test[code] = append(s.Test[code], spare[code]...)
		}
		if len(s.Train[code]) == 0 || len(s.Test[code]) == 0 {
			return s, fmt.Errorf("no texts in language %q", code)
		}
	}
	return s, nil
}

// west reports whether windows-1252 has all letters of a paragraph, and needs to.
func west(p string) bool {
	b, err := charmap.Windows1252.NewEncoder().String(p)
	return err == nil && b != p
}

// codeOf is the detector's name for the language of a paragraph.
func codeOf(t texts.Text, paragraph string) string {
	tag := strings.ToLower(t.Tag)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(tag, p) })
	}
	switch t.Lang {
	case "zh":
		if has("tw", "hk", "hant", "mo") {
			return "zh-Hant"
		}
		return "zh-Hans"
	case "sr", "bs":
		if share(paragraph, unicode.Latin) > 0.5 {
			return "hr" // the detector's Croatian stands for all that is written so
		}
		return "sr"
	case "no", "nn":
		return "nb"
	}
	return t.Lang
}

// written reports whether most letters of a paragraph belong to the language's script: catalogues have entries that
// nobody has translated.
func written(p, code string) bool {
	scripts := map[string][]*unicode.RangeTable{
		"ru": {unicode.Cyrillic}, "uk": {unicode.Cyrillic}, "be": {unicode.Cyrillic}, "bg": {unicode.Cyrillic}, "sr": {unicode.Cyrillic}, "mk": {unicode.Cyrillic},
		"el": {unicode.Greek}, "he": {unicode.Hebrew}, "ar": {unicode.Arabic}, "fa": {unicode.Arabic}, "ur": {unicode.Arabic}, "th": {unicode.Thai},
		"zh-Hans": {unicode.Han}, "zh-Hant": {unicode.Han}, "ja": {unicode.Han, unicode.Hiragana, unicode.Katakana}, "ko": {unicode.Hangul},
	}
	tables, ok := scripts[code]
	if !ok {
		tables = []*unicode.RangeTable{unicode.Latin}
	}
	return share(p, tables...) > 0.6
}

// share is how many of the letters of s are in the tables.
func share(s string, tables ...*unicode.RangeTable) float64 {
	letters, of := 0, 0
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.M) {
			continue
		}
		letters++
		if unicode.In(r, tables...) {
			of++
		}
	}
	return float64(of) / float64(max(1, letters))
}

// evenly takes paragraphs of about n bytes, from all over the list.
func evenly(list []string, n int) []string {
	total := size(list)
	if total <= n {
		return list
	}
	var out []string
	kept, seen := 0, 0
	for _, p := range list {
		if kept*total <= seen*n {
			out = append(out, p)
			kept += len(p)
		}
		seen += len(p)
	}
	return out
}

func size(list []string) int {
	n := 0
	for _, p := range list {
		n += len(p)
	}
	return n
}
