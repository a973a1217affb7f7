package crawl

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace"
	"millrace/internal/warc"
)

// Names of the stages that decide here.
const (
	stageFetch   = "fetch"
	stageConsent = "consent"
)

// Fields that our response records have besides those of WARC 1.1. Everything that a Document
// needs and the HTTP message does not say stands in one of them.
const (
	fieldRobots  = "X-Millrace-Robots"  // the robots.txt line that decided
	fieldConsent = "X-Millrace-Consent" // one statement, as JSON
	fieldSize    = "X-Millrace-Size"    // of a body cut at the limit: "SIZE/LIMIT"
	fieldHops    = "X-Millrace-Hops"    // redirects and links on the way: "HOPS/DEPTH"
	fieldKey     = "X-Millrace-Key"     // where the frontier knows the URL by another key than its own
)

const dateFormat = "2006-01-02T15:04:05.000000Z"

// capture is one final answer on its way into the archive.
type capture struct {
	task    task
	at      time.Time
	answer  answer
	limit   int64
	robots  string
	consent []millrace.Statement
	links   []address
	// redirect says that links holds the target of a redirect.
	redirect bool
}

// statementJSON is a Statement in a WARC field.
type statementJSON struct {
	Source string `json:"source"`
	Value  string `json:"value"`
	Raw    string `json:"raw"`
}

// record gives the WARC record of c.
func (c *capture) record() (header []millrace.Field, block []byte) {
	url, date := c.task.addr.fetch, c.at.UTC().Format(dateFormat)
	block = warc.FormatHTTP(c.answer.status, httpFields(&c.answer), c.answer.body)
	digest := warc.Digest(c.answer.body)
	add := func(name, value string) {
		if value != "" {
			header = append(header, millrace.Field{Name: name, Value: strings.TrimSpace(clip(value))})
		}
	}
	add("WARC-Type", "response")
	add("WARC-Record-ID", warc.RecordID(url, date, digest))
	add("WARC-Date", date)
	header = append(header, millrace.Field{Name: "WARC-Target-URI", Value: url}) // never clipped
	if c.answer.remote.IsValid() {
		add("WARC-IP-Address", c.answer.remote.String())
	}
	add("Content-Type", "application/http;msgtype=response")
	add("WARC-Payload-Digest", digest)
	add("WARC-Truncated", c.answer.cut)
	if c.answer.cut == "length" {
		add(fieldSize, fmt.Sprintf("%d/%d", c.answer.size, c.limit))
	}
	add(fieldHops, fmt.Sprintf("%d/%d", c.task.hops, c.task.depth))
	if c.task.alias {
		add(fieldKey, "=")
	}
	add(fieldRobots, c.robots)
	for _, s := range c.consent[:min(len(c.consent), maxStatements)] {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(statementJSON{s.Source, s.Value.String(), s.Raw}); err == nil {
			header = append(header, millrace.Field{Name: fieldConsent, Value: strings.TrimSpace(b.String())})
		}
	}
	return header, block
}

// httpFields are the header lines of the archived message, in the order of their names, for net/http
// has lost the server's. The body is stored decoded, so what described its encoding is renamed.
func httpFields(a *answer) []millrace.Field {
	var out []millrace.Field
	for name, values := range a.header {
		switch name {
		case "Content-Encoding", "Transfer-Encoding", "Content-Length":
			name = "X-Archive-Orig-" + name
		}
		for _, v := range values {
			out = append(out, millrace.Field{Name: name, Value: v})
		}
	}
	out = append(out, millrace.Field{Name: "Content-Length", Value: strconv.Itoa(len(a.body))})
	sortFields(out)
	return out
}

func sortFields(f []millrace.Field) {
	slices.SortStableFunc(f, func(a, b millrace.Field) int { return strings.Compare(a.Name, b.Name) })
}

