package warc

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"millrace"
)

// level is the highest whose tables leave room in the processor's cache: the next one costs a crawl a tenth of
// its time and saves a hundredth of the bytes.
const level = 4

// Encoder makes gzip members of one record each. It is costly to make and cheap to use again; the zero
// value is ready. Two goroutines need two.
type Encoder struct {
	gz    *gzip.Writer
	plain []byte // the record's header
	out   appender
}

// appender collects what is written to it.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// Append writes one record behind dst. The header must have WARC-Type, WARC-Record-ID and WARC-Date;
// Content-Length is added, and WARC-Block-Digest where it is missing.
func (e *Encoder) Append(dst []byte, header []millrace.Field, block []byte) ([]byte, error) {
	if err := checkHeader(header); err != nil {
		return dst, fmt.Errorf("write WARC record: %w", err)
	}
	e.plain = appendHeader(e.plain[:0], header, block)
	if e.gz == nil {
		e.gz, _ = gzip.NewWriterLevel(nil, level) // which is one
	}
	e.out.b = dst
	e.gz.Reset(&e.out)
	// Neither can fail: appender does not.
	for _, part := range [][]byte{e.plain, block, []byte("\r\n\r\n")} {
		if _, err := e.gz.Write(part); err != nil {
			return dst, fmt.Errorf("write WARC record: %w", err)
		}
	}
	if err := e.gz.Close(); err != nil {
		return dst, fmt.Errorf("write WARC record: %w", err)
	}
	out := e.out.b
	e.out.b = nil
	return out, nil
}

func appendHeader(b []byte, header []millrace.Field, block []byte) []byte {
	b = append(b, "WARC/1.1\r\n"...)
	for _, f := range header {
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	if field(header, "WARC-Block-Digest") == "" {
		b = append(b, "WARC-Block-Digest: "...)
		b = append(b, Digest(block)...)
		b = append(b, "\r\n"...)
	}
	return fmt.Appendf(b, "Content-Length: %d\r\n\r\n", len(block))
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
		if strings.ContainsFunc(f.Value, isControl) || !utf8.ValidString(f.Value) {
			return fmt.Errorf("field %s holds a control character or is not UTF-8: %q", f.Name, f.Value)
		}
		size += len(f.Name) + len(f.Value) + 4
	}
	if size > maxHeader-1024 {
		return fmt.Errorf("header of %d bytes, at most %d", size, maxHeader-1024)
	}
	return nil
}

// isControl reports whether r may not stand in a field's value.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// notToken reports whether r may not stand in a field name (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
}
