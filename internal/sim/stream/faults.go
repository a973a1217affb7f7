package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace/internal/sim"
	"millrace/internal/sim/proxy"
)

// FaultOptions say how a line is disturbed by its surroundings.
type FaultOptions struct {
	Seed   uint64
	Nap    time.Duration // how long an owner is stopped
	Random time.Duration // how long faults come at random
	Docs   int           // a second
	Kafka  bool          // an Apache Kafka beside the embedded broker
}

// The bars. A connection that swallows everything is given up after 30 seconds without a byte.
const (
	seenWithin    = 45 * time.Second
	resumeWithin  = 60 * time.Second
	faultHold     = 9 * time.Second // longer than a look at the log takes
	faultStagger  = 1500 * time.Millisecond
	beltMemory    = "384MB"
	beltMemoryMB  = 384
	brokerMemory  = 256 // MB
	slowShare     = 0.01
	longestJitter = 2 * time.Second
)

// Felt is how one fault went, at one part of the line.
type Felt struct {
	Fault  string  `json:"fault"`
	Part   string  `json:"part"`
	Seen   float64 `json:"seen_s"` // after so many seconds
	By     string  `json:"by"`
	Resume float64 `json:"resume_s"` // the part went on so long after the fault was over
}

// networkFaults are those of which each part sees each. rate is that of a line without one.
func networkFaults(rate int64) []proxy.Fault {
	return []proxy.Fault{
		{Kind: proxy.Cut}, {Kind: proxy.Delay, Delay: longestJitter}, {Kind: proxy.Stall},
		{Kind: proxy.Hole}, {Kind: proxy.Hole, Way: proxy.Up}, {Kind: proxy.Hole, Way: proxy.Down},
		{Kind: proxy.HalfOpen}, {Kind: proxy.Slow, Rate: max(1, int64(float64(rate)*slowShare))},
	}
}

// Network puts a line behind bad networks: each fault between each part and the log, and then at random.
func (o *FaultOptions) Network(ctx context.Context, w *World, name string, log Server, b *sim.Bar) error {
	r, err := w.newRig(ctx, rigOptions{name: name, log: log, seed: o.Seed, docs: o.Docs, memory: beltMemory})
	if err != nil {
		return err
	}
	defer r.end()
	if err := r.up(ctx); err != nil {
		return err
	}
	rates, err := r.rates(ctx, 8*time.Second)
	if err != nil {
		return err
	}
	var felt []Felt
	for i := range networkFaults(0) {
		one, err := r.round(ctx, func(at int) proxy.Fault { return networkFaults(rates[at])[i] })
		felt = append(felt, one...)
		if err != nil {
			b.Figures[name+"_faults"] = felt
			return err
		}
	}
	n, err := r.atRandom(ctx, o, rates)
	if err != nil {
		return err
	}
	s, err := r.inHole(ctx)
	if err != nil {
		return fmt.Errorf("in a hole: %w", err)
	}
	if err := r.down(ctx); err != nil {
		return err
	}
	return r.conclude(ctx, name, b, map[string]any{"faults": felt, "random": n, "bytes_per_s": rates, "stopped_in_a_hole_s": s})
}

// rates is how many bytes a second each part exchanges with the log.
func (r *rig) rates(ctx context.Context, over time.Duration) ([]int64, error) {
	before := make([]int64, len(r.parts))
	for i, pt := range r.parts {
		before[i] = pt.p.Bytes()
	}
	if err := rest1(ctx, over); err != nil {
		return nil, err
	}
	var all []int64
	for i, pt := range r.parts {
		all = append(all, int64(float64(pt.p.Bytes()-before[i])/over.Seconds()))
	}
	return all, nil
}

// round lets all parts have a fault, one after the other, overlapping.
func (r *rig) round(ctx context.Context, of func(part int) proxy.Fault) ([]Felt, error) {
	felt := make([]Felt, len(r.parts))
	g, ctx := errgroup.WithContext(ctx)
	for i, pt := range r.parts {
		g.Go(func() (err error) {
			if err := rest1(ctx, time.Duration(i)*faultStagger); err != nil {
				return err
			}
			f := of(i)
			if felt[i], err = r.suffer(ctx, pt, f); err != nil {
				return fmt.Errorf("%s between %s and the log: %w", f, pt.name, err)
			}
			fmt.Fprintf(os.Stderr, "%s: %s at %s: seen after %.1f s by %s, went on %.1f s after it\n", r.name, f, pt.name, felt[i].Seen, felt[i].By, felt[i].Resume)
			return nil
		})
	}
	err := g.Wait()
	if err == nil {
		err = r.broken()
	}
	return felt, err
}

