package crawl

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"millrace/crawl/consent"
	"millrace/crawl/robots"
)

// How long a robots.txt holds: what its Cache-Control says, within these.
const (
	minRulesTTL = time.Hour
	maxRulesTTL = 24 * time.Hour
)

// rulesEntry is the last answer to a request for robots.txt that meant something.
type rulesEntry struct {
	status int
	when   time.Time // it was fetched
	until  time.Time
	body   string
	note   string // "html" or "truncated", where something is odd about it
}

// rulesOf is what an answer to a request for robots.txt means.
func rulesOf(status int, body []byte) (file *robots.File, hash string) {
	if status < 200 || status > 299 {
		return robots.ForStatus(status, nil), "status" + strconv.Itoa(status)
	}
	sum := sha256.Sum256(body)
	return robots.Parse(body), hex.EncodeToString(sum[:4])
}

// rulesTTL reads Cache-Control.
func rulesTTL(h http.Header) time.Duration {
	for _, v := range h.Values("Cache-Control") {
		for part := range strings.SplitSeq(v, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch {
			case strings.EqualFold(name, "no-store"), strings.EqualFold(name, "no-cache"):
				return minRulesTTL
			case strings.EqualFold(name, "max-age"):
				n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 64)
				if errors.Is(err, strconv.ErrRange) && n > 0 || n > int64(maxRulesTTL/time.Second) {
					return maxRulesTTL
				}
				return max(time.Duration(n)*time.Second, minRulesTTL)
			}
		}
	}
	return maxRulesTTL
}

