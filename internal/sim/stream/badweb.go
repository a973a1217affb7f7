package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"millrace/internal/demo/judge"
	"millrace/internal/sim"
	"millrace/internal/sim/proxy"
	"millrace/internal/sim/web"
	"millrace/shards"
)

const (
	webHosts  = 8
	webPages  = 150 // of each
	webDelay  = 200 * time.Millisecond
	webRounds = 8 // of faults, so that each host has each
	webHold   = 4 * time.Second
	webLives  = 12 // runs until every page is there
	webFailed = 0.02
)

// badWeb is a website behind bad networks: a proxy for each host, under whose address it is crawled.
type badWeb struct {
	site    *web.Site
	proxies []*proxy.Proxy
	log     string
	cancel  context.CancelFunc
	served  chan error
}

// newBadWeb serves the website.
func newBadWeb(ctx context.Context, dir string, seed uint64) (*badWeb, error) {
	b := &badWeb{log: filepath.Join(dir, "access.jsonl"), served: make(chan error, 1)}
	name := fmt.Sprintf("%dx%d", webHosts, webPages)
	f, err := os.Create(b.log)
	if err != nil {
		return nil, err
	}
	ctx, b.cancel = context.WithCancel(ctx)
	port := make(chan int, 1)
	go func() {
		err := web.Serve(ctx, name, seed, f, func(p int) { port <- p })
		b.served <- errors.Join(err, f.Close())
	}()
	select {
	case p := <-port:
		b.site, err = web.New(name, seed, p)
	case err = <-b.served:
	}
	if err != nil {
		b.cancel()
		return nil, err
	}
	for i, h := range b.site.Hosts {
		free, err := freeAddr()
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		_, at, err := net.SplitHostPort(free)
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		p, err := proxy.Start(ctx, proxy.Options{Listen: fmt.Sprintf("127.51.0.%d:%s", i+1, at), Target: h.Addr, Seed: seed + uint64(i)})
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		b.proxies = append(b.proxies, p)
	}
	return b, nil
}

func (b *badWeb) close() error {
	for _, p := range b.proxies {
		p.Close()
	}
	b.proxies = nil
	b.cancel()
	return <-b.served
}

// yaml is the configuration of a crawl of it.
func (b *badWeb) yaml(corpus string) string {
	var addrs, seeds []string
	for _, p := range b.proxies {
		addrs, seeds = append(addrs, fmt.Sprintf("%q", p.Addr())), append(seeds, fmt.Sprintf("%q", "http://"+p.Addr()+"/"))
	}
	return fmt.Sprintf("dir: %q\nagent: {token: millbot, contact: 'mailto:sim@example.org', purpose: test}\nlimits: {memory: %s}\nshards: {flush_every: 500ms}\n"+
		"crawl:\n  scope: host\n  delay: %v\n  per_ip_delay: 0s\n  concurrency: 32\n  allow_addr: [%s]\n  seeds: [%s]\n",
		corpus, beltMemory, webDelay, strings.Join(addrs, ", "), strings.Join(seeds, ", "))
}

// Crawled is how a crawl over bad networks went.
type Crawled struct {
	Pages    int   `json:"pages"`
	Requests int   `json:"requests"` // that the website saw
	Runs     int   `json:"runs"`
	Full     *Full `json:"archive_full,omitempty"`
	Peak     int64 `json:"peak_rss_mb"`
	Failed   int64 `json:"pages_without_their_text"` // truncated, or not to be had
}

// Crawl crawls a website while each of its hosts has one fault after the other, and the archive's disk is full for a
// while. In the end every page has its one row.
func (o *FaultOptions) Crawl(ctx context.Context, w *World, b *sim.Bar) (err error) {
	dir := filepath.Join(w.Dir, "crawl")
	corpus := filepath.Join(dir, "corpus")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	bad, err := newBadWeb(ctx, dir, o.Seed)
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			err = errors.Join(err, bad.close())
		}
	}()
	small := true
	unmount, err := mounted(corpus, "warc")
	if errors.Is(err, syscall.EPERM) {
		fmt.Fprintf(os.Stderr, "crawl: the archive's disk is not filled: %v\n", err)
		small, unmount = false, func() error { return nil }
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unmount()) }()
	file := filepath.Join(dir, "crawl.yaml")
	if err := os.WriteFile(file, []byte(bad.yaml(corpus)), 0o644); err != nil {
		return err
	}
	c := &crawling{p: &process{name: "crawl", kind: kindFeed, path: w.Millrace, args: []string{"run", "--json", "--quiet", file}}, bad: bad, watch: newWatch()}
	c.watch.add(c.p)
	c.watch.start()
	defer c.watch.stop()
	defer c.p.kill()
	out := Crawled{Pages: bad.site.Pages()}
	defer func() { b.Figures["crawl"] = out }()
	if err := c.disturb(ctx, o.Seed, corpus, small, &out); err != nil {
		return err
	}
	if err := c.finish(ctx, corpus, &out); err != nil {
		return err
	}
	c.watch.stop()
	out.Peak = c.watch.peaks()["crawl"]
	closed = true
	if err := bad.close(); err != nil {
		return err
	}
	log, err := web.ReadLog(bad.log)
	if err != nil {
		return err
	}
	out.Requests = len(log)
	if out.Failed, err = withoutText(corpus); err != nil {
		return err
	}
	switch {
	case out.Peak > beltMemoryMB:
		return fmt.Errorf("the crawl had %d MB resident, its cap is %d MB", out.Peak, beltMemoryMB)
	case float64(out.Failed) > webFailed*float64(out.Pages):
		return fmt.Errorf("%d of %d pages came without their text: a crawl asks again", out.Failed, out.Pages)
	}
	return sim.Check(ctx, corpus)
}

