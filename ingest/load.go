package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	Store  Store // where bytes are that did not fit into a message, and archive files that are not in Dir; nil: nowhere

	mu      sync.Mutex
	streams []*stream
	clock   int64 // counts uses
	head    *csvHead
	headOf  [3]string // file, member and input
}

// Name is "load".
func (*Loader) Name() string { return "load" }

// Process loads one document: from what came along with it, else by its claim. Bytes that are missing or not what
// they were end the line: what was read cannot be found again.
func (l *Loader) Process(ctx context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if d.Page.Body != nil || d.Text != "" {
		return millrace.Verdict{}, nil
	}
	b, ok, err := l.travelled(ctx, d)
	if err == nil && !ok {
		b, err = l.stored(ctx, d)
	}
	if err == nil {
		err = l.use(d, b)
	}
	return millrace.Verdict{}, err
}

// stored reads what a claim covers, as it is stored, from its file. Of a CSV file that is the header's line and the
// record, of a Parquet file the row as JSON.
func (l *Loader) stored(ctx context.Context, d *millrace.Document) (b []byte, err error) {
	c := d.Page.Claim
	if c.Length < 0 || c.Length > 2*maxWhole && c.Kind != kindFile {
		return nil, changed(c, errDigest)
	}
	switch c.Kind {
	case kindWARC:
		return l.Archived(ctx, c)
	case kindWARCFile:
		var f *os.File
		if f, err = os.Open(c.File); err == nil {
			b, err = readPart(f, c)
		}
	case kindWARCStream:
		b = make([]byte, c.Length)
		err = l.readInflated(c, b)
	case kindJSONL:
		b, err = l.readLine(c)
	case kindFile:
		b, err = l.readFile(c)
	case kindCSV:
		return l.readCSV(d, c)
	case kindParquet:
		b, err = l.readRow(c)
	default:
		return nil, fmt.Errorf("a claim of kind %q", c.Kind)
	}
	if err != nil {
		return nil, changed(c, err)
	}
	return b, nil
}

// verify compares what is stored with the claim.
func (l *Loader) verify(d *millrace.Document, b []byte) error {
	c := d.Page.Claim
	var sum [32]byte
	switch c.Kind {
	case kindWARC, kindWARCFile, kindWARCStream:
		_, _, err := readRecord(b, c)
		return err
	case kindCSV:
		head, record, ok := splitCSV(b)
		h := csvHead{sum: sha256.Sum256(head)}
		if sum = h.digest(record); !ok {
			return changed(c, errDigest)
		}
	default:
		sum = sha256.Sum256(b)
	}
	if sum != c.SHA256 {
		return changed(c, errDigest)
	}
	return nil
}

// use makes of what is stored what the document had when it was read, or what it is to be extracted from.
func (l *Loader) use(d *millrace.Document, b []byte) error {
	c := d.Page.Claim
	switch c.Kind {
	case kindWARC, kindWARCFile, kindWARCStream:
		return useRecord(d, b, c)
	case kindCSV:
		return l.useCSV(d, b)
	}
	if err := l.verify(d, b); err != nil {
		return err
	}
	if c.Kind == kindFile {
		if text, ok := plain(b); ok && text != "" && d.Page.MediaType != "text/html" {
			d.Text = text
			return nil
		}
		d.Page.Body = notNil(b)
		return nil
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
	for _, busy := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR, syscall.ETIMEDOUT, syscall.ESTALE, millrace.ErrTransient} {
		if errors.Is(err, busy) {
			return fmt.Errorf("%s, %d bytes at %d: %w: %w", c.File, c.Length, c.Offset, err, millrace.ErrTransient)
		}
	}
	return fmt.Errorf("%s, %d bytes at %d: %w: %w: %w", c.File, c.Length, c.Offset, err, inputError(c), millrace.ErrStop)
}

var errDigest = errors.New("the bytes are not those that were read before")

// Archived reads a member of the corpus's archive: below Dir, or where another machine has put the file.
func (l *Loader) Archived(ctx context.Context, c millrace.Claim) (b []byte, err error) {
	f, err := os.OpenInRoot(l.Dir, filepath.FromSlash(c.File))
	switch {
	case err == nil:
		b, err = readPart(f, c)
	case errors.Is(err, fs.ErrNotExist) && l.Store != nil && filepath.IsLocal(filepath.FromSlash(c.File)):
		b, err = l.get(ctx, c.File, c.Offset, c.Length)
	}
	if err != nil {
		return nil, changed(c, err)
	}
	return b, nil
}

