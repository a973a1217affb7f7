package ingest

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"millrace"
	"millrace/internal/warc"
)

// warcRecords reads a user's WARC or WET file. Responses, resources and conversions are documents; what
// only describes others (warcinfo, request, metadata, revisit) is not.
type warcRecords struct {
	f      *file
	in     *warc.Reader
	number int64
}

func (w *warcRecords) next() (*millrace.Document, error) {
	for {
		rec, err := w.in.Next()
		var damage *warc.DamageError
		if errors.As(err, &damage) {
			w.number++
			claim := millrace.Claim{File: w.f.Path, Offset: damage.Offset, Record: w.number - 1, Kind: kindWARCFile}
			return w.f.deadLetter(claim, nil, fmt.Sprintf("%s: byte %d: %s", w.f.where(), damage.Offset, damage.What)), nil
		}
		if err != nil {
			return nil, err
		}
		w.number++
		switch rec.Type() {
		case "response", "resource", "conversion":
			return w.document(rec, w.number-1), nil
		}
	}
}

func (w *warcRecords) document(rec *warc.Record, number int64) *millrace.Document {
	claim := millrace.Claim{File: w.f.Path, Offset: rec.Offset, Length: rec.Length, Record: number, Kind: kindWARCFile}
	if rec.Shared {
		claim.Offset, claim.Length, claim.Kind = rec.At, rec.Size, kindWARCStream
	}
	p, err := parsePayload(rec)
	claim.SHA256 = sha256.Sum256(p.body)
	if w.f.member != "" { // its bytes are found by reading on from the member's first
		claim.Kind = kindWARCStream
		if rec.Shared {
			rec.At = -1
		}
	}
	if rec.Shared && rec.At < 0 {
		err = errors.New("it is compressed together with others behind damage, so that it could not be found again")
	}
	if err != nil {
		return w.f.deadLetter(claim, rec.Block, fmt.Sprintf("%s: byte %d: %s", w.f.where(), rec.Offset, err))
	}
	d := w.f.document(claim)
	if url := rec.TargetURI(); url != "" {
		d.Page.URL, d.URLKey = url, w.f.key(url)
		d.ID = millrace.NewID(url, claim.SHA256)
	}
	if at, err := time.Parse(time.RFC3339, rec.Get("WARC-Date")); err == nil {
		d.Page.FetchedAt = at.UTC().Truncate(time.Microsecond)
	}
	d.Page.Status, d.Page.Header, d.Page.MediaType = p.status, p.header, p.mediaType
	d.Page.Truncated = rec.Truncated || rec.Get("WARC-Truncated") != ""
	d.Verdict = p.verdict(rec)
	d.Text = conversion(rec, &p)
	w.carry(d, &p)
	return d
}

// carry hands out the page itself, as long as there is room. What a coding has to be undone of is the Loader's: it works
// on several at once.
func (w *warcRecords) carry(d *millrace.Document, p *payload) {
	room := w.f.spare
	if room == nil || *room <= len(p.body) || !d.Verdict.Kept() || d.Text != "" || p.chunked || p.encoding != "" && p.encoding != "identity" {
		return
	}
	*room -= len(p.body)
	d.Page.Body = notNil(p.body)
}

// conversion is the text that a record holds instead of a page; "" where it holds none, or too much of it.
func conversion(rec *warc.Record, p *payload) string {
	if rec.Type() != "conversion" {
		return ""
	}
	if text, ok := plain(p.body); ok && len(text) <= MaxText {
		return text
	}
	return ""
}

// payload is what a record holds.
type payload struct {
	status    int
	header    []millrace.Field
	mediaType string
	body      []byte
	encoding  string // of the body: Content-Encoding
	chunked   bool
}

// keeps names the headers that say something about the text, or about what may be done with it.
func keeps(header string) bool {
	switch header {
	case "Content-Type", "Content-Language", "Content-Location", "Last-Modified", "Link",
		"X-Robots-Tag", "Tdm-Reservation", "Tdm-Policy", "Content-Usage":
		return true
	}
	return false
}

