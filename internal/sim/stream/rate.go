package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"millrace/internal/sim"
	"millrace/shards"
)

// The line works in turns: undisturbed, and with a kill a second, so that a busy moment of the machine meets both.
const (
	rateTurn   = 20 * time.Second
	rateTurns  = 8
	rateKill   = time.Second
	rateSettle = time.Second // of a line of which all are ready again, before it counts as undisturbed
	rateUsed   = 0.9         // of the input; then it ends sooner
	// rateKept is the share of an undisturbed line's rate that has to be left under a kill a second.
	rateKept = 0.8
	// RateDocs is enough for all turns.
	RateDocs = 400_000
)

// lives says how soon the processes of one kind were back.
type lives struct {
	Kills   int     `json:"kills"`
	ReadyMS float64 `json:"ready_p50_ms"`
	ready   []float64
}

// racer kills processes of a line and counts what is committed meanwhile.
type racer struct {
	*killer
	t    *shards.Table
	deck []*target
	by   map[string]*lives
	who  []*process // that were killed and are not ready yet
	when []time.Time
}

// Rate compares the documents a second of an undisturbed line with those of the same line while one of its processes,
// drawn by seed, is killed every second.
func (o *Options) Rate(ctx context.Context, w *World, b *sim.Bar) error {
	l, err := w.newLine("rate", 2, 500*time.Millisecond, nil)
	if err != nil {
		return err
	}
	k := &killer{l: l, o: KillOptions{Every: rateKill, Broker: 1, Kills: 9}, rng: rand.New(rand.NewPCG(o.Seed, 6)), serving: true, since: time.Now(), asleep: map[*process]bool{}, spare: true}
	k.Kinds = map[string]int{}
	defer l.end()
	defer k.reviving.Wait()
	if err := l.start(ctx, l.belts()); err != nil {
		return err
	}
	t, err := shards.Open(l.corpus)
	if err != nil {
		return err
	}
	r := &racer{killer: k, t: t, deck: k.deck(), by: map[string]*lives{}}
	if err := r.turns(ctx, b); err != nil {
		return err
	}
	k.reviving.Wait()
	if _, err := l.finish(ctx, nil); err != nil {
		return err
	}
	if err := l.log.Stop(ctx); err != nil {
		return err
	}
	if _, err = l.judge(ctx); err != nil {
		return err
	}
	if kept := b.Figures["rate_kept"].(float64); kept < rateKept {
		return fmt.Errorf("a line with a kill a second keeps %.0f %% of its documents a second, not %.0f %%", 100*kept, 100*rateKept)
	}
	return nil
}

// turns measures, and notes the medians.
func (r *racer) turns(ctx context.Context, b *sim.Bar) error {
	all := int64(0)
	for _, n := range r.l.w.lines {
		all += n
	}
	var quiet, killed, kept, cost []float64
	for range rateTurns {
		if err := r.settle(ctx); err != nil {
			return err
		}
		q, err := r.turn(ctx, 0)
		if err != nil {
			return err
		}
		k, err := r.turn(ctx, rateKill)
		if err != nil {
			return err
		}
		if float64(r.t.Tally().In) > rateUsed*float64(all) {
			break // near its end the line has no work for all
		}
		quiet, killed, kept = append(quiet, q.rate()), append(killed, k.rate()), append(kept, k.rate()/q.rate())
		// What the processor did besides the documents, at the price that they have undisturbed.
		if k.kills > 0 && q.docs > 0 {
			cost = append(cost, 1000*(k.cpu-k.docs*q.cpu/q.docs)/float64(k.kills))
		}
	}
	if len(kept) == 0 {
		return errors.New("the input was too short for a single turn")
	}
	middle := func(x []float64) float64 { return slices.Sorted(slices.Values(x))[len(x)/2] }
	b.Figures["docs_per_s"], b.Figures["docs_per_s_killed"], b.Figures["rate_kept"], b.Figures["rate_kept_each"] = middle(quiet), middle(killed), middle(kept), kept
	if len(cost) > 0 {
		b.Figures["cpu_ms_a_kill"] = middle(cost)
	}
	for kind, l := range r.by {
		if len(l.ready) > 0 {
			l.ReadyMS = middle(l.ready)
		}
		b.Figures["killed_"+kind] = l
	}
	return nil
}

// settle waits until everybody is at work.
func (r *racer) settle(ctx context.Context) error {
	r.reviving.Wait()
	for _, p := range r.l.belts() {
		if p.state().over {
			continue
		}
		if err := p.awaitReady(ctx); err != nil {
			return err
		}
	}
	r.look()
	select {
	case <-time.After(rateSettle):
		return r.failedBelt()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look notes who is back.
func (r *racer) look() {
	for i := 0; i < len(r.who); i++ {
		s := r.who[i].state()
		if !s.ready {
			continue
		}
		l := r.by[r.who[i].kind]
		l.ready = append(l.ready, float64(s.since.Sub(r.when[i]).Microseconds())/1000)
		r.who, r.when = slices.Delete(r.who, i, i+1), slices.Delete(r.when, i, i+1)
		i--
	}
}

// spent is the processor time of the line so far.
func (r *racer) spent() (all time.Duration) {
	for _, p := range append(r.l.belts(), r.l.log.(*embedded).p) {
		all += p.spent()
	}
	return all
}

// done is what came of one turn; seconds are those of the clock, cpu those of the processor.
type done struct {
	docs, seconds, cpu float64
	kills              int
}

func (d done) rate() float64 { return d.docs / d.seconds }

// turn lets the line work for a while. every 0 kills nobody.
func (r *racer) turn(ctx context.Context, every time.Duration) (d done, err error) {
	if err := r.t.Refresh(ctx); err != nil {
		return d, err
	}
	used := r.spent()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began, first := time.Now(), r.t.Tally().In
	next := began.Add(every)
	for time.Since(began) < rateTurn {
		if now := time.Now(); every > 0 && now.After(next) {
			ok, err := r.killOne(ctx)
			if err != nil {
				return d, err
			}
			if ok {
				next = next.Add(every)
				d.kills++
			}
		}
		r.look()
		if err := r.failedBelt(); err != nil {
			return d, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return d, ctx.Err()
		}
	}
	if err := r.t.Refresh(ctx); err != nil {
		return d, err
	}
	d.docs, d.seconds, d.cpu = float64(r.t.Tally().In-first), time.Since(began).Seconds(), (r.spent() - used).Seconds()
	return d, nil
}

// killOne kills somebody who is ready, and starts him again at once.
func (r *racer) killOne(ctx context.Context) (bool, error) {
	t := r.deck[r.rng.IntN(len(r.deck))]
	if !t.ready() || !t.kill() {
		return false, nil
	}
	now := time.Now()
	if r.by[t.kind] == nil {
		r.by[t.kind] = &lives{}
	}
	r.by[t.kind].Kills++
	if err := t.revive(ctx); err != nil {
		return false, err
	}
	for _, p := range r.l.belts() {
		if s := p.state(); p.kind == t.kind && !s.ready && !s.over && !slices.Contains(r.who, p) {
			r.who, r.when = append(r.who, p), append(r.when, now)
		}
	}
	return true, nil
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
