// Command raceclean takes an archive of pages to filtered JSON lines, three ways, by turns: with the built program, with
// datatrove, and with the best parts of Python glued together. What goes out is a bar (one JSON line), and exit code 0 only
// if it holds.
//
// The archive is made of real pages, by a seed: those of the web that a Go module carries; manuals of Debian, many of them
// in the encoding that their language once had, with and without a label; and pages with texts in many languages and
// something of everything around them, of which it is known what has to come out: planted mojibake, personal data, encodings.
// What came out is judged by code that shares nothing with the program. INPUT is a WARC file to be used instead; then only
// speed is judged.
//
// Read in this order: main.go, pages.go, made.go, archive.go, race.go, judge.go.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"millrace/internal/sim"
)

// options are the flags.
type options struct {
	seed                 uint64
	input, python, dolma string
	rounds, slow         int
	web, manuals, made   int
	worst                int
	keep                 string
}

func main() {
	o := options{}
	flag.Uint64Var(&o.seed, "seed", 1, "of the archive")
	flag.StringVar(&o.input, "input", "", "a WARC file, instead of one that is made")
	flag.StringVar(&o.python, "python", "", "a Python that has datatrove, resiliparse and ftfy; without it nobody is beside us")
	flag.StringVar(&o.dolma, "dolma", "", "the folder of a Python environment that has dolma")
	flag.IntVar(&o.rounds, "rounds", 3, "of ours and of the parts")
	flag.IntVar(&o.slow, "slow", 1, "rounds of datatrove")
	flag.IntVar(&o.web, "web", 2000, "pages of the web, at most")
	flag.IntVar(&o.manuals, "manuals", 1000, "pages of manuals, at most")
	flag.IntVar(&o.made, "made", 1000, "pages around texts")
	flag.IntVar(&o.worst, "worst", 5, "print so much of what we get wrong")
	flag.StringVar(&o.keep, "keep", "", "a folder to copy the archive to")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "raceclean takes no arguments, only flags")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("race-clean", func(dir string, b *sim.Bar) error { return race(ctx, o, dir, b) }))
}