func parsePayload(rec *warc.Record) (payload, error) {
	p := payload{body: rec.Block, mediaType: rec.Get("Content-Type")}
	if rec.Type() == "conversion" && p.mediaType == "" {
		p.mediaType = "text/plain"
	}
	if rec.Type() != "response" || !strings.HasPrefix(strings.ToLower(p.mediaType), "application/http") {
		return p, nil
	}
	status, header, body, err := warc.ParseHTTP(rec.Block)
	if err != nil {
		return p, err
	}
	p.status, p.body, p.mediaType = status, body, ""
	for _, h := range header {
		switch h.Name {
		case "Content-Type":
			if p.mediaType == "" {
				p.mediaType = h.Value
			}
		case "Content-Encoding":
			p.encoding = strings.ToLower(strings.TrimSpace(h.Value))
		case "Transfer-Encoding":
			p.chunked = strings.EqualFold(strings.TrimSpace(h.Value), "chunked")
		}
		if keeps(h.Name) && len(p.header) < 64 && len(h.Value) <= 8<<10 {
			p.header = append(p.header, h)
		}
	}
	return p, nil
}

// verdict decides, as the crawl would have, about what is no page with text.
func (p *payload) verdict(rec *warc.Record) millrace.Verdict {
	if rec.Truncated {
		return millrace.Verdict{Reason: millrace.FetchTooLarge, Stage: "fetch", Signal: "bytes",
			Value: float64(len(rec.Block)), Limit: maxWhole}
	}
	if p.status != 0 && (p.status < 200 || p.status > 299) {
		reason := millrace.FetchStatus
		if p.status >= 300 && p.status <= 399 {
			reason = millrace.FetchRedirect
		}
		return millrace.Verdict{Reason: reason, Stage: "fetch", Signal: "status", Value: float64(p.status), Limit: 200}
	}
	media, _, err := mime.ParseMediaType(p.mediaType)
	if p.mediaType == "" || err != nil || strings.HasPrefix(media, "text/") || media == "application/xhtml+xml" || media == "application/xml" {
		return millrace.Verdict{}
	}
	return millrace.Verdict{Reason: millrace.FetchMediaType, Stage: "fetch", Err: media}
}

// plainBody undoes the transfer coding and the compression that the headers name. Some archives keep the
// headers and store the body without: what does not begin like it is left alone.
func (p *payload) plainBody() ([]byte, error) {
	b := p.body
	if p.chunked {
		if c, err := limited(httputil.NewChunkedReader(bytes.NewReader(b))); err == nil {
			b = c
		}
	}
	var r io.Reader
	var err error
	switch p.encoding {
	case "", "identity":
		return b, nil
	case "gzip", "x-gzip":
		if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
			return b, nil
		}
		r, err = gzip.NewReader(bytes.NewReader(b))
	case "deflate":
		if r, err = zlib.NewReader(bytes.NewReader(b)); err != nil {
			r, err = flate.NewReader(bytes.NewReader(b)), nil
		}
	case "zstd":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20)); err == nil {
			defer z.Close()
			r = z
		}
	default:
		return nil, fmt.Errorf("Content-Encoding %q is not supported", p.encoding)
	}
	if err != nil {
		return nil, fmt.Errorf("Content-Encoding %s: %w", p.encoding, err)
	}
	if b, err = limited(r); err != nil {
		return nil, fmt.Errorf("Content-Encoding %s: %w", p.encoding, err)
	}
	return b, nil
}

var errTooMuch = fmt.Errorf("more than %d bytes", maxWhole)

// limited reads all of r, up to maxWhole.
func limited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxWhole+1))
	if err == nil && len(b) > maxWhole {
		err = errTooMuch
	}
	return b, err
}
