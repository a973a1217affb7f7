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

// raceCrawl lets the three crawl without pauses, in turns, and compares the rates of each round.
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
	rate := func(s sample) float64 { return s.Rate }
	byColly, byScrapy := ratio(all["millrace"], all["colly"]), ratio(all["millrace"], all["scrapy"])
	b.Figures = map[string]any{"by_colly": byColly, "by_scrapy": byScrapy, "site": t.site, "rounds": t.rounds,
		"pages_per_second": median(all["millrace"], rate), "cpu_s_per_10000": median(all["millrace"], func(s sample) float64 { return s.CPU })}
	b.Beside = map[string]any{"laps": all}
	if byColly < timesColly || byScrapy < timesScrapy {
		return fmt.Errorf("%.2f times colly, %.1f times Scrapy", byColly, byScrapy)
	}
	return nil
}

// ratio is the median over the rounds: what slows a machine down slows all laps of a round.
func ratio(ours, theirs []sample) float64 {
	of := make([]sample, len(ours))
	for i := range of {
		of[i].Rate = ours[i].Rate / theirs[i].Rate
	}
	return median(of, func(s sample) float64 { return s.Rate })
}

func median(of []sample, value func(sample) float64) float64 {
	values := make([]float64, len(of))
	for i, s := range of {
		values[i] = value(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
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
		yaml := pipeline(s, "delay: 1ms\nper_ip_delay: 0\nconcurrency: 256\n") + "log: kafka://" + b.Addr() + "\n"
		cmd, _, err := t.bin.Command(ctx, dir, yaml, "--belt", "crawl")
		return cmd, err
	})
	return s, log, used, errors.Join(err, b.Close(), os.RemoveAll(dir))
}
