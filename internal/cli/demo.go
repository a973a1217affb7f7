package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millrace/internal/config"
	"millrace/internal/demo"
	"millrace/internal/demo/judge"
	"millrace/internal/term"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	pages   int
	seed    uint64
	input   string
	contact string
}

func (a *App) demoCommand() *cobra.Command {
	o := demoOptions{}
	c := &cobra.Command{
		Use:   "demo [FOLDER | URL | FILE with URLs]",
		Short: "The whole line on this machine, on a real documentation website that it serves itself",
		Long: `Serve the documentation of the Go code on this machine as a website of 40 hosts, with the traps that
real sites have; crawl it, clean it, remove its duplicates, write shards and train a small model on them;
kill the worker twice on the way; and let a judge that shares no code with millrace say what came out.
Given a folder, the website is made of its text and HTML files; given URLs, they are crawled as they are.` + exitHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.input = append(args, "")[0]
			return a.runDemo(c.Context(), o)
		},
	}
	c.Flags().IntVar(&o.pages, "pages", 1500, "pages on the website")
	c.Flags().Uint64Var(&o.seed, "seed", 1, "which pages, on which hosts, with which traps")
	c.Flags().StringVar(&o.contact, "contact", "", "for URLs: address that site owners can complain to, as mailto: or https:")
	return c
}

// demoMark stands in a folder that a demo made, so that the next demo may replace it.
const demoMark = ".millrace-demo"

// demoRun is a demo at work.
type demoRun struct {
	a     *App
	o     demoOptions
	dir   string // the corpus
	site  *demo.Site
	kills int
	last  progress
	sum   summary
	exit  int
}

func (a *App) runDemo(ctx context.Context, o demoOptions) error {
	if o.pages < 60 {
		return &Error{Exit: Usage, Err: fmt.Errorf("--pages %d is too few for 40 hosts and their traps", o.pages), Try: "millrace demo --pages 400"}
	}
	d := &demoRun{a: a, o: o, dir: a.dir}
	if d.dir == "" {
		d.dir = "millrace-demo"
	}
	a.say("millrace demo: making a website on this machine, then crawling it into %s", d.dir)
	if err := d.prepare(); err != nil {
		return err
	}
	file, stop, err := d.serve(ctx)
	if err != nil {
		return err
	}
	err = d.work(ctx, file)
	if stopErr := stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	var report *judge.Report
	if d.site != nil {
		side := d.sideDir()
		r, err := judge.Judge(d.dir, filepath.Join(side, "access.log"), filepath.Join(side, "planted.json"))
		if err != nil {
			return fmt.Errorf("judge: %w", err)
		}
		report = &r
	}
	return d.tell(ctx, report)
}

