package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millrace"
	"millrace/crawl"
	"millrace/docs"
	"millrace/ingest"
	"millrace/internal/obs"
	"millrace/internal/run"
)

const (
	// hangAfter is how long a request of the crawl may be in flight: each ends within two minutes, one way or another.
	hangAfter = 5 * time.Minute
	lookEvery = 2 * time.Second  // at log, sink and disk
	lookLimit = 5 * time.Second  // for the log's answer
	lookStale = 15 * time.Second // without a new look, an answer of the last one says nothing
)

// health is what a run tells whoever watches it from outside. Its methods do nothing on nil: without --metrics
// nobody listens.
type health struct {
	a       *App
	dir     string
	metrics *obs.Metrics
	server  *obs.Server
	limit   time.Duration // for a document in a stage, or rows on their way into the sink; 0: none
	cleaned atomic.Int64  // offset in pages below which a clean worker has handed on everything

	mu     sync.Mutex
	line   *line // nil until the log is open
	ending bool
	pulses map[string]*run.Pulse
	log    look
	sink   look
	disk   look
	crawl  crawl.Counts
	since  time.Time // when they last changed
}

// look is what was found at the last look at something.
type look struct {
	at  time.Time
	err error
}

// problem is why it is not well, or nil.
func (k look) problem(what string) []obs.Problem {
	switch {
	case k.err != nil:
		return []obs.Problem{{What: what, Why: message(k.err)}}
	case time.Since(k.at) > lookStale:
		return []obs.Problem{{What: what, Why: "it has not answered since " + k.at.UTC().Format(time.RFC3339)}}
	}
	return nil
}

// openHealth listens where the flag or the configuration says, and gives what ends it.
func (a *App) openHealth(ctx context.Context, c *corpus, o runOptions) (stop func(), err error) {
	addr := o.metrics
	if addr == "" {
		addr = c.cfg.Metrics
	}
	if addr == "" {
		return func() {}, nil
	}
	h := &health{a: a, dir: c.dir, limit: time.Duration(c.cfg.Limits.Hang), pulses: map[string]*run.Pulse{}, metrics: obs.New(codeVersion(), c.labels())}
	h.server, err = obs.Start(ctx, obs.Options{Addr: string(addr), Metrics: h.metrics, Refresh: h.refresh, Alive: h.alive, Ready: h.ready, Log: a.log})
	if err != nil {
		return nil, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "--metrics 127.0.0.1:0 takes any free port"}
	}
	a.health = h
	a.event(map[string]any{"type": "listening", "url": "http://" + h.server.Addr()})
	a.say("Health and metrics: http://%s/livez, /readyz and /metrics", h.server.Addr())
	return func() {
		if err := h.server.Close(); err != nil {
			a.log.Warn("the health listener did not end in good order", "error", err)
		}
	}, nil
}

// labels are the words that may become labels: those of this program and of the stages in it.
func (c *corpus) labels() obs.Labels {
	l := obs.Labels{Stages: c.stageNames(), Reasons: docs.Codes()}
	for _, s := range c.extra {
		if d, ok := s.(millrace.Describer); ok {
			for _, r := range d.Reasons() {
				l.Reasons = append(l.Reasons, string(r))
			}
		}
	}
	return l
}

// pulse is what the belt of that name tells of itself.
func (h *health) pulse(belt string) *run.Pulse {
	if h == nil {
		return nil
	}
	size := func(d *millrace.Document) int64 { return max(d.Page.Claim.Length, int64(len(d.Page.Body))) }
	if belt == beltMill || belt == beltClean {
		size = func(d *millrace.Document) int64 {
			if !d.Verdict.Kept() {
				return 0
			}
			return int64(len(d.Text))
		}
	}
	p := &run.Pulse{Accepted: func(all []*millrace.Document) {
		h.metrics.Documents(belt, all, size)
		if belt == beltClean {
			h.cleaned.Store(all[len(all)-1].Position.Offset + 1)
		}
	}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pulses[belt] = p
	return p
}

// watch is told by the clients of the log.
func (h *health) monitor() *ingest.Monitor {
	if h == nil {
		return nil
	}
	return &ingest.Monitor{Produced: h.metrics.Produced, Retried: func() {
		h.metrics.Retried()
		h.mu.Lock()
		defer h.mu.Unlock()
		for belt, p := range h.pulses {
			if belt != beltMill { // its sink is the table: the log's outage is no excuse for it
				p.Touch()
			}
		}
	}}
}

// synced is told by the embedded log.
func (h *health) synced() func(time.Duration) {
	if h == nil {
		return nil
	}
	return h.metrics.Synced
}

// observe looks at the log, the sink and the disk until ctx ends.
func (h *health) observe(ctx context.Context, l *line) error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	h.line = l
	h.mu.Unlock()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		h.lookAround(ctx, l)
		select {
		case <-ctx.Done():
			h.mu.Lock()
			h.ending = true
			h.mu.Unlock()
			return nil
		case <-tick.C:
		}
	}
}

