package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"millrace/internal/sim/texts"
)

// damaged is one string with how it came about.
type damaged struct {
	text string
	how  string // codec, layers, and what else happened
	lang string
}

// decoder is an encoding that UTF-8 is wrongly read as.
type decoder struct {
	name  string
	table *charmap.Charmap // nil is Latin-1
}

// decoders are ftfy's ten.
func decoders() []decoder {
	return []decoder{
		{"latin-1", nil}, {"windows-1252", charmap.Windows1252}, {"windows-1251", charmap.Windows1251},
		{"windows-1250", charmap.Windows1250}, {"windows-1253", charmap.Windows1253}, {"windows-1254", charmap.Windows1254},
		{"windows-1257", charmap.Windows1257}, {"iso-8859-2", charmap.ISO8859_2}, {"macroman", charmap.Macintosh}, {"cp437", charmap.CodePage437},
	}
}

// misread reads the UTF-8 of s with d. Bytes that stand for nothing become control characters, or hole.
func (d decoder) misread(s string, hole rune) string {
	var b strings.Builder
	for i := range len(s) {
		r := rune(s[i])
		if d.table != nil {
			if r = d.table.DecodeByte(s[i]); r == utf8.RuneError {
				r = rune(s[i])
			}
		}
		if hole != 0 && d.table != nil && 0x80 <= r && r < 0xA0 {
			r = hole
		}
		b.WriteRune(r)
	}
	return b.String()
}

// sample is the sentences of one language.
type sample struct {
	lang      string
	sentences []string
}

// samples cuts the texts into sentences: one entry a language, in the order of their codes.
func samples(list []texts.Text) []sample {
	byLang := map[string][]string{}
	for _, t := range list {
		for _, p := range t.Paragraphs {
			byLang[t.Lang] = append(byLang[t.Lang], sentences(p)...)
		}
	}
	var all []sample
	for lang, s := range byLang {
		if len(s) >= 10 {
			all = append(all, sample{lang, s})
		}
	}
	slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.lang, b.lang) })
	return all
}

// sentences cuts a paragraph behind full stops of any script.
func sentences(p string) (list []string) {
	from := 0
	for i, r := range p {
		if strings.ContainsRune(".!?;。！？।።؟۔", r) && i-from > 20 {
			end := i + utf8.RuneLen(r)
			list = append(list, strings.TrimSpace(p[from:end]))
			from = end
		}
	}
	if s := strings.TrimSpace(p[from:]); len(s) > 3 {
		list = append(list, s)
	}
	return list
}

// generate damages n sentences: all languages, all decoders, one and two layers in turn.
func generate(all []sample, n int, seed uint64) []damaged {
	rng := rand.New(rand.NewPCG(seed, 6))
	var list []damaged
	for tries := 0; len(list) < n && tries < 100*n; tries++ {
		from := all[tries%len(all)]
		s := from.sentences[rng.IntN(len(from.sentences))]
		if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
			continue // nothing can happen to it
		}
		ds := decoders()
		d := ds[len(list)%len(ds)]
		layers := 1 + len(list)/len(ds)%2
		hole, what := rune(0), "whole"
		kind := rng.IntN(20)
		if kind < 2 {
			hole, what = utf8.RuneError, "lossy"
		}
		wrong, how := d.misread(s, hole), d.name
		if layers == 2 {
			if rng.IntN(2) == 0 {
				d = ds[rng.IntN(len(ds))]
			}
			wrong, how = d.misread(wrong, hole), how+" "+d.name
		}
		switch {
		case kind < 2:
		case kind < 5:
			wrong, what = truncate(wrong, rng), "truncated"
		case kind < 9:
			other := all[rng.IntN(len(all))]
			right := other.sentences[rng.IntN(len(other.sentences))]
			wrong, what = wrong+" "+right, "mixed"
			if kind < 7 {
				wrong = right + " " + wrong
			}
		case kind == 9:
			wrong, what = strings.ReplaceAll(wrong, "\u00a0", " "), "spaced"
		}
		list = append(list, damaged{wrong, fmt.Sprintf("%s, %s", how, what), from.lang})
	}
	return list
}

// truncate cuts a few characters off both ends.
func truncate(s string, rng *rand.Rand) string {
	list := []rune(s)
	from := rng.IntN(min(6, len(list)))
	to := len(list) - rng.IntN(min(6, len(list)-from))
	return string(list[from:to])
}

// lines reads the lines of a file, or of all files below a folder.
func lines(name string) (list []damaged, err error) {
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(b) {
			if s := strings.ToValidUTF8(string(bytes.TrimRight(line, "\r\n")), "\ufffd"); s != "" {
				list = append(list, damaged{text: s, how: filepath.Base(path)})
			}
		}
		return nil
	})
	return list, err
}
