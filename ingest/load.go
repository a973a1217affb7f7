package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"millrace"
	"millrace/internal/warc"
)

// Loader is the stage "load": it fetches the bytes of a document that has neither body nor text from
// where its claim says, and checks their digest. It may be used by several goroutines.
type Loader struct {
	Dir    string  // of the corpus; claims of kind "warc" are relative to it
	Inputs []Input // whose files were read, for the names of their fields

	mu      sync.Mutex
	streams []*stream
	clock   int64 // counts uses
}

// Name is "load".
func (*Loader) Name() string { return "load" }

// Process loads one document. Bytes that are missing or not what they were end the line: what was read
// cannot be found again.
func (l *Loader) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if d.Page.Body != nil || d.Text != "" {
		return millrace.Verdict{}, nil
	}
	var err error
	switch c := d.Page.Claim; c.Kind {
	case kindWARC:
		err = l.loadArchive(d, c)
	case kindWARCFile:
		err = loadWARC(d, c)
	case kindWARCStream:
		err = l.loadWARCStream(d, c)
	case kindJSONL:
		err = l.loadLine(d, c)
	case kindFile:
		err = loadFile(d, c)
	default:
		err = fmt.Errorf("a claim of kind %q", c.Kind)
	}
	return millrace.Verdict{}, err
}

// inputError tells the user's files, which have changed, from the archive, which is damaged.
func inputError(c millrace.Claim) error {
	if c.Kind == kindWARC {
		return millrace.ErrIntegrity
	}
	return ErrInputChanged
}

// changed is the error for bytes that are not what the claim says. What the system could not do just now says
// nothing about them.
func changed(c millrace.Claim, err error) error {
	for _, busy := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR, syscall.ETIMEDOUT, syscall.ESTALE} {
		if errors.Is(err, busy) {
			return fmt.Errorf("%s, %d bytes at %d: %w: %w", c.File, c.Length, c.Offset, err, millrace.ErrTransient)
		}
	}
	return fmt.Errorf("%s, %d bytes at %d: %w: %w: %w", c.File, c.Length, c.Offset, err, inputError(c), millrace.ErrStop)
}

var errDigest = errors.New("the bytes are not those that were read before")

// loadArchive reads a member of the corpus's archive. The path must stay below Dir.
func (l *Loader) loadArchive(d *millrace.Document, c millrace.Claim) error {
	f, err := os.OpenInRoot(l.Dir, filepath.FromSlash(c.File))
	if err != nil {
		return changed(c, err)
	}
	defer f.Close()
	p, err := readRecord(f, c)
	if err != nil {
		return err
	}
	d.Page.Body = notNil(p.body)
	return nil
}

// readRecord reads a WARC record and checks its payload.
func readRecord(f *os.File, c millrace.Claim) (payload, error) {
	rec, err := warc.ReadAt(f, c.Offset, c.Length, maxWhole)
	if err != nil {
		return payload{}, changed(c, err)
	}
	return checkPayload(rec, c)
}

