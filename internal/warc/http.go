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
	var b bytes.Buffer
	b.Grow(len(body) + 512)
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	oneLine := strings.NewReplacer("\r", " ", "\n", " ")
	for _, f := range header {
		fmt.Fprintf(&b, "%s: %s\r\n", oneLine.Replace(f.Name), oneLine.Replace(f.Value))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}
