package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"millrace/internal/sim"
)

// KillOptions say how a line is disturbed.
type KillOptions struct {
	Kills  int
	Broker int // of them
	Store  int // and of the object store
	Every  time.Duration
	Seed   uint64
	Barren time.Duration // that a mill is given to commit
}

// Kills is what a series of them came to.
type Kills struct {
	Kills     int            `json:"kills"`
	Kinds     map[string]int `json:"kinds"`
	MillLives int            `json:"mill_lives"`   // that were killed
	Committed int            `json:"mill_commits"` // of those, lives in which it committed
	Rows      int64          `json:"rows_then"`    // that were committed at the last kill
	Naps      int            `json:"zombie_naps"`  // how often a zombie was put to sleep
	Reborn    int            `json:"zombies_started_again"`
	Held      int            `json:"feeder_held"` // ticks at which the feeder was held back
	Waits     int            `json:"waits"`       // ticks at which nobody could be killed
	Restarts  int            `json:"clean_restarts"`
	Seconds   float64        `json:"seconds"` // of the kills
	Finish    float64        `json:"finish_seconds"`
}

// target is what can be killed.
type target struct {
	kind   string
	ready  func() bool
	kill   func() (counts bool)
	revive func(ctx context.Context) error
}

// killer disturbs one line.
type killer struct {
	l   *line
	o   KillOptions
	rng *rand.Rand
	Kills

	mu       sync.Mutex
	serving  bool // the log answers
	since    time.Time
	commits  int   // when it began to
	failed   error // the log did not come back
	reviving sync.WaitGroup
	asleep   map[*process]bool

	pages []*reader // the topic that the feeder fills
	fed   float64   // how much of the input stands there
	spare bool      // the mill's life may end before it has committed
}

// disturb runs the line to its end, killing its processes on the way. last is called when everybody has ended but
// the log.
func (l *line) disturb(ctx context.Context, o KillOptions, last func(context.Context) error) (Kills, error) {
	k := &killer{l: l, o: o, rng: rand.New(rand.NewPCG(o.Seed, 5)), serving: true, since: time.Now(), asleep: map[*process]bool{}}
	k.Kinds = map[string]int{}
	for p := range l.parts {
		k.pages = append(k.pages, newReader(l.log.Addr(), "pages", p))
	}
	defer l.end()
	defer k.reviving.Wait()
	if err := l.start(ctx, append(l.belts(), l.zombie...)); err != nil {
		return k.Kills, err
	}
	began := time.Now()
	if err := k.all(ctx); err != nil {
		return k.Kills, err
	}
	k.reviving.Wait()
	k.Seconds, began = time.Since(began).Seconds(), time.Now()
	rows, err := sim.Inputs(l.corpus)
	if err != nil {
		return k.Kills, err
	}
	k.Rows = rows
	if k.failed != nil {
		return k.Kills, k.failed
	}
	restarts, err := l.finish(ctx, l.zombie)
	k.Restarts, k.Finish = restarts, time.Since(began).Seconds()
	if err == nil && last != nil {
		err = last(ctx)
	}
	if err == nil {
		err = l.log.Stop(ctx)
	}
	return k.Kills, err
}

// deck is the order in which they are drawn: the broker as often as is asked for, the others equally often, but
// for the mill.
func (k *killer) deck() []*target {
	log := &target{kind: kindLog, ready: k.isUsed, kill: k.killLog, revive: k.reviveLog}
	var others []*target
	for round := range 4 {
		for _, p := range k.l.belts() {
			if p.kind != kindMill || round > 0 { // it is to live long enough to commit
				others = append(others, &target{kind: p.kind, ready: func() bool { return k.isReady(p) }, kill: func() bool { return k.killBelt(p) }, revive: p.start})
			}
		}
	}
	deck := make([]*target, 0, k.o.Kills)
	for i := range k.o.Kills {
		switch {
		case i < k.o.Broker:
			deck = append(deck, log)
		case i < k.o.Broker+k.o.Store:
			deck = append(deck, k.storeTarget())
		default:
			deck = append(deck, others[i%len(others)])
		}
	}
	k.rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return deck
}

// maxUnused is how long the log is given to be of use.
const maxUnused = 20 * time.Second

// isUsed reports whether the log may be killed: something was committed since it has come back. A log that nobody
// has found again yet has no work.
func (k *killer) isUsed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.serving && (k.l.commits() > k.commits || time.Since(k.since) > maxUnused)
}

func (k *killer) killLog() bool {
	k.l.log.Kill()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.serving = false
	return true
}

