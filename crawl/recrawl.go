package crawl

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"millrace"
	"millrace/crawl/consent"
	"millrace/internal/warc"
)

// Recrawl lets a crawl go on for ever: pages that are known are visited again, each as often as it
// changes. New pages come first, and politeness knows no difference.
type Recrawl struct {
	Min, Max time.Duration // from one visit of a page to the next; 0 is an hour and 90 days
	PerDay   int           // visits of known pages, over all hosts; 0 is no limit
}

const (
	defaultMinGap = time.Hour
	defaultMaxGap = 90 * 24 * time.Hour
	// A page that was there and is not, or that could not be asked for, is looked at again within this.
	soonGap = 24 * time.Hour
	// A validator longer than this is not kept: the page is asked for without it.
	maxValidator = 256
)

func (r *Recrawl) fill() error {
	if r.Min < 0 || r.Max < 0 || r.PerDay < 0 {
		return errors.New("crawl.recrawl: min, max and per_day cannot be negative")
	}
	r.Max = orDefault(r.Max, max(defaultMaxGap, r.Min))
	r.Min = orDefault(r.Min, min(defaultMinGap, r.Max))
	if r.Min > r.Max {
		return fmt.Errorf("crawl.recrawl: min %v is above max %v", r.Min, r.Max)
	}
	return nil
}

// next is when a page is due again after a visit.
func (r *Recrawl) next(v *visit) time.Time {
	gap := v.past.nextGap(r.Min, r.Max)
	if v.doubtful() {
		gap = min(gap, max(soonGap, r.Min))
	}
	return v.when.Add(gap)
}

// forEver reports whether the crawl goes on when every URL has been fetched.
func (e *engine) forEver() bool { return e.opts.Recrawl != nil && e.front.counts.Fetched > 0 }

// limit tells the schedule whether new pages may be asked for.
func (e *engine) limit() {
	l := &e.schedule.limits
	enough := e.opts.Recrawl != nil && e.enough()
	if l.enough == enough {
		return
	}
	if l.enough = enough; !enough { // a page that was under way has failed: others may take its place
		for _, h := range e.schedule.hosts {
			e.schedule.touch(h, time.Now())
		}
	}
}

// takeDue takes a known page of h that is due, if the day's ration is not used up.
func (e *engine) takeDue(h *host, now time.Time) (t task, ok bool) {
	if e.opts.Recrawl == nil || e.visits.from(now).After(now) {
		return task{}, false
	}
	if t, ok, e.broken = e.front.takeDue(h.state, now); ok {
		e.visits.left--
		e.schedule.limits.visits = e.visits.from(now)
	}
	return t, ok
}

// miss gives up on a visit that brought nothing. What is known of the page holds.
func (e *engine) miss(t task) {
	r := e.opts.Recrawl
	e.front.putOff(t.id, time.Now().Add(max(min(t.last.past.nextGap(r.Min, r.Max), soonGap), r.Min)))
}

// ration spreads a day's visits of known pages over the day.
type ration struct {
	perDay int       // 0: no limit
	part   time.Time // of the day
	left   int       // in that part
}

// from is when the next visit may be; in the past, it may be now.
func (r *ration) from(now time.Time) time.Time {
	if r.perDay == 0 {
		return time.Time{}
	}
	parts := min(r.perDay, 96)
	length := 24 * time.Hour / time.Duration(parts)
	if part := now.Truncate(length); part.After(r.part) {
		r.part, r.left = part, r.perDay/parts
	}
	if r.left > 0 {
		return time.Time{}
	}
	return r.part.Add(length)
}

// visit is the latest visit of a page, and what the next one must know of those before.
type visit struct {
	when   time.Time
	status int // of what holds: a 304 leaves that of the visit before
	since  time.Time
	// digest, etag and modified are of the response that holds, which was fetched at since.
	digest, etag, modified string
	target                 string // of a redirect
	said                   []millrace.Statement
	past                   history
	there                  bool // it has been a page at some time
	gone                   bool // its rows have been withdrawn since, because it no longer is
	dated                  bool // of a visit to come: a date says that the page has changed
}

// doubtful reports whether a page that was there has been missing once.
func (v *visit) doubtful() bool { return v.there && !v.gone && v.status == http.StatusNotFound }

// condition is what a request adds so that the server can answer 304. A page that refused is fetched
// in full: it may have changed its mind.
func (v *visit) condition(p consent.Policy) http.Header {
	if v == nil || v.status != http.StatusOK || refuses(p, v.said) {
		return nil
	}
	h := http.Header{}
	if v.etag != "" {
		h.Set("If-None-Match", v.etag)
	}
	if v.modified != "" {
		h.Set("If-Modified-Since", v.modified)
	}
	return h
}

// refuses reports whether a page may not be used: by the policy, or by the publisher's word, of which
// another policy may think otherwise.
func refuses(p consent.Policy, said []millrace.Statement) bool {
	_, verdict := p.Decide(said)
	return !verdict.Kept() || consent.Combine(said) == millrace.No
}

