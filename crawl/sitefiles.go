package crawl

import (
	"net/http"
	"slices"
	"time"

	"millrace/crawl/consent"
)

// Bounds on the files that speak about the use of a site's pages: tdmrep.json, RSL documents, ai.txt.
const (
	filesTTL    = 24 * time.Hour
	filesRetry  = time.Hour // where a file could not be had, neither there nor missing
	maxDocs     = 4         // RSL documents that one host can name
	maxHeld     = 64        // pages that wait for a document, over all hosts
	maxHeldSize = 16 << 20  // bytes of one body, and of all of them
)

// siteFiles is what a host's files say about the use of its pages, and what is still to be asked for.
// Pages wait until nothing is.
type siteFiles struct {
	said    *consent.Site
	until   time.Time // from when on it has to be asked for again
	docs    []string  // RSL documents that the host names
	pending int       // files that have been asked for
	held    *capture  // a page that named a document nobody knew
}

// wanted is somebody who waits for a file.
type wanted struct {
	host *host
	kind consent.Kind
}

// informed reports whether pages of h may be asked for. The first of them brings the question up, so
// that a site of which nothing may be fetched is asked for nothing.
func (h *host) informed(now time.Time) bool { return h.refused != nil || now.Before(h.files.until) }

// inform asks for everything that speaks for the pages of h.
func (e *engine) inform(h *host) {
	h.files.until = time.Now().Add(filesTTL)
	e.want(h, consent.TDM, h.authority+consent.TDMPath)
	if e.opts.AITxt {
		e.want(h, consent.AITxt, h.authority+consent.AITxtPath)
	}
	docs := h.files.docs
	h.files.docs = nil
	root := sayings(h.authority+"/", nil, nil, e.opts.Agent.Token)
	root.Rules = h.usage
	e.wantDocs(h, append(consent.Wanted(root), docs...))
}

// wantDocs asks for RSL documents, as many as a host may name.
func (e *engine) wantDocs(h *host, urls []string) {
	for _, u := range urls {
		if len(h.files.docs) < maxDocs && !slices.Contains(h.files.docs, u) {
			h.files.docs = append(h.files.docs, u)
			e.want(h, consent.RSL, u)
		}
	}
}

// want gives h a file of a site, now where it is known, or else when it has been fetched. Hosts share
// documents: each is asked for once a day.
func (e *engine) want(h *host, kind consent.Kind, url string) {
	file, known := e.knownFile(url)
	if known && time.Now().Before(time.Unix(int64(file.until), 0)) {
		e.learn(wanted{h, kind}, &file)
		return
	}
	h.files.pending++
	e.wanted[url] = append(e.wanted[url], wanted{h, kind})
	if len(e.wanted[url]) > 1 {
		return
	}
	a, err := parseAddress(url, nil)
	if err != nil {
		e.concludeFile(url, http.StatusNotFound, nil)
		return
	}
	e.askFile(task{kind: taskFile, addr: a, file: url})
}

// knownFile is the last answer for a file.
func (e *engine) knownFile(url string) (event, bool) {
	pos, ok := e.front.files[idOf(url)]
	if !ok {
		return event{}, false
	}
	file, err := e.front.at(pos)
	if err != nil {
		e.broken = err
	}
	return file, err == nil
}

// askFile puts a file among what its host is to be asked for.
func (e *engine) askFile(t task) {
	to := e.host(t.addr)
	if to.refused != nil || to.away || to.parked {
		e.concludeFile(t.file, 0, nil)
		return
	}
	to.fileTasks = append(to.fileTasks, t)
	e.schedule.touch(to, time.Now())
}

// concludeFile tells those who wait for a file what became of it. Status 0 is no answer: what was known
// before stays in force.
func (e *engine) concludeFile(url string, status int, body []byte) {
	now := time.Now()
	file := event{kind: evFile, url: url, status: uint64(status), when: uint64(now.Unix()), until: uint64(now.Add(filesTTL).Unix()), body: string(body)}
	if status == 0 {
		if old, ok := e.knownFile(url); ok {
			file = old
		}
		file.until = uint64(now.Add(filesRetry).Unix())
	}
	e.front.record(file)
	waiting := e.wanted[url]
	delete(e.wanted, url)
	for _, w := range waiting {
		w.host.files.pending--
		e.learn(w, &file)
		if w.host.files.pending == 0 {
			e.letGo(w.host)
			e.schedule.touch(w.host, now)
		}
	}
}

// learn adds a file to what a host's files say.
func (e *engine) learn(w wanted, file *event) {
	f := &w.host.files
	f.said = f.said.Add(w.kind, file.url, time.Unix(int64(file.when), 0), int(file.status), []byte(file.body))
	if until := w.host.lasting(time.Unix(int64(file.until), 0)); until.Before(f.until) {
		f.until = until
	}
}

// hold keeps a page back that names documents which nobody knows yet. It reports whether it has: where
// too many are held already, the page is asked for again later, when the documents are known.
func (e *engine) hold(h *host, c *capture) bool {
	if len(c.wanted) == 0 {
		return false
	}
	if e.wantDocs(h, c.wanted); h.files.pending == 0 {
		c.knows(h.files.said)
		return false
	}
	size := int64(len(c.answer.body))
	if e.held >= maxHeld || e.heldBytes+size > maxHeldSize {
		h.again(c.task, time.Now())
		return true
	}
	e.held++
	e.heldBytes += size
	h.files.held = c
	return true
}

// letGo hands the page on that h has held.
func (e *engine) letGo(h *host) {
	c := h.files.held
	if c == nil {
		return
	}
	h.files.held = nil
	e.held--
	e.heldBytes -= int64(len(c.answer.body))
	c.knows(h.files.said)
	c.compare(e.opts.ConsentPolicy)
	e.store(c)
}

// abandonFiles ends the wait for files that h is not going to be asked for soon.
func (e *engine) abandonFiles(h *host) {
	tasks := h.fileTasks
	h.fileTasks = nil
	for _, t := range tasks {
		e.concludeFile(t.file, 0, nil)
	}
}

// knows decides anew what is said about a page's use, with what the site's files say.
func (c *capture) knows(said *consent.Site) {
	c.says.Site = said
	c.consent = consent.Statements(c.says)
}

// settleFile draws the conclusions from an answer to a request for a file.
func (e *engine) settleFile(h *host, r result) {
	t := r.task
	if r.err != nil {
		if !e.unanswered(h, t, r) {
			e.concludeFile(t.file, 0, nil)
		}
		return
	}
	e.storeSite(t.addr.fetch, &r.answer)
	status := r.answer.status
	if isLater(&r.answer) {
		e.makeWay(h, &r.answer)
	}
	if isLater(&r.answer) || status >= 500 {
		// Pages wait for it, so it is not waited for long.
		if t.attempts++; t.attempts < quickTries && time.Until(h.next) <= max(maxRetryWait, h.pace.delay()) {
			h.again(t, r.answer.ended.Add(h.retryWait(t.attempts)))
		} else {
			e.concludeFile(t.file, 0, nil)
		}
		return
	}
	if target := r.answer.header.Get("Location"); status >= 300 && status < 400 && target != "" {
		a, err := resolve(t.addr.fetch, target)
		if err != nil || t.hops >= maxHops {
			e.concludeFile(t.file, http.StatusNotFound, nil)
			return
		}
		t.addr, t.attempts = a, 0
		t.hops++
		e.askFile(t)
		return
	}
	e.concludeFile(t.file, status, r.answer.body)
}
