package main

import (
	"context"
	"fmt"

	"millrace/internal/sim"
	"millrace/internal/sim/web"
)

// waste is how much longer than the slowest host's lower bound a polite crawl may take.
const waste = 1.15

// ride is how one crawler did.
type ride struct {
	web.Verdict
	cost
	Ratio float64 `json:"span_by_bound"`
	Fault string  `json:"first_fault,omitempty"`
}

// racePolite lets each crawler crawl the polite site, told to keep the same delay. The other two have no
// setting for Crawl-delay or Retry-After: what the log says of them stands beside. Without Scrapy millrace
// runs alone.
func racePolite(ctx context.Context, t *track, b *sim.Bar) error {
	ours, err := t.ride(ctx, t.millrace(fmt.Sprintf("delay: %v\n", web.ConfiguredDelay)))
	if err != nil {
		return err
	}
	b.Figures["millrace"], b.Figures["delay_ms"], b.Figures["span_limit"] = ours, web.ConfiguredDelay.Milliseconds(), waste
	if t.python != "" {
		for name, c := range map[string]crawler{"colly": t.byColly(web.ConfiguredDelay), "scrapy": t.byScrapy(web.ConfiguredDelay)} {
			if b.Beside[name], err = t.ride(ctx, c); err != nil {
				return err
			}
		}
	}
	switch {
	case ours.Fault != "":
		return fmt.Errorf("the first fault: %s", ours.Fault)
	case ours.Again > 0:
		return fmt.Errorf("%d pages were fetched again", ours.Again)
	case ours.InFlight > 1:
		return fmt.Errorf("%d requests at once at one host", ours.InFlight)
	case ours.Ratio > waste:
		return fmt.Errorf("the crawl took %.1f s, %.2f times what the slowest host needs", ours.Span, ours.Ratio)
	}
	return nil
}

func (t *track) ride(ctx context.Context, c crawler) (ride, error) {
	s, log, used, err := t.lap(ctx, "polite", c)
	if err != nil {
		return ride{}, err
	}
	v := s.Judge(log, web.ConfiguredDelay)
	return ride{Verdict: v, cost: used, Ratio: v.Span / v.Bound, Fault: v.Fault()}, nil
}
