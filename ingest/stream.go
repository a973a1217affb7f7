package ingest

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"millrace"
)

func isCompressed(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		bytes.HasPrefix(head, []byte("BZh"))
}

// stream is a file, or a member of an archive, that is read forward and comes out inflated. Workers ask for
// records nearly in order, so each finds a stream that stands shortly before its record; a file is inflated
// about once a stream, not once a record. In a compressed tar a stream goes from member to member.
type stream struct {
	path, member string
	in           io.Reader
	pos          int64 // of in
	stop         func()
	outer        *countReader // a compressed tar, inflated; nil for anything else
	busy         bool
	used         int64 // by the clock
	f            *os.File
	rows         Rows // of a Parquet file: pos counts them
	stopOuter    func()
}

const maxStreams = 8

// readInflated fills b from offset c.Offset of the inflated file.
func (l *Loader) readInflated(c millrace.Claim, b []byte) error {
	s, err := l.stream(c)
	if err != nil {
		return err
	}
	n, err := io.ReadFull(s.in, b)
	s.pos += int64(n)
	l.giveBack(s, err == nil)
	return err
}

// stream gives a stream that stands at the claim's offset.
func (l *Loader) stream(c millrace.Claim) (*stream, error) {
	var p place
	if c.Member != "" {
		var err error
		if p, err = parsePlace(c.Member); err != nil {
			return nil, err
		}
	}
	s := l.closest(c, p)
	var err error
	if s == nil {
		if s, err = open(c, p); err != nil {
			return nil, err
		}
		l.mu.Lock()
		l.streams = append(l.streams, s)
		l.mu.Unlock()
	}
	if s.member != c.Member || s.in == nil {
		err = s.enter(c.Member, p)
	}
	if err == nil {
		var n int64
		n, err = io.CopyN(io.Discard, s.in, c.Offset-s.pos)
		s.pos += n
	}
	if err != nil {
		l.giveBack(s, false)
		return nil, err
	}
	return s, nil
}

// closest is the idle stream that stands closest before a claim: in its own file or member, or before it in
// its compressed tar.
func (l *Loader) closest(c millrace.Claim, p place) *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	var best *stream
	for _, s := range l.streams {
		if s.busy || s.path != c.File {
			continue
		}
		same := s.member == c.Member && s.pos <= c.Offset
		before := s.outer != nil && c.Member != "" && !p.zip && s.outer.n <= p.first
		switch {
		case !same && !before:
		case best == nil, same && best.member != c.Member,
			same && best.member == c.Member && s.pos > best.pos,
			!same && best.member != c.Member && s.outer.n > best.outer.n:
			best = s
		}
	}
	if best != nil {
		best.busy = true
	}
	return best
}

// open opens a file. What is compressed as a whole is inflated from its first byte.
func open(c millrace.Claim, p place) (*stream, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	s := &stream{path: c.File, member: c.Member, f: f, busy: true, stop: func() {}, stopOuter: func() {}}
	if p.zip {
		return s, nil
	}
	in, compressed, stop, err := inflate(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	s.stopOuter = stop
	switch {
	case c.Member == "":
		s.in = in
	case compressed:
		s.outer = &countReader{in: in}
	}
	return s, nil
}

// enter goes to the first byte of a member.
func (s *stream) enter(name string, p place) error {
	s.stop()
	s.stop, s.member, s.pos = func() {}, name, 0
	var in io.Reader = io.NewSectionReader(s.f, p.first, p.size)
	switch {
	case s.outer != nil:
		if _, err := io.CopyN(io.Discard, s.outer, p.first-s.outer.n); err != nil {
			return err
		}
		in = io.LimitReader(s.outer, p.size)
	case p.zip && p.method == 8:
		in = flate.NewReader(in)
	case p.zip && p.method != 0:
		return fmt.Errorf("zip method %d", p.method)
	}
	var err error
	var stop func()
	if s.in, _, stop, err = inflate(in); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	s.stop = stop
	return nil
}

func (s *stream) close() {
	if s.rows != nil {
		s.rows.Close()
	}
	s.stop()
	s.stopOuter()
	s.f.Close()
}

// giveBack keeps a sound stream for the next record. Of too many, the one not used for longest is closed.
func (l *Loader) giveBack(s *stream, sound bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock++
	s.busy, s.used = false, l.clock
	victim := s
	if sound {
		if len(l.streams) <= maxStreams {
			return
		}
		for _, x := range l.streams {
			if !x.busy && x.used < victim.used {
				victim = x
			}
		}
	}
	victim.close()
	l.streams = slices.DeleteFunc(l.streams, func(x *stream) bool { return x == victim })
}

// Close closes the files that are kept open.
func (l *Loader) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streams {
		s.close()
	}
	l.streams = nil
	return nil
}
