package crawl

import (
	"crypto/sha256"
	"encoding/hex"
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

// document makes a Document of a record that publishes one. It is a pure function, used when a page is
// fetched and when the archive is read again: the same record gives the same Document. Its place is not known here.
func document(rec *warc.Record, policy string) (*millrace.Document, error) {
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
	if rec.Type() == "revisit" { // without a body, so nothing that could be kept
		if v := refusal(p, policy); !v.Kept() {
			return v
		}
		return millrace.Verdict{Reason: millrace.FetchStatus, Stage: stageFetch, Signal: "status", Value: http.StatusNotModified, Limit: 200}
	}
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
	if kind := effectiveType(p.MediaType, body); !isText(kind) || isFeed(kind, body) {
		return millrace.Verdict{Reason: millrace.FetchMediaType, Stage: stageFetch, Err: clip(kind)}
	}
	return refusal(p, policy)
}

// refusal is the verdict on a page that may not be used.
func refusal(p *millrace.Page, policy string) millrace.Verdict {
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
	if status != http.StatusOK || cut != "" {
		return nil, false
	}
	if isFeed(get("Content-Type"), body) && !linksForbidden(header, pageHead{}, token) {
		links, _ = feedLinks(url, body)
		return links, false
	}
	if !isHTML(get("Content-Type"), body) {
		return nil, false
	}
	if linksForbidden(header, scanHead(body, token), token) {
		return nil, false
	}
	return scanLinks(body, url), false
}
