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

// stageFetch is the name of the stage that decides here.
const stageFetch = "fetch"

// document makes a Document of a record that publishes one. It is a pure function, used when a page is
// fetched and when the archive is read again: the same record gives the same Document. Its place is not known here.
func document(rec *warc.Record, policy consent.Policy) (*millrace.Document, error) {
	status, header, body, err := warc.ParseHTTP(rec.Block)
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	claim := millrace.Claim{Kind: "warc", SHA256: sha256.Sum256(body)}
	if want := rec.Get(fieldSHA256); want != "" && want != hex.EncodeToString(claim.SHA256[:]) {
		return nil, fmt.Errorf("read response: the payload is not what its digest says: %w", millrace.ErrIntegrity)
	}
	d := &millrace.Document{Page: millrace.Page{
		URL:       rec.TargetURI(),
		Status:    status,
		Header:    slices.DeleteFunc(header, func(f millrace.Field) bool { return !matters(f.Name) }),
		Robots:    rec.Get(fieldRobots),
		Source:    millrace.SourceCrawl,
		Claim:     claim,
		Truncated: rec.Get("WARC-Truncated") != "",
	}}
	p := &d.Page
	if p.FetchedAt, err = time.Parse(time.RFC3339Nano, rec.Get("WARC-Date")); err != nil {
		return nil, fmt.Errorf("read WARC-Date: %w", err)
	}
	p.FetchedAt = p.FetchedAt.UTC()
	p.MediaType = p.Get("Content-Type")
	for _, f := range rec.Header {
		if !strings.EqualFold(f.Name, fieldConsent) {
			continue
		}
		if s, ok := parseStatement(f.Value); ok {
			p.ConsentBy = append(p.ConsentBy, s)
		}
	}
	p.Licence = consent.Licence(p.ConsentBy)
	d.ID = millrace.NewID(p.URL, claim.SHA256)
	if _, d.URLKey, err = Canonical(p.URL); err != nil {
		d.URLKey = p.URL // a record that another version of this program wrote
	}
	var use millrace.Verdict
	p.Consent, use = policy.Decide(p.ConsentBy)
	d.Verdict = decide(p, rec, body, use)
	return d, nil
}

// matters lists the headers that a Page keeps. The archive has all of them.
func matters(name string) bool {
	switch name {
	case "Content-Type", "Content-Language", "Last-Modified", "Etag", "Link", "Location", "Retry-After",
		"X-Robots-Tag", "Content-Usage", "Content-Signal", "Tdm-Reservation", "Tdm-Policy":
		return true
	}
	return false
}

// decide gives the verdicts that need no more than the answer itself; use is what the policy says.
func decide(p *millrace.Page, rec *warc.Record, body []byte, use millrace.Verdict) millrace.Verdict {
	if rec.Type() == "revisit" { // without a body, so nothing that could be kept
		if !use.Kept() {
			return use
		}
		return millrace.Verdict{Reason: millrace.FetchStatus, Stage: stageFetch, Signal: "status", Value: http.StatusNotModified, Limit: 200}
	}
	if target := p.Get("Location"); target != "" && p.Status >= 300 && p.Status < 400 {
		if a, err := resolve(p.URL, target); err == nil {
			target = a.fetch
		}
		return millrace.Verdict{Reason: millrace.FetchRedirect, Stage: stageFetch, Signal: "status", Value: float64(p.Status), Limit: 200, Err: clip(target)}
	}
	if state, _, _ := strings.Cut(rec.Get(fieldPast), " "); state == "gone" {
		return millrace.Verdict{Reason: millrace.RemovedGone, Stage: stageFetch, Signal: "status", Value: float64(p.Status), Limit: 200}
	}
	if p.Status != http.StatusOK && p.Status != http.StatusNonAuthoritativeInfo {
		return millrace.Verdict{Reason: millrace.FetchStatus, Stage: stageFetch, Signal: "status", Value: float64(p.Status), Limit: 200}
	}
	if size, limit, ok := cutPair(rec.Get(fieldSize)); ok {
		return millrace.Verdict{Reason: millrace.FetchTooLarge, Stage: stageFetch, Signal: "bytes", Value: float64(size), Limit: float64(limit)}
	}
	if cut := rec.Get("WARC-Truncated"); cut == cutTime || cut == cutDisconnect {
		return millrace.Verdict{Reason: millrace.FetchTruncated, Stage: stageFetch, Signal: "bytes", Value: float64(len(body)), Err: cut}
	}
	if kind := effectiveType(p.MediaType, body); !isText(kind) || isFeed(kind, body) {
		return millrace.Verdict{Reason: millrace.FetchMediaType, Stage: stageFetch, Err: clip(kind)}
	}
	return use
}

// effectiveType is the media type, guessed from the body where none was sent.
func effectiveType(mediaType string, body []byte) string {
	if strings.TrimSpace(mediaType) != "" || len(body) == 0 {
		return mediaType
	}
	return http.DetectContentType(body)
}

// resolve reads a reference that a page makes.
func resolve(page, ref string) (address, error) {
	b, err := newBase(page, nil)
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
func linksOf(says consent.Input, status int, body []byte, cut string) (links []address, redirect bool) {
	get := func(name string) string {
		i := slices.IndexFunc(says.Header, func(f millrace.Field) bool { return f.Name == name })
		if i < 0 {
			return ""
		}
		return says.Header[i].Value
	}
	if target := get("Location"); target != "" && status >= 300 && status < 400 {
		a, err := resolve(says.URL, target)
		if err != nil {
			return nil, true
		}
		return []address{a}, true
	}
	if status != http.StatusOK || cut != "" || consent.NoFollow(says) {
		return nil, false
	}
	if isFeed(get("Content-Type"), body) {
		links, _ = feedLinks(says.URL, body)
		return links, false
	}
	if says.Head == nil {
		return nil, false
	}
	return scanLinks(body, says.URL), false
}
