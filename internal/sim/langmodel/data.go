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
	classes []*class
	heap    []float64 // the sums of the classes' weights up to each one
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
	held  []string
	size  int
}

// Shorter paragraphs are often names, and larger sources repeat themselves.
const (
	shortest = 24
	largest  = 250_000
)

// frequent are languages that the web has far more of than of their neighbours: short words that fit both are rather theirs.
const frequent = " en-Latn de-Latn fr-Latn es-Latn pt-Latn it-Latn nl-Latn pl-Latn cs-Latn sv-Latn da-Latn nb-Latn fi-Latn hu-Latn ro-Latn tr-Latn id-Latn " +
	"vi-Latn hr-Latn ca-Latn ru-Cyrl uk-Cyrl bg-Cyrl sr-Cyrl ar-Arab fa-Arab ur-Arab hi-Deva bn-Beng he-Hebr "

// collect sorts paragraphs by language and script, and leaves out those of another script than the language is known for.
func collect(list []texts.Text) *data {
	found := map[string]*class{}
	for _, t := range list {
		scripts, known := languages()[t.Lang]
		if !known {
			continue
		}
		for _, p := range t.Paragraphs {
			if len(p) < shortest || t.Lang != "en" && texts.English(p) {
				continue
			}
			script := language.ScriptOf(p[:min(len(p), 120)])
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
	d := &data{}
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
	sum := 0.0
	for i, c := range d.classes {
		for k, o := range d.classes {
			if o.script == c.script {
				if k == i {
					c.at = len(c.peers)
				}
				c.peers = append(c.peers, k)
			}
		}
		// Large languages are drawn more often than small ones, but not as much more as there is more of them.
		weight := math.Pow(float64(max(c.size, 50_000)), 0.3)
		if strings.Contains(frequent, " "+c.name+" ") {
			weight *= 1.6
		}
		sum += weight
		d.heap = append(d.heap, sum)
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
	if texts.HeldOut(paragraph) {
		s.held = append(s.held, paragraph)
		return
	}
	if s.size >= largest {
		return
	}
	s.train = append(s.train, paragraph)
	s.size += len(paragraph)
	c.size += len(paragraph)
}

// draw chooses a class.
func (d *data) draw(rng *rand.Rand) int {
	i, _ := slices.BinarySearch(d.heap, rng.Float64()*d.heap[len(d.heap)-1])
	return min(i, len(d.classes)-1)
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
	// A small source says other things than a large one, so it counts for more than its size.
	sum := 0.0
	for _, s := range c.sources {
		sum += math.Sqrt(float64(s.size))
	}
	x := rng.Float64() * sum
	var from *source
	for _, s := range c.sources {
		if len(s.train) == 0 {
			continue
		}
		from = s
		if x -= math.Sqrt(float64(s.size)); x < 0 {
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
