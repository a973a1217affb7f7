// Package langmodel trains the model of clean/language: texts in many languages come in, a model file goes out, and what it
// scores on paragraphs that it was not trained on. Same texts, same options: the same file.
//
// Read in this order: langmodel.go, data.go, list.go, noise.go, learn.go, warmth.go.
package langmodel

import (
	"fmt"
	"math/rand/v2"

	"millrace/clean/language"
	"millrace/internal/sim/texts"
)

// Options say how to train.
type Options struct {
	Seed    uint64
	Steps   int  // one span of text each
	RowBits uint // the model has 1<<RowBits rows of 16 bytes
	Rate    float32
}

// Default is how the embedded model was trained.
func Default() Options { return Options{Seed: 1, Steps: 1_300_000, RowBits: 18, Rate: 0.6} }

// Train makes a model of all paragraphs that are not held out.
func Train(list []texts.Text, o Options) ([]byte, error) {
	d := collect(list)
	if len(d.classes) == 0 {
		return nil, fmt.Errorf("train a language model: %d texts hold no language with enough of it", len(list))
	}
	l := newLearner(d, o)
	rng := rand.New(rand.NewPCG(o.Seed, 1))
	for step := range o.Steps {
		c := rng.IntN(len(d.classes))
		span := d.span(rng, c)
		l.learn(span, c, step%3, o.Rate*(1-0.95*float32(step)/float32(o.Steps)))
	}
	for i, x := range l.rows {
		l.rows[i] = min(max(x, -limit), limit)
	}
	return l.build(rng)
}

// names lists the classes.
func (d *data) names() []string {
	var names []string
	for _, c := range d.classes {
		names = append(names, c.name)
	}
	return names
}

// Right is how many of the paragraphs that were not trained on a model names rightly, and of how many: by source, by language and
// together, and beside these of the paragraphs for tuning.
func Right(m *language.Model, list []texts.Text) map[string][2]int {
	right := map[string][2]int{}
	count := func(c *class, paragraphs []string, keys ...string) {
		for _, p := range paragraphs[:min(len(paragraphs), 200)] {
			got := m.Identify(p)
			for _, key := range keys {
				n := right[key]
				if n[1]++; got.Lang == c.lang {
					n[0]++
				}
				right[key] = n
			}
		}
	}
	for _, c := range collect(list).classes {
		for _, s := range c.sources {
			count(c, s.held, "", "source "+s.name, c.name)
			count(c, s.tune, "for tuning")
		}
	}
	return right
}

// Sources names what the embedded model is trained on.
func Sources() []string {
	return []string{texts.UDHR, texts.Django, texts.MediaWiki, texts.Gettext, texts.Help, texts.Manual, texts.Interface}
}
