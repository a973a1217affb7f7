package ingest

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"millrace"
	"millrace/internal/warc"
)

// The kinds of claims.
const (
	kindWARC     = "warc"     // a member of the corpus's own archive
	kindJSONL    = "jsonl"    // a line; of a compressed file, Offset and Length count inflated bytes
	kindCSV      = "csv"      // a record; Offset and Length as of a line. The digest covers the header too
	kindParquet  = "parquet"  // a row, by its Record; the digest is of the row as JSON
	kindFile     = "file"     // a whole file; the digest is of its inflated bytes
	kindWARCFile = "warcfile" // a record of a user's WARC; the digest is of the payload as stored

	// kindWARCStream is a record that is compressed together with others: Offset and Length count inflated bytes.
	kindWARCStream = "warcstream"
)

const maxWhole = 32 << 20 // of one text, page or WARC record

// file is a file that is being read.
type file struct {
	listed
	in    Input
	key   func(url string) string
	bytes *atomic.Int64 // read so far
	spare *int          // bytes of pages that may still be handed out; nil where none may
	skip  int64         // records that nobody asks for, from the first on; they may be handed out all the same
	at    int64         // behind the last of those that was passed over

	// Of a member of an archive:
	name   string // the archive's and its own
	member string // where it lies
	first  int64  // ordinal in the archive of its first record
}

// where is what people call the file.
func (f *file) where() string {
	if f.name != "" {
		return f.name
	}
	return f.Path
}

// document is the frame that all records of the file share.
func (f *file) document(c millrace.Claim) *millrace.Document {
	url := fmt.Sprintf("%s#%d", f.where(), c.Record)
	if f.URL == "" {
		url = "file:" + filepath.ToSlash(url)
	}
	c.Member, c.Record = f.member, c.Record+f.first
	d := &millrace.Document{
		ID: millrace.NewID(url, c.SHA256),
		Page: millrace.Page{URL: url, FetchedAt: time.UnixMicro(f.MTime).UTC(), Source: f.in.Name,
			Consent: f.in.Consent, Claim: c},
	}
	if f.in.Consent != millrace.NotSaid {
		d.Page.ConsentBy = []millrace.Statement{{Source: "ingest:" + f.in.Name, Raw: f.in.Consent.String(), Value: f.in.Consent}}
	}
	return d
}

// deadLetter is the document for bytes that are no record.
func (f *file) deadLetter(c millrace.Claim, raw []byte, what string) *millrace.Document {
	d := f.document(c)
	d.Page.Body = bytes.Clone(raw[:min(len(raw), MaxRaw)])
	d.Verdict = millrace.Verdict{Reason: millrace.FailedDecode, Stage: "decode", Err: strings.ToValidUTF8(what, "\uFFFD")}
	return d
}

// records gives the documents of one file in order; io.EOF at the end.
type records interface {
	next() (*millrace.Document, error)
}

// raw counts what is read of a file, and remembers an error of the disk: such an error is no damage of
// the data, and ends the run.
type raw struct {
	f     *os.File
	count *atomic.Int64
	err   error
}

func (r *raw) Read(b []byte) (int, error) {
	n, err := r.f.Read(b)
	r.count.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// inflate undoes compression, which it knows by the first bytes. Memory is bounded.
func inflate(r io.Reader) (in io.Reader, compressed bool, stop func(), err error) {
	stop = func() {}
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, stop, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, true, stop, err
		}
		return z, true, func() { z.Close() }, nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, true, stop, err
		}
		return z, true, z.Close, nil
	case bytes.HasPrefix(head, dictionaryMagic()):
		z, err := warc.NewZstd(b)
		if err != nil {
			return nil, true, stop, err
		}
		return z, true, z.Close, nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(b), true, stop, nil
	}
	return b, false, stop, nil
}

// dictionaryMagic begins a .warc.zst file whose first frame is the dictionary of the others.
func dictionaryMagic() []byte { return []byte{0x5d, 0x2a, 0x4d, 0x18} }

