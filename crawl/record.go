package crawl

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace"
	"millrace/crawl/consent"
	"millrace/internal/warc"
)

// Fields that our response records have besides those of WARC 1.1. Everything that a Document
// needs and the HTTP message does not say stands in one of them.
const (
	fieldRobots  = "X-Millrace-Robots"  // the robots.txt line that decided
	fieldConsent = "X-Millrace-Consent" // one statement, as JSON
	fieldSize    = "X-Millrace-Size"    // of a body cut at the limit: "SIZE/LIMIT"
	fieldHops    = "X-Millrace-Hops"    // redirects and links on the way: "HOPS/DEPTH"
	fieldKey     = "X-Millrace-Key"     // where the frontier knows the URL by another key than its own
	fieldSHA256  = "X-Millrace-SHA256"  // of the payload, in hex: WARC-Payload-Digest is SHA-1
	fieldPublish = "X-Millrace-Publish" // of a revisit that is a Document all the same, and why
	fieldPast    = "X-Millrace-Past"    // of a page that was visited before: what came of it
)

const (
	dateFormat = "2006-01-02T15:04:05.000000Z"

	profileNotModified = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
	profileIdentical   = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
)

// capture is one final answer on its way into the archive.
type capture struct {
	task    task
	at      time.Time
	answer  answer
	robots  string
	consent []millrace.Statement
	says    consent.Input // what consent was read from
	wanted  []string      // RSL documents that it names and nobody knew when it came
	links   []address
	changed []time.Time // of a feed: when the pages that links lead to changed
	// redirect says that links holds the target of a redirect.
	redirect bool
	// site says that this is robots.txt or the like: it goes into the site archive and is no page.
	site bool
	// revisit says what the answer brought nothing new to; nil: it is a page of its own.
	revisit *revisit
	// visit is what the frontier will know of this one.
	visit visit
}

// revisit is the visit before, whose answer still holds: the server said 304, or the payload is the same.
type revisit struct {
	at     time.Time // the WARC-Date of that visit's response
	digest string    // its WARC-Payload-Digest; "" where it is not known and the server said 304
	// publish makes a Document of the revisit, without a body, and says why: "consent" has changed.
	publish string
}

// published reports whether a record is a Document.
func published(rec *warc.Record) bool {
	t := rec.Type()
	return t == "response" || t == "revisit" && rec.Get(fieldPublish) != ""
}

// fields collects the named fields of a record.
type fields []millrace.Field

// add adds a field that says something. Values are clipped, for strangers wrote some of them.
func (f *fields) add(name, value string) {
	if value != "" {
		*f = append(*f, millrace.Field{Name: name, Value: strings.TrimSpace(clip(value))})
	}
}

// head adds the fields that every record of a capture has.
func (c *capture) head(f *fields, kind, id string) {
	f.add("WARC-Type", kind)
	f.add("WARC-Record-ID", id)
	f.add("WARC-Date", c.at.UTC().Format(dateFormat))
	*f = append(*f, millrace.Field{Name: "WARC-Target-URI", Value: c.task.addr.fetch}) // never clipped
}

// id is the WARC-Record-ID of one of c's records.
func (c *capture) id(kind string) string {
	return warc.RecordID(c.task.addr.fetch, c.at.UTC().Format(dateFormat), kind)
}

