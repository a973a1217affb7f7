package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"millrace/clean/language"
	"millrace/internal/sim/langmodel"
	"millrace/internal/sim/texts"
)

// text is one text with its language.
type text struct {
	text   string
	lang   string
	script string
}

// set is a set of texts, and what each detector says of them.
type set struct {
	name  string
	texts []text
	whole bool            // documents, not paragraphs
	model *language.Model // nil for the embedded one
	known []string        // what our model knows, such as sr-Latn
	names map[string]answers
	taken map[string]int // texts by language and script
	noisy bool           // translations, of which parts were not translated
}

// answers is what a detector says, in the order of the texts.
type answers struct {
	Labels    []string `json:"labels"`
	Languages []string `json:"languages"`
	CPU       float64  `json:"cpu"`
	Load      float64  `json:"load"`
}

// perLanguage bounds the paragraphs of a language in a set: lingua reads a hundred kilobytes a second.
const perLanguage = 60

// load makes the sets.
func load(ctx context.Context, o options) ([]set, error) {
	known := language.Languages()
	if o.input != "" {
		list, err := fromFile(o.input)
		return []set{{name: "input", texts: list, known: known}}, err
	}
	all, err := texts.Load(ctx)
	if err != nil {
		return nil, err
	}
	handbook := set{name: "handbook paragraphs", known: known}
	handbook.noisy = true
	held := set{name: "declaration, held out", known: known}
	wholes := set{name: "declaration documents, held out", known: known, whole: true}
	messages := set{name: "messages, held out", known: known}
	foreign := set{name: "declaration, foreign", known: known}
	var rest []texts.Text
	trained := langmodel.Sources()
	for _, t := range all {
		if t.Source != texts.UDHR && slices.Contains(trained, t.Source) {
			rest = append(rest, t)
		}
		switch t.Source {
		case texts.Handbook:
			handbook.take(t, func(p string) bool { return true })
		case texts.UDHR:
			held.take(t, texts.HeldOut)
			one := set{known: known}
			one.take(t, texts.HeldOut)
			wholes.join(one.texts)
			// By the other half the way of learning was chosen.
			foreign.take(t, func(p string) bool { return len(p) >= 60 && xxh3.HashString(p+"dev")%2 == 1 })
		case texts.Gettext, texts.MediaWiki, texts.Django:
			messages.take(t, func(p string) bool { return len(p) >= 60 && texts.HeldOut(p) })
		}
	}
	file, err := langmodel.Train(rest, langmodel.Options{Seed: o.seed, Steps: 600_000, RowBits: 18, Rate: langmodel.Default().Rate})
	if err != nil {
		return nil, err
	}
	if foreign.model, err = language.Open(file); err != nil {
		return nil, err
	}
	// Of what the second model cannot know nothing is asked.
	foreign.known = foreign.model.Languages()
	foreign.texts = slices.DeleteFunc(foreign.texts, func(t text) bool { return !slices.Contains(foreign.known, t.lang+"-"+t.script) })
	return []set{handbook, held, messages, foreign, wholes}, nil
}

// take adds the paragraphs that are wanted, up to a number a language, and in the script that the language's text is mostly in.
func (s *set) take(t texts.Text, want func(string) bool) {
	script := language.ScriptOf(strings.Join(t.Paragraphs[:min(len(t.Paragraphs), 50)], "\n"))
	if s.taken == nil {
		s.taken = map[string]int{}
	}
	if !slices.Contains(s.known, t.Lang+"-"+script) {
		return
	}
	for _, p := range t.Paragraphs {
		if s.taken[t.Lang+script] < perLanguage && want(p) && (t.Lang == "en" || !texts.English(p)) && language.ScriptOf(p) == script {
			s.texts = append(s.texts, text{p, t.Lang, script})
			s.taken[t.Lang+script]++
		}
	}
}

// join makes documents of up to twelve paragraphs each.
func (s *set) join(list []text) {
	for len(list) > 0 {
		n := 1
		for n < min(12, len(list)) && list[n].lang == list[0].lang && list[n].script == list[0].script {
			n++
		}
		if n >= 4 {
			var b strings.Builder
			for _, p := range list[:n] {
				b.WriteString(p.text + "\n")
			}
			s.texts = append(s.texts, text{b.String(), list[0].lang, list[0].script})
		}
		list = list[n:]
	}
}

