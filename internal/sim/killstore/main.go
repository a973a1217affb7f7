// Command killstore proves that a table on an object store loses nothing and doubles nothing. It crawls the demo's
// website, mills the archive undisturbed into a folder, and then into a store on versitygw: mills, sometimes two at once,
// often on an empty folder, each killed with -9 at a random moment, and the server killed beside them. The bucket, which
// is a folder to look at, has to hold the very files of the undisturbed run.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"millrace/internal/demo"
	"millrace/internal/sim"
	"millrace/shards"
)

type options struct {
	kills int
	seed  uint64
	pages int
	// python has delta-rs and Polars (race/requirements.txt), which read the table over S3; "" leaves them out.
	python string
}

func main() {
	o := options{}
	flag.IntVar(&o.kills, "kills", 12, "kills of the mill, and of the server, at least")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the website and of the moments")
	flag.IntVar(&o.pages, "pages", 0, "pages on the website (default: 40 a kill, 500 to 4000)")
	flag.StringVar(&o.python, "python", "", "a Python with delta-rs and Polars, which then read the table too")
	flag.Parse()
	if o.pages == 0 {
		o.pages = min(4000, max(500, 40*o.kills))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("store", func(dir string, b *sim.Bar) error { return prove(ctx, o, dir, b) }))
}

// The table in the store.
const (
	bucket = "corpus"
	prefix = "tables/en"
)

func prove(ctx context.Context, o options, dir string, b *sim.Bar) error {
	bin, err := sim.Build(ctx, dir)
	if err != nil {
		return err
	}
	archive, quiet := filepath.Join(dir, "archive"), filepath.Join(dir, "quiet")
	if err := crawl(ctx, o, bin, dir, archive); err != nil {
		return err
	}
	yaml := "agent: {token: millbot}\nshards: {target_bytes: 12kB, flush_every: 0}\nworkers: 2\n"
	if err := bin.Run(ctx, quiet, yaml, "--archive", archive, "--batch", "4"); err != nil {
		return fmt.Errorf("undisturbed: %w", err)
	}
	rows, err := sim.Inputs(quiet)
	if err != nil {
		return err
	}
	w := &world{dir: dir, archive: archive, bin: bin, rng: rand.New(rand.NewPCG(o.seed, 5)), server: filepath.Join(dir, "server")}
	if err := w.start(ctx, yaml); err != nil {
		return err
	}
	defer w.stop()
	for _, kv := range w.gateway().Env() {
		k, v, _ := strings.Cut(kv, "=")
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	if err := w.publish(ctx, rows); err != nil {
		return err
	}
	if err := w.killAll(ctx, o.kills); err != nil {
		return err
	}
	fresh := filepath.Join(dir, "last")
	if err := bin.Run(ctx, fresh, w.yaml, "--archive", archive, "--batch", "4"); err != nil {
		return fmt.Errorf("the last life: %w", err)
	}
	b.Figures["rows"], b.Figures["kills"], b.Figures["server_kills"], b.Figures["two_at_once"] = rows, w.kills, w.serverKills, w.pairs
	b.Figures["fresh_folders"], b.Figures["useful"] = w.fresh, w.useful
	if err := w.judge(ctx, quiet, fresh, b); err != nil {
		return err
	}
	b.Figures["other_engines"] = "not run: no -python"
	if o.python == "" {
		return nil
	}
	out, err := exec.CommandContext(ctx, o.python, filepath.Join("race", "store.py"), w.gateway().Endpoint(), "s3://"+bucket+"/"+prefix, quiet).CombinedOutput()
	if err != nil {
		return fmt.Errorf("other engines: %w: %s", err, out)
	}
	b.Figures["other_engines"] = strings.TrimSpace(string(out))
	return nil
}

// crawl makes the archive that both mills read.
func crawl(ctx context.Context, o options, bin sim.Binary, dir, archive string) error {
	site, err := demo.NewSite(ctx, demo.SiteOptions{Pages: o.pages, Seed: o.seed, Dir: filepath.Join(dir, "site"), MaxHosts: 20})
	if err != nil {
		return err
	}
	defer site.Close()
	serving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- site.Serve(serving) }()
	defer func() { stop(); <-done }()
	yaml := strings.ReplaceAll(site.PipelineYAML("unused"), "delay: "+demo.Delay.String(), "delay: 100ms")
	all := site.Seeds()
	yaml = strings.Replace(yaml, fmt.Sprintf("    - %q\n", all[len(all)-1]), "", 1)
	if err := bin.Run(ctx, archive, yaml); err != nil {
		return fmt.Errorf("crawl: %w", err)
	}
	return nil
}

// judge looks at the bucket from outside, as files; then through the program, from a folder that knows nothing.
func (w *world) judge(ctx context.Context, quiet, fresh string, b *sim.Bar) error {
	table := filepath.Join(w.gateway().Bucket(bucket), filepath.FromSlash(prefix))
	n, err := sim.SameFiles(ctx, quiet, table)
	if err != nil {
		return fmt.Errorf("the bucket: %w", err)
	}
	b.Figures["files"] = n
	tab, err := shards.Open(table)
	if err != nil {
		return err
	}
	b.Figures["commits"] = tab.Version() + 1
	if orphans, err := shards.CollectOrphans(nil, table); err != nil || len(orphans) > 0 {
		return fmt.Errorf("%d orphans are left in the bucket: %v, %w", len(orphans), orphans, err)
	}
	check := w.bin.Program(ctx, "check", "--dir", fresh)
	if said, err := check.CombinedOutput(); err != nil {
		return fmt.Errorf("check: %w: %s", err, said)
	}
	if 10*w.useful < 3*w.kills {
		return fmt.Errorf("only %d of %d killed lives committed something", w.useful, w.kills)
	}
	return nil
}

// pause waits for a random time up to most.
func (w *world) pause(ctx context.Context, most time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(w.random(int64(most)))):
	}
}
