// Package warc reads and writes WARC files: bytes come in, Records go out, and the other way round.
// It writes WARC/1.1 with one gzip member a record, and reads that, plain WARC, files compressed as
// a whole, zstd, and what other writers of 0.17 to 1.1 make. Nothing that a file holds can make it panic, read more than it
// says, or do more than linear work.
//
// Read in this order: warc.go (the record), header.go, input.go, reader.go, shared.go, encoder.go,
// writer.go, http.go, cdxj.go, index.go, verify.go.
package warc

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"

	"millrace"
)

// Record is one WARC record.
type Record struct {
	Offset    int64            // first byte of the record in the file as stored: of its gzip member where there is one
	Length    int64            // bytes in the file as stored
	Header    []millrace.Field // named fields in the order of the file, values trimmed
	Block     []byte
	Truncated bool // Block is longer than the reader's limit and was cut there

	// Shared says that the record is compressed together with others, as some writers do: then Offset is
	// where that compressed stream begins, Length is 0, and only inflating the file from its start finds
	// the record again, Size bytes at At of what comes out. At is -1 behind damage.
	Shared   bool
	At, Size int64
}

// Get returns the first field of that name, in any case, or "".
func (r *Record) Get(name string) string { return field(r.Header, name) }

// Type is the record's WARC-Type: "response", "request", "warcinfo", …
func (r *Record) Type() string { return strings.ToLower(r.Get("WARC-Type")) }

// TargetURI is the record's WARC-Target-URI, without the angle brackets that some 1.0 writers put around it.
func (r *Record) TargetURI() string {
	u := r.Get("WARC-Target-URI")
	if len(u) >= 2 && u[0] == '<' && u[len(u)-1] == '>' {
		u = u[1 : len(u)-1]
	}
	return u
}

// DamageError says that the bytes at Offset are no whole record.
type DamageError struct {
	Offset int64
	What   string
}

// Error tells the damage with its place.
func (e *DamageError) Error() string {
	return fmt.Sprintf("WARC record at byte %d: %s", e.Offset, e.What)
}

// Digest is the value of a WARC-Block-Digest or WARC-Payload-Digest field for b. It is SHA-1, because
// that is what the tools that replay archives compare; against forgers stands a SHA-256 of the writer's own.
func Digest(b []byte) string {
	sum := sha1.Sum(b)
	return "sha1:" + base32.StdEncoding.EncodeToString(sum[:])
}

// RecordID makes a WARC-Record-ID, a version 8 UUID, from what makes the record unique: equal parts, equal ID.
func RecordID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	x := hex.EncodeToString(u)
	return "<urn:uuid:" + x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:] + ">"
}

func field(header []millrace.Field, name string) string {
	for _, f := range header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}
