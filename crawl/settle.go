package crawl

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"millrace"
)

// settle draws the conclusions from what a worker has brought.
func (e *engine) settle(r result) {
	e.busy--
	h := r.host
	if r.task.kind == taskPage && r.task.last == nil {
		e.pages--
	}
	if r.task.kind != taskResolve {
		e.counts.Bytes += r.answer.wire
		if r.answer.status != 0 {
			h.silent, h.answered = 0, true
			h.pace.took(r.answer.ended.Sub(r.answer.began))
		}
	}
	if e.ctx.Err() != nil && r.err != nil {
		return // we have broken it off ourselves; the log still says that it waits
	}
	switch r.task.kind {
	case taskResolve:
		e.settleResolve(h, r)
	case taskRobots:
		e.settleRobots(h, r)
	case taskFile:
		e.settleFile(h, r)
	case taskSitemap:
		e.settleSitemap(h, r)
	case taskPage:
		e.settlePage(h, r)
	}
	if !r.answer.ended.IsZero() { // the answer may have brought a longer delay
		e.schedule.asked(h, r.answer.ended)
	}
	e.schedule.release(h, time.Now())
}

func (e *engine) settleResolve(h *host, r result) {
	switch {
	case r.err == nil:
		h.addr, h.resolved = r.addr, time.Now()
	case isRefusedAddress(r.err):
		e.refuseHost(h, r.err)
	case h.addr.IsValid():
		h.resolved = time.Now() // the name server may be back in a while
	default:
		if h.silent += weight(r.err); h.silent < maxSilent && h.trouble.err == nil {
			h.next = later(h.next, time.Now().Add(h.retryWait(h.silent)))
			return
		}
		e.unruled(h, r.err)
	}
}

// unanswered puts a task back after a request that brought nothing, until its attempts are used up. It
// reports whether it has.
func (e *engine) unanswered(h *host, t task, r result) bool {
	t.attempts++
	if r.answer.status == 0 {
		// Is it this URL or the whole host? The next request, for robots.txt, will tell.
		h.silent += weight(r.err)
		h.doubted = h.doubted || h.silent >= maxSilent-1
	}
	if t.attempts >= maxAttempts || isFinal(r.err) {
		return false
	}
	wait := h.retryWait(t.attempts)
	if r.answer.status == 0 {
		h.next = later(h.next, r.answer.ended.Add(wait)) // nobody is at home: do not try the next URL at once
	}
	h.again(t, r.answer.ended.Add(wait))
	return true
}

// postponed puts a task back after an answer that is not final. It reports whether it has.
func (e *engine) postponed(h *host, t task, a *answer) bool {
	if isLater(a) {
		until, said := e.makeWay(h, a)
		if said || a.status == http.StatusTooManyRequests {
			if t.waits++; t.waits < maxPostponed {
				h.again(t, until)
				return true
			}
			return false
		}
	} else if a.status < 500 {
		h.pace.well()
		return false
	}
	if t.attempts++; t.attempts < maxAttempts {
		h.again(t, a.ended.Add(h.retryWait(t.attempts)))
		return true
	}
	return false
}

// makeWay leaves a host alone that has answered "later": for as long as it says, or else with twice the
// delay. It returns when it may be asked again.
func (e *engine) makeWay(h *host, a *answer) (until time.Time, said bool) {
	wait, said := retryAfter(a)
	if !said {
		h.pace.ease()
		return a.ended.Add(h.pace.delay()), false
	}
	until = a.ended.Add(wait + margin(wait))
	h.next = later(h.next, until)
	// A second late rather than early.
	e.front.record(event{kind: evClosed, url: h.authority, when: uint64(until.Unix() + 1)})
	if wait > maxRetryWait {
		e.abandonFiles(h)
	}
	if wait > maxPause {
		h.away = true
		e.abandon(h, fmt.Errorf("%s asks for a pause until %s", h.authority, until.UTC().Format(time.DateTime)))
	}
	return until, true
}

func (e *engine) settlePage(h *host, r result) {
	t := r.task
	if r.err != nil {
		if e.unanswered(h, t, r) {
			return
		}
		if r.capture == nil || t.last != nil {
			e.fail(t, t.attempts+1, r.err)
			return
		} // what never came whole is kept as far as it came
	} else if e.postponed(h, t, &r.answer) {
		return
	}
	if s := r.answer.status; t.last != nil && (s >= 500 || s == http.StatusTooManyRequests) {
		e.miss(t)
		return
	}
	if !e.hold(h, r.capture) {
		r.capture.compare(e.opts.ConsentPolicy)
		e.store(r.capture)
	}
}

// store hands a capture to the archiver; settleGroup hears of it. The channel has room for all that may
// be under way, one capture a job, and for the pages that were held.
func (e *engine) store(c *capture) {
	e.unwritten.Add(1)
	e.unstored++
	e.unstoredBytes += int64(len(c.answer.body))
	e.archive <- c
}

// storeSite archives robots.txt or another file about a site: for audit, and never a page.
func (e *engine) storeSite(url string, a *answer) {
	e.store(&capture{site: true, task: task{addr: address{fetch: url}}, at: a.began.UTC().Truncate(time.Microsecond), answer: *a})
}

// fail ends a URL that brought no answer. An address that the guard refuses is no failure.
func (e *engine) fail(t task, attempts int, err error) {
	if t.last != nil {
		e.miss(t)
		return
	}
	if isRefusedAddress(err) {
		e.refuse(t, millrace.CrawlAddress, err.Error(), 0)
		return
	}
	e.front.record(event{kind: evFailed, id: t.id, attempts: uint64(attempts), text: clip(err.Error())})
}