// reviveLog starts the log while the others go on, and are killed.
func (k *killer) reviveLog(ctx context.Context) error {
	k.reviving.Go(func() {
		err := k.l.log.Start(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.serving, k.since, k.commits = err == nil, time.Now(), k.l.commits()
		k.failed = errors.Join(k.failed, err)
	})
	return nil
}

// maxBarren is how long a mill that was ready is given to commit, beside an embedded broker. How soon it does depends on the
// machine. farBarren is for one that finds a real log, and perhaps a store, again over a network.
const (
	maxBarren = 5 * time.Second
	farBarren = 25 * time.Second
)

// isReady reports whether a process may be killed. Six mills in seven are to have committed something.
func (k *killer) isReady(p *process) bool {
	s := p.state()
	if p.kind != kindMill || !s.ready {
		return s.ready
	}
	return s.commits > 0 || k.spare || time.Since(s.since) > k.o.Barren
}

func (k *killer) killBelt(p *process) bool {
	if k.asleep[p] { // it is to die at work
		k.sleep(p, false)
		time.Sleep(time.Duration(k.rng.IntN(50)) * time.Millisecond)
	}
	s, counts := p.kill()
	if counts && p.kind == kindMill {
		k.spare = k.rng.IntN(7) == 0
		k.MillLives++
		if s.commits > 0 {
			k.Committed++
		}
	}
	return counts
}

var errWorkRanOut = errors.New("the work was done before all the kills: more documents are needed (DOCS=)")

// patience is how many ticks may pass at which nobody is ready.
const patience = 400

// mostPassed is how many of those next in the deck may be passed over because they are not ready: who is slow
// to come back is not left to the end.
const mostPassed = 10

// all kills until the deck is empty.
func (k *killer) all(ctx context.Context) error {
	deck := k.deck()
	tick, hold := time.NewTicker(k.o.Every), time.NewTicker(holdEvery)
	defer tick.Stop()
	defer hold.Stop()
	for waits := 0; len(deck) > 0; {
		select {
		case <-hold.C:
			k.hold(ctx)
			continue
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := k.look(ctx); err != nil {
			return err
		}
		i, next := 0, min(len(deck), mostPassed)
		for i < next && !deck[i].ready() {
			i++
		}
		if i == next {
			k.Waits++
			if waits++; waits > patience {
				return fmt.Errorf("nobody was ready for a long while; the mill says: %s", k.l.mill.words())
			}
			continue
		}
		waits = 0
		t := deck[i]
		if !t.kill() {
			continue // it ended by itself at that moment; look says how
		}
		k.Kills.Kills++
		k.Kinds[t.kind]++
		if k.Kills.Kills%50 == 0 {
			fmt.Fprintf(os.Stderr, "%s: %d of %d kills, %.0f %% of the input is fed\n", k.l.name, k.Kills.Kills, k.o.Kills, 100*k.fed)
		}
		copy(deck[1:i+1], deck[:i]) // who was not ready keeps his place
		deck = deck[1:]
		if err := t.revive(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look finds out who has failed, starts zombies that have ended again, and lets them sleep and wake.
func (k *killer) look(ctx context.Context) error {
	if err := k.failedBelt(); err != nil {
		return err
	}
	for _, p := range k.l.belts() {
		if p.state().over {
			return fmt.Errorf("%s has ended after %d kills: %w", p.name, k.Kills.Kills, errWorkRanOut)
		}
	}
	for _, z := range k.l.zombie {
		switch {
		case z.state().over:
			k.Reborn++
			if err := z.start(ctx); err != nil {
				return err
			}
			k.asleep[z] = false
		case z.kind == kindFeed && k.ahead():
			k.sleep(z, true)
		case k.asleep[z] && k.rng.IntN(10) < 2:
			k.sleep(z, false)
		case !k.asleep[z] && k.rng.IntN(10) < 4:
			k.sleep(z, true)
			k.Naps++
		}
	}
	return nil
}

// holdEvery is short: a fast feeder brings a thousand documents meanwhile.
const holdEvery = 60 * time.Millisecond

// hold lets the feeder and its zombie sleep while they are ahead of the kills: else a fast machine has no work left
// at the last one.
func (k *killer) hold(ctx context.Context) {
	if !k.ahead() { // also while the log is started again: a cluster goes on
		k.lookAtPages(ctx)
	}
	feed, ahead := k.l.feed, k.ahead()
	if ahead && feed.state().ready {
		k.sleep(feed, true)
		k.Held++
	} else if k.asleep[feed] {
		k.sleep(feed, false)
	}
	for _, z := range k.l.zombie {
		if ahead && z.kind == kindFeed {
			k.sleep(z, true)
		}
	}
}

func (k *killer) sleep(p *process, asleep bool) {
	p.pause(asleep)
	k.asleep[p] = asleep
}

const lookPatience = 200 * time.Millisecond

// lookAtPages finds out how much of the input has come there.
func (k *killer) lookAtPages(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	for _, r := range k.pages {
		end, err := r.end(ctx)
		if err == nil && end == 0 {
			continue
		}
		var all []entryOf
		if err == nil {
			all, err = r.fetch(ctx, end-1, 10*time.Millisecond)
		}
		if err != nil { // there will be another look
			r.reset()
			continue
		}
		if len(all) == 0 {
			continue
		}
		if _, at, ok := all[len(all)-1].source(); ok {
			k.fed = max(k.fed, k.l.w.share(at))
		}
	}
}

// mostFed is how much of the input may be there at the last kill.
const mostFed = 0.85

// ahead reports whether the feeder is further than the kills.
func (k *killer) ahead() bool { return k.fed > mostFed*float64(k.Kills.Kills+1)/float64(k.o.Kills+1) }
