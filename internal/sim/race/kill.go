package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"millrace/internal/demo/judge"
	"millrace/internal/sim"
	"millrace/internal/sim/web"
)

const (
	killSite    = "100x200"
	killDelay   = 250 * time.Millisecond
	concurrency = 64 // at once: what a kill may cost in pages fetched twice
	usefulShare = 0.6
)

// raceKill kills the real binary again and again while it crawls, and lets it end. The server's log, the
// rows and the archive must each know every page, and the last two once.
func raceKill(ctx context.Context, t *track, b *sim.Bar) error {
	if t.site == "" {
		t.site = killSite
	}
	w, err := t.open(ctx, t.site)
	if err != nil {
		return err
	}
	corpus := filepath.Join(t.dir, "corpus")
	yaml := pipeline(w.Site, fmt.Sprintf("delay: %v\nconcurrency: %d\n", killDelay, concurrency)) + "shards: {flush_every: 200ms}\n"
	k := sim.Killer{Binary: t.bin, Rng: rand.New(rand.NewPCG(t.seed, 2))}
	span := sim.Span{More: killDelay, Growth: true} // enough to ask every host once or twice
	l, err := k.Kill(ctx, corpus, yaml, t.kills, span, int64(w.Pages()))
	log, err2 := w.close()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	v := w.Judge(log, killDelay)
	b.Figures["crawl"], b.Figures["lives"], b.Figures["again_limit"] = v, l, concurrency*l.Lives
	urls, err := judge.URLs(corpus)
	if err != nil {
		return err
	}
	archived, err := responses(corpus)
	if err != nil {
		return err
	}
	b.Figures["published"], b.Figures["archived"] = len(urls), len(archived)
	if err := t.verify(ctx, corpus); err != nil {
		return err
	}
	switch {
	case v.Fault() != "":
		return fmt.Errorf("the first fault: %s", v.Fault())
	case v.Again > concurrency*l.Lives:
		return fmt.Errorf("%d pages were fetched again by %d kills", v.Again, l.Lives)
	case float64(l.Useful) < usefulShare*float64(l.Lives):
		return fmt.Errorf("only %d of %d killed lives published or committed something", l.Useful, l.Lives)
	}
	return errors.Join(once(w.Site, "row", urls), once(w.Site, "response in the archive", archived), sim.Check(ctx, corpus))
}

// once wants each page one time, and nothing else.
func once(s *web.Site, what string, have map[string]int) error {
	for _, h := range s.Hosts {
		for n := range h.Pages {
			if u := "http://" + h.Addr + web.Path(n); have[u] != 1 {
				return fmt.Errorf("%s: want one %s, have %d", u, what, have[u])
			}
		}
	}
	if len(have) != s.Pages() {
		return fmt.Errorf("%d pages, and a %s of %d URLs", s.Pages(), what, len(have))
	}
	return nil
}

// responses counts the response records of each URL. It reads the archive by itself: a judge that shared the
// reader would share its mistakes.
func responses(corpus string) (map[string]int, error) {
	files, err := filepath.Glob(filepath.Join(corpus, "warc", "*.warc.gz"))
	if err != nil {
		return nil, err
	}
	have := map[string]int{}
	for _, name := range files {
		if err := addResponses(have, name); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return have, nil
}

// addResponses reads one file: a gzip member a record.
func addResponses(have map[string]int, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	z, err := gzip.NewReader(r)
	for ; err == nil; err = z.Reset(r) {
		z.Multistream(false)
		record := textproto.NewReader(bufio.NewReader(z))
		if line, err := record.ReadLine(); err != nil || line != "WARC/1.1" {
			return fmt.Errorf("a record begins with %q: %v", line, err)
		}
		header, err := record.ReadMIMEHeader()
		if err != nil {
			return err
		}
		if h := http.Header(header); h.Get("WARC-Type") == "response" {
			have[h.Get("WARC-Target-URI")]++
		}
		if _, err := io.Copy(io.Discard, record.R); err != nil { // up to the checksum
			return err
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// verify lets the product look at every record of its archive, robots.txt and the indexes included.
func (t *track) verify(ctx context.Context, corpus string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(t.dir, "millrace"), "warc", "verify", filepath.Join(corpus, "warc")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("millrace warc verify: %w: %s", err, out[max(0, len(out)-2000):])
	}
	return nil
}
