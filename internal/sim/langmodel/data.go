package langmodel

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"millrace/clean/language"
	"millrace/internal/sim/texts"
)

// enough is how many bytes of text in one script a language needs.
const enough = 6_000

// data is what is learned from.
type data struct {
	classes   []*class
	strangers []string // paragraphs for tuning in languages that are not learned
}

// class is a language in a script.
type class struct {
	name, lang, script string
	sources            []*source
	size               int
	peers              []int // the classes of the same script
	at                 int   // its own place among them
}

// source is what one source has of a class.
type source struct {
	name  string
	train []string
	tune  []string
	held  []string
	size  int
}

// Shorter paragraphs are often names, and larger sources repeat themselves.
const (
	shortest = 24
	largest  = 250_000
)

// prior is how much more of a language there is than of its neighbours, as a logarithm: the web has far more of the languages of
// states than of regional ones, so a few words that fit two are rather theirs. All are learned from equally many spans: a long text
// needs no such help, and gets less of it, by its temperature.
func prior(name string) float32 {
	const states = " af-Latn az-Latn bs-Latn ca-Latn cs-Latn cy-Latn da-Latn de-Latn en-Latn es-Latn et-Latn eu-Latn fi-Latn fr-Latn ga-Latn hr-Latn " +
		"hu-Latn id-Latn is-Latn it-Latn lt-Latn lv-Latn ms-Latn nb-Latn nl-Latn nn-Latn pl-Latn pt-Latn ro-Latn sk-Latn sl-Latn so-Latn sq-Latn sr-Latn " +
		"sv-Latn sw-Latn tl-Latn tr-Latn uz-Latn vi-Latn be-Cyrl bg-Cyrl kk-Cyrl ky-Cyrl mk-Cyrl mn-Cyrl ru-Cyrl sr-Cyrl tg-Cyrl uk-Cyrl " +
		"ar-Arab fa-Arab ps-Arab ur-Arab bn-Beng he-Hebr hi-Deva mr-Deva ne-Deva "
	if strings.Contains(states, " "+name+" ") {
		return 1.5
	}
	return 0
}

// collect sorts paragraphs by language and script, and leaves out those of another script than the language is known for.
func collect(list []texts.Text) *data {
	d := &data{}
	found := map[string]*class{}
	for _, t := range list {
		scripts, known := languages()[t.Lang]
		for _, p := range t.Paragraphs {
			if len(p) < shortest || t.Lang != "en" && texts.English(p) {
				continue
			}
			script := language.ScriptOf(p[:min(len(p), 120)])
			if !known && texts.ForTuning(p) {
				d.strangers = append(d.strangers, p)
			}
			if !slices.Contains(scripts, script) {
				continue
			}
			name := t.Lang + "-" + script
			if found[name] == nil {
				found[name] = &class{name: name, lang: t.Lang, script: script}
			}
			found[name].add(t.Source, p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if c := found[name]; c.size >= enough {
			d.classes = append(d.classes, c)
		}
	}
	for _, script := range []string{"Latn", "Cyrl", "Arab"} {
		d.classes = append(d.classes, &class{name: language.NoLanguage + "-" + script, lang: language.NoLanguage, script: script})
	}
	d.classes = slices.DeleteFunc(d.classes, func(c *class) bool {
		// A script with one language needs no classifier.
		return !slices.ContainsFunc(d.classes, func(o *class) bool {
			return o != c && o.script == c.script && o.lang != language.NoLanguage
		})
	})
	for i, c := range d.classes {
		for k, o := range d.classes {
			if o.script == c.script {
				if k == i {
					c.at = len(c.peers)
				}
				c.peers = append(c.peers, k)
			}
		}
	}
	return d
}

func (c *class) add(name, paragraph string) {
	i := slices.IndexFunc(c.sources, func(s *source) bool { return s.name == name })
	if i < 0 {
		i = len(c.sources)
		c.sources = append(c.sources, &source{name: name})
	}
	s := c.sources[i]
	switch {
	case texts.HeldOut(paragraph):
		s.held = append(s.held, paragraph)
		return
	case texts.ForTuning(paragraph):
		s.tune = append(s.tune, paragraph)
		return
	}
	if s.size >= largest {
		return
	}
	s.train = append(s.train, paragraph)
	s.size += len(paragraph)
	c.size += len(paragraph)
}

// span gives a stretch of text of a class: 15 to 200 characters, of which short ones are more frequent.
func (d *data) span(rng *rand.Rand, at int) string {
	c := d.classes[at]
	if c.lang == language.NoLanguage {
		peer := d.classes[c.peers[rng.IntN(len(c.peers))]]
		for peer.lang == language.NoLanguage {
			peer = d.classes[c.peers[rng.IntN(len(c.peers))]]
		}
		return noise(rng, peer.span(rng))
	}
	return c.span(rng)
}

func (c *class) span(rng *rand.Rand) string {
	sum := 0.0
	for _, s := range c.sources {
		sum += s.weight()
	}
	x := rng.Float64() * sum
	var from *source
	for _, s := range c.sources {
		if len(s.train) == 0 {
			continue
		}
		from = s
		if x -= s.weight(); x < 0 {
			break
		}
	}
	want := 15 + int(185*math.Pow(rng.Float64(), 1.5))
	i := rng.IntN(len(from.train))
	text := from.train[i]
	for k := i + 1; len(text) < want && k < len(from.train); k++ {
		text += " " + from.train[k]
	}
	return cut(rng, text, want)
}

// weight is how often a source is drawn. A small one says other things than a large one, so it counts for more than its size.
func (s *source) weight() float64 { return math.Sqrt(float64(s.size)) }

// cut takes so many characters from anywhere in a text.
func cut(rng *rand.Rand, text string, want int) string {
	n := utf8.RuneCountInString(text)
	if n <= want {
		return text
	}
	skip := rng.IntN(n - want + 1)
	from, to := -1, len(text)
	k := 0
	for i := range text {
		if k == skip {
			from = i
		}
		if k == skip+want {
			to = i
			break
		}
		k++
	}
	return text[from:to]
}

// Sizes lists the classes with their sources and bytes of text, for the manifest.
func Sizes(list []texts.Text) []Size {
	var sizes []Size
	for _, c := range collect(list).classes {
		if c.lang == language.NoLanguage {
			continue
		}
		var names []string
		for _, s := range c.sources {
			names = append(names, s.name)
		}
		slices.Sort(names)
		sizes = append(sizes, Size{c.lang, c.script, c.size, strings.Join(names, ", ")})
	}
	slices.SortFunc(sizes, func(a, b Size) int { return cmp.Or(cmp.Compare(a.Lang, b.Lang), cmp.Compare(a.Script, b.Script)) })
	return sizes
}

// Size is how much text there is of a language in a script.
type Size struct {
	Lang, Script string
	Bytes        int
	Sources      string
}
