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
	Rows   OpenRows

	mu      sync.Mutex
	streams []*stream
	clock   int64 // counts uses
	head    *csvHead
	headOf  [3]string // file, member and input
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
		err = l.loadFile(d, c)
	case kindCSV:
		err = l.loadCSV(d, c)
	case kindParquet:
		err = l.loadParquet(d, c)
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
func (l *Loader) loadFile(d *millrace.Document, c millrace.Claim) error {
	s, err := l.stream(c)
	if err != nil {
		return changed(c, err)
	}
	b, err := limited(s.in)
	s.pos += int64(len(b))
	l.giveBack(s, err == nil && s.outer != nil) // of others it was the end
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
	in, err := l.input(d)
	if err != nil {
		return err
	}
	r, err := parseRow(b, in)
	if err != nil {
		return err
	}
	r.fill(d)
	return nil
}

// input is what the document's file was named by.
func (l *Loader) input(d *millrace.Document) (Input, error) {
	for _, in := range l.Inputs {
		if in = in.defaults(); in.Name == d.Page.Source {
			return in, nil
		}
	}
	return Input{}, fmt.Errorf("no input is named %q: %w", d.Page.Source, millrace.ErrStop)
}

// loadCSV reads a record again, by the names of its file's header.
func (l *Loader) loadCSV(d *millrace.Document, c millrace.Claim) error {
	in, err := l.input(d)
	if err != nil {
		return err
	}
	if c.Length < 0 || c.Length > maxLine {
		return changed(c, errDigest)
	}
	b, err := l.readLine(c)
	if err != nil {
		return changed(c, err)
	}
	h, err := l.csvHead(c, in)
	if err != nil {
		return changed(c, err)
	}
	var s cells
	if s.scan(b, h.sep, true); h.digest(b) != c.SHA256 || s.bad >= 0 || s.count != len(h.names) {
		return changed(c, errDigest)
	}
	r, err := h.row(&s, b, in)
	if err != nil {
		return err
	}
	r.fill(d)
	return nil
}

// csvHead is the header of a claim's file. The one read last is remembered.
func (l *Loader) csvHead(c millrace.Claim, in Input) (*csvHead, error) {
	l.mu.Lock()
	head, key := l.head, [3]string{c.File, c.Member, in.Name}
	known := l.headOf == key
	l.mu.Unlock()
	if known {
		return head, nil
	}
	c.Offset = 0
	s, err := l.stream(c)
	if err != nil {
		return nil, err
	}
	head, rec, err := readHead(newCSV(s.in), in)
	l.giveBack(s, false)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, errors.New(rec.what)
	}
	l.mu.Lock()
	l.head, l.headOf = head, key
	l.mu.Unlock()
	return head, nil
}

func (l *Loader) readLine(c millrace.Claim) ([]byte, error) {
	b := make([]byte, c.Length)
	f, err := os.Open(c.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := headOf(f)
	if err != nil {
		return nil, err
	}
	if c.Member != "" || isCompressed(head) {
		return b, l.readInflated(c, b)
	}
	if _, err := f.ReadAt(b, c.Offset); err != nil {
		return nil, err
	}
	return b, nil
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