func (e *engine) refuse(t task, reason millrace.Reason, rule string, line int) {
	e.front.record(event{kind: evRefused, id: t.id, reason: string(reason), rule: clip(rule), line: uint64(line)})
}

// unread reports whether a sitemap has not been read, or is to be read again.
func (e *engine) unread(a address) bool {
	at, read := e.front.sitemaps[idOf(a.fetch)]
	return !read || e.opts.Recrawl != nil && time.Since(time.Unix(at, 0)) >= sitemapGap
}

// addSitemap puts a sitemap into its host's list, unless it has been there. It reports whether it has.
func (e *engine) addSitemap(a address, nesting int, root urlID) bool {
	id := sitemapID(a)
	if e.mapsSeen[id] || !e.unread(a) || !e.scope.contains(a) || nesting > maxNesting {
		return false
	}
	if !e.front.share.mine(a) {
		e.front.handOver(a, Handover{Depth: nesting, Sitemap: true})
		return false
	}
	h := e.host(a)
	if h.mapCount >= maxSitemaps {
		return false
	}
	e.mapsSeen[id] = true
	h.mapCount++
	h.maps = append(h.maps, task{kind: taskSitemap, addr: a, id: id, nesting: nesting, root: root})
	e.schedule.touch(h, time.Now())
	return true
}

// addNested adds a sitemap that another one names or redirects to. It is written down, because the other
// one will not be asked for again.
func (e *engine) addNested(t task, ref string) {
	a, err := resolve(t.addr.fetch, ref)
	if err == nil && e.addSitemap(a, t.nesting+1, t.root) {
		e.front.record(event{kind: evNested, url: a.fetch, depth: uint64(t.nesting + 1)})
	}
}

func (e *engine) settleSitemap(h *host, r result) {
	t := r.task
	parsed := r.answer.status == http.StatusOK && (r.err == nil || len(r.sitemap.urls) > 0)
	if r.err != nil && !parsed && e.unanswered(h, t, r) {
		return
	}
	if r.err == nil && e.postponed(h, t, &r.answer) {
		return
	}
	var why string
	target := r.answer.header.Get("Location")
	switch {
	case r.err != nil:
		why = r.err.Error()
	case target != "" && r.answer.status >= 300 && r.answer.status < 400:
		e.addNested(t, target)
	case !parsed:
		why = fmt.Sprintf("status %d", r.answer.status)
	}
	if why != "" {
		e.log.Warn("sitemap is not whole", "url", t.addr.fetch, "err", why)
	}
	if parsed {
		e.takeSitemap(t, r.sitemap)
	}
	e.front.record(event{kind: evSitemap, url: t.addr.fetch, when: uint64(time.Now().Unix()), text: clip(why)})
	delete(e.mapsSeen, t.id)
	e.enqueueWaiting()
}

func sitemapID(a address) urlID { return idOf("sitemap:" + a.fetch) }

// speaksFor reports whether a sitemap may list a: a page of its own host, or of one whose robots.txt names
// the sitemap, or an index above it. What is another worker's to fetch is let through: he has read the
// robots.txt, and handed the sitemap over.
func (e *engine) speaksFor(t task, a address) bool {
	if sameSite(t.addr, a) || !e.front.share.mine(a) {
		return true
	}
	h := e.schedule.hosts[a.authority]
	return h != nil && h.named[t.root]
}

// takeSitemap takes in what a sitemap lists.
func (e *engine) takeSitemap(t task, m sitemap) {
	var pages []address
	var changed []time.Time
	for _, s := range m.urls {
		if m.index {
			e.addNested(t, s.url)
		} else if a, err := resolve(t.addr.fetch, s.url); err == nil && e.speaksFor(t, a) {
			e.front.admit(e.scope, a, origin{sitemap: true})
			pages, changed = append(pages, a), append(changed, s.changed)
		}
	}
	if err := e.hasten(pages, changed); err != nil {
		e.broken = err
	}
}

// settleGroup draws the conclusions from what the archive has made durable: the frontier's log
// follows, and only then are the Documents handed on.
func (e *engine) settleGroup(g group) error {
	if g.err != nil {
		return g.err
	}
	for _, c := range g.site {
		e.unstored--
		e.unstoredBytes -= int64(len(c.answer.body))
	}
	for _, s := range g.done {
		e.unstored--
		e.unstoredBytes -= int64(len(s.answer.body))
		e.front.conclude(e.scope, s.capture, s.next)
		if err := e.hasten(s.links, s.changed); err != nil {
			return err
		}
		if s.doc != nil {
			e.pending = append(e.pending, s.doc)
		}
	}
	e.enqueueWaiting()
	return e.front.log.flush()
}

// outcome is the error that a crawl which brought nothing ends with.
func (e *engine) outcome() error {
	c := e.front.counts
	if c.Fetched > 0 || c.Discovered == 0 || e.opts.Workers > 1 {
		return nil
	}
	err := ErrNothingAllowed
	if c.Failed > 0 {
		err = ErrSeedsUnreachable
	}
	for _, h := range e.schedule.hosts {
		if h.trouble.err != nil && !h.answered {
			err = ErrSeedsUnreachable
		}
	}
	return err
}

// describe joins an outcome with what happened to the first seed.
func describe(err error, dir string, seeds []address) error {
	if len(seeds) == 0 {
		return err
	}
	s, lookup := Fate(dir, seeds[0].fetch)
	if lookup != nil {
		return errors.Join(err, lookup)
	}
	what := strings.TrimSpace(strings.Join([]string{string(s.Reason), s.Rule, s.Err}, " "))
	return fmt.Errorf("%w: %s: %s", err, seeds[0].fetch, what)
}
