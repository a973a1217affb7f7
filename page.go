package millrace

import (
	"fmt"
	"strings"
	"time"
)

// Page is bytes as they came: from the web, or from a file.
type Page struct {
	URL       string    // as fetched (the fetch form), or "file:PATH#RECORD"
	FetchedAt time.Time // UTC, microseconds; a file's modification time
	Status    int       // HTTP status; 0 for a file
	Header    []Field   // the headers that matter, in the order received, names in canonical form
	MediaType string    // the Content-Type header as sent, parameters included; or guessed from a file's name
	Consent   Consent   // what was said about training, all statements combined
	ConsentBy []Statement
	Robots    string // the robots.txt line that decided, "HASH8:LINE rule"; "" where no rule spoke
	Source    string // SourceCrawl, or the name of the ingest entry
	Licence   string // SPDX id or URL, where stated; LicenceConflict where two are
	Body      []byte // nil until loaded through Claim
	Claim     Claim  // where the bytes lie
	Stored    []byte // what Claim covers, as it is stored, where it travels with the page to machines that cannot see its file
	Object    string // the object that holds it instead, where it is too long to travel
	// Truncated says that Body stops before the resource did, at a limit
	// that the crawl's verdict names.
	Truncated bool
}

// LicenceConflict is the Licence of a page that names two different ones: it grants nothing.
const LicenceConflict = "conflict"

// SourceCrawl is the Source of what was crawled. No ingest entry may be called so.
const SourceCrawl = "crawl"

// VersionKey is what the versions of one page have in common: the canonical URL of a crawled page. It is ""
// for anything else: files hold several texts of one URL side by side, and in no order of time.
func VersionKey(source, urlKey string) string {
	if source != SourceCrawl {
		return ""
	}
	return strings.ToValidUTF8(urlKey, "\uFFFD") // as it is stored
}

// Field is one header line.
type Field struct{ Name, Value string }

// Get returns the first header named name (canonical form), or "".
func (p *Page) Get(name string) string {
	for _, f := range p.Header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Claim says where a page's bytes lie: a member of a WARC file, or a record of a local file.
type Claim struct {
	File   string // "warc/NAME" relative to DIR, or a path as the user wrote it
	Offset int64  // first byte of the gzip member or of the record
	Length int64  // bytes in the file
	Record int64  // ordinal of the record within File, from 0
	SHA256 [32]byte
	Kind   string // "warc" (member of DIR's archive), "jsonl", "csv", "parquet", "file", "warcfile" (member of a user's file), "warcstream"
	// Member is where in File, a tar or zip, the file lies that Offset and Length speak of; "" where File is none.
	Member string
}

// Consent is what a publisher said about use for training. Not said is not yes.
type Consent uint8

// The three values of Consent.
const (
	NotSaid Consent = iota
	Yes
	No
)

// String gives "not_said", "yes" or "no".
func (c Consent) String() string {
	switch c {
	case Yes:
		return "yes"
	case No:
		return "no"
	}
	return "not_said"
}

// ParseConsent reads what String writes.
func ParseConsent(s string) (Consent, error) {
	switch s {
	case "yes":
		return Yes, nil
	case "no":
		return No, nil
	case "", "not_said":
		return NotSaid, nil
	}
	return NotSaid, fmt.Errorf("parse consent %q: want yes, no or not_said", s)
}

// Statement is one thing a publisher said, with its source, so that a policy can be re-decided offline.
type Statement struct {
	Source string // "header:X-Robots-Tag", "meta:robots", "robots:Content-Signal", …
	Raw    string // as written
	Value  Consent
	// Inferred says that it was not said to us, but drawn from what was said to others.
	Inferred bool
	NoIndex  bool      // asks to be left out of indexes
	At       time.Time // when its file was fetched; zero: with the page
}
