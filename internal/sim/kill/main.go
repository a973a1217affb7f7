// Command kill proves that kill -9 loses nothing. It runs the real binary on the demo's website and
// kills it at random moments: first while it crawls, then while the mill works through a finished
// archive. Of the crawl it wants one page for each URL that an undisturbed crawl fetched, and as many
// WARC responses as rows; of the mill, files with the same names (which carry their SHA-256) as an
// undisturbed run wrote. A kill counts only if the process was ready and had work left.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"millrace/internal/demo"
	"millrace/internal/sim"
)

// options are the command's flags.
type options struct {
	kills int
	seed  uint64
	pages int
}

func main() {
	o := options{}
	flag.IntVar(&o.kills, "kills", 100, "kills in all; half of them while crawling")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the website and of the moments")
	flag.IntVar(&o.pages, "pages", 0, "pages on the website (default: 30 a kill, 400 to 3000)")
	flag.Parse()
	if o.pages == 0 {
		o.pages = min(3000, max(400, 30*o.kills))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("kill", func(dir string, b *sim.Bar) error { return prove(ctx, o, dir, b) }))
}

// worker runs the binary and kills it.
type worker struct{ sim.Killer }

func prove(ctx context.Context, o options, dir string, b *sim.Bar) error {
	bin, err := sim.Build(ctx, dir)
	if err != nil {
		return err
	}
	w := &worker{sim.Killer{Binary: bin, Rng: rand.New(rand.NewPCG(o.seed, 1))}}
	quiet := filepath.Join(dir, "quiet")
	crawl, err := w.whileCrawling(ctx, o, dir, quiet, b)
	if err != nil {
		return err
	}
	mill, err := w.inTheMill(ctx, o, dir, quiet, b)
	if err != nil {
		return err
	}
	if lives, useful := crawl.Lives+mill.Lives, crawl.Useful+mill.Useful; 10*useful < 6*lives {
		return fmt.Errorf("only %d of %d killed lives published or committed something, want 60 %%", useful, lives)
	}
	return nil
}

// whileCrawling crawls the website twice, once undisturbed (into quiet), and compares. Half the hosts and half
// the delay of the demo make rounds that a life can do one or two of. The last host is left out: it asks for
// two seconds between requests, and none of these lives is so long.
func (w *worker) whileCrawling(ctx context.Context, o options, dir, quiet string, b *sim.Bar) (sim.Lives, error) {
	site, err := demo.NewSite(ctx, demo.SiteOptions{Pages: o.pages, Seed: o.seed, Dir: filepath.Join(dir, "site"), MaxHosts: 20})
	if err != nil {
		return sim.Lives{}, err
	}
	defer site.Close()
	serving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- site.Serve(serving) }()
	defer func() { stop(); <-done }()
	yaml := strings.ReplaceAll(site.PipelineYAML("unused"), "delay: "+demo.Delay.String(), "delay: 100ms")
	all := site.Seeds()
	yaml = strings.Replace(yaml, fmt.Sprintf("    - %q\n", all[len(all)-1]), "", 1)
	if err := w.Run(ctx, quiet, yaml); err != nil {
		return sim.Lives{}, fmt.Errorf("undisturbed crawl: %w", err)
	}
	killed := filepath.Join(dir, "killed")
	rows, err := sim.Inputs(quiet)
	if err != nil {
		return sim.Lives{}, err
	}
	l, err := w.Kill(ctx, killed, yaml, o.kills/2, sim.Span{Least: 160 * time.Millisecond, More: 140 * time.Millisecond}, rows)
	b.Figures["crawl"] = l
	if err == nil {
		err = sameCrawl(ctx, quiet, killed, b.Figures)
	}
	if err != nil {
		return l, fmt.Errorf("killed crawl: %w", err)
	}
	return l, nil
}

// inTheMill mills the finished archive twice, once undisturbed, and compares. Commits are small, and marks
// stand only at the end.
func (w *worker) inTheMill(ctx context.Context, o options, dir, archive string, b *sim.Bar) (sim.Lives, error) {
	yaml := "agent: {token: millbot}\nshards: {target_bytes: 20kB, flush_every: 0}\nworkers: 2\n"
	quiet, killed := filepath.Join(dir, "mill-quiet"), filepath.Join(dir, "mill-killed")
	if err := w.Run(ctx, quiet, yaml, "--archive", archive, "--batch", "4"); err != nil {
		return sim.Lives{}, fmt.Errorf("undisturbed mill: %w", err)
	}
	rows, err := sim.Inputs(quiet)
	if err != nil {
		return sim.Lives{}, err
	}
	l, err := w.Kill(ctx, killed, yaml, o.kills-o.kills/2, sim.Span{Least: 20 * time.Millisecond, More: 60 * time.Millisecond}, rows, "--archive", archive, "--batch", "4")
	b.Figures["mill"] = l
	if err == nil {
		b.Figures["mill_files"], err = sim.SameFiles(ctx, quiet, killed)
	}
	if err != nil {
		return l, fmt.Errorf("killed mill: %w", err)
	}
	return l, nil
}