// clean takes out what was not translated: what two of the three other detectors call English. Ours is not asked.
func (s *set) clean() {
	var kept []text
	labels := map[string][]string{}
	for i, t := range s.texts {
		english := 0
		for name, a := range s.names {
			if name != ours && a.Labels[i] == "en" {
				english++
			}
		}
		if t.lang != "en" && english > 1 {
			continue
		}
		kept = append(kept, t)
		for name, a := range s.names {
			labels[name] = append(labels[name], a.Labels[i])
		}
	}
	fmt.Printf("%s: %d of %d were not translated, and are left out\n", s.name, len(s.texts)-len(kept), len(s.texts))
	share := float64(len(kept)) / float64(len(s.texts)) // of the time, about
	for name, a := range s.names {
		a.Labels, a.CPU = labels[name], a.CPU*share
		s.names[name] = a
	}
	s.texts = kept
}

// fromFile reads JSON lines.
func fromFile(name string) (list []text, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var line struct{ Text, Lang string }
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		list = append(list, text{line.Text, line.Lang, language.ScriptOf(line.Text)})
	}
}

func (s *set) bytes() int {
	n := 0
	for _, t := range s.texts {
		n += len(t.text)
	}
	return n
}

func (s *set) languages() []string {
	all := map[string]bool{}
	for _, t := range s.texts {
		all[t.lang] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// kin gives languages that short texts do not tell apart one name, for every detector: Bosnian, Croatian and Serbian in Latin
// letters, Indonesian and Malay, Norwegian by either of its codes, Zulu and Xhosa.
func kin(lang, script string) string {
	switch {
	case script == "Latn" && (lang == "bs" || lang == "hr" || lang == "sr"):
		return "bs/hr/sr"
	case lang == "id" || lang == "ms":
		return "id/ms"
	case lang == "nb" || lang == "no":
		return "nb/no"
	case lang == "zu" || lang == "xh":
		return "zu/xh"
	}
	return lang
}

// score counts the texts of a language.
type score struct {
	all, right int
	wrong      map[string]int
}

func (n score) instead() string {
	var list []string
	for _, l := range slices.SortedFunc(maps.Keys(n.wrong), func(a, b string) int { return n.wrong[b] - n.wrong[a] }) {
		list = append(list, fmt.Sprintf("%s %d", l, n.wrong[l]))
	}
	return strings.Join(list[:min(4, len(list))], ", ")
}

// byLanguage counts a detector's answers.
func (s *set) byLanguage(name string) map[string]*score {
	scores := map[string]*score{}
	for i, t := range s.texts {
		n := scores[t.lang]
		if n == nil {
			n = &score{wrong: map[string]int{}}
			scores[t.lang] = n
		}
		n.all++
		if got := s.names[name].Labels[i]; kin(got, t.script) == kin(t.lang, t.script) {
			n.right++
		} else {
			n.wrong[got]++
		}
	}
	return scores
}

// figures sums a detector's answers up. What it does not know counts as wrong.
func (s *set) figures(name string) map[string]float64 {
	all, right, strict, macro := 0, 0, 0, 0.0
	scores := s.byLanguage(name)
	for _, n := range scores {
		all += n.all
		right += n.right
		macro += float64(n.right) / float64(n.all)
	}
	for i, t := range s.texts {
		if s.names[name].Labels[i] == t.lang {
			strict++
		}
	}
	return map[string]float64{"accuracy": float64(right) / float64(all), "macro": macro / float64(len(scores)),
		"strict": float64(strict) / float64(all), "mb_per_s": float64(s.bytes()) / 1e6 / max(s.names[name].CPU, 1e-6)}
}

// both is a detector's accuracy on the languages that another one knows as well.
func (s *set) both(name, other string) float64 {
	all, right := 0, 0
	for lang, n := range s.byLanguage(name) {
		if slices.Contains(s.names[name].Languages, lang) && slices.Contains(s.names[other].Languages, lang) {
			all += n.all
			right += n.right
		}
	}
	return float64(right) / float64(max(all, 1))
}
