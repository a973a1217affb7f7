package warc

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// Verifier looks for damage in files that belong together.
type Verifier struct {
	// Report hears of each damage: the name that File was given, and what.
	Report func(file string, d DamageError)

	answers  map[uint64]bool // by target and second: what a revisit may refer to
	revisits []revisit
}

// revisit is a record that refers to another one.
type revisit struct {
	file      string
	offset    int64
	key       uint64
	url, date string
}

// Verify looks for damage in one file.
func Verify(r io.Reader, report func(DamageError)) (records int64, err error) {
	v := Verifier{Report: func(_ string, d DamageError) { report(d) }}
	return v.File("", r, nil)
}

// File reads a whole file and reports each damage: a member that is torn or fails its checksum, a length or
// digest that is wrong, a header that is not as the standard says, bytes that belong to no record, and what
// its index (nil: none) says otherwise. It counts the records that are sound. The error is the file's own.
func (v *Verifier) File(name string, r io.Reader, index *ReadIndex) (records int64, err error) {
	rd := NewReader(r, maxHeader) // of a block, what its line in the index is made of
	rd.strict = true
	var sums *digests
	rd.tap = func(rec *Record) io.Writer {
		sums = newDigests(rec)
		return sums
	}
	shared := int64(-1)
	report := func(at int64, what string) { v.Report(name, DamageError{Offset: at, What: what}) }
	for {
		rec, err := rd.Next()
		var damage *DamageError
		switch {
		case err == io.EOF:
			index.rest(report)
			return records, nil
		case errors.As(err, &damage):
			v.Report(name, *damage)
			continue
		case err != nil:
			return records, err
		}
		problems := append(headerProblems(rd.raw), recordProblems(rec)...)
		problems = append(problems, sums.problems()...)
		if rec.Shared && shared != rec.Offset {
			shared = rec.Offset
			problems = append(problems, "several records are compressed together")
		}
		for _, p := range append(problems, index.check(rec)...) {
			report(rec.Offset, p)
		}
		if len(problems) == 0 {
			records++
		}
		v.note(name, rec)
	}
}

// note remembers what refers and what may be referred to.
func (v *Verifier) note(file string, rec *Record) {
	switch rec.Type() {
	case "response", "resource":
		if v.answers == nil {
			v.answers = map[uint64]bool{}
		}
		v.answers[visitKey(rec.TargetURI(), rec.Get("WARC-Date"))] = true
	case "revisit":
		url, date := rec.Get("WARC-Refers-To-Target-URI"), rec.Get("WARC-Refers-To-Date")
		if url != "" && date != "" { // older writers give the record's ID or nothing
			v.revisits = append(v.revisits, revisit{file, rec.Offset, visitKey(url, date), url, date})
		}
	}
}

// visitKey names a visit. Writers differ in how exactly they give the time.
func visitKey(url, date string) uint64 { return xxh3.HashString(fourteen(date) + url) }

// End reports the revisits of visits that no file holds.
func (v *Verifier) End() {
	for _, r := range v.revisits {
		if !v.answers[r.key] {
			v.Report(r.file, DamageError{Offset: r.offset, What: fmt.Sprintf("it refers to a visit of %s at %s, which is not in the files given", r.url, r.date)})
		}
	}
}

// headerProblems compares the bytes of a header with the standard.
func headerProblems(raw []byte) (out []string) {
	version, rest, _ := bytes.Cut(raw, []byte("\n"))
	switch string(trimEOL(version)) {
	case "WARC/0.17", "WARC/0.18", "WARC/1.0", "WARC/1.1":
	default:
		out = append(out, fmt.Sprintf("version %q is unknown", trimEOL(version)))
	}
	if !utf8.Valid(raw) {
		out = append(out, "the header is not UTF-8")
	}
	lf, noName := !bytes.HasSuffix(version, []byte("\r")), false
	control := bytes.ContainsFunc(trimEOL(version), isControl)
	first := true
	for line := range bytes.Lines(rest) {
		lf = lf || !bytes.HasSuffix(line, []byte("\r\n"))
		line = trimEOL(line)
		control = control || bytes.ContainsFunc(line, isControl)
		if len(line) == 0 || !first && (line[0] == ' ' || line[0] == '\t') {
			continue
		}
		first = false
		name, _, ok := bytes.Cut(line, []byte(":"))
		noName = noName || !ok || len(name) == 0 || bytes.ContainsFunc(name, notToken)
	}
	if lf {
		out = append(out, "a line of the header does not end with CR LF")
	}
	if control {
		out = append(out, "a control character stands in the header")
	}
	if noName {
		out = append(out, "a line of the header is no named field")
	}
	return out
}

