package crawl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"millrace"
	"millrace/crawl/consent"
	"millrace/crawl/robots"
	"millrace/internal/warc"
)

// job is a task with what a worker must know of its host.
type job struct {
	task  task
	host  *host // not to be looked at by the worker
	addr  netip.Addr
	name  string
	port  uint16
	rules *consent.Rules
	site  *consent.Site
	line  string // the robots.txt line that allowed the page
	last  bool   // the next request to the host is far away
	// condition lets the server answer that nothing is new.
	condition http.Header
}

// result is what a worker brings back.
type result struct {
	job
	answer  answer
	capture *capture // of a page
	sitemap sitemap
	addr    netip.Addr // of a taskResolve
	err     error      // answer.err, or why the name cannot be resolved
}

// worker does jobs. It holds nothing that changes, so that any number of goroutines can share it.
type worker struct {
	fetch   func(context.Context, *exchange)
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	guard   *guard
	token   string
	maxBody int64
}

// do carries a job out. What panics over a stranger's bytes is an error of that job alone.
func (w *worker) do(ctx context.Context, j job) (r result) {
	defer func() {
		if p := recover(); p != nil {
			r = result{job: j, answer: answer{ended: time.Now()}, err: fmt.Errorf("panic: %v", p)}
		}
	}()
	switch j.task.kind {
	case taskResolve:
		return w.lookup(ctx, j)
	case taskRobots:
		return w.get(ctx, j, &exchange{limit: robots.MaxSize + 1})
	case taskFile:
		return w.get(ctx, j, &exchange{limit: consent.MaxFile + 1})
	case taskSitemap:
		var m sitemap
		r = w.get(ctx, j, &exchange{limit: maxSitemapBytes, consume: func(r io.Reader) (err error) {
			m, err = readSitemap(r)
			return err
		}})
		r.sitemap = m
		return r
	}
	r = w.get(ctx, j, &exchange{limit: w.maxBody, wants: pageWanted, condition: j.condition})
	if r.err == nil || r.answer.cut != "" {
		r.capture = w.capture(j, r.answer)
	}
	return r
}

func (w *worker) get(ctx context.Context, j job, x *exchange) result {
	x.url, x.addr, x.last = j.task.addr.fetch, j.addr, j.last
	w.fetch(ctx, x)
	return result{job: j, answer: x.answer, err: x.answer.err}
}

// capture reads what the answer says besides its text.
func (w *worker) capture(j job, a answer) *capture {
	c := &capture{task: j.task, at: a.began.UTC().Truncate(time.Microsecond), answer: a, robots: j.line}
	var header []millrace.Field
	for name, values := range a.header {
		if matters(name) {
			for _, v := range values {
				header = append(header, millrace.Field{Name: name, Value: v})
			}
		}
	}
	sortFields(header)
	c.says = sayings(j.task.addr.fetch, header, a.body, w.token)
	c.says.Rules, c.says.Site = j.rules, j.site
	if a.status == http.StatusOK {
		c.wanted = consent.Wanted(c.says)
	}
	c.consent = consent.Statements(c.says)
	c.links, c.redirect = linksOf(c.says, a.status, a.body, a.cut)
	if len(c.links) > 0 && isFeed(a.header.Get("Content-Type"), a.body) {
		c.links, c.changed = feedLinks(c.says.URL, a.body)
	}
	if j.task.last != nil {
		c.visit.digest = warc.Digest(a.body)
	}
	return c
}

// recovered reads the links of a capture that stands in the archive but not in the frontier's log.
func recovered(rec *warc.Record, token string) (c *capture, err error) {
	status, header, body, err := warc.ParseHTTP(rec.Block)
	if err != nil {
		return nil, err
	}
	a, err := parseAddress(rec.TargetURI(), nil)
	if err != nil {
		return nil, err
	}
	hops, depth, _ := cutPair(rec.Get(fieldHops))
	t := task{addr: a, id: idOf(a.key), hops: int(hops), depth: int(depth), alias: rec.Get(fieldKey) == "="}
	if t.alias {
		t.id = aliasID(a)
	}
	c = &capture{task: t, answer: answer{status: status}}
	if c.visit, err = visitOf(rec, status, header); err != nil {
		return nil, err
	}
	c.links, c.redirect = linksOf(sayings(a.fetch, header, body, token), status, body, rec.Get("WARC-Truncated"))
	return c, nil
}

// aliasID is how the frontier knows a URL whose key belongs to one that redirects to it.
func aliasID(a address) urlID { return idOf("=" + a.fetch) }

// lookup finds an address that may be dialled.
func (w *worker) lookup(ctx context.Context, j job) result {
	ctx, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	addrs, err := w.resolve(ctx, j.name)
	if err != nil {
		return result{job: j, err: fmt.Errorf("resolve %s: %w", j.name, err)}
	}
	refused := fmt.Errorf("resolve %s: no address", j.name)
	for _, a := range addrs {
		err := w.guard.check(netip.AddrPortFrom(a, j.port))
		if err == nil {
			return result{job: j, addr: a.Unmap().WithZone("")}
		}
		refused = err
	}
	return result{job: j, err: refused}
}

func resolveName(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// isRefusedAddress reports whether the guard was the reason.
func isRefusedAddress(err error) bool { return errors.Is(err, errAddress) }