// withoutText counts the rows that the network has left nothing of.
func withoutText(corpus string) (n int64, err error) {
	t, err := shards.Open(corpus)
	if err != nil {
		return 0, err
	}
	for _, s := range t.Tally().Stages {
		for reason, m := range s.Reasons {
			if strings.HasPrefix(string(reason), "fetch.") || strings.HasPrefix(string(reason), "failed.") {
				n += m
			}
		}
	}
	return n, nil
}

// crawling is a crawl in a process of its own.
type crawling struct {
	p     *process
	bad   *badWeb
	watch *watch
}

// disturb lets each host have each fault, all hosts different ones at a time.
func (c *crawling) disturb(ctx context.Context, seed uint64, corpus string, small bool, out *Crawled) error {
	if err := c.p.start(ctx); err != nil {
		return err
	}
	out.Runs = 1
	if err := c.p.awaitReady(ctx); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, 33))
	faults := networkFaults(64 << 10 * 100) // 1 % of that
	for round := range webRounds {
		if err := rest1(ctx, time.Second); err != nil { // a while without
			return err
		}
		for i, p := range c.proxies() {
			p.Set(faults[(i+round)%len(faults)])
		}
		if err := rest1(ctx, webHold+time.Duration(rng.IntN(2000))*time.Millisecond); err != nil {
			return err
		}
		for _, p := range c.proxies() {
			p.Set(proxy.Fault{})
		}
		if small && round == webRounds/2 {
			f, err := c.full(ctx, filepath.Join(corpus, "warc"))
			if out.Full = &f; err != nil {
				return fmt.Errorf("the archive's disk is full: %w", err)
			}
			out.Runs++
		}
		if s := c.p.state(); s.over {
			return fmt.Errorf("the crawl ended with exit %d in round %d: the website is too small, or it gave up: %s", s.exit, round, c.p.words())
		}
	}
	return nil
}

func (c *crawling) proxies() []*proxy.Proxy { return c.bad.proxies }

// full fills the archive's disk: the crawl ends with a hint, and goes on where there is room.
func (c *crawling) full(ctx context.Context, dir string) (f Full, err error) {
	f.Volume = "archive"
	began := time.Now()
	ballast, err := fill(dir)
	if err != nil {
		return f, err
	}
	defer os.Remove(ballast)
	for s := c.p.state(); !s.over; s = c.p.state() {
		if time.Since(began) > seenWithin {
			return f, fmt.Errorf("it does not end within %v: %s", seenWithin, c.p.words())
		}
		if err := rest1(ctx, 50*time.Millisecond); err != nil {
			return f, err
		}
	}
	f.Seen, f.By = time.Since(began).Seconds(), "it ended"
	if s := c.p.state(); s.exit != exitFailed || !strings.Contains(c.p.words(), "Try:") {
		return f, fmt.Errorf("it ended with exit %d, want %d and a hint: %s", s.exit, exitFailed, c.p.words())
	}
	f.Ended = []string{c.p.name}
	if err := os.Remove(ballast); err != nil {
		return f, err
	}
	room := time.Now()
	if err := c.p.start(ctx); err != nil {
		return f, err
	}
	err = c.p.awaitReady(ctx)
	f.Resume = time.Since(room).Seconds()
	return f, err
}

// finish runs the crawl until it has every page: a run that finds hosts away ends, and the next one asks again.
func (c *crawling) finish(ctx context.Context, corpus string, out *Crawled) error {
	for {
		ended, cancel := context.WithTimeout(ctx, finishPatience)
		err := c.p.awaitEnd(ended)
		cancel()
		if err != nil {
			return err
		}
		missing, err := c.missing(corpus)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			return nil
		}
		if out.Runs >= webLives {
			return fmt.Errorf("%d pages have no row after %d runs, the first: %s", len(missing), out.Runs, missing[0])
		}
		out.Runs++
		if err := c.p.start(ctx); err != nil {
			return err
		}
	}
}

// missing are the pages without a row. One with two is an error.
func (c *crawling) missing(corpus string) (all []string, err error) {
	have, err := judge.URLs(corpus)
	if err != nil {
		return nil, err
	}
	for i, h := range c.bad.site.Hosts {
		for n := range h.Pages {
			u := "http://" + c.bad.proxies[i].Addr() + web.Path(n)
			switch have[u] {
			case 0:
				all = append(all, u)
			case 1:
			default:
				return nil, fmt.Errorf("%s has %d rows", u, have[u])
			}
			delete(have, u)
		}
	}
	for u := range have {
		return nil, fmt.Errorf("there is a row for %s, which is no page", u)
	}
	return all, nil
}