// rulesNote says what is odd about a robots.txt: a page in its place has no rules, and one that is too
// long has been read in part.
func rulesNote(a *answer) string {
	head := bytes.TrimLeft(bytes.TrimPrefix(a.body, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(head) > 0 && head[0] == '<':
		return "html"
	case a.cut != "" || len(a.body) > robots.MaxSize:
		return "truncated"
	}
	return ""
}

func (e *engine) settleRobots(h *host, r result) {
	t, o := r.task, r.task.owner
	if r.err != nil {
		e.robotsUnanswered(h, t, r)
		return
	}
	e.storeSite(t.addr.fetch, &r.answer)
	status := r.answer.status
	if isLater(&r.answer) {
		until, said := e.makeWay(h, &r.answer)
		if t.waits++; said && t.waits < maxPostponed && !h.away {
			h.again(t, until)
			return
		}
	}
	if status >= 500 || status == http.StatusTooManyRequests {
		if t.attempts++; t.attempts < quickTries && o.trouble.err == nil {
			h.again(t, r.answer.ended.Add(h.retryWait(t.attempts)))
			return
		}
		e.unruled(o, fmt.Errorf("robots.txt was answered with status %d", status))
		return
	}
	if target := r.answer.header.Get("Location"); status >= 300 && status < 400 && target != "" {
		a, err := resolve(t.addr.fetch, target)
		if err == nil && t.hops < maxHops {
			e.forward(t, a)
			return
		}
		status = http.StatusNotFound // as RFC 9309 allows for a chain that is too long
	}
	entry := event{kind: evRobots, url: o.authority, status: uint64(status), when: uint64(r.answer.ended.Unix()),
		until: uint64(o.lasting(r.answer.ended.Add(rulesTTL(r.answer.header))).Unix())}
	if status >= 200 && status <= 299 {
		entry.body, entry.text = string(r.answer.body), rulesNote(&r.answer)
	}
	e.front.record(entry)
	e.recovered(o)
	e.giveRules(o, rulesIn(&entry))
}

// forward sends a request for robots.txt on to where it was redirected. The rules will be the owner's:
// where they are found says nothing about the host that holds them.
func (e *engine) forward(t task, a address) {
	t.addr, t.attempts = a, 0
	t.hops++
	to := e.host(a)
	if to != t.owner && (to.away || to.parked) {
		e.unruled(t.owner, fmt.Errorf("robots.txt leads to %s, which is not to be asked now", to.authority))
		return
	}
	to.errands = append(to.errands, t)
	e.schedule.touch(to, time.Now())
}

// robotsUnanswered asks for a robots.txt again, soon and then not so soon.
func (e *engine) robotsUnanswered(h *host, t task, r result) {
	if isRefusedAddress(r.err) && h == t.owner {
		e.refuseHost(h, r.err)
		return
	}
	t.attempts++
	soon := t.attempts < quickTries
	if r.answer.status == 0 {
		h.silent += weight(r.err)
		soon = h.silent < maxSilent
	}
	if soon && h.trouble.err == nil && t.owner.trouble.err == nil && !isRefusedAddress(r.err) {
		wait := h.retryWait(t.attempts)
		if r.answer.status == 0 {
			h.next = later(h.next, r.answer.ended.Add(wait))
		}
		h.again(t, r.answer.ended.Add(wait))
		return
	}
	h.doubted = h.doubted || h != t.owner && h.silent >= maxSilent
	e.unruled(t.owner, r.err)
}

// unruled ends an attempt to learn the rules of h that brought nothing. Old rules hold meanwhile; where
// there are none, or the host does not answer at all, it is left alone.
func (e *engine) unruled(h *host, err error) {
	now := time.Now()
	h.asked = false
	down, first := h.silent >= maxSilent, closedGap
	if down && h.answered {
		first = downGap
	}
	gap, parked := h.trouble.again(now, err, first)
	if parked {
		h.rules = nil // a month is too long for old ones
	}
	switch {
	case parked && e.opts.Recrawl == nil: // a crawl without an end goes on to ask once a day
		h.parked = true
		e.parked++
		e.abandon(h, err)
	case h.rules != nil && !h.doubted:
		h.rulesUntil = now.Add(gap)
	default:
		h.next = later(h.next, now.Add(gap+margin(gap)))
		h.away = !down || !h.answered || h.trouble.tries > patientTries
		e.abandon(h, err)
	}
	level := slog.LevelInfo
	if h.trouble.tries == 1 {
		level = slog.LevelWarn
	}
	e.log.Log(e.ctx, level, "host is left alone", "host", h.authority, "for", gap, "parked", parked, "err", err)
	e.front.record(event{kind: evTrouble, url: h.authority, when: uint64(h.trouble.since.Unix()), attempts: uint64(h.trouble.tries), text: clip(err.Error())})
	e.schedule.touch(h, now)
}

// lasting makes sure that a page can be asked for before it is time to ask for the rules again, however
// long the delay.
func (h *host) lasting(until time.Time) time.Time {
	return later(until, time.Now().Add(3*h.pace.delay()))
}

// recovered ends the trouble of a host whose rules are known now.
func (e *engine) recovered(h *host) {
	h.doubted, h.away = false, false
	if !h.trouble.since.IsZero() {
		h.trouble = trouble{}
		e.front.record(event{kind: evTrouble, url: h.authority})
	}
}

// abandon takes back what was to be asked of h and others wait for.
func (e *engine) abandon(h *host, err error) {
	e.abandonFiles(h)
	tasks := append(h.errands, h.laterErrands...)
	h.errands, h.laterErrands = nil, nil
	for _, t := range tasks {
		if t.owner == h {
			h.asked = false
		} else {
			e.unruled(t.owner, err)
		}
	}
}

// refuseHost ends everything that concerns a host which the guard lets nobody ask.
func (e *engine) refuseHost(h *host, err error) {
	h.refused = err
	e.abandon(h, err)
	e.log.Warn("host is not to be asked", "host", h.authority, "err", err)
}

// giveRules lets a host's pages go, by the rules of entry.
func (e *engine) giveRules(h *host, entry rulesEntry) {
	file, hash := rulesOf(entry.status, []byte(entry.body))
	h.rules, h.rulesHash, h.asked = file.Group(e.opts.Agent.Token), hash, false
	h.usage = consent.ReadRules(file, e.opts.Agent.Token, entry.when)
	if entry.note != "" {
		h.rulesHash += " (" + entry.note + ")"
	}
	h.rulesUntil = entry.until
	h.pace.wanted = min(h.rules.CrawlDelay(), maxCrawlDelay)
	if e.opts.Recrawl != nil && len(file.Sitemaps()) > 0 {
		h.mapCount, h.mapsAgain = len(h.maps), entry.when.Add(mapsGap)
	}
	for _, s := range file.Sitemaps() {
		if a, err := resolve(h.authority+"/robots.txt", s); err == nil {
			h.names(a)
			e.addSitemap(a, 0, sitemapID(a))
		}
	}
	e.schedule.touch(h, time.Now())
}

// allowed asks the rules of h for a task, with what the archive says about it: the file, and the line
// that decided.
func (h *host) allowed(a address) (ok bool, rule string, line int, cited string) {
	ok, rule, line = h.rules.Allowed(a.fetch)
	cited = h.rulesHash
	if rule != "" {
		cited = fmt.Sprintf("%s:%d %s", h.rulesHash, line, rule)
	}
	return ok, rule, line, cited
}
