package crawl

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// maxWorkers is how many crawl workers there may be.
const maxWorkers = 1024

// Exchange carries links between crawl workers: a partition for each, which nobody trims, and one for their
// standings. What a call has returned from is durable.
type Exchange interface {
	// Send appends links to the partition of a worker.
	Send(ctx context.Context, to int, links []Handover) error
	// Receive gives what stands in this worker's partition from an offset on, and the offset behind it. It
	// waits for something; none within a while is no error.
	Receive(ctx context.Context, from int64) (links []Handover, next int64, err error)
	// Report appends this worker's standing.
	Report(ctx context.Context, s Standing) error
	// Standings gives those of all workers from an offset on, oldest first, as Receive does.
	Standings(ctx context.Context, from int64) (all []Standing, next int64, err error)
	// Ends gives the offset behind the last record of each worker's partition.
	Ends(ctx context.Context) ([]int64, error)
}

// Standing is what a worker says of itself.
type Standing struct {
	Worker int
	// Idle says that nothing is left to do, and nothing to send, but for what may stand in the worker's
	// partition from offset Next on.
	Idle bool
	Next int64
	// Ended says that it has ended besides, and all that it fetched is handed on.
	Ended bool
}

// allDone decides whether the crawl is over: the newest standing of every worker is idle, and no partition
// holds anything behind it. The standings have to be read before the ends. Then it is final: a worker that
// is idle sends nothing before it receives something, so a link that is on its way to a partition must
// have been sent before its sender became idle, and so before the end of that partition was read.
func allDone(newest []Standing, ends []int64) bool {
	for i, s := range newest {
		if !s.Idle || s.Next != ends[i] {
			return false
		}
	}
	return true
}

// peers are the goroutines that talk to the other workers while an engine runs. The zero value is for one
// that has none.
type peers struct {
	exchange Exchange
	me       share
	log      *slog.Logger

	notes    chan note     // for the engine
	outbox   chan parcel   // of the engine; one at a time
	standing chan Standing // of ours
	running  sync.WaitGroup
}

// note is what the engine has to know.
type note struct {
	links    []Handover // for us
	received int64      // the offset behind them; 0: there are none
	sent     *parcel    // is durable
	over     bool       // nobody has anything left
	err      error
}

// startPeers begins to receive at an offset of our partition. First of all it takes back what an earlier
// process may have said.
func startPeers(ctx context.Context, o *Options, from int64) (*peers, error) {
	if o.Workers <= 1 {
		return &peers{}, nil
	}
	p := &peers{exchange: o.Exchange, me: share{o.Worker, o.Workers}, log: o.Log,
		notes: make(chan note), outbox: make(chan parcel, 1), standing: make(chan Standing, 1)}
	if err := p.exchange.Report(ctx, Standing{Worker: o.Worker}); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{
		func(ctx context.Context) error { return p.receive(ctx, from) }, p.send, p.report, p.watch,
	} {
		p.running.Go(func() {
			if err := part(ctx); err != nil {
				p.tell(ctx, note{err: err})
			}
		})
	}
	return p, nil
}

// tell reports whether the engine has taken n.
func (p *peers) tell(ctx context.Context, n note) bool {
	select {
	case p.notes <- n:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *peers) receive(ctx context.Context, from int64) error {
	for {
		links, next, err := p.exchange.Receive(ctx, from)
		if err != nil {
			return err
		}
		if next > from && !p.tell(ctx, note{links: links, received: next}) {
			return nil
		}
		from = next
	}
}

func (p *peers) send(ctx context.Context) error {
	for {
		select {
		case out := <-p.outbox:
			if err := p.exchange.Send(ctx, out.to, out.links); err != nil {
				return err
			}
			p.tell(ctx, note{sent: &out})
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *peers) report(ctx context.Context) error {
	for {
		select {
		case s := <-p.standing:
			if err := p.exchange.Report(ctx, s); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// patienceWithPeers is after how long a worker says whom it waits for.
const patienceWithPeers = time.Minute

// watch reads the standings until nobody has anything left.
func (p *peers) watch(ctx context.Context) error {
	newest := make([]Standing, p.me.workers)
	said := time.Now()
	for next := int64(0); ; {
		all, after, err := p.exchange.Standings(ctx, next)
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.Worker >= 0 && s.Worker < len(newest) {
				newest[s.Worker] = s
			}
		}
		if after > next {
			next = after // there may be more, and an old standing decides nothing
			continue
		}
		if !slices.ContainsFunc(newest, func(s Standing) bool { return !s.Idle }) {
			ends, err := p.exchange.Ends(ctx)
			if err != nil {
				return err
			}
			if allDone(newest, ends) {
				p.tell(ctx, note{over: true})
				return nil
			}
		}
		if newest[p.me.worker].Idle && time.Since(said) > patienceWithPeers {
			said = time.Now()
			p.log.Info("this worker has nothing left and waits for the others", "standings", newest)
		}
	}
}

// hand gives the sender what is next for others, unless it has something still.
func (e *engine) hand() {
	if e.peers.outbox == nil || e.handing || e.broken != nil {
		return
	}
	var p parcel
	if p, e.handing, e.broken = e.front.nextParcel(e.handed); e.handing {
		e.handed = p.to
		e.peers.outbox <- p // has room for one
	}
}

// rest is for when nothing is left to do. It reports whether the crawl is over; where there are others,
// they decide that too, and until there is news from them nothing is begun: whoever is idle stays so.
func (e *engine) rest() (over bool, err error) {
	if e.peers.outbox == nil {
		return true, nil
	}
	if e.idle || e.handing {
		return false, nil
	}
	if err := e.front.sync(); err != nil {
		return false, err
	}
	e.idle = true
	select {
	case <-e.peers.standing: // what has not been said yet need not be said
	default:
	}
	e.peers.standing <- Standing{Worker: e.opts.Worker, Idle: true, Next: e.front.received}
	return false, nil
}

// hear takes in what comes from the others.
func (e *engine) hear(n note) (over bool, err error) {
	switch {
	case n.sent != nil:
		e.handing = false
		e.front.record(event{kind: evSent, worker: uint64(n.sent.to), next: uint64(n.sent.next)})
	case n.received > 0:
		e.idle = false
		for _, l := range n.links {
			e.take(l)
		}
		e.front.record(event{kind: evReceived, next: uint64(n.received)})
		e.enqueueWaiting()
	}
	return n.over, n.err
}

// take takes in a link that another worker has found.
func (e *engine) take(l Handover) {
	a, err := parseAddress(l.URL, nil)
	switch {
	case err != nil || !e.front.share.mine(a):
	case !l.Sitemap:
		e.front.admit(e.scope, a, origin{handed: true, depth: l.Depth, hops: l.Hops})
	case e.addSitemap(a, l.Depth, sitemapID(a)):
		e.front.record(event{kind: evNested, url: a.fetch, depth: uint64(l.Depth)})
	}
}