// suffer sets a fault, wants it to be seen, ends it, and wants the part to go on.
func (r *rig) suffer(ctx context.Context, pt *part, f proxy.Fault) (Felt, error) {
	out := Felt{Fault: f.String(), Part: pt.name, Seen: -1, Resume: -1}
	before, began := pt.probe.read(ctx), time.Now()
	pt.p.Set(f)
	var over, resumed time.Time
	var docs float64
	touched := int64(0)
	for out.Seen < 0 || resumed.IsZero() {
		now := pt.probe.read(ctx)
		if by := now.shows(before, 3*float64(r.pour.docs)); out.Seen < 0 && by != "" {
			out.Seen, out.By = time.Since(began).Seconds(), by
		}
		switch {
		case over.IsZero() && time.Since(began) >= faultHold:
			touched = pt.p.Touched()
			pt.p.Set(proxy.Fault{})
			over, docs = time.Now(), now.docs
		case !over.IsZero() && resumed.IsZero() && now.up && now.docs > docs:
			resumed = time.Now()
			out.Resume = resumed.Sub(over).Seconds()
		}
		switch {
		case out.Seen < 0 && time.Since(began) > seenWithin && !over.IsZero():
			return out, fmt.Errorf("nothing tells of it within %v; it touched %d pieces and connections", seenWithin, touched)
		case resumed.IsZero() && !over.IsZero() && time.Since(over) > resumeWithin:
			return out, fmt.Errorf("no progress within %v after it was over: ready %v, %s\n%s", resumeWithin, now.ready, now.problems, pt.words())
		}
		if err := errors.Join(pt.fault(), rest1(ctx, 200*time.Millisecond)); err != nil {
			return out, err
		}
	}
	if touched == 0 {
		return out, errors.New("it touched nothing")
	}
	return out, nil
}

// atRandom lets each part have one fault after the other, at random, and wants all to go on afterwards.
func (r *rig) atRandom(ctx context.Context, o *FaultOptions, rates []int64) (int, error) {
	timed, cancel := context.WithTimeout(ctx, o.Random)
	defer cancel()
	var mu sync.Mutex
	n := 0
	var all sync.WaitGroup
	for i, pt := range r.parts {
		rng := rand.New(rand.NewPCG(o.Seed, uint64(100+i)))
		all.Go(func() {
			faults := networkFaults(rates[i])
			for timed.Err() == nil {
				pt.p.Set(faults[rng.IntN(len(faults))])
				mu.Lock()
				n++
				mu.Unlock()
				_ = rest1(timed, time.Duration(1+rng.IntN(9))*time.Second) // it is asked above
				pt.p.Set(proxy.Fault{})
				_ = rest1(timed, time.Duration(rng.IntN(4000))*time.Millisecond)
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return n, err
	}
	return n, r.goOn(ctx, "after faults at random")
}

// drainWithin is how long a belt may take to end that was asked to: its drain, and some more.
const drainWithin = 40 * time.Second

// inHole asks all belts to end while nothing comes back from the log, and starts them again there: they end in time,
// they wait, and go on when there is a log again. It gives the time that the slowest took to end.
func (r *rig) inHole(ctx context.Context) (slowest float64, err error) {
	for _, pt := range r.parts {
		pt.p.Set(proxy.Fault{Kind: proxy.Hole})
	}
	if err := rest1(ctx, time.Second); err != nil {
		return 0, err
	}
	for _, pt := range r.parts {
		began := time.Now()
		exit, err := pt.asked(ctx, drainWithin)
		if err != nil {
			return 0, err
		}
		if exit != exitInterrupted {
			return 0, fmt.Errorf("%s ended with exit %d, want %d: %s", pt.name, exit, exitInterrupted, pt.words())
		}
		slowest = max(slowest, time.Since(began).Seconds())
	}
	for _, pt := range r.parts {
		if err := pt.start(ctx); err != nil {
			return 0, err
		}
	}
	if err := rest1(ctx, faultHold); err != nil {
		return 0, err
	}
	for _, pt := range r.parts {
		if err := pt.fault(); err != nil {
			return 0, err
		}
		if now := pt.probe.read(ctx); !now.up || now.ready {
			return 0, fmt.Errorf("%s was started without a log: it answers: %v, says that it is ready: %v", pt.name, now.up, now.ready)
		}
	}
	for _, pt := range r.parts {
		pt.p.Set(proxy.Fault{})
	}
	return slowest, r.goOn(ctx, "after a start in a hole")
}

// goOn wants every part to hand something on from now on.
func (r *rig) goOn(ctx context.Context, when string) error {
	before := make([]reading, len(r.parts))
	for i, pt := range r.parts {
		before[i] = pt.probe.read(ctx)
	}
	for began := time.Now(); ; {
		var late []string
		for i, pt := range r.parts {
			now := pt.probe.read(ctx)
			if now.docs == before[i].docs || !now.up { // fewer: it has begun anew
				late = append(late, pt.name+": "+now.problems)
			}
		}
		if len(late) == 0 {
			return nil
		}
		if time.Since(began) > resumeWithin {
			return fmt.Errorf("%s, no progress within %v: %s", when, resumeWithin, strings.Join(late, "; "))
		}
		if err := errors.Join(r.broken(), rest1(ctx, 200*time.Millisecond)); err != nil {
			return err
		}
	}
}

// conclude judges a line that has come to its end, and looks at what its processes have taken.
func (r *rig) conclude(ctx context.Context, name string, b *sim.Bar, figures map[string]any) error {
	r.watch.stop()
	v, err := r.judge(ctx)
	peaks := r.watch.peaks()
	figures["peak_rss_mb"], figures["peak_files"] = peaks, r.watch.open
	if v != nil {
		figures["inputs"], figures["rows"], figures["rejects"], figures["commits"], figures["orphans"] = v.Inputs, v.Rows, v.Rejects, v.Commits, v.Orphans
	}
	b.Figures[name] = figures
	if err != nil {
		return err
	}
	for p, mb := range peaks {
		limit := int64(beltMemoryMB)
		if p == "log" {
			limit = brokerMemory
		}
		if mb > limit {
			return fmt.Errorf("%s had %d MB resident, its cap is %d MB", p, mb, limit)
		}
	}
	return nil
}
