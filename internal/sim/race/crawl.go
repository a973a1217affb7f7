package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"millrace"
	"millrace/crawl"
	"millrace/internal/sim"
	"millrace/internal/sim/web"
)

// What millrace has to be, in pages a second, beside the others.
const (
	timesScrapy = 12
	timesColly  = 1
)

// sample is what one lap was judged by.
type sample struct {
	Rate  float64 `json:"pages_per_second"` // first request to last answer, by the server's log
	CPU   float64 `json:"cpu_s_per_10000"`  // pages
	Again int     `json:"again"`
}

// raceCrawl lets the three crawl without pauses, in turns, and compares medians.
func raceCrawl(ctx context.Context, t *track, b *sim.Bar) error {
	const part = "100x50" // Scrapy does not need all of it to show its rate
	if t.site == "" {
		t.site = "500x100"
	}
	entrants := []struct {
		name, site string
		crawler
	}{
		{"millrace", t.site, t.millraceCrawl()},
		{"colly", t.site, t.byColly(0)},
		{"scrapy", part, t.byScrapy(0)},
	}
	all := map[string][]sample{}
	for range t.rounds {
		for _, e := range entrants {
			s, log, used, err := t.lap(ctx, e.site, e.crawler)
			if err != nil {
				return err
			}
			v := s.Judge(log, 0)
			all[e.name] = append(all[e.name], sample{Rate: v.Rate, CPU: used.CPU * 1e4 / float64(v.Pages), Again: v.Again})
			if e.name == "millrace" && (v.Fault() != "" || v.Again > 0) {
				return fmt.Errorf("pages fetched again: %d; the first fault: %s", v.Again, v.Fault())
			}
		}
	}
	ours, colly, scrapy := median(all["millrace"]), median(all["colly"]), median(all["scrapy"])
	b.Figures = map[string]any{"pages_per_second": ours.Rate, "cpu_s_per_10000": ours.CPU, "site": t.site, "rounds": t.rounds,
		"by_colly": ours.Rate / colly.Rate, "by_scrapy": ours.Rate / scrapy.Rate}
	b.Beside = map[string]any{"colly": colly, "scrapy": scrapy, "laps": all}
	if ours.Rate < timesColly*colly.Rate || ours.Rate < timesScrapy*scrapy.Rate {
		return fmt.Errorf("%.0f pages/s, colly %.0f, Scrapy %.0f", ours.Rate, colly.Rate, scrapy.Rate)
	}
	return nil
}

// median is the sample in the middle, by rate.
func median(of []sample) sample {
	of = slices.SortedFunc(slices.Values(of), func(a, b sample) int { return int(a.Rate - b.Rate) })
	return of[len(of)/2]
}

// millraceCrawl is the crawl alone, in a process of its own: robots.txt, consent, WARC and the frontier's log,
// up to the Documents that millrace run would hand to its log.
func (t *track) millraceCrawl() crawler {
	return func(ctx context.Context, s *web.Site, dir string) (*exec.Cmd, error) {
		self, err := os.Executable()
		return exec.CommandContext(ctx, self, "fetch", "-site", t.site, "-port", strconv.Itoa(s.Port), "-dir", dir), err
	}
}

// fetch crawls a site and counts the Documents.
func fetch(ctx context.Context, o options) error {
	s, err := web.New(o.site, o.seed, o.port)
	if err != nil {
		return err
	}
	var recrawl *crawl.Recrawl
	if o.again > 0 {
		recrawl = &crawl.Recrawl{Min: time.Second, Max: time.Second}
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, o.again)
		defer stop()
	}
	c, err := crawl.Open(ctx, crawl.Options{Dir: o.dir, Recrawl: recrawl, Seeds: s.Seeds(), AllowAddr: []string{fmt.Sprintf("127.0.0.0/8:%d", o.port)},
		Agent: crawl.Agent{Token: "millbot", Contact: "mailto:race@example.org", Purpose: "race"},
		Delay: time.Millisecond, PerIPDelay: -1}) // a Delay of 0 would be the default of a second
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Open(ctx, millrace.Checkpoint{}); err != nil {
		return err
	}
	for n := 0; ; {
		b, err := c.Read(ctx, 256)
		n += len(b.Docs)
		if errors.Is(err, io.EOF) || o.again > 0 && errors.Is(err, context.DeadlineExceeded) {
			fmt.Println(n)
			return nil
		}
		if err != nil {
			return err
		}
	}
}