// record gives the WARC record of c that everything else can be derived from: a response or a revisit.
func (c *capture) record() (header []millrace.Field, block []byte) {
	kind, body := "response", c.answer.body
	if c.revisit != nil {
		kind, body = "revisit", nil
	}
	block = warc.FormatHTTP(c.answer.status, httpFields(&c.answer), body)
	var f fields
	c.head(&f, kind, c.id(kind))
	if c.answer.remote.IsValid() {
		f.add("WARC-IP-Address", c.answer.remote.String())
	}
	f.add("Content-Type", "application/http;msgtype=response")
	if c.revisit != nil {
		c.revisitFields(&f)
	} else {
		f.add("WARC-Payload-Digest", warc.Digest(body))
		f.add("WARC-Identified-Payload-Type", identified(body))
		f.add("WARC-Truncated", c.answer.cut)
		sum := sha256.Sum256(body)
		f.add(fieldSHA256, hex.EncodeToString(sum[:]))
	}
	if c.answer.cut == cutLength {
		f.add(fieldSize, fmt.Sprintf("%d/%d", c.answer.size, c.answer.bound))
	}
	if c.site {
		return f, block
	}
	f.add(fieldHops, fmt.Sprintf("%d/%d", c.task.hops, c.task.depth))
	if c.task.alias {
		f.add(fieldKey, "=")
	}
	f.add(fieldRobots, c.robots)
	if c.task.last != nil {
		f.add(fieldPast, c.visit.pastField())
	}
	for _, s := range c.consent {
		f = append(f, millrace.Field{Name: fieldConsent, Value: formatStatement(s)})
	}
	return f, block
}

func (c *capture) revisitFields(f *fields) {
	profile, digest := profileIdentical, c.revisit.digest
	if c.answer.status == http.StatusNotModified {
		profile = profileNotModified
	} else if digest == "" {
		digest = warc.Digest(c.answer.body)
	}
	f.add("WARC-Profile", profile)
	*f = append(*f, millrace.Field{Name: "WARC-Refers-To-Target-URI", Value: c.task.addr.fetch})
	f.add("WARC-Refers-To-Date", c.revisit.at.UTC().Format(dateFormat))
	f.add("WARC-Payload-Digest", digest)
	f.add(fieldPublish, c.revisit.publish)
}

// request gives the WARC record of what was asked; ok is false where that is not known.
func (c *capture) request(answered string) (header []millrace.Field, block []byte, ok bool) {
	_, rest, _ := strings.Cut(c.task.addr.fetch, "://")
	i := strings.IndexByte(rest, '/')
	if c.answer.sent == nil || i < 0 {
		return nil, nil, false
	}
	target, _, _ := strings.Cut(rest[i:], "#")
	var sent []millrace.Field
	for name, values := range c.answer.sent {
		for _, v := range values {
			sent = append(sent, millrace.Field{Name: name, Value: v})
		}
	}
	sortFields(sent)
	block = warc.FormatRequest(http.MethodGet, target, append([]millrace.Field{{Name: "Host", Value: rest[:i]}}, sent...))
	var f fields
	c.head(&f, "request", c.id("request"))
	f.add("WARC-Concurrent-To", answered)
	f.add("Content-Type", "application/http;msgtype=request")
	return f, block, true
}

// metadata gives the WARC record of what was decided about the answer, for people and other tools:
// millrace itself reads only the record that it refers to.
func (c *capture) metadata(about, sum string) (header []millrace.Field, block []byte) {
	var said fields
	said.add("robots", c.robots)
	said.add("consent", consent.Combine(c.consent).String())
	for _, s := range c.consent {
		said = append(said, millrace.Field{Name: "consent-statement", Value: formatStatement(s)})
	}
	said.add("depth", strconv.Itoa(c.task.depth))
	said.add("redirects", strconv.Itoa(c.task.hops))
	said.add("fetchTimeMs", strconv.FormatInt(c.answer.ended.Sub(c.answer.began).Milliseconds(), 10))
	said.add("sha-256", sum)
	var f fields
	c.head(&f, "metadata", c.id("metadata"))
	f.add("WARC-Refers-To", about)
	f.add("Content-Type", "application/warc-fields")
	return f, warc.FormatFields(said)
}

// identified is the media type that the first bytes show, where they show one.
func identified(body []byte) string {
	t, _, _ := strings.Cut(http.DetectContentType(body), ";")
	if t == "text/plain" || t == "application/octet-stream" {
		return "" // which is to say: unknown
	}
	return t
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
