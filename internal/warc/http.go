package warc

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"millrace"
)

// errHTTP says that a block is no HTTP response.
var errHTTP = errors.New("the block is no HTTP response")

// ParseHTTP splits the block of a response record. Field names come in canonical form; body is a
// part of block, with the encodings that the header names.
func ParseHTTP(block []byte) (status int, header []millrace.Field, body []byte, err error) {
	line, rest, ok := bytes.Cut(block[:min(len(block), maxHeader)], []byte("\n"))
	if !ok || !bytes.HasPrefix(line, []byte("HTTP/")) {
		return 0, nil, nil, errHTTP
	}
	_, code, _ := strings.Cut(string(trimEOL(line)), " ")
	code, _, _ = strings.Cut(strings.TrimLeft(code, " "), " ")
	status, err = strconv.Atoi(code)
	if err != nil || status < 100 || status > 999 {
		return 0, nil, nil, fmt.Errorf("%w: status %q", errHTTP, code)
	}
	n := headerEnd(rest)
	if n < 0 {
		if len(block) > maxHeader {
			return 0, nil, nil, fmt.Errorf("%w: %w", errHTTP, errHeaderEnd)
		}
		n = len(rest) // a response that was cut within its header has no body
	}
	header = parseFields(rest[:n])
	for i := range header {
		header[i].Name = textproto.CanonicalMIMEHeaderKey(header[i].Name)
	}
	return status, header, block[len(line)+1+n:], nil
}

// headerEnd is where the body begins: behind the first empty line. -1 where there is none.
func headerEnd(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		if len(trimEOL(b[at:at+i+1])) == 0 {
			return at + i + 1
		}
		at += i + 1
	}
}

// FormatHTTP writes the block of a response record. Line ends within a field become blanks.
func FormatHTTP(status int, header []millrace.Field, body []byte) []byte {
	b := make([]byte, 0, len(body)+headerSize(header)+64)
	b = fmt.Appendf(b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	return append(appendFields(b, header), body...)
}

// FormatRequest writes the block of a request record, of a request without a body.
func FormatRequest(method, target string, header []millrace.Field) []byte {
	b := make([]byte, 0, len(target)+headerSize(header)+64)
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\n"...)
	return appendFields(b, header)
}

// FormatFields writes the block of a record of type application/warc-fields.
func FormatFields(fields []millrace.Field) []byte {
	b := appendFields(make([]byte, 0, headerSize(fields)+64), fields)
	return b[:len(b)-2] // no empty line ends it
}

func headerSize(header []millrace.Field) (n int) {
	for _, f := range header {
		n += len(f.Name) + len(f.Value) + 4
	}
	return n
}

// appendFields writes header lines and the empty line behind them.
func appendFields(b []byte, header []millrace.Field) []byte {
	for _, f := range header {
		b = append(appendLine(b, f.Name), ": "...)
		b = append(appendLine(b, f.Value), "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// appendLine writes s as a part of one line.
func appendLine(b []byte, s string) []byte {
	from := len(b)
	b = append(b, s...)
	for i, c := range b[from:] {
		if c == '\r' || c == '\n' {
			b[from+i] = ' '
		}
	}
	return b
}