// recordProblems tells what a header lacks.
func recordProblems(rec *Record) (out []string) {
	for _, name := range []string{"WARC-Type", "WARC-Record-ID", "WARC-Date"} {
		if rec.Get(name) == "" {
			out = append(out, "field "+name+" is missing")
		}
	}
	switch rec.Type() {
	case "response", "request", "resource", "revisit", "conversion", "continuation":
		if rec.TargetURI() == "" {
			out = append(out, "field WARC-Target-URI is missing")
		}
	case "", "warcinfo", "metadata":
	default:
		out = append(out, fmt.Sprintf("WARC-Type %q is none of the standard's", rec.Type()))
	}
	if rec.Type() == "revisit" && rec.Get("WARC-Profile") == "" {
		out = append(out, "field WARC-Profile is missing")
	}
	if id := rec.Get("WARC-Record-ID"); id != "" && !(strings.HasPrefix(id, "<") && strings.HasSuffix(id, ">") && strings.Contains(id, ":")) {
		out = append(out, "WARC-Record-ID is no <URI>")
	}
	if date := rec.Get("WARC-Date"); date != "" && !isDate(date) {
		out = append(out, fmt.Sprintf("WARC-Date %q is no time", date))
	}
	return out
}

// isDate reports whether s is a time of WARC 1.1: of any precision, in UTC.
func isDate(s string) bool {
	for _, layout := range []string{"2006-01-02T15:04:05Z", "2006-01-02T15:04Z", "2006-01-02", "2006-01", "2006"} {
		if _, err := time.Parse(layout, s); err == nil { // a fraction behind the seconds is taken too
			return true
		}
	}
	return false
}

// digests computes the digests of a record while its block is read.
type digests struct {
	block, payload *digest
	http           bool   // the block is an HTTP message
	head           []byte // start of the block, while the end of the HTTP header is looked for
	inBody         bool
}

func newDigests(rec *Record) *digests {
	d := &digests{block: newDigest(rec.Get("WARC-Block-Digest"))}
	switch {
	case rec.Type() == "revisit": // its payload digest is that of another record
		d.inBody = true
	case strings.HasPrefix(rec.Get("Content-Type"), "application/http"):
		d.http = rec.Type() == "response" || rec.Type() == "request"
		d.payload = newDigest(rec.Get("WARC-Payload-Digest"))
	default:
		d.payload = newDigest(rec.Get("WARC-Payload-Digest"))
		d.inBody = true
	}
	return d
}

// Write implements io.Writer.
func (d *digests) Write(p []byte) (int, error) {
	d.block.write(p)
	if d.inBody {
		d.payload.write(p)
		return len(p), nil
	}
	// The end of the header may lie across two writes: look from the last line on.
	old := len(d.head)
	d.head = append(d.head, p[:min(len(p), maxHeader-old)]...)
	from := bytes.LastIndexByte(d.head[:max(0, old-1)], '\n') + 1
	if n := headerEnd(d.head[from:]); n >= 0 {
		d.finishHeader(from + n)
		d.payload.write(d.head[from+n:])
		d.payload.write(p[len(d.head)-old:])
	} else if len(d.head) == maxHeader {
		d.finishHeader(maxHeader)
		d.payload = nil
	}
	return len(p), nil
}

// finishHeader decides about the payload. Of a chunked body it is not agreed among writers
// whether the digest is that of the chunks or of what they carry.
func (d *digests) finishHeader(n int) {
	d.inBody = true
	if field(parseFields(d.head[:n]), "Transfer-Encoding") != "" {
		d.payload = nil
	}
}

func (d *digests) problems() []string {
	var out []string
	if !d.block.holds() {
		out = append(out, "the block does not have its digest")
	}
	if !d.payload.holds() {
		out = append(out, "the payload does not have its digest")
	}
	if d.http && !bytes.Contains(d.head[:min(len(d.head), maxHeader)], []byte("HTTP/")) {
		out = append(out, "the block is no HTTP message")
	}
	return out
}

// digest is one stated digest and the sum to compare. nil holds always.
type digest struct {
	h    hash.Hash
	want string
}

// newDigest reads "ALGORITHM:VALUE". What is not stated, or in an algorithm that we do not know, is not checked.
func newDigest(field string) *digest {
	algorithm, want, ok := strings.Cut(field, ":")
	if !ok {
		return nil
	}
	switch strings.ReplaceAll(strings.ToLower(algorithm), "-", "") {
	case "sha1":
		return &digest{sha1.New(), want}
	case "sha256":
		return &digest{sha256.New(), want}
	case "md5":
		return &digest{md5.New(), want}
	}
	return nil
}

func (d *digest) write(p []byte) {
	if d != nil {
		d.h.Write(p)
	}
}

// holds compares with the stated value, which is in base32 or in hex.
func (d *digest) holds() bool {
	if d == nil {
		return true
	}
	sum := d.h.Sum(nil)
	if len(d.want) == hex.EncodedLen(len(sum)) && strings.EqualFold(d.want, hex.EncodeToString(sum)) {
		return true
	}
	return strings.EqualFold(strings.TrimRight(d.want, "="), base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum))
}
