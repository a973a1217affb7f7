package fields

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
)

// members are those of a gzip file, a record each. Where in the deflated bytes a header of WARC or HTTP ends nobody can
// say without inflating them; so there are three places in them, and the test says what each record holds.
func members(raw []byte) (list []Field, err error) {
	r := bytes.NewReader(raw)
	in := bufio.NewReader(r)
	z := new(gzip.Reader)
	for {
		at := len(raw) - r.Len() - in.Buffered()
		if err := z.Reset(in); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		z.Multistream(false)
		if _, err := io.Copy(io.Discard, z); err != nil {
			return nil, err
		}
		end := len(raw) - r.Len() - in.Buffered()
		list, at = layout(list, at, part{"gzip magic", 2}, part{"gzip method", 1}, part{"gzip flags", 1}, part{"gzip time", 4}, part{"gzip level", 1}, part{"gzip system", 1})
		body := end - 8 - at
		list, at = layout(list, at, part{"WARC header", body / 3}, part{"HTTP header", body / 3}, part{"payload", body - 2*(body/3)})
		list, _ = layout(list, at, part{"CRC-32", 4}, part{"size", 4})
	}
}
