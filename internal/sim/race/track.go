package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"millrace/internal/sim"
	"millrace/internal/sim/web"
)

// track is where races are run: the programs, and a folder for everything.
type track struct {
	options
	dir   string
	bin   sim.Binary
	colly string
	runs  int
}

func newTrack(ctx context.Context, o options, dir string) (*track, error) {
	t := &track{options: o, dir: dir, colly: filepath.Join(dir, "collypeer")}
	var err error
	if t.bin, err = sim.Build(ctx, dir); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", t.colly, "millrace/internal/sim/collypeer")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build collypeer: %w\n%s", err, out)
	}
	return t, nil
}

// website is a running site.
type website struct {
	*web.Site
	cmd *exec.Cmd
	in  io.Closer
	log string
}

// open starts the website of that name in a process of its own.
func (t *track) open(ctx context.Context, name string) (*website, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t.runs++
	w := &website{log: filepath.Join(t.dir, fmt.Sprintf("access-%d.log", t.runs))}
	w.cmd = exec.CommandContext(ctx, self, "serve", "-site", name, "-seed", strconv.FormatUint(t.seed, 10), "-log", w.log)
	w.cmd.Stderr = os.Stderr
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	var port int
	if _, err := fmt.Fscan(out, &port); err != nil {
		return nil, errors.Join(fmt.Errorf("the website does not say its port: %w", err), w.cmd.Process.Kill(), w.cmd.Wait())
	}
	w.Site, err = web.New(name, t.seed, port)
	return w, err
}

// close ends the website and gives its log.
func (w *website) close() ([]web.Request, error) {
	w.in.Close()
	if err := w.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("website: %w", err)
	}
	return web.ReadLog(w.log)
}

// cost is what a crawler took of the machine.
type cost struct {
	Wall float64 `json:"wall_s"`
	CPU  float64 `json:"cpu_s"`
}

// crawler makes the command that crawls a site, in a folder of its own.
type crawler func(ctx context.Context, s *web.Site, dir string) (*exec.Cmd, error)

// lap lets one crawler crawl one site.
func (t *track) lap(ctx context.Context, site string, c crawler) (s *web.Site, log []web.Request, used cost, err error) {
	w, err := t.open(ctx, site)
	if err != nil {
		return nil, nil, used, err
	}
	dir := filepath.Join(t.dir, fmt.Sprintf("lap-%d", t.runs))
	ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	cmd, err := c(ctx, w.Site, dir)
	if err == nil {
		used, err = measure(cmd)
	}
	log, err2 := w.close()
	if err := errors.Join(err, err2); err != nil {
		return nil, nil, used, err
	}
	return w.Site, log, used, os.RemoveAll(dir)
}

// measure runs a command to its end.
func measure(cmd *exec.Cmd) (cost, error) {
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	began := time.Now()
	err := cmd.Run()
	used := cost{Wall: time.Since(began).Seconds()}
	if cmd.ProcessState != nil {
		used.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	}
	if err != nil {
		return used, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, stderr)
	}
	return used, nil
}

// millrace crawls with the real binary, the whole line behind the crawl.
func (t *track) millrace(crawl string) crawler {
	return func(ctx context.Context, s *web.Site, dir string) (*exec.Cmd, error) {
		cmd, _, err := t.bin.Command(ctx, dir, pipeline(s, crawl))
		return cmd, err
	}
}

// pipeline is a configuration for the site; crawl has more keys of that part.
func pipeline(s *web.Site, crawl string) string {
	var b strings.Builder
	b.WriteString("agent: {token: millbot, contact: 'mailto:race@example.org', purpose: race}\ncrawl:\n  scope: host\n")
	for line := range strings.Lines(crawl) {
		b.WriteString("  " + line)
	}
	b.WriteString("  allow_addr: [")
	for _, h := range s.Hosts {
		fmt.Fprintf(&b, "%q, ", h.Addr)
	}
	b.WriteString("]\n  seeds:\n")
	for _, u := range s.Seeds() {
		fmt.Fprintf(&b, "    - %q\n", u)
	}
	return b.String()
}

// byColly crawls with plain colly.
func (t *track) byColly(delay time.Duration) crawler {
	return func(ctx context.Context, s *web.Site, dir string) (*exec.Cmd, error) {
		seeds, err := writeSeeds(s, dir)
		return exec.CommandContext(ctx, t.colly, "-seeds", seeds, "-delay", delay.String()), err
	}
}

// byScrapy crawls with Scrapy.
func (t *track) byScrapy(delay time.Duration) crawler {
	return func(ctx context.Context, s *web.Site, dir string) (*exec.Cmd, error) {
		if t.python == "" {
			return nil, errors.New("no Scrapy: run it by make, which installs it")
		}
		seeds, err := writeSeeds(s, dir)
		return exec.CommandContext(ctx, t.python, "race/spider.py", "--seeds", seeds, "--delay", fmt.Sprint(delay.Seconds())), err
	}
}

func writeSeeds(s *web.Site, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "seeds.txt")
	return file, os.WriteFile(file, []byte(strings.Join(s.Seeds(), "\n")+"\n"), 0o644)
}
