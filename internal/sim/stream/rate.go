package stream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"millrace/internal/sim"
	"millrace/shards"
)

// The rate is that between these shares of the input, so that neither a start nor an end counts.
const rateFrom, rateTo = 0.1, 0.9

// rateKept is the share of an undisturbed line's rate that has to be left under a kill a second.
const rateKept = 0.8

// Rate compares the documents a second of an undisturbed line with those of a line of which one process, drawn by
// seed, is killed every second.
func (o *Options) Rate(ctx context.Context, w *World, b *sim.Bar) error {
	quiet, _, err := w.rate(ctx, "rate-quiet", 0, o.Seed)
	if err != nil {
		return err
	}
	killed, kills, err := w.rate(ctx, "rate-killed", time.Second, o.Seed)
	if err != nil {
		return err
	}
	b.Figures["docs_per_s"], b.Figures["docs_per_s_killed"], b.Figures["rate_kills"], b.Figures["rate_kept"] = quiet, killed, kills, killed/quiet
	if killed < rateKept*quiet {
		return fmt.Errorf("%.0f documents a second with a kill a second, %.0f without: less than %.0f %%", killed, quiet, 100*rateKept)
	}
	return nil
}

const ratePatience = 30 * time.Minute

// rate runs a line to its end and measures. every 0 kills nobody.
func (w *World) rate(ctx context.Context, name string, every time.Duration, seed uint64) (docs float64, kills int, err error) {
	l, err := w.newLine(name, 2, 500*time.Millisecond, nil)
	if err != nil {
		return 0, 0, err
	}
	k := &killer{l: l, o: KillOptions{Every: time.Second, Broker: 1, Kills: 9}, rng: rand.New(rand.NewPCG(seed, 6)), serving: true, since: time.Now(), asleep: map[*process]bool{}, spare: true}
	k.Kinds = map[string]int{}
	defer l.end()
	defer k.reviving.Wait()
	if err := l.start(ctx, l.belts()); err != nil {
		return 0, 0, err
	}
	if docs, kills, err = k.race(ctx, every); err != nil {
		return 0, 0, err
	}
	k.reviving.Wait()
	if _, err := l.finish(ctx, nil); err != nil {
		return 0, 0, err
	}
	if err := l.log.Stop(ctx); err != nil {
		return 0, 0, err
	}
	_, err = l.judge(ctx)
	return docs, kills, err
}

// race kills somebody each time that every has passed, until enough is committed.
func (k *killer) race(ctx context.Context, every time.Duration) (docs float64, kills int, err error) {
	all := int64(0)
	for _, n := range k.l.w.lines {
		all += n
	}
	deck := k.deck() // with the log as one of nine
	limit := time.After(ratePatience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var began time.Time
	var first int64
	t, err := shards.Open(k.l.corpus)
	if err != nil {
		return 0, 0, err
	}
	for last := time.Now(); ; {
		if err := t.Refresh(ctx); err != nil {
			return 0, kills, err
		}
		in := t.Tally().In
		if began.IsZero() && float64(in) >= rateFrom*float64(all) {
			began, first, last = time.Now(), in, time.Now()
		}
		if float64(in) >= rateTo*float64(all) {
			return float64(in-first) / time.Since(began).Seconds(), kills, nil
		}
		if every > 0 && !began.IsZero() && time.Since(last) >= every {
			if t := deck[k.rng.IntN(len(deck))]; t.ready() && t.kill() {
				kills, last = kills+1, last.Add(every)
				if err := t.revive(ctx); err != nil {
					return 0, kills, err
				}
			}
		}
		if err := k.failedBelt(); err != nil {
			return 0, kills, err
		}
		select {
		case <-tick.C:
		case <-limit:
			return 0, kills, fmt.Errorf("%.0f %% of the input is not committed after %v", 100*rateTo, ratePatience)
		case <-ctx.Done():
			return 0, kills, ctx.Err()
		}
	}
}

// failedBelt tells who has ended as he should not.
func (k *killer) failedBelt() error {
	k.mu.Lock()
	failed := k.failed
	k.mu.Unlock()
	if failed != nil {
		return failed
	}
	for _, p := range append(k.l.belts(), k.l.zombie...) {
		if err := p.fault(); err != nil {
			return err
		}
	}
	return nil
}
