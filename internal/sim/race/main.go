// Command race lets the real binary crawl websites of the test world, beside other crawlers, and judges all of
// them by the server's log. What goes out is a bar (one JSON line), and exit code 0 only if it holds.
//
//	race polite    200 hosts that ask for pauses: nobody is asked too soon, and no time is wasted
//	race crawl     no pauses: pages a second
//	race kill      kill -9 at random moments: nothing is lost, nothing is published twice
//	race archive   no bar: a corpus for other readers of WARC
//
// The website runs in a process of its own (race serve), which ends with this one.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"millrace/internal/sim"
	"millrace/internal/sim/web"
)

// options are the command's flags.
type options struct {
	seed   uint64
	python string // with Scrapy; "" leaves it out
	rounds int
	kills  int
	site   string
	log    string
	corpus string
}

func main() {
	o := options{}
	f := flag.NewFlagSet("race", flag.ExitOnError)
	f.Uint64Var(&o.seed, "seed", 1, "seed of the website and of the moments")
	f.StringVar(&o.python, "python", "", "a Python that has Scrapy: race crawl needs it, race polite has nobody beside it without")
	f.IntVar(&o.rounds, "rounds", 3, "of race crawl")
	f.IntVar(&o.kills, "kills", 100, "of race kill")
	f.StringVar(&o.site, "site", "", "of all but race polite: HOSTSxPAGES")
	f.StringVar(&o.log, "log", "", "of race serve")
	f.StringVar(&o.corpus, "dir", "", "of race archive: the corpus")
	if len(os.Args) < 2 {
		f.Usage()
		os.Exit(2)
	}
	_ = f.Parse(os.Args[2:]) // exits on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1], o))
}

func run(ctx context.Context, what string, o options) int {
	proofs := map[string]func(context.Context, *track, *sim.Bar) error{"polite": racePolite, "crawl": raceCrawl, "kill": raceKill}
	if prove, ok := proofs[what]; ok {
		name := map[string]string{"polite": "race-polite", "crawl": "race-crawl", "kill": "kill-crawl"}[what]
		return sim.Prove(name, func(dir string, b *sim.Bar) error {
			t, err := newTrack(ctx, o, dir)
			if err != nil {
				return err
			}
			return prove(ctx, t, b)
		})
	}
	part, ok := map[string]func(context.Context, options) error{"serve": serve, "archive": makeArchive}[what]
	if !ok {
		fmt.Fprintf(os.Stderr, "race: %q is not polite, crawl, kill or archive\n", what)
		return 1
	}
	if err := part(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "race %s: %v\n", what, err)
		return 1
	}
	return 0
}

// serve is the website's process. It prints its port, and ends when nobody holds its standard input any more.
func serve(ctx context.Context, o options) error {
	f, err := os.Create(o.log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin))
		stop()
	}()
	err = web.Serve(ctx, o.site, o.seed, f, func(port int) { fmt.Println(port) })
	return errors.Join(err, f.Close())
}
