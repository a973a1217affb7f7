// Command filters puts the packs of rules that are built in beside the program that they reproduce.
//
//	filters parity    the same verdict and the same text for each document, pack by pack, and for all in a row
//	filters race      the same work, by turns: documents a second and CPU seconds
//
// It is what make parity-clean and race-filters run. -input is a file of JSON lines with id and text, or a folder or
// archive of pages; without it, it makes documents of its own.
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
	python, dolma, input string
	seed                 uint64
	rounds               int
	documents            int
}

func main() {
	o := options{}
	flag.StringVar(&o.python, "python", "python3", "a Python that has datatrove")
	flag.StringVar(&o.dolma, "dolma", "", "the folder of a Python environment that has dolma; without it, its pack is compared with nothing")
	flag.StringVar(&o.input, "input", "", "JSON lines with id and text, a folder of pages, or a WARC file")
	flag.Uint64Var(&o.seed, "seed", 1, "of the documents made")
	flag.IntVar(&o.rounds, "rounds", 3, "of a race")
	flag.IntVar(&o.documents, "documents", 6000, "made where there is no -input")
	flag.CommandLine.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: filters [flags] parity|race")
		flag.PrintDefaults()
	}
	flag.Parse()
	proofs := map[string]func(context.Context, options, string, *sim.Bar) error{"parity": parity, "race": race}
	proof, ok := proofs[flag.Arg(0)]
	if !ok {
		flag.CommandLine.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	name := map[string]string{"parity": "parity-clean", "race": "race-filters"}[flag.Arg(0)]
	os.Exit(sim.Prove(name, func(dir string, b *sim.Bar) error { return proof(ctx, o, dir, b) }))
}
