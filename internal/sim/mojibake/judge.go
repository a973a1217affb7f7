package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"millrace/clean/repair"
	"millrace/internal/sim"
	"millrace/internal/sim/texts"
)

// differences counts, by class, where we mend otherwise than ftfy.
type differences struct {
	count   int
	classes map[string]*difference
}

type difference struct {
	count          int
	in, ours, ftfy string // the first one
}

func (d *differences) compare(s damaged, ours, ftfy string) {
	if ours == ftfy {
		return
	}
	what := "both mend, not in the same way"
	switch s.text {
	case ours:
		what = "ftfy alone mends"
	case ftfy:
		what = "we alone mend"
	}
	if d.classes == nil {
		d.classes = map[string]*difference{}
	}
	d.count++
	class := what + ": " + s.how
	if d.classes[class] == nil {
		d.classes[class] = &difference{in: s.text, ours: cut(ours, ftfy), ftfy: cut(ftfy, ours)}
	}
	d.classes[class].count++
}

func (d *differences) byClass() map[string]int {
	m := map[string]int{}
	for name, x := range d.classes {
		m[name] = x.count
	}
	return m
}

// print lists the classes, the largest first. Texts are escaped: they may hold what a terminal obeys.
func (d *differences) print(w io.Writer) {
	var names []string
	for name := range d.classes {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(d.classes[b].count-d.classes[a].count, strings.Compare(a, b))
	})
	for _, name := range names {
		x := d.classes[name]
		fmt.Fprintf(w, "%d x %s\n  of    %+q\n  ours  %+q\n  ftfy  %+q\n", x.count, name, shorten(x.in), x.ours, x.ftfy)
	}
}

// cut gives what is in a around the place where it departs from b.
func cut(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	from := max(0, i-20)
	for from > 0 && !utf8.RuneStart(a[from]) {
		from--
	}
	return shorten(a[from:])
}

func shorten(s string) string {
	if list := []rune(s); len(list) > 60 {
		return string(list[:60]) + "…"
	}
	return s
}

// proveSpeed has both mend the same strings, in turn, and millrace texts of one script.
func proveSpeed(p peer, b *sim.Bar, list []texts.Text, damagedOnes []damaged) error {
	var clean []damaged
	for _, t := range list {
		for _, s := range t.Paragraphs {
			clean = append(clean, damaged{text: s})
		}
	}
	ours, beside := map[string]float64{}, map[string]float64{}
	b.Figures["mb_per_cpu_second"], b.Beside["ftfy_mb_per_cpu_second"] = ours, beside
	for name, set := range map[string][]damaged{"strings": damagedOnes, "clean": clean} { // in turn, and the best of each
		var a, f float64
		for range rounds {
			_, seconds, err := p.fix("speed", set)
			if err != nil {
				return err
			}
			f = max(f, float64(size(set))/1e6/seconds)
			a = max(a, speed(set, func(s string) { repair.Encoding(s) }))
		}
		ours[name], beside[name] = a, f
	}
	fault := ""
	for name, text := range pages(list, damagedOnes) {
		set := []damaged{{text: text}}
		_, seconds, err := p.fix("speed", set)
		if err != nil {
			return err
		}
		beside[name] = float64(len(text)) / 1e6 / seconds
		ours[name] = speed(set, func(s string) { repair.Text(s, nil) })
		least := float64(minScan)
		if name == "page_mixed" {
			least = minMixed
		}
		if ours[name] < least {
			fault += fmt.Sprintf("%s: %.0f MB/s, wanted %.0f; ", name, ours[name], least)
		}
	}
	if fault != "" {
		return fmt.Errorf("too slow: %s", strings.TrimSuffix(fault, "; "))
	}
	return nil
}

// pages are long texts: of one script each, and one of all languages in which each twentieth line is damaged.
func pages(list []texts.Text, strange []damaged) map[string]string {
	const length = 1 << 20
	byLang := map[string]string{}
	var mixed strings.Builder
	n := 0
	for _, t := range list {
		byLang[t.Lang] += strings.Join(t.Paragraphs, "\n") + "\n"
		for _, s := range t.Paragraphs {
			mixed.WriteString(s + "\n")
			if n++; n%20 == 0 && len(strange) > 0 {
				mixed.WriteString(strange[n/20%len(strange)].text + "\n")
			}
		}
	}
	long := func(s string) string { return strings.Repeat(s, 1+length/max(1, len(s))) }
	ascii := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, byLang["en"])
	return map[string]string{"page_ascii": long(ascii), "page_chinese": long(byLang["zh"]), "page_russian": long(byLang["ru"]), "page_mixed": mixed.String()}
}

// speed is the MB a second of a processor with which mend goes over the set: the best of a few tries, for others
// work on the same machine.
func speed(set []damaged, mend func(string)) (best float64) {
	for range 5 {
		began, bytes := sim.CPU(), 0
		for sim.CPU()-began < 0.1 {
			for _, s := range set {
				mend(s.text)
			}
			bytes += size(set)
		}
		best = max(best, float64(bytes)/1e6/(sim.CPU()-began))
	}
	return best
}

func size(set []damaged) (n int) {
	for _, s := range set {
		n += len(s.text)
	}
	return n
}
