package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"millrace/ingest/broker"
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
	const part = "100x25" // Scrapy does not need all of it to show its rate
	if t.site == "" {
		t.site = "500x100"
	}
	entrants := []struct {
		name string
		lap  func(context.Context) (*web.Site, []web.Request, cost, error)
	}{
		{"millrace", t.byMillrace},
		{"colly", func(ctx context.Context) (*web.Site, []web.Request, cost, error) {
			return t.lap(ctx, t.site, t.byColly(0))
		}},
		{"scrapy", func(ctx context.Context) (*web.Site, []web.Request, cost, error) {
			return t.lap(ctx, part, t.byScrapy(0))
		}},
	}
	all := map[string][]sample{}
	for range t.rounds {
		for _, e := range entrants {
			s, log, used, err := e.lap(ctx)
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

// byMillrace crawls with `millrace run --belt crawl`: robots.txt, consent, WARC, the frontier's log, and every
// page published to a topic, which is served from this process as Kafka would.
func (t *track) byMillrace(ctx context.Context) (s *web.Site, log []web.Request, used cost, err error) {
	dir := filepath.Join(t.dir, "topic")
	b, err := broker.Start(ctx, broker.Options{Dir: dir})
	if err != nil {
		return nil, nil, used, err
	}
	s, log, used, err = t.lap(ctx, t.site, func(ctx context.Context, s *web.Site, dir string) (*exec.Cmd, error) {
		// A delay of 0 would be the default of a second. All hosts have an address of their own.
		yaml := pipeline(s, "delay: 1ms\nper_ip_delay: 0\n") + "log: kafka://" + b.Addr() + "\n"
		cmd, _, err := t.bin.Command(ctx, dir, yaml, "--belt", "crawl")
		return cmd, err
	})
	return s, log, used, errors.Join(err, b.Close(), os.RemoveAll(dir))
}