// readPart reads what the claim covers of its file, and closes it.
func readPart(f *os.File, c millrace.Claim) ([]byte, error) {
	defer f.Close()
	b := make([]byte, c.Length)
	if _, err := f.ReadAt(b, c.Offset); err != nil {
		return nil, err
	}
	return b, nil
}

// readRecord reads a WARC record and checks its payload.
func readRecord(b []byte, c millrace.Claim) (rec *warc.Record, p payload, err error) {
	if c.Kind == kindWARCStream {
		rec, err = warc.NewReader(bytes.NewReader(b), maxWhole).Next()
	} else {
		rec, err = warc.ReadAt(bytes.NewReader(b), 0, c.Length, maxWhole)
	}
	if err == nil {
		p, err = parsePayload(rec)
	}
	if err == nil && sha256.Sum256(p.body) != c.SHA256 {
		err = errDigest
	}
	if err != nil {
		return nil, payload{}, changed(c, err)
	}
	return rec, p, nil
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// useRecord takes the page out of a WARC record. What the crawl archives has no coding.
func useRecord(d *millrace.Document, b []byte, c millrace.Claim) error {
	rec, p, err := readRecord(b, c)
	if err != nil {
		return err
	}
	if c.Kind == kindWARC {
		d.Page.Body = notNil(p.body)
		return nil
	}
	if d.Text = conversion(rec, &p); d.Text != "" {
		return nil
	}
	if b, err = p.plainBody(); err != nil {
		return err // the page's own fault
	}
	d.Page.Body = notNil(b)
	return nil
}

// readFile reads a whole file.
func (l *Loader) readFile(c millrace.Claim) ([]byte, error) {
	s, err := l.stream(c)
	if err != nil {
		return nil, err
	}
	b, err := limited(s.in)
	s.pos += int64(len(b))
	l.giveBack(s, err == nil && s.outer != nil) // of others it was the end
	return b, err
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

// readCSV reads a record, and the line by which its columns are named.
func (l *Loader) readCSV(d *millrace.Document, c millrace.Claim) ([]byte, error) {
	in, err := l.input(d)
	if err != nil {
		return nil, err
	}
	record, err := l.readLine(c)
	if err != nil {
		return nil, changed(c, err)
	}
	h, err := l.csvHead(c, in)
	if err != nil {
		return nil, changed(c, err)
	}
	return slices.Concat(h.line, []byte("\n"), record), nil
}

// useCSV reads a record by the names of its file's header.
func (l *Loader) useCSV(d *millrace.Document, b []byte) error {
	c := d.Page.Claim
	in, err := l.input(d)
	if err != nil {
		return err
	}
	head, record, _ := splitCSV(b)
	h, err := l.headLine(head, in)
	if err != nil {
		return changed(c, err)
	}
	var s cells
	if s.scan(record, h.sep, true); h.digest(record) != c.SHA256 || s.bad >= 0 || s.count != len(h.names) {
		return changed(c, errDigest)
	}
	r, err := h.row(&s, record, in)
	if err != nil {
		return err
	}
	r.fill(d)
	return nil
}

// csvHead is the header of a claim's file. The one read last is remembered.
func (l *Loader) csvHead(c millrace.Claim, in Input) (*csvHead, error) {
	key := [3]string{c.File, c.Member, in.Name}
	l.mu.Lock()
	head, known := l.head, l.headOf == key
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
	return l.keepHead(key, head, rec, err)
}

// headLine reads a header's line. Mostly it is the one read last.
func (l *Loader) headLine(b []byte, in Input) (*csvHead, error) {
	l.mu.Lock()
	head, name := l.head, l.headOf[2]
	l.mu.Unlock()
	if head != nil && name == in.Name && bytes.Equal(head.line, b) {
		return head, nil
	}
	head, rec, err := readHead(newCSV(io.MultiReader(bytes.NewReader(b), strings.NewReader("\n"))), in)
	return l.keepHead([3]string{2: in.Name}, head, rec, err)
}

func (l *Loader) keepHead(key [3]string, head *csvHead, rec csvRecord, err error) (*csvHead, error) {
	if err == nil && head == nil {
		err = errors.New(rec.what)
	}
	if err != nil {
		return nil, err
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
	s, err := Files(ctx, nil, "", inputs)
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