// document makes a Document of a response record. It is a pure function, used when a page is
// fetched and when the archive is read again: the same record gives the same Document.
func document(rec *warc.Record, claim millrace.Claim, policy string) (*millrace.Document, error) {
	status, header, body, err := warc.ParseHTTP(rec.Block)
	if err != nil {
		return nil, fmt.Errorf("record at byte %d of %s: %w", rec.Offset, claim.File, err)
	}
	claim.SHA256 = sha256.Sum256(body)
	if want, ok := strings.CutPrefix(rec.Get("WARC-Payload-Digest"), "sha256:"); ok && want != base32.StdEncoding.EncodeToString(claim.SHA256[:]) {
		return nil, fmt.Errorf("record at byte %d of %s: the payload is not what its digest says: %w", rec.Offset, claim.File, millrace.ErrIntegrity)
	}
	d := &millrace.Document{Page: millrace.Page{
		URL:       rec.TargetURI(),
		Status:    status,
		Header:    slices.DeleteFunc(header, func(f millrace.Field) bool { return !matters(f.Name) }),
		Robots:    rec.Get(fieldRobots),
		Source:    "crawl",
		Claim:     claim,
		Truncated: rec.Get("WARC-Truncated") != "",
	}}
	p := &d.Page
	if p.FetchedAt, err = time.Parse(time.RFC3339Nano, rec.Get("WARC-Date")); err != nil {
		return nil, fmt.Errorf("record at byte %d of %s: %w", rec.Offset, claim.File, err)
	}
	p.FetchedAt = p.FetchedAt.UTC()
	p.MediaType = p.Get("Content-Type")
	for _, f := range rec.Header {
		if s := (statementJSON{}); strings.EqualFold(f.Name, fieldConsent) && json.Unmarshal([]byte(f.Value), &s) == nil {
			v, _ := millrace.ParseConsent(s.Value)
			p.ConsentBy = append(p.ConsentBy, millrace.Statement{Source: s.Source, Raw: s.Raw, Value: v})
		}
	}
	p.Consent = combine(p.ConsentBy)
	if isHTML(p.MediaType, body) {
		p.Licence = clip(scanHead(body, "").licence)
	}
	d.ID = millrace.NewID(p.URL, claim.SHA256)
	if _, d.URLKey, err = Canonical(p.URL); err != nil {
		d.URLKey = p.URL // a record that another version of this program wrote
	}
	d.Verdict = decide(p, rec, body, policy)
	return d, nil
}

// matters lists the headers that a Page keeps. The archive has all of them.
func matters(name string) bool {
	switch name {
	case "Content-Type", "Content-Language", "Last-Modified", "Etag", "Link", "Location", "Retry-After",
		"X-Robots-Tag", "Content-Usage", "Tdm-Reservation", "Tdm-Policy":
		return true
	}
	return false
}

// decide gives the verdicts that need no more than the answer itself.
func decide(p *millrace.Page, rec *warc.Record, body []byte, policy string) millrace.Verdict {
	if target := p.Get("Location"); target != "" && p.Status >= 300 && p.Status < 400 {
		if a, err := resolve(p.URL, target); err == nil {
			target = a.fetch
		}
		return millrace.Verdict{Reason: millrace.FetchRedirect, Stage: stageFetch, Signal: "status", Value: float64(p.Status), Limit: 200, Err: clip(target)}
	}
	if p.Status != http.StatusOK && p.Status != http.StatusNonAuthoritativeInfo {
		return millrace.Verdict{Reason: millrace.FetchStatus, Stage: stageFetch, Signal: "status", Value: float64(p.Status), Limit: 200}
	}
	if size, limit, ok := cutPair(rec.Get(fieldSize)); ok {
		return millrace.Verdict{Reason: millrace.FetchTooLarge, Stage: stageFetch, Signal: "bytes", Value: float64(size), Limit: float64(limit)}
	}
	if kind := effectiveType(p.MediaType, body); !isText(kind) {
		return millrace.Verdict{Reason: millrace.FetchMediaType, Stage: stageFetch, Err: clip(kind)}
	}
	if p.Consent == millrace.No && policy == "training" {
		i := slices.IndexFunc(p.ConsentBy, func(s millrace.Statement) bool { return s.Value == millrace.No })
		return millrace.Verdict{Reason: millrace.ConsentNoTrain, Stage: stageConsent, Err: p.ConsentBy[i].Source + ": " + p.ConsentBy[i].Raw}
	}
	return millrace.Verdict{}
}

// effectiveType is the media type, guessed from the body where none was sent.
func effectiveType(mediaType string, body []byte) string {
	if strings.TrimSpace(mediaType) != "" || len(body) == 0 {
		return mediaType
	}
	return http.DetectContentType(body)
}

// resolve reads a reference that the page at base makes.
func resolve(base, ref string) (address, error) {
	b, err := parseURL(base, nil)
	if err != nil {
		return address{}, err
	}
	return parseAddress(toUTF8(ref), b)
}

// cutPair reads "A/B".
func cutPair(s string) (a, b int64, ok bool) {
	x, y, _ := strings.Cut(s, "/")
	a, err1 := strconv.ParseInt(x, 10, 64)
	b, err2 := strconv.ParseInt(y, 10, 64)
	return a, b, err1 == nil && err2 == nil
}

// linksOf lists where a capture leads: the target of a redirect, or the links of a whole page. redirect says which.
func linksOf(url string, status int, header []millrace.Field, body []byte, cut, token string) (links []address, redirect bool) {
	get := func(name string) string {
		i := slices.IndexFunc(header, func(f millrace.Field) bool { return f.Name == name })
		if i < 0 {
			return ""
		}
		return header[i].Value
	}
	if target := get("Location"); target != "" && status >= 300 && status < 400 {
		a, err := resolve(url, target)
		if err != nil {
			return nil, true
		}
		return []address{a}, true
	}
	if status != http.StatusOK || cut != "" || !isHTML(get("Content-Type"), body) {
		return nil, false
	}
	if linksForbidden(header, scanHead(body, token), token) {
		return nil, false
	}
	return scanLinks(body, url), false
}