// checkPayload gives the payload of a record, if it is the one of the claim.
func checkPayload(rec *warc.Record, c millrace.Claim) (payload, error) {
	p, err := parsePayload(rec)
	if err != nil {
		return payload{}, changed(c, err)
	}
	if sha256.Sum256(p.body) != c.SHA256 {
		return payload{}, changed(c, errDigest)
	}
	return p, nil
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// loadWARC reads a record of a user's WARC.
func loadWARC(d *millrace.Document, c millrace.Claim) error {
	f, err := os.Open(c.File)
	if err != nil {
		return changed(c, err)
	}
	defer f.Close()
	p, err := readRecord(f, c)
	if err != nil {
		return err
	}
	b, err := p.plainBody()
	if err != nil {
		return err // the page's own fault
	}
	d.Page.Body = notNil(b)
	return nil
}

// loadWARCStream reads a record that is compressed together with others.
func (l *Loader) loadWARCStream(d *millrace.Document, c millrace.Claim) error {
	if c.Length < 0 || c.Length > 2*maxWhole {
		return changed(c, errDigest)
	}
	b := make([]byte, c.Length)
	if err := l.readInflated(c, b); err != nil {
		return changed(c, err)
	}
	rec, err := warc.NewReader(bytes.NewReader(b), maxWhole).Next()
	if err != nil {
		return changed(c, err)
	}
	p, err := checkPayload(rec, c)
	if err != nil {
		return err
	}
	if b, err = p.plainBody(); err != nil {
		return err // the page's own fault
	}
	d.Page.Body = notNil(b)
	return nil
}

// loadFile reads a whole file.
func loadFile(d *millrace.Document, c millrace.Claim) error {
	f, err := os.Open(c.File)
	if err != nil {
		return changed(c, err)
	}
	defer f.Close()
	in, _, stop, err := inflate(f)
	if err != nil {
		return changed(c, err)
	}
	defer stop()
	b, err := limited(in)
	if err != nil {
		return changed(c, err)
	}
	if sha256.Sum256(b) != c.SHA256 {
		return changed(c, errDigest)
	}
	if text, ok := plain(b); ok && text != "" && d.Page.MediaType != "text/html" {
		d.Text = text
		return nil
	}
	d.Page.Body = notNil(b)
	return nil
}

// loadLine reads a line of JSONL again.
func (l *Loader) loadLine(d *millrace.Document, c millrace.Claim) error {
	if c.Length < 0 || c.Length > maxLine {
		return changed(c, errDigest)
	}
	b, err := l.readLine(c)
	if err != nil {
		return changed(c, err)
	}
	if sha256.Sum256(b) != c.SHA256 {
		return changed(c, errDigest)
	}
	for _, in := range l.Inputs {
		if in = in.defaults(); in.Name == d.Page.Source {
			r, err := parseRow(b, in)
			if err != nil {
				return err
			}
			r.fill(d)
			return nil
		}
	}
	return fmt.Errorf("no input is named %q: %w", d.Page.Source, millrace.ErrStop)
}

func (l *Loader) readLine(c millrace.Claim) ([]byte, error) {
	b := make([]byte, c.Length)
	f, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, err
	}
	if isCompressed(head[:n]) {
		f.Close()
		return b, l.readInflated(c, b)
	}
	defer f.Close()
	if _, err := f.ReadAt(b, c.Offset); err != nil {
		return nil, err
	}
	return b, nil
}

func isCompressed(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		bytes.HasPrefix(head, []byte("BZh"))
}

// stream is a compressed file that is read forward. Workers ask for lines nearly in order, so each finds
// a stream that stands shortly before its line; a file is inflated about once a stream, not once a line.
type stream struct {
	path string
	pos  int64
	in   io.Reader
	stop func()
	busy bool
	used int64 // by the clock
}

const maxStreams = 8

// readInflated fills b from offset c.Offset of the inflated file.
func (l *Loader) readInflated(c millrace.Claim, b []byte) error {
	s, err := l.stream(c)
	if err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, s.in, c.Offset-s.pos)
	if err == nil {
		_, err = io.ReadFull(s.in, b)
	}
	s.pos = c.Offset + int64(len(b))
	l.giveBack(s, err == nil)
	return err
}

// stream gives the stream that stands closest before the claim, or a new one.
func (l *Loader) stream(c millrace.Claim) (*stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var best *stream
	for _, s := range l.streams {
		if !s.busy && s.path == c.File && s.pos <= c.Offset && (best == nil || s.pos > best.pos) {
			best = s
		}
	}
	if best != nil {
		best.busy = true
		return best, nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	in, _, stop, err := inflate(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &stream{path: c.File, in: in, stop: func() { stop(); f.Close() }, busy: true}
	l.streams = append(l.streams, s)
	return s, nil
}

// giveBack keeps a sound stream for the next line. Of too many, the one not used for longest is closed.
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
	victim.stop()
	l.streams = slices.DeleteFunc(l.streams, func(x *stream) bool { return x == victim })
}

// Close closes the files that are kept open.
func (l *Loader) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streams {
		s.stop()
	}
	l.streams = nil
	return nil
}

// ReadInputs calls yield for each document of inputs, in order, with text or body loaded. It keeps no
// state: it is for commands that are one step over files.
func ReadInputs(ctx context.Context, inputs []Input, yield func(*millrace.Document) error) (err error) {
	s, err := Files(nil, "", inputs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Open(ctx, millrace.Checkpoint{}); err != nil {
		return err
	}
	l := &Loader{Inputs: inputs}
	defer l.Close()
	for {
		b, err := s.Read(ctx, 16)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, d := range b.Docs {
			if err := l.load(ctx, d); err != nil {
				return err
			}
			if err := yield(d); err != nil {
				return err
			}
		}
	}
}

// load is Process, as a runner would call it.
func (l *Loader) load(ctx context.Context, d *millrace.Document) error {
	if !d.Verdict.Kept() {
		return nil
	}
	v, err := l.Process(ctx, d)
	if err != nil && !errors.Is(err, millrace.ErrStop) {
		v = millrace.Verdict{Reason: millrace.FailedLoad, Stage: l.Name(), Err: err.Error()}
		err = nil
	}
	d.Verdict = v
	return err
}