// compare draws the conclusions from what is new about a page since the visit before, if there was one:
// how it goes into the archive, and whether it is news.
func (c *capture) compare(p consent.Policy) {
	last, now := c.task.last, &c.visit
	now.when, now.since, now.status = c.at, c.at, c.answer.status
	now.etag, now.modified = validator(c.answer.header, "Etag"), validator(c.answer.header, "Last-Modified")
	now.target, now.there = targetOf(c.answer.header.Get("Location")), isThere(now.status)
	if last == nil {
		now.said = c.consent
		return
	}
	missing := now.status == http.StatusNotFound || now.status == http.StatusGone
	whole := c.answer.cut != cutTime && c.answer.cut != cutDisconnect
	again := now.status == last.status && whole && now.digest == last.digest && now.target == last.target
	now.there = now.there || last.there
	now.gone = missing && now.there && (last.gone || now.status == http.StatusGone || last.status == http.StatusNotFound)
	switch {
	case now.status == http.StatusNotModified && c.conditional():
		again = true
		c.consent = append(c.consent, standing(last.said, c.consent)...)
		now.status, now.since, now.digest, now.target = last.status, last.since, last.digest, last.target
		now.etag, now.modified = orDefault(now.etag, last.etag), orDefault(now.modified, last.modified)
		c.revisit = &revisit{at: last.since, digest: last.digest}
	case now.gone && !last.gone:
		// A record of its own, which withdraws the rows.
	case again && refuses(p, last.said) && !refuses(p, c.consent):
		// A record of its own: the page may be used now.
	case again:
		now.since = last.since
		c.revisit = &revisit{at: last.since}
	}
	if c.revisit != nil && !refuses(p, last.said) && refuses(p, c.consent) {
		c.revisit.publish = "consent"
	}
	now.said = c.consent
	now.past = last.past.add(now.when.Sub(last.when), !again)
}

// conditional reports whether the server was asked for a 304.
func (c *capture) conditional() bool {
	return c.answer.sent.Get("If-None-Match") != "" || c.answer.sent.Get("If-Modified-Since") != ""
}

func isThere(status int) bool { return status >= 200 && status <= 299 }

// validator is an ETag or Last-Modified to send back; "" where there is none, or one too long to keep.
func validator(h http.Header, name string) string {
	if v := h.Get(name); len(v) <= maxValidator {
		return v
	}
	return ""
}

// targetOf bounds what is kept of a Location.
func targetOf(s string) string { return s[:min(len(s), maxURL)] }

// standing are the statements that a 304 leaves standing: what the page said of itself, in so far as the
// answer does not say it anew. What the site says has been looked at again.
func standing(old, fresh []millrace.Statement) []millrace.Statement {
	return slices.DeleteFunc(slices.Clone(old), func(s millrace.Statement) bool {
		place, kind, _ := strings.Cut(s.Source, ":")
		return place == "robots" || place == "file" || kind == "robots" ||
			slices.ContainsFunc(fresh, func(f millrace.Statement) bool { return f.Source == s.Source })
	})
}

// event gives the frontier's record of the visit.
func (c *capture) event(next int64) event {
	t, v := c.task, &c.visit
	e := event{kind: evFetched, id: t.id, url: t.addr.fetch, depth: uint64(t.depth), hops: uint64(t.hops), next: uint64(next),
		status: uint64(v.status), when: uint64(v.when.Unix()), since: uint64(v.since.UnixMicro()),
		digest: v.digest, etag: v.etag, modified: v.modified, rule: v.target, body: string(v.past)}
	if t.alias {
		e.flags |= flagAlias
	}
	if v.there {
		e.flags |= flagThere
	}
	if v.gone {
		e.flags |= flagGone
	}
	if t.last != nil && t.last.dated {
		e.flags |= flagDated
	}
	var said []string
	for _, s := range v.said {
		said = append(said, formatStatement(s))
	}
	e.text = strings.Join(said, "\n")
	return e
}

// visit reads it back, but for what the page said.
func (e *event) visit() *visit {
	return &visit{when: time.Unix(int64(e.when), 0).UTC(), since: time.UnixMicro(int64(e.since)).UTC(), status: int(e.status),
		digest: e.digest, etag: e.etag, modified: e.modified, target: e.rule, past: history(e.body),
		there: e.flags&flagThere != 0, gone: e.flags&flagGone != 0}
}

// pastField is what a record says of the visits before, so that the archive alone tells when a page is due
// again: "here" or "gone", and the history in hex.
func (v *visit) pastField() string {
	switch {
	case v.gone:
		return "gone " + hex.EncodeToString([]byte(v.past))
	case v.there:
		return "here " + hex.EncodeToString([]byte(v.past))
	}
	return "never " + hex.EncodeToString([]byte(v.past))
}

// visitOf reads a visit from its record in the archive.
func visitOf(rec *warc.Record, status int, header []millrace.Field) (v visit, err error) {
	if v.when, err = time.Parse(time.RFC3339Nano, rec.Get("WARC-Date")); err != nil {
		return v, err
	}
	v.when = v.when.UTC()
	v.status, v.since, v.digest, v.there = status, v.when, rec.Get("WARC-Payload-Digest"), isThere(status)
	for _, f := range header {
		switch {
		case f.Name == "Etag" && len(f.Value) <= maxValidator:
			v.etag = f.Value
		case f.Name == "Location":
			v.target = targetOf(f.Value)
		case f.Name == "Last-Modified" && len(f.Value) <= maxValidator:
			v.modified = f.Value
		}
	}
	for _, f := range rec.Header {
		if s, ok := parseStatement(f.Value); ok && strings.EqualFold(f.Name, fieldConsent) {
			v.said = append(v.said, s)
		}
	}
	if at, err := time.Parse(time.RFC3339Nano, rec.Get("WARC-Refers-To-Date")); err == nil {
		v.since = at.UTC()
	}
	if rec.Get("WARC-Profile") == profileNotModified {
		v.status = http.StatusOK
	}
	if state, past, ok := strings.Cut(rec.Get(fieldPast), " "); ok {
		v.there, v.gone = state != "never", state == "gone"
		if b, err := hex.DecodeString(past); err == nil {
			v.past = history(b)
		}
	}
	return v, nil
}
