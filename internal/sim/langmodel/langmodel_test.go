package langmodel

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"millrace/clean/language"
	"millrace/internal/sim/texts"
)

// invented makes paragraphs of words of its own for each language.
func invented() []texts.Text {
	var list []texts.Text
	for lang, words := range map[string]string{
		"de": "der mühle wasser und rad steht nicht korn straße auf dem hügel wo bach kommt",
		"en": "the mill water and wheel stands not corn road on hill where brook comes",
		"fi": "mylly vesi ja pyörä seisoo ei vilja tie mäellä missä puro tulee",
		"ru": "мельница вода и колесо стоит не зерно дорога на холме где ручей",
		"uk": "млин вода та колесо стоїть не зерно шлях на пагорбі де струмок",
	} {
		rng := rand.New(rand.NewPCG(7, uint64(lang[0])<<8+uint64(lang[1])))
		all := strings.Fields(words)
		t := texts.Text{Lang: lang, Source: "invented"}
		for range 250 {
			var b strings.Builder
			for range 8 {
				b.WriteString(all[rng.IntN(len(all))] + " ")
			}
			t.Paragraphs = append(t.Paragraphs, b.String())
		}
		list = append(list, t)
	}
	return list
}

func TestTrain(t *testing.T) {
	o := Options{Seed: 3, Steps: 4000, RowBits: 12, Rate: 0.15}
	file, err := Train(invented(), o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Train(invented(), o)
	if err != nil || !bytes.Equal(file, again) {
		t.Errorf("the same texts and options make another model, or %v", err)
	}
	m, err := language.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	n := Right(m, invented())[""]
	if n[1] < 60 || float64(n[0]) < 0.97*float64(n[1]) {
		t.Errorf("%d of %d held out paragraphs are named rightly", n[0], n[1])
	}
	if r := m.Identify("qzxv kkrw pltn qqrs vvbx wrtz kklp zzqx"); r.Lang != "und" {
		t.Errorf("noise is %+v", r)
	}
	if _, err := Train(nil, o); err == nil {
		t.Error("a model was made of nothing")
	}
}

// TestProbabilities: what is said to be right so often is right so often.
func TestProbabilities(t *testing.T) {
	trials := make([]trial, 1000)
	for i := range trials {
		// A model that says 0.99 and is right in 800 of 1,000 cases has to become 0.8.
		trials[i] = trial{p: []float64{0.99, 0.01}}
		if i >= 800 {
			trials[i].right = 1
		}
	}
	warm := float64(coolest(trials))
	// ln(0.99/0.01)/t = ln(0.8/0.2)
	if want := 4.595 / 1.386; warm < want*0.98 || warm > want*1.02 {
		t.Errorf("temperature %v, want %v", warm, want)
	}
}

func TestCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		if s := cut(rng, "Größe über alles, 漢字 und so weiter", 9); utf8.RuneCountInString(s) != 9 || !utf8.ValidString(s) {
			t.Fatalf("cut %q", s)
		}
	}
	if s := cut(rng, "kurz", 9); s != "kurz" {
		t.Errorf("cut %q", s)
	}
}