// format is what a file holds.
type format string

const (
	formatJSONL   format = "JSONL"
	formatWARC    format = "WARC"
	formatCSV     format = "CSV"
	formatParquet format = "Parquet"
	formatTar     format = "tar"
	formatZip     format = "zip"
	formatPacked  format = "packed" // an archive of a kind that is not read
	formatText    format = "text"
	formatHTML    format = "HTML"
	formatUnknown format = ""
)

// formatOf goes by the name, and where that says nothing by the first bytes (inflated).
func formatOf(path string, head []byte) format {
	ext := extension(path)
	switch ext {
	case ".jsonl", ".ndjson", ".json":
		return formatJSONL
	case ".csv", ".tsv", ".tab":
		return formatCSV
	case ".warc", ".wet":
		return formatWARC
	case ".tar", ".tgz", ".tbz2", ".tzst":
		return formatTar
	case ".zip":
		return formatZip
	case ".parquet":
		return formatParquet
	case ".7z", ".rar":
		return formatPacked
	case ".txt", ".text", ".md", ".markdown", ".rst":
		return formatText
	case ".html", ".htm", ".xhtml":
		return formatHTML
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\uFEFF")), " \t\r\n"))
	switch {
	case bytes.HasPrefix(head, []byte("WARC/")):
		return formatWARC
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return formatTar
	case bytes.HasPrefix(head, []byte("PAR1")):
		return formatParquet
	case ext == "" && (bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))):
		return formatZip
	case bytes.HasPrefix(text, []byte("{")):
		return formatJSONL
	case bytes.HasPrefix(text, []byte("<!doctype html")), bytes.HasPrefix(text, []byte("<html")):
		return formatHTML
	case len(head) > 0 && !bytes.ContainsRune(head, 0) && validPrefix(head):
		return formatText
	}
	return formatUnknown
}

// extension is a path's, in small letters, below that of a compression.
func extension(path string) string {
	name := strings.ToLower(filepath.Base(path))
	for _, z := range []string{".gz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, z)
	}
	return filepath.Ext(name)
}

// validPrefix reports whether b is UTF-8, but for a rune that its end may have cut.
func validPrefix(b []byte) bool {
	for cut := range min(len(b), utf8.UTFMax) {
		if utf8.Valid(b[:len(b)-cut]) {
			return true
		}
	}
	return false
}

// whole is a file that is one document.
type whole struct {
	f    *file
	in   io.Reader
	kind format
	done bool
}

func (w *whole) next() (*millrace.Document, error) {
	if w.done {
		return nil, io.EOF
	}
	w.done = true
	b, err := io.ReadAll(io.LimitReader(w.in, maxWhole+1))
	if err != nil {
		return nil, err
	}
	claim := millrace.Claim{File: w.f.Path, Length: w.f.Size, SHA256: sha256.Sum256(b), Kind: kindFile}
	if len(b) > maxWhole {
		d := w.f.deadLetter(claim, b, fmt.Sprintf("%s: more than %d bytes in one document", w.f.where(), maxWhole))
		d.UserID = w.f.ID
		return d, nil
	}
	if w.kind != formatText && w.kind != formatHTML {
		d := w.f.deadLetter(claim, b, w.f.where()+": neither JSONL, CSV, Parquet, WARC, text nor HTML")
		d.UserID = w.f.ID
		return d, nil
	}
	d := w.f.document(claim)
	d.UserID = w.f.ID
	d.Page.MediaType = mediaType(w.f.where(), w.kind)
	if text, ok := plain(b); w.kind == formatText && ok && len(text) <= MaxText {
		d.Text = text
	}
	return d, nil
}

func mediaType(path string, kind format) string {
	switch ext := extension(path); {
	case kind == formatHTML:
		return "text/html"
	case ext == ".md" || ext == ".markdown":
		return "text/markdown"
	}
	return "text/plain"
}
