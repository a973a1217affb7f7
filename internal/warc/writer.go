package warc

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"

	"millrace"
)

// Writer appends records to a file, each as one gzip member in one write.
type Writer struct {
	f      *os.File
	offset int64
	plain  bytes.Buffer
	member bytes.Buffer
	gz     *gzip.Writer
	broken error
}

// NewWriter writes to f from offset on. The file must not be open in append mode.
func NewWriter(f *os.File, offset int64) *Writer {
	w := &Writer{f: f, offset: offset}
	w.gz = gzip.NewWriter(&w.member)
	return w
}

// Offset is where the next record will begin.
func (w *Writer) Offset() int64 { return w.offset }

// Append writes one record and returns where its member lies. The header must have WARC-Type,
// WARC-Record-ID and WARC-Date; Content-Length is added, and WARC-Block-Digest where it is missing.
// After an error the file ends where it did before; where even that fails, the Writer refuses to go on.
func (w *Writer) Append(header []millrace.Field, block []byte) (offset, length int64, err error) {
	if w.broken != nil {
		return 0, 0, w.broken
	}
	if err := checkHeader(header); err != nil {
		return 0, 0, fmt.Errorf("write WARC record: %w", err)
	}
	w.format(header, block)
	defer w.shrink()
	w.member.Reset()
	w.gz.Reset(&w.member)
	if _, err := w.gz.Write(w.plain.Bytes()); err != nil {
		return 0, 0, fmt.Errorf("write WARC record: %w", err)
	}
	if _, err := w.gz.Write(block); err != nil {
		return 0, 0, fmt.Errorf("write WARC record: %w", err)
	}
	if _, err := w.gz.Write([]byte("\r\n\r\n")); err != nil {
		return 0, 0, fmt.Errorf("write WARC record: %w", err)
	}
	if err := w.gz.Close(); err != nil {
		return 0, 0, fmt.Errorf("write WARC record: %w", err)
	}
	if _, err := w.f.WriteAt(w.member.Bytes(), w.offset); err != nil {
		if cut := w.f.Truncate(w.offset); cut != nil {
			w.broken = fmt.Errorf("write WARC record to %s: half a record cannot be cut off: %w", w.f.Name(), cut)
		}
		return 0, 0, fmt.Errorf("write WARC record to %s: %w", w.f.Name(), err)
	}
	offset, length = w.offset, int64(w.member.Len())
	w.offset += length
	return offset, length, nil
}

// Sync makes everything appended so far durable.
func (w *Writer) Sync() error {
	if err := w.f.Sync(); err != nil {
		// What a failed fsync has lost is unknown, and a second one may not tell.
		w.broken = fmt.Errorf("sync %s: %w", w.f.Name(), err)
		return w.broken
	}
	return nil
}

func (w *Writer) format(header []millrace.Field, block []byte) {
	b := &w.plain
	b.Reset()
	b.WriteString("WARC/1.1\r\n")
	for _, f := range header {
		fmt.Fprintf(b, "%s: %s\r\n", f.Name, f.Value)
	}
	if field(header, "WARC-Block-Digest") == "" {
		fmt.Fprintf(b, "WARC-Block-Digest: %s\r\n", Digest(block))
	}
	fmt.Fprintf(b, "Content-Length: %d\r\n\r\n", len(block))
}

// shrink keeps one large record from holding its memory for ever.
func (w *Writer) shrink() {
	if w.member.Cap() > 4<<20 {
		w.member = bytes.Buffer{}
	}
}

// checkHeader refuses what could not be read back.
func checkHeader(header []millrace.Field) error {
	for _, name := range []string{"WARC-Type", "WARC-Record-ID", "WARC-Date"} {
		if field(header, name) == "" {
			return fmt.Errorf("field %s is missing", name)
		}
	}
	size := 0
	for _, f := range header {
		if strings.EqualFold(f.Name, "Content-Length") {
			return fmt.Errorf("field %s is the writer's", f.Name)
		}
		if f.Name == "" || strings.ContainsFunc(f.Name, notToken) {
			return fmt.Errorf("field name %q is no token", f.Name)
		}
		if strings.ContainsAny(f.Value, "\r\n\x00") {
			return fmt.Errorf("field %s holds a line end or NUL: %q", f.Name, f.Value)
		}
		size += len(f.Name) + len(f.Value) + 4
	}
	if size > maxHeader-1024 {
		return fmt.Errorf("header of %d bytes, at most %d", size, maxHeader-1024)
	}
	return nil
}

// notToken reports whether r may not stand in a field name (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
}
