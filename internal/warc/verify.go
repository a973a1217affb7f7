package warc

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
)

// Verify reads a whole file and reports each damage: a member that is torn or fails its checksum, a
// length or digest that is wrong, a missing field, bytes that belong to no record. It counts the
// records that are sound. The error is the file's own.
func Verify(r io.Reader, report func(DamageError)) (records int64, err error) {
	rd := NewReader(r, 0)
	rd.strict = true
	var sums *digests
	rd.tap = func(rec *Record) io.Writer {
		sums = newDigests(rec)
		return sums
	}
	for {
		rec, err := rd.Next()
		var damage *DamageError
		switch {
		case err == io.EOF:
			return records, nil
		case errors.As(err, &damage):
			report(*damage)
			continue
		case err != nil:
			return records, err
		}
		problems := sums.problems()
		for _, name := range []string{"WARC-Type", "WARC-Record-ID", "WARC-Date"} {
			if rec.Get(name) == "" {
				problems = append(problems, "field "+name+" is missing")
			}
		}
		for _, p := range problems {
			report(DamageError{Offset: rec.Offset, What: p})
		}
		if len(problems) == 0 {
			records++
		}
	}
}

// digests computes the digests of a record while its block is read.
type digests struct {
	block, payload *digest
	head           []byte // start of the block, while the end of the HTTP header is looked for
	inBody         bool
}

func newDigests(rec *Record) *digests {
	d := &digests{block: newDigest(rec.Get("WARC-Block-Digest"))}
	switch {
	case rec.Type() == "revisit": // its payload digest is that of another record
		d.inBody = true
	case strings.HasPrefix(rec.Get("Content-Type"), "application/http"):
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
