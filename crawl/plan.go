package crawl

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"millrace/crawl/robots"
)

// SeedPlan says what a crawl would do with a seed.
type SeedPlan struct {
	URL     string
	Allowed bool
	Rule    string // the line of robots.txt that decides; "" where none does
	Line    int
	Err     error // why it is not known, or the guard's refusal
}

// Plan asks the seeds' hosts for robots.txt, once each and for nothing else, and writes nothing down.
func Plan(ctx context.Context, opts Options) ([]SeedPlan, error) {
	if err := opts.fill(); err != nil {
		return nil, err
	}
	g, err := newGuard(opts.AllowAddr)
	if err != nil {
		return nil, err
	}
	f := newFetcher(g, opts.Agent)
	defer f.close()
	p := planner{
		worker: &worker{fetch: f.do, resolve: resolveName, guard: g},
		delay:  opts.Delay,
		perIP:  opts.PerIPDelay,
		last:   map[string]time.Time{},
		files:  map[string]*robots.File{},
		errs:   map[string]error{},
	}
	var out []SeedPlan
	for _, s := range opts.Seeds {
		a, err := parseAddress(s, nil)
		if err != nil {
			out = append(out, SeedPlan{URL: s, Err: err})
			continue
		}
		file, err := p.rules(ctx, a)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		plan := SeedPlan{URL: a.fetch, Err: err}
		if err == nil {
			plan.Allowed, plan.Rule, plan.Line, _ = file.Allowed(opts.Agent.Token, a.fetch)
		}
		out = append(out, plan)
	}
	return out, nil
}

// planner asks one host after the other, with the pauses that a crawl would make.
type planner struct {
	worker       *worker
	delay, perIP time.Duration
	last         map[string]time.Time // end of the last answer, by authority and by address
	files        map[string]*robots.File
	errs         map[string]error
}

func (p *planner) rules(ctx context.Context, a address) (*robots.File, error) {
	if _, ok := p.files[a.authority]; !ok {
		p.files[a.authority], p.errs[a.authority] = p.ask(ctx, a)
	}
	return p.files[a.authority], p.errs[a.authority]
}

// ask fetches robots.txt for the authority of a, with its redirects.
func (p *planner) ask(ctx context.Context, a address) (*robots.File, error) {
	at, err := parseAddress(a.authority+"/robots.txt", nil)
	if err != nil {
		return nil, err
	}
	for range maxHops + 1 {
		r := p.get(ctx, at)
		if r.err != nil {
			return nil, fmt.Errorf("robots.txt of %s: %w", a.authority, r.err)
		}
		target := r.answer.header.Get("Location")
		if target == "" || r.answer.status < 300 || r.answer.status > 399 {
			file, _ := rulesOf(r.answer.status, r.answer.body)
			return file, nil
		}
		if at, err = resolve(at.fetch, target); err != nil {
			break
		}
	}
	file, _ := rulesOf(http.StatusNotFound, nil)
	return file, nil
}

func (p *planner) get(ctx context.Context, a address) result {
	h, _ := newSchedule(p.delay, -1, budget{}).host(a)
	j := job{task: task{kind: taskRobots, addr: a}, name: h.name, port: h.port}
	if addr, err := netip.ParseAddr(h.name); err == nil {
		j.addr = addr.Unmap()
		if err := p.worker.guard.check(netip.AddrPortFrom(addr, h.port)); err != nil {
			return result{err: err}
		}
	} else if r := p.worker.lookup(ctx, j); r.err != nil {
		return r
	} else {
		j.addr = r.addr
	}
	wait := time.Until(p.last[a.authority].Add(p.delay + margin(p.delay)))
	if p.perIP >= 0 {
		wait = max(wait, time.Until(p.last[j.addr.String()].Add(p.perIP+margin(p.perIP))))
	}
	if err := sleep(ctx, wait); err != nil {
		return result{err: err}
	}
	r := p.worker.do(ctx, j)
	p.last[a.authority], p.last[j.addr.String()] = time.Now(), time.Now()
	return r
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
