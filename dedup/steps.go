package dedup

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"sort"

	"millrace"
)

// The state is what its steps make of an empty Index, one behind the other: a document was kept, one was dropped, a
// version came back, a page was withdrawn. A snapshot holds steps, so that to store what is new is to store its steps.
const (
	stepKept byte = iota + 1
	stepDuplicate
	stepNewest
	stepWithdrawn
)

// step is one of them, as it is read back. offset is that of the row that made it.
type step struct {
	kind   byte
	offset int64
	of     uint32 // of a duplicate its twin, of a version that came back itself
	page   page   // that was withdrawn
	kept   entry  // of a duplicate only the id counts
	user   []byte
	first  bool   // with its content
	in     uint16 // a bit for each band that it is an owner in
	tags   [bands]uint32
}

// steps are those that no snapshot has yet: all from offset from on.
type steps struct {
	off  bool // nobody asks for them
	from int64
	buf  []byte
	ends []stepEnd
}

type stepEnd struct {
	kind   byte
	offset int64
	end    int // in buf
}

// maxSteps bounds the bytes that wait for their commit.
const maxSteps = 64 << 20

// ended notes that a step was appended. Of too many, all are dropped: the snapshots have a hole then, and the next
// Load reads its rows.
func (s *steps) ended(kind byte, offset int64) {
	s.ends = append(s.ends, stepEnd{kind, offset, len(s.buf)})
	if len(s.buf) > maxSteps {
		s.from, s.buf, s.ends = offset+1, nil, nil
	}
}

// cut takes the steps of rows below an offset out.
func (s *steps) cut(offset int64) (taken []byte) {
	n, bytes := sort.Search(len(s.ends), func(i int) bool { return s.ends[i].offset >= offset }), 0
	if n > 0 {
		bytes = s.ends[n-1].end
	}
	taken = s.buf[:bytes:bytes]
	s.from, s.buf = offset, append([]byte(nil), s.buf[bytes:]...)
	rest := make([]stepEnd, 0, len(s.ends)-n)
	for _, e := range s.ends[n:] {
		rest = append(rest, stepEnd{e.kind, e.offset, e.end - bytes})
	}
	s.ends = rest
	return taken
}

func (s *steps) begin(kind byte, offset int64) {
	s.buf = binary.LittleEndian.AppendUint64(append(s.buf, kind), uint64(offset))
}

func (s *steps) kept(e *entry, user string, first bool, in uint16, k *keys) {
	if s.off {
		return
	}
	s.begin(stepKept, e.offset)
	s.buf = append(append(s.buf, e.id[:]...), e.content[:]...)
	s.buf = binary.LittleEndian.AppendUint64(s.buf, uint64(e.page))
	s.buf = append(s.buf, e.sketch[:]...)
	s.buf = binary.LittleEndian.AppendUint32(s.buf, e.shingles)
	s.buf = binary.LittleEndian.AppendUint16(s.buf, uint16(len(user)))
	s.buf = binary.LittleEndian.AppendUint16(s.buf, in)
	s.buf = append(s.buf, 0)
	if first {
		s.buf[len(s.buf)-1] = 1
	}
	s.buf = append(s.buf, user...)
	for b, band := range k.bands {
		if in&(1<<b) != 0 {
			s.buf = binary.LittleEndian.AppendUint32(s.buf, tag(band))
		}
	}
	s.ended(stepKept, e.offset)
}

func (s *steps) duplicate(offset int64, id millrace.ID, of uint32) {
	if s.off {
		return
	}
	s.begin(stepDuplicate, offset)
	s.buf = binary.LittleEndian.AppendUint32(append(s.buf, id[:]...), of)
	s.ended(stepDuplicate, offset)
}

func (s *steps) newest(offset int64, of uint32) {
	if s.off {
		return
	}
	s.begin(stepNewest, offset)
	s.buf = binary.LittleEndian.AppendUint32(s.buf, of)
	s.ended(stepNewest, offset)
}

func (s *steps) withdrawn(offset int64, p page) {
	if s.off {
		return
	}
	s.begin(stepWithdrawn, offset)
	s.buf = binary.LittleEndian.AppendUint64(s.buf, uint64(p))
	s.ended(stepWithdrawn, offset)
}

var errSteps = errors.New("the steps do not parse")

// next reads one step from the start of b, into s, and gives what is behind it.
func (s *step) next(b []byte) ([]byte, error) {
	if len(b) < 9 {
		return nil, errSteps
	}
	s.kind, s.offset = b[0], int64(binary.LittleEndian.Uint64(b[1:]))
	b = b[9:]
	size := fixed(s.kind)
	if size == 0 || len(b) < size {
		return nil, errSteps
	}
	head, b := b[:size], b[size:]
	switch s.kind {
	case stepDuplicate:
		s.of = binary.LittleEndian.Uint32(head[copy(s.kept.id[:], head):])
	case stepNewest:
		s.of = binary.LittleEndian.Uint32(head)
	case stepWithdrawn:
		s.page = page(binary.LittleEndian.Uint64(head))
	case stepKept:
		return s.nextKept(head, b)
	}
	return b, nil
}

func (s *step) nextKept(head, b []byte) ([]byte, error) {
	e := &s.kept
	e.offset, e.user = s.offset, 0
	head = head[copy(e.id[:], head):]
	head = head[copy(e.content[:], head):]
	e.page = page(binary.LittleEndian.Uint64(head))
	head = head[8:]
	head = head[copy(e.sketch[:], head):]
	e.shingles = binary.LittleEndian.Uint32(head)
	user := int(binary.LittleEndian.Uint16(head[4:]))
	s.in, s.first = binary.LittleEndian.Uint16(head[6:]), head[8] == 1
	if user > maxUser || len(b) < user+4*bits.OnesCount16(s.in) {
		return nil, errSteps
	}
	s.user, b = b[:user], b[user:]
	for left := s.in; left != 0; left &= left - 1 {
		s.tags[bits.TrailingZeros16(left)] = binary.LittleEndian.Uint32(b)
		b = b[4:]
	}
	return b, nil
}

// fixed is how many bytes of fixed length a step has behind its offset; 0 is no step.
func fixed(kind byte) int {
	switch kind {
	case stepKept:
		return 16 + 16 + 8 + minima + 4 + 2 + 2 + 1
	case stepDuplicate:
		return 16 + 4
	case stepNewest:
		return 4
	case stepWithdrawn:
		return 8
	}
	return 0
}
