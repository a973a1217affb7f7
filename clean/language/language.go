// Package language names the language of a text: text comes in, a language, a script and a score go out.
//
// It counts scripts and function words, and knows 20 languages of the Latin script, four of the Cyrillic, three of
// the Arabic, and the scripts that one language mostly uses. It tells paragraphs apart, not single lines, and says
// "und" rather than guess. A language that it does not know looks like "und", or, where it shares many short words with
// a neighbour (Catalan with Spanish, Bosnian with Croatian), like that neighbour.
//
// Read in this order: language.go, scripts.go, words.go.
package language

import (
	"strings"
	"unicode"
)

// Result is what a text seems to be written in.
type Result struct {
	Lang   string  // ISO 639-1; "und" where not sure
	Script string  // ISO 15924 code of most letters; "" without letters
	Score  float32 // 0 to 1: how sure. It is an ordinal figure, not a probability.
}

const (
	sampleBytes = 1 << 16 // how much of a text is looked at
	fewLetters  = 16
	// In running text a quarter to a half of the words are function words.
	fewWords = 0.08
	fewHits  = 3
)

// Identify looks at the beginning of text.
func Identify(text string) Result {
	if len(text) > sampleBytes {
		text = strings.ToValidUTF8(text[:sampleBytes], "")
	}
	counts, letters := countScripts(text)
	best := script(0)
	for s := range counts {
		if counts[s] > counts[best] {
			best = script(s)
		}
	}
	if letters == 0 {
		return Result{Lang: "und"}
	}
	r := Result{Lang: "und", Script: scriptCode(best, counts)}
	if letters < fewLetters {
		return r
	}
	share := float32(counts[best]) / float32(letters)
	switch best {
	case han, kana:
		share = float32(counts[han]+counts[kana]) / float32(letters)
		r.Lang, r.Score = "zh", 0.9*share
		if counts[kana]*20 > counts[han]+counts[kana] {
			r.Lang, r.Score = "ja", 0.98*share
		}
	case latinScript, cyrillic, arabic:
		r.Lang, r.Score = byWords(text, best)
		r.Score *= share
	default:
		if l := scriptLanguage(best); l != "" {
			r.Lang, r.Score = l, 0.9*share
		}
	}
	return r
}

// byWords counts the function words of the languages of one script, and the letters that only some of them use.
func byWords(text string, s script) (string, float32) {
	list := languages()
	hits := make([]float64, len(list)) // a word that several languages share counts for each in part
	found := make([]int, len(list))
	total := 0
	index := functionWords()
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
		total++
		of := index[word]
		for _, l := range of {
			hits[l] += 1 / float64(len(of))
			found[l]++
		}
	}
	for i, l := range list {
		if l.script != s {
			hits[i] = 0
			continue
		}
		if l.letters != "" {
			// A letter of its own counts like a third of a word, up to twice the words found.
			n := 0
			for _, r := range strings.ToLower(text) {
				if strings.ContainsRune(l.letters, r) {
					n++
				}
			}
			hits[i] += min(float64(n)/3, 2*hits[i]+1)
		}
	}
	first, second := -1, 0.0
	for i, h := range hits {
		switch {
		case first < 0 || h > hits[first]:
			if first >= 0 {
				second = hits[first]
			}
			first = i
		case h > second:
			second = h
		}
	}
	if found[first] < fewHits || float64(found[first]) < fewWords*float64(total) {
		return "und", 0
	}
	sure := hits[first] / (hits[first] + second)
	if sure < 0.55 {
		return "und", float32(sure)
	}
	return list[first].code, float32(sure)
}
