package langmodel

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// noise makes something that is no language of a text: its letters in another order, or letters that nobody chose.
func noise(rng *rand.Rand, text string) string {
	switch rng.IntN(4) {
	case 0:
		return shuffled(rng, text, true)
	case 1:
		return shuffled(rng, text, false)
	case 2:
		return random(rng, text, alphabetOf(text))
	default:
		return random(rng, text, "bcdfghjklmnpqrstvwxz")
	}
}

// shuffled changes the order of a text's letters within words, or over all of it.
func shuffled(rng *rand.Rand, text string, words bool) string {
	list := []rune(text)
	from := 0
	for i := 0; i <= len(list); i++ {
		if i < len(list) && (!words || unicode.IsLetter(list[i])) {
			continue
		}
		part := list[from:i]
		rng.Shuffle(len(part), func(a, b int) { part[a], part[b] = part[b], part[a] })
		from = i + 1
	}
	return string(list)
}

// random puts any letters in place of the text's.
func random(rng *rand.Rand, text, from string) string {
	alphabet := []rune(from)
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return alphabet[rng.IntN(len(alphabet))]
		}
		return r
	}, text)
}

// alphabetOf lists the letters of a text, each as often as any other.
func alphabetOf(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsLetter(r) && !strings.ContainsRune(b.String(), r) {
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return "x"
	}
	return b.String()
}
