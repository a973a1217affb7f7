package warc

import (
	"bytes"
	"io"
)

// window is how far an input can go back behind damage.
const window = 1 << 20

// input is a buffered reader that knows its offset and can go back to its mark, as long as
// that lies no more than window bytes behind.
type input struct {
	r    io.Reader
	buf  []byte // buf[mark:pos] has been read and is kept, buf[pos:] is to be read
	mark int
	pos  int
	base int64 // offset of buf[0]
	err  error // what r ended with
}

// offset is the place of the next byte.
func (in *input) offset() int64 { return in.base + int64(in.pos) }

// setMark makes the current place the one to go back to.
func (in *input) setMark() { in.mark = in.pos }

// back goes to the offset to, or tells that it is out of reach.
func (in *input) back(to int64) bool {
	if to < in.base+int64(in.mark) || to > in.offset() {
		return false
	}
	in.pos = int(to - in.base)
	return true
}

// fill reads more. It returns an error only when it has read nothing.
func (in *input) fill() error {
	if in.err != nil {
		return in.err
	}
	if in.pos-in.mark > window {
		in.mark = in.pos
	}
	if len(in.buf) == cap(in.buf) {
		in.makeRoom()
	}
	for range 100 { // as bufio: a reader that gives nothing for so long is broken
		n, err := in.r.Read(in.buf[len(in.buf):cap(in.buf)])
		in.buf = in.buf[:len(in.buf)+n]
		in.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	in.err = io.ErrNoProgress
	return in.err
}

// makeRoom drops what lies before the mark and grows the buffer where that frees less than half
// of it, so that each byte is moved a bounded number of times.
func (in *input) makeRoom() {
	keep := in.buf[in.mark:]
	buf := in.buf[:0]
	if cap(in.buf) < 2*len(keep) || cap(in.buf) == 0 {
		buf = make([]byte, 0, max(64<<10, 2*len(keep)))
	}
	in.buf = append(buf, keep...)
	in.base += int64(in.mark)
	in.pos -= in.mark
	in.mark = 0
}

// peek gives up to n bytes without taking them; fewer at the end.
func (in *input) peek(n int) []byte {
	for len(in.buf)-in.pos < n && in.fill() == nil {
	}
	return in.buf[in.pos:min(len(in.buf), in.pos+n)]
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if in.pos == len(in.buf) {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buf[in.pos:])
	in.pos += n
	return n, nil
}

// ReadByte implements io.ByteReader, which keeps the inflater from reading beyond its member.
func (in *input) ReadByte() (byte, error) {
	if in.pos == len(in.buf) {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	c := in.buf[in.pos]
	in.pos++
	return c, nil
}

// failed gives the error of the file itself, if it had one.
func (in *input) failed() error {
	if in.err == io.EOF {
		return nil
	}
	return in.err
}

// seekRecord moves to what looks like the start of a record and tells whether there is one. In a flat
// input nothing is compressed.
func (in *input) seekRecord(flat bool) bool {
	for {
		in.setMark()
		b := in.buf[in.pos:]
		if i := recordStart(b, flat); i >= 0 {
			in.pos += i
			return true
		}
		in.pos += max(0, len(b)-5) // a start may lie across the end
		if in.fill() != nil {
			return false
		}
	}
}

// recordStart finds a gzip header (deflate, no reserved flag), or a version line after a line end.
func recordStart(b []byte, flat bool) int {
	at := -1
	if i := bytes.Index(b, []byte("\nWARC/")); i >= 0 {
		at, b = i+1, b[:i]
	}
	if flat {
		return at
	}
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte("\x1f\x8b\x08"))
		if i < 0 || from+i+3 >= len(b) {
			return at
		}
		if from += i; b[from+3] < 0x20 {
			return from
		}
		from++
	}
}
