package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"millrace/internal/sim"
	"millrace/shards"
)

// Lines work in turns: an undisturbed one, and one with a kill a second, so that a busy moment of the machine meets both. Each
// begins with nothing and has the same input: what a mill restores grows with its corpus, in both alike, and one part that
// has worked ahead of the next counts for nothing.
const (
	rateRounds = 3
	rateKill   = time.Second
	rateShare  = 0.8 // of the input, up to which a line is timed; near its end it has no work for all
	// rateLimits keep the parts of a line in step, so that all of them are at work until then.
	rateLimits = "limits: {backlog: 16MB}\n"
	// rateKept is the share of an undisturbed line's rate that has to be left under a kill a second.
	rateKept = 0.8
)

// lives says how soon the processes of one kind were back.
type lives struct {
	Kills   int     `json:"kills"`
	ReadyMS float64 `json:"ready_p50_ms"`
	ready   []float64
}

// racer times a line, and may kill its processes.
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
	by := map[string]*lives{}
	var quiet, killed, kept, cost []float64
	for round := range rateRounds {
		q, err := o.rateOf(ctx, w, fmt.Sprintf("quiet-%d", round), 0, by)
		if err != nil {
			return err
		}
		k, err := o.rateOf(ctx, w, fmt.Sprintf("killed-%d", round), rateKill, by)
		if err != nil {
			return err
		}
		quiet, killed, kept = append(quiet, q.rate()), append(killed, k.rate()), append(kept, k.rate()/q.rate())
		if k.kills > 0 { // what the processor did besides the documents, at the price that they have undisturbed
			cost = append(cost, 1000*(k.cpu-k.docs*q.cpu/q.docs)/float64(k.kills))
		}
	}
	middle := func(x []float64) float64 { return slices.Sorted(slices.Values(x))[len(x)/2] }
	b.Figures["docs_per_s"], b.Figures["docs_per_s_killed"], b.Figures["rate_kept"], b.Figures["rate_kept_each"] = middle(quiet), middle(killed), middle(kept), kept
	if len(cost) > 0 {
		b.Figures["cpu_ms_a_kill"] = middle(cost)
	}
	for kind, l := range by {
		if len(l.ready) > 0 {
			l.ReadyMS = middle(l.ready)
		}
		b.Figures["killed_"+kind] = l
	}
	if kept := middle(kept); kept < rateKept {
		return fmt.Errorf("a line with a kill a second keeps %.0f %% of its documents a second, not %.0f %%", 100*kept, 100*rateKept)
	}
	return nil
}

// rateOf times one line, and lets the judge look at it.
func (o *Options) rateOf(ctx context.Context, w *World, name string, every time.Duration, by map[string]*lives) (d done, err error) {
	l, err := w.newLine(name, 2, 500*time.Millisecond, nil)
	if err == nil {
		err = appendFile(l.yaml, rateLimits)
	}
	if err != nil {
		return d, err
	}
	k := &killer{l: l, o: KillOptions{Every: every, Broker: 1, Kills: 9}, rng: rand.New(rand.NewPCG(o.Seed, 6)), serving: true, since: time.Now(), asleep: map[*process]bool{}, spare: true}
	k.Kinds = map[string]int{}
	defer l.end()
	defer k.reviving.Wait()
	if err := l.start(ctx, l.belts()); err != nil {
		return d, err
	}
	for _, p := range l.belts() {
		if err := p.awaitReady(ctx); err != nil {
			return d, err
		}
	}
	t, err := shards.Open(l.corpus)
	if err != nil {
		return d, err
	}
	r := &racer{killer: k, t: t, deck: k.deck(), by: by}
	if d, err = r.time(ctx, every); err != nil {
		return d, err
	}
	k.reviving.Wait()
	if _, err := l.finish(ctx, nil); err != nil {
		return d, err
	}
	if err := l.log.Stop(ctx); err != nil {
		return d, err
	}
	_, err = l.judge(ctx)
	return d, err
}

func appendFile(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
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

// done is what came of one line; seconds are those of the clock, cpu those of the processor.
type done struct {
	docs, seconds, cpu float64
	kills              int
}

func (d done) rate() float64 { return d.docs / d.seconds }

// time lets the line work up to a share of its input. every 0 kills nobody.
func (r *racer) time(ctx context.Context, every time.Duration) (d done, err error) {
	all := int64(0)
	for _, n := range r.l.w.lines {
		all += n
	}
	if err := r.t.Refresh(ctx); err != nil {
		return d, err
	}
	used := r.spent()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began, first := time.Now(), r.t.Tally().In
	next := began.Add(every)
	for float64(r.t.Tally().In) < rateShare*float64(all) {
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
		if err := r.t.Refresh(ctx); err != nil {
			return d, err
		}
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