// prepare empties the folder of an earlier demo, and touches no other.
func (d *demoRun) prepare() error {
	if left, err := os.ReadDir(d.dir); err == nil && len(left) > 0 {
		if _, err := os.Stat(filepath.Join(d.dir, demoMark)); err != nil {
			return &Error{Exit: Usage, Err: fmt.Errorf("%s is not empty, and no demo made it", d.dir), Means: "it was left as it is", Try: "millrace demo --dir ANOTHER"}
		}
		if err := os.RemoveAll(d.dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(d.sideDir(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.dir, demoMark), []byte("made by millrace demo; the next demo replaces this folder\n"), 0o644)
}

// sideDir holds what belongs to the website: its log, what was planted, the pipeline.yaml of the demo.
func (d *demoRun) sideDir() string { return filepath.Join(d.dir, "site") }

// training is the same for every input.
const training = "train: {preset: demo, steps: 400, idle: 30s, seed: 1}\n"

// serve makes the website, unless URLs were given, and writes the pipeline.yaml.
func (d *demoRun) serve(ctx context.Context) (file string, stop func() error, err error) {
	file, stop = filepath.Join(d.sideDir(), "pipeline.yaml"), func() error { return nil }
	if d.o.input != "" {
		if info, err := os.Stat(d.o.input); err != nil || !info.IsDir() {
			return file, stop, d.writeURLs(file)
		}
	}
	d.site, err = demo.NewSite(ctx, demo.SiteOptions{Pages: d.o.pages, Seed: d.o.seed, Dir: d.sideDir(), Folder: d.o.input})
	if err != nil {
		return "", nil, &Error{Exit: Failure, Err: err, Means: "nothing was started", Try: "millrace demo FOLDER, with texts of your own"}
	}
	d.a.say("%s", d.site.Summary())
	yaml := d.site.PipelineYAML(d.dir) + training
	if err := os.WriteFile(file, []byte(yaml), 0o644); err != nil {
		return "", nil, err
	}
	serving, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- d.site.Serve(serving) }()
	return file, func() error {
		cancel()
		err := <-done
		if cerr := d.site.Close(); err == nil {
			err = cerr
		}
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}, nil
}

// writeURLs writes the pipeline.yaml for a URL, or a file of URLs, of the newcomer's own. An address of this
// machine may be fetched if it is named.
func (d *demoRun) writeURLs(file string) error {
	seeds := "seeds: [" + quoteYAML(d.o.input) + "]"
	urls := []string{d.o.input}
	if _, err := os.Stat(d.o.input); err == nil {
		seeds = "seeds_file: " + quoteYAML(d.o.input)
		if urls, _, err = readSeeds(config.Crawl{SeedsFile: d.o.input}); err != nil {
			return err
		}
	}
	if err := checkContact(config.Agent{Contact: d.o.contact}, urls, "millrace demo --contact mailto:you@example.org "+d.o.input); err != nil {
		return err
	}
	var own []string
	for _, u := range urls {
		if p, err := url.Parse(u); err == nil && net.ParseIP(p.Hostname()).IsLoopback() {
			own = append(own, quoteYAML(p.Host))
		}
	}
	yaml := fmt.Sprintf("dir: %s\nagent: {token: millbot, contact: %s, purpose: trying millrace}\ncrawl: {%s, max_pages: %d, allow_addr: [%s]}\nshards: {flush_every: 5s}\n%s",
		quoteYAML(d.dir), quoteYAML(d.o.contact), seeds, d.o.pages, strings.Join(own, ", "), training)
	return os.WriteFile(file, []byte(yaml), 0o644)
}

// killAt are the shares of the website's pages at which the worker is killed.
var killAt = [...]float64{0.4, 0.7}

// work runs the worker process to its end, and kills it on the way.
func (d *demoRun) work(ctx context.Context, file string) error {
	for {
		killed, err := d.life(ctx, file)
		if err != nil {
			return err
		}
		if !killed {
			break
		}
		d.kills++
		d.a.say("  kill -9 at %d pages; starting again", d.answered())
	}
	if d.exit != Done && d.exit != DeadLetters {
		return &Error{Exit: d.exit, Err: fmt.Errorf("the worker ended with exit %d; its words are above", d.exit), Try: "millrace run --dir " + d.dir}
	}
	return nil
}

func (d *demoRun) answered() int {
	if d.site == nil {
		return int(d.last.Crawl.Fetched)
	}
	n, _ := d.site.Answered()
	return n
}

// life is one life of the worker.
func (d *demoRun) life(ctx context.Context, file string) (killed bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	cmd := exec.CommandContext(ctx, self, "run", "--json", "--dir", d.dir, file)
	cmd.Args[0] = os.Args[0] // a test binary chooses what it is by this name
	cmd.Stderr = d.a.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start the worker: %w", err)
	}
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			lines <- append([]byte(nil), s.Bytes()...)
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !killed && d.due() {
				killed = true
				if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
					return false, fmt.Errorf("kill the worker: %w", err)
				}
			}
			continue
		case b, ok := <-lines:
			if ok {
				d.hear(b)
				continue
			}
		}
		break
	}
	err = cmd.Wait()
	d.exit = cmd.ProcessState.ExitCode()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		return false, fmt.Errorf("wait for the worker: %w", err)
	}
	return killed && d.exit == -1, nil
}

// due says whether the next kill is: of our own website by its pages, of others by what is known of them.
func (d *demoRun) due() bool {
	if d.kills >= len(killAt) {
		return false
	}
	var n, total int
	if d.site != nil {
		n, total = d.site.Answered()
	} else if c := d.last.Crawl; c != nil && c.Fetched >= 3 && c.Waiting > 0 {
		n, total = int(c.Fetched), min(int(c.Discovered), d.o.pages)
	}
	return total > 0 && float64(n) >= killAt[d.kills]*float64(total)
}

// hear takes one JSON line of the worker.
func (d *demoRun) hear(b []byte) {
	var head struct {
		Type string `json:"type"`
		Step int    `json:"step"`
	}
	if json.Unmarshal(b, &head) != nil {
		return
	}
	switch head.Type {
	case "progress":
		if json.Unmarshal(b, &d.last) == nil {
			d.show(d.last.String())
		}
	case "step":
		if d.last.Crawl != nil && d.last.Crawl.Waiting == 0 && head.Step%20 == 0 {
			d.show(fmt.Sprintf("%3.0f s  training, step %d of 400", time.Since(d.a.began).Seconds(), head.Step))
		}
	case "summary":
		_ = json.Unmarshal(b, &d.sum) // a summary that cannot be read shows as an empty one
	}
}

// show keeps one line of progress on a terminal.
func (d *demoRun) show(s string) {
	if tty := d.a.tty(); tty != nil && !d.a.quiet && !d.a.json {
		fmt.Fprint(tty, "\r\x1b[K"+term.Clip("  "+s, term.Width(tty)-1)+"\r")
	}
}
