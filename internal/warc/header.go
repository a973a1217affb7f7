package warc

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"millrace"
)

// maxHeader bounds the header of a record or of an HTTP message. The largest that millrace writes
// hold a page's consent statements: some KiB.
const maxHeader = 256 << 10

// Reasons why a record is no record; they end up in a DamageError.
var (
	errTorn      = errors.New("the file ends within the record")
	errNoVersion = errors.New("no WARC version line")
	errHeaderEnd = errors.New("the header has no end")
	errNoLength  = errors.New("no valid Content-Length")
	errBlock     = errors.New("the block is shorter than its Content-Length")
	errRecordEnd = errors.New("the record does not end where its Content-Length says")
	errNotWARC   = errors.New("neither a gzip member nor a WARC record")
	errGzip      = errors.New("damaged gzip member")
	errZstd      = errors.New("damaged zstd frame")
	errNoEnd     = errors.New("the record does not end with two line ends (CR LF)")
)

// readHeader reads from the version line to the empty line, and gives the bytes besides.
func readHeader(s io.ByteReader) (header []millrace.Field, raw []byte, err error) {
	raw = make([]byte, 0, 1024)
	line := 0 // where the current line starts
	for {
		c, err := s.ReadByte()
		if err == io.EOF {
			return nil, raw, errHeaderEnd
		}
		if err != nil {
			return nil, raw, err
		}
		raw = append(raw, c)
		if c != '\n' {
			if len(raw) >= maxHeader {
				return nil, raw, errHeaderEnd
			}
			continue
		}
		if line > 0 && len(trimEOL(raw[line:])) == 0 {
			break
		}
		line = len(raw)
	}
	version, rest, _ := bytes.Cut(raw, []byte("\n"))
	if !bytes.HasPrefix(version, []byte("WARC/")) {
		return nil, raw, errNoVersion
	}
	return parseFields(rest), raw, nil
}

// parseFields splits header lines into fields. A line that starts with a blank continues the one
// before; a line without a colon says nothing and is skipped.
func parseFields(raw []byte) []millrace.Field {
	var out []millrace.Field
	var value []byte // of the last field, while it may go on
	end := func() {
		if len(out) > 0 && value != nil {
			out[len(out)-1].Value = string(bytes.TrimSpace(value))
		}
		value = nil
	}
	for len(raw) > 0 {
		var line []byte
		line, raw, _ = bytes.Cut(raw, []byte("\n"))
		line = trimEOL(line)
		if len(line) == 0 {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if value != nil {
				value = append(append(value, ' '), bytes.TrimSpace(line)...)
			}
			continue
		}
		end()
		name, v, ok := bytes.Cut(line, []byte(":"))
		if name = bytes.TrimSpace(name); ok && len(name) > 0 {
			out = append(out, millrace.Field{Name: string(name)})
			value = append(make([]byte, 0, len(v)), v...)
		}
	}
	end()
	return out
}

// contentLength finds the one length that the header states.
func contentLength(header []millrace.Field) (int64, error) {
	n := int64(-1)
	for _, f := range header {
		if !strings.EqualFold(f.Name, "Content-Length") {
			continue
		}
		v, err := strconv.ParseUint(f.Value, 10, 62)
		if err != nil || n >= 0 && n != int64(v) {
			return 0, errNoLength
		}
		n = int64(v)
	}
	if n < 0 {
		return 0, errNoLength
	}
	return n, nil
}

// trimEOL cuts the line end, LF or CR LF.
func trimEOL(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}