func (h *health) lookAround(ctx context.Context, l *line) {
	logErr := h.lookAtLog(ctx, l)
	sinkErr := l.tryWrite()
	free, diskErr := freeDisk(h.dir)
	if diskErr == nil {
		h.metrics.Free(free)
		if free < diskFloor {
			diskErr = fmt.Errorf("%d MB are free, a run leaves %d MB", free>>20, int64(diskFloor>>20))
		}
	}
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log, h.sink, h.disk = look{now, logErr}, look{now, sinkErr}, look{now, diskErr}
	if l.crawler != nil {
		if c := l.crawler.Counts(); c != h.crawl || h.since.IsZero() {
			h.crawl, h.since = c, now
		}
	}
}

// lookAtLog asks for the end of this part's topic, and shows how far behind it the mill's commits are, or what a
// clean worker has handed on.
func (h *health) lookAtLog(ctx context.Context, l *line) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	t, done := l.topic, h.cleaned.Load()
	if l.sink != nil {
		t, done = l.input, l.committed.Load()
	}
	t.Log, t.Monitor = nil, nil
	_, end, err := t.Ends(ctx)
	if err != nil {
		return fmt.Errorf("the log at %s does not answer: %w", t.Addr, err)
	}
	if l.sink != nil || l.o.belt == beltClean && done > 0 {
		h.metrics.Lag(t.Name, strconv.Itoa(int(t.Partition)), max(0, end-done))
	}
	return nil
}

// tryWrite makes and removes a file where the sink of this part of the line writes.
func (l *line) tryWrite() error {
	dir := filepath.Join(l.c.dir, "data")
	if l.sink == nil { // what it writes goes to the log; the archive's folder comes with its first file
		dir = filepath.Join(l.c.dir, "state")
	}
	path := filepath.Join(dir, ".ready-"+l.o.belt+strings.ReplaceAll(l.o.worker, "/", "-"))
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		return err
	}
	return os.Remove(path)
}

// alive names the belts that hang.
func (h *health) alive() []obs.Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []obs.Problem
	for belt, p := range h.pulses {
		if what, since, stuck := p.Stuck(h.limit); stuck && h.limit > 0 {
			out = append(out, obs.Problem{What: "belt " + belt, Why: what + " since " + since.UTC().Format(time.RFC3339)})
		}
	}
	if h.crawl.Hosts.InFlight > 0 && time.Since(h.since) > hangAfter {
		out = append(out, obs.Problem{What: "crawl", Why: fmt.Sprintf("%d requests in flight, and nothing happens since %s", h.crawl.Hosts.InFlight, h.since.UTC().Format(time.RFC3339))})
	}
	return inOrder(out)
}

func inOrder(p []obs.Problem) []obs.Problem {
	slices.SortFunc(p, func(a, b obs.Problem) int { return strings.Compare(a.What, b.What) })
	return p
}

// ready names what keeps the run from working.
func (h *health) ready() []obs.Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ending:
		return []obs.Problem{{What: "run", Why: "it is ending"}}
	case h.line == nil || len(h.pulses) == 0 || h.line.restoring.Load() > 0:
		return []obs.Problem{{What: "belts", Why: "they are being restored"}}
	}
	var out []obs.Problem
	if p := h.line.paused.first(); p != nil {
		out = append(out, obs.Problem{What: "stage " + p.Stage, Why: "it waits: " + message(p.Err)})
	}
	for belt, p := range h.pulses {
		if !p.Restored() {
			out = append(out, obs.Problem{What: "belt " + belt, Why: "it is being restored"})
		}
	}
	out = append(out, h.log.problem("log")...)
	out = append(out, h.sink.problem("sink")...)
	return inOrder(append(out, h.disk.problem("disk")...))
}

// refresh brings the gauges up to date.
func (h *health) refresh() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.line == nil {
		return
	}
	h.metrics.Commits(h.line.commits.Load())
	if h.line.crawler == nil {
		return
	}
	c := h.line.crawler.Counts()
	h.metrics.Frontier(obs.Frontier{
		URLs: map[string]int64{"discovered": c.Discovered, "fetched": c.Fetched, "refused": c.Refused, "failed": c.Failed, "waiting": c.Waiting},
		Hosts: map[string]int64{"ready": int64(c.Hosts.Ready), "in_flight": int64(c.Hosts.InFlight), "waiting": int64(c.Hosts.Waiting),
			"away": int64(c.Hosts.Away), "parked": int64(c.Hosts.Parked)},
		Requests: c.Requests, Bytes: c.Bytes,
	})
}
