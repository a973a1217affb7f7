package charset

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"millrace/clean/charset/lm"
)

const (
	// sampleBytes is how much text the statistics look at.
	sampleBytes = 2048
	// firstBytes is how much of it every reading is tried on; the rest, only those that are not hopeless by then.
	firstBytes = 320
	// hopeless is how much more than the best a reading may cost by then: 30 nats.
	hopeless = 30 * nat
	nat      = lm.Nat
	fallback = "windows-1252"
)

//go:embed model.bin
var modelFile []byte

// detector is what is made of the model once: the readings that are tried.
type detector struct {
	model  *lm.Model
	single []*page
	double []*book
	byName map[string]*page
}

// page is a one-byte encoding with the languages that come in it.
type page struct {
	name   string
	prior  int
	script *lm.Script
	table  *lm.Table
	langs  []*lm.Lang // the languages that come in it
}

// book is an encoding with more bytes a character.
type book struct {
	name   string
	prior  int
	script *lm.Script
	langs  []*lm.Lang
	from   encoding.Encoding
}

// newDetector reads the embedded model. It is part of the program: one that cannot be read is a mistake in the build,
// which every test finds.
var newDetector = sync.OnceValue(func() *detector {
	m, err := lm.Read(modelFile)
	if err != nil {
		panic("charset: " + err.Error())
	}
	return build(m)
})

// build sorts the model's languages by encoding.
func build(m *lm.Model) *detector {
	d := &detector{model: m, byName: map[string]*page{}}
	books := map[string]*book{}
	for _, s := range m.Scripts {
		for _, l := range s.Langs {
			for _, name := range l.Encodings {
				e, _ := htmlindex.Get(name) // the names are WHATWG's
				table, ok := e.(*charmap.Charmap)
				switch {
				case !ok && books[name] == nil:
					books[name] = &book{name: name, prior: prior(name), script: s, from: e, langs: []*lm.Lang{l}}
					d.double = append(d.double, books[name])
				case !ok:
					books[name].langs = append(books[name].langs, l)
				case d.byName[name] == nil:
					d.byName[name] = &page{name: name, prior: prior(name), script: s, table: s.NewTable(table), langs: []*lm.Lang{l}}
					d.single = append(d.single, d.byName[name])
				default:
					d.byName[name].langs = append(d.byName[name].langs, l)
				}
			}
		}
	}
	return d
}

// prior is what an encoding costs for being seldom met: of two that read the text alike, the commoner is named.
func prior(name string) int {
	switch name {
	case fallback:
		return 0
	case "windows-1251", "gb18030", "shift_jis", "euc-kr", "big5":
		return nat
	case "ibm866", "iso-8859-5", "iso-8859-6", "iso-8859-7":
		return 5 * nat
	case "iso-8859-2", "koi8-u":
		return 5 * nat / 2
	}
	return 2 * nat
}

// Guess finds the encoding of undeclared text by statistics: that in which the text costs the least in some language.
// It knows UTF-8 with errors, five encodings of Chinese, Japanese and Korean, and the one-byte encodings of some fifty
// languages; where nothing speaks for one of them it is windows-1252.
func Guess(body []byte) string { return guess(body, countUTF8(body), "") }

// guess is Guess, for who has counted already and knows what was said.
func guess(body []byte, c utf8Counts, said string) string {
	if shifts(body, "") {
		return "iso-2022-jp"
	}
	if c.surely() {
		return "utf-8"
	}
	s := sample(body)
	if len(s) == 0 {
		return fallback
	}
	d := newDetector()
	name, cost := d.best(s)
	if said == "utf-8" {
		cost += sure
	}
	if c.perhaps() && d.damagedUTF8(s) < cost {
		return "utf-8"
	}
	return name
}

// trial is a language in an encoding.
type trial struct {
	name string
	lang *lm.Lang
	cost int
}

// best finds the cheapest reading of a sample, and its cost.
func (d *detector) best(s []byte) (string, int) {
	var trials []trial
	for _, p := range d.single {
		for _, l := range p.langs {
			trials = append(trials, trial{name: p.name, lang: l})
		}
	}
	for _, b := range d.double {
		for _, l := range b.langs {
			trials = append(trials, trial{name: b.name, lang: l})
		}
	}
	if len(s) > 2*firstBytes {
		trials = d.weigh(trials, s[:firstBytes])
		least := slices.MinFunc(trials, func(a, b trial) int { return cmp.Compare(a.cost, b.cost) }).cost
		trials = slices.DeleteFunc(trials, func(t trial) bool { return t.cost > least+hopeless })
	}
	trials = d.weigh(trials, s)
	best := slices.MinFunc(trials, func(a, b trial) int { return cmp.Compare(a.cost, b.cost) })
	return best.name, best.cost
}

// weigh fills in the costs. The trials of one encoding stand together.
func (d *detector) weigh(trials []trial, s []byte) []trial {
	var text lm.Text
	base, read := 0, ""
	for i, t := range trials {
		if t.name != read {
			read = t.name
			text, base = d.read(s, t.name)
		}
		trials[i].cost = base + t.lang.Cost(text)
	}
	return trials
}

// read reads a sample in an encoding of the detector's.
func (d *detector) read(s []byte, name string) (lm.Text, int) {
	if p := d.byName[name]; p != nil {
		return p.script.Bytes(s, p.table), p.prior
	}
	i := slices.IndexFunc(d.double, func(b *book) bool { return b.name == name })
	b := d.double[i]
	return b.script.String(textOf(s, b.from)), b.prior
}

// textOf decodes a sample. A character that its end has cut is no error.
func textOf(s []byte, e encoding.Encoding) string {
	b, err := e.NewDecoder().Bytes(s)
	if err != nil {
		return string(utf8.RuneError)
	}
	if len(s) >= firstBytes {
		return strings.TrimSuffix(string(b), "\uFFFD")
	}
	return string(b)
}

// damagedUTF8 is what a sample costs as UTF-8 with some bytes that do not belong there. Each of them costs six nats
// more than it would in its own encoding, or ten where it has none.
func (d *detector) damagedUTF8(s []byte) int {
	var r Result
	Salvage.utf8Text(s, &r)
	return d.textCost(strings.ReplaceAll(r.Text, "\uFFFD", "")) + 6*nat*r.Salvaged + 10*nat*r.Invalid
}

// cost is what a sample costs as a declared encoding says, in any language of its script; ok is false where the
// detector does not know the encoding.
func (d *detector) cost(s []byte, name string) (cost int, ok bool) {
	var script *lm.Script
	if p := d.byName[name]; p != nil {
		script = p.script
	} else if i := slices.IndexFunc(d.double, func(b *book) bool { return b.name == name }); i >= 0 {
		script = d.double[i].script
	} else {
		return 0, false
	}
	text, base := d.read(s, name)
	return base + cheapest(script, text), true
}

// textCost is what text costs, in any language of its script.
func (d *detector) textCost(text string) int {
	script := d.model.ScriptOf(text)
	return cheapest(script, script.String(text))
}

func cheapest(s *lm.Script, text lm.Text) int {
	least := s.Langs[0].Cost(text)
	for _, l := range s.Langs[1:] {
		least = min(least, l.Cost(text))
	}
	return least
}
