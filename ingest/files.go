package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/warc"
)

// recordBits is how many bits of a Position's offset count the records of one file.
const recordBits = 40

func filesPartition() millrace.Partition { return millrace.Partition{Topic: "files"} }

// FileSource reads Documents from files. It is a millrace.Source of topic "files"; an offset is the
// number of the file, shifted by 40 bits, and the ordinal of the record. Bodies are left for the Loader, but for Carry.
type FileSource struct {
	// URLKey, if set, gives the canonical form of a URL for comparing.
	URLKey func(url string) string
	// Rows opens Parquet files.
	Rows OpenRows
	// Carry is how many bytes of pages out of WARC files the documents of one Read may bring along, so that the Loader
	// need not read and inflate them once more. It is for belts whose sink takes no bodies with it.
	Carry int

	disk   *durable.Disk
	inputs map[string]Input
	files  []listed
	spool  string // the folder for what can be read only once
	stored string // the corpus's folder, with the list; "" where nothing is kept
	temp   string // a folder to remove at the end
	at     int    // number of the open file
	record int64  // ordinal of the next document's record is at least this
	skip   int64
	spare  int // of Carry, for this Read
	file   *file
	open   records // of file; nil where none is open
	close  func()
	raw    *raw
	pause  time.Duration // after a failed request; 0 is the usual one. Tests do not wait as long

	watch *watch // for files that join later; nil where the list ends

	mu   sync.Mutex // of what Progress reads
	done int
	read atomic.Int64
}

// Files finds the files of inputs. Their list is kept in dir, so that positions stay what they are; an
// empty dir keeps nothing.
func Files(ctx context.Context, disk *durable.Disk, dir string, inputs []Input) (*FileSource, error) {
	return newFiles(ctx, disk, dir, inputs, os.Stdin, nil)
}

func newFiles(ctx context.Context, disk *durable.Disk, dir string, inputs []Input, stdin io.Reader, w *watch) (_ *FileSource, err error) {
	s := &FileSource{disk: disk, inputs: map[string]Input{}, close: func() {}, watch: w}
	inputs = slices.Clone(inputs)
	for i, in := range inputs {
		inputs[i] = in.defaults()
		s.inputs[inputs[i].Name] = inputs[i]
	}
	if len(s.inputs) < len(inputs) {
		return nil, errors.New("two inputs have the same name")
	}
	if piped := slices.DeleteFunc(slices.Clone(inputs), func(in Input) bool { return in.Glob != "-" }); len(piped) > 1 {
		return nil, errors.New("two inputs are standard input, which can be read once")
	}
	spool := stateDir(dir)
	var old []listed
	if dir == "" {
		if spool, err = os.MkdirTemp("", "millrace-ingest-"); err != nil {
			return nil, err
		}
		s.temp = spool
	} else if old, err = loadList(dir); err != nil {
		return nil, err
	}
	s.spool, s.stored = spool, dir
	if dir != "" {
		s.spool = filepath.Join(dir, "spool")
	}
	now := inputs
	if w != nil {
		now = w.begin(dir, inputs)
	}
	s.files, err = discover(ctx, disk, slices.Clone(old), now, spool, stdin)
	if err == nil {
		err = none(s.files, now)
	}
	if err == nil && dir != "" && len(s.files) > len(old) {
		err = storeList(disk, dir, s.files)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes the open file.
func (s *FileSource) Close() error {
	s.close()
	s.open, s.close = nil, func() {}
	if s.temp != "" {
		return os.RemoveAll(s.temp)
	}
	return nil
}

// Progress is how far a FileSource has come.
type Progress struct {
	Files, FilesDone int
	Bytes, BytesDone int64 // of the files as stored
}

// Progress may be called at any time.
func (s *FileSource) Progress() Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Progress{Files: len(s.files), FilesDone: s.done}
	if s.done < len(s.files) { // some formats look at bytes twice
		p.BytesDone = min(s.read.Load(), s.files[s.done].Size)
	}
	for i, f := range s.files {
		p.Bytes += f.Size
		if i < s.done {
			p.BytesDone += f.Size
		}
	}
	return p
}

// Stored is how far the files of dir are committed, by the newest commit's mark of the files: whole files only.
func Stored(dir string, marks map[millrace.Partition]int64) (p Progress, err error) {
	all, err := loadList(dir)
	mark := FilesUpTo(millrace.Checkpoint{Marks: marks}) // each partition of pages may have one of its own
	p.Files = len(all)
	for i, f := range all {
		p.Bytes += f.Size
		if int64(i) < mark>>recordBits {
			p.FilesDone++
			p.BytesDone += f.Size
		}
	}
	return p, err
}

// Open starts at Next of c: behind the last document that was stored.
func (s *FileSource) Open(_ context.Context, c millrace.Checkpoint) error {
	s.close()
	s.open, s.close = nil, func() {}
	next := c.Next[filesPartition()]
	if next>>recordBits >= int64(len(s.files)) && next > 0 {
		return fmt.Errorf("position %d is in file number %d, but the list has %d files: %w", next, next>>recordBits, len(s.files), millrace.ErrIntegrity)
	}
	s.enter(int(next>>recordBits), next&(1<<recordBits-1))
	return nil
}

// enter goes to a file, behind its first records.
func (s *FileSource) enter(number int, skip int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.skip, s.record, s.done = number, skip, 0, min(number, len(s.files))
	s.read.Store(0)
}

// Read gives the next documents; io.EOF when all files are read. A source that watches waits for more.
func (s *FileSource) Read(ctx context.Context, most int) (millrace.Batch, error) {
	var b millrace.Batch
	s.spare = s.Carry
	for len(b.Docs) < most {
		if err := ctx.Err(); err != nil {
			return b, err
		}
		d, err := s.document(ctx)
		if errors.Is(err, io.EOF) {
			if len(b.Docs) > 0 {
				return b, nil
			}
			if s.watch == nil {
				return b, io.EOF
			}
			if err := s.await(ctx); err != nil {
				return b, err
			}
			continue
		}
		if err != nil {
			return b, err
		}
		if d != nil {
			b.Docs = append(b.Docs, d)
		}
	}
	return b, nil
}

// document gives the next document, or nil where the one that was read is not wanted.
func (s *FileSource) document(ctx context.Context) (*millrace.Document, error) {
	if s.at >= len(s.files) {
		return nil, io.EOF
	}
	l := s.files[s.at]
	in, ok := s.inputs[l.Input]
	if !ok { // its input is no longer there
		s.enter(s.at+1, 0)
		return nil, nil
	}
	var d *millrace.Document
	var err error
	if s.open == nil {
		if l, err = s.here(ctx, l); err != nil {
			return nil, err
		}
		s.file = &file{listed: l, in: in, key: s.key, bytes: &s.read, spare: &s.spare, skip: s.skip, name: l.URL}
		if l.Failed != "" {
			s.open = nothing{}
			return s.place(s.file.refused()), nil
		}
		err = s.openFile(s.file)
	}
	if err == nil {
		d, err = s.open.next()
	}
	switch {
	case errors.Is(err, millrace.ErrIntegrity):
		return nil, err
	case errors.Is(err, io.EOF):
		s.close()
		s.open, s.close = nil, func() {}
		s.enter(s.at+1, 0)
		return nil, nil
	case err != nil && (s.raw == nil || s.raw.err != nil):
		return nil, fmt.Errorf("read %s: %w", l.Path, err)
	case err != nil:
		// The data is damaged: what is left of the file is one dead letter.
		claim := millrace.Claim{File: l.Path, Length: l.Size, Record: max(s.record, s.file.at), Kind: kindFile}
		d = s.file.deadLetter(claim, nil, l.Path+": "+err.Error())
		s.open = nothing{}
	}
	return s.place(d), nil
}

// here makes sure that a file is on this disk.
func (s *FileSource) here(ctx context.Context, l listed) (listed, error) {
	if l.URL == "" || l.Path != "" || l.Failed != "" {
		return l, nil
	}
	if err := fetchRemote(ctx, s.disk, s.spool, s.inputs[l.Input].Buckets, s.pause, &l); err != nil {
		return l, err
	}
	files := slices.Clone(s.files)
	files[s.at] = l
	if s.stored != "" {
		if err := storeList(s.disk, s.stored, files); err != nil {
			return l, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = files
	return l, nil
}

// refused is the dead letter for a file that is not to be had.
func (f *file) refused() *millrace.Document {
	d := f.deadLetter(millrace.Claim{Kind: kindFile}, nil, f.URL+": "+f.Failed)
	d.Verdict.Reason, d.Verdict.Stage = millrace.FailedFetch, "fetch"
	return d
}

// nothing is a file whose rest cannot be read.
type nothing struct{}

func (nothing) next() (*millrace.Document, error) { return nil, io.EOF }

// place gives d its Position, and passes over what is stored already.
func (s *FileSource) place(d *millrace.Document) *millrace.Document {
	n := d.Page.Claim.Record
	s.record = n + 1
	if n < s.skip {
		return nil
	}
	d.Position = millrace.Position{Partition: filesPartition(), Offset: int64(s.at)<<recordBits | n}
	return d
}

func (s *FileSource) key(url string) string {
	if s.URLKey == nil {
		return ""
	}
	return s.URLKey(url)
}

// Unchanged looks whether every file is there, with the size that it had when first seen.
func (s *FileSource) Unchanged() error {
	for _, l := range s.files {
		if l.URL != "" && l.Path == "" {
			continue // it was never here
		}
		info, err := os.Stat(l.Path)
		if err != nil {
			return fmt.Errorf("%w: %w", err, ErrInputChanged)
		}
		if err := l.sameSize(info); err != nil {
			return err
		}
	}
	return nil
}

func (l *listed) sameSize(info os.FileInfo) error {
	if info.Size() != l.Size {
		return fmt.Errorf("%s has %d bytes, it had %d when first seen: %w", l.Path, info.Size(), l.Size, ErrInputChanged)
	}
	return nil
}

// openFile opens a file, which has to be what it was when first seen.
func (s *FileSource) openFile(l *file) error {
	s.raw = nil
	f, err := os.Open(l.Path)
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrInputChanged)
	}
	info, err := f.Stat()
	if err == nil {
		err = l.sameSize(info)
	}
	if err != nil {
		f.Close()
		return err
	}
	s.raw = &raw{f: f, count: l.bytes}
	s.close = func() { f.Close() }
	in, compressed, stop, err := inflate(s.raw)
	if err != nil {
		return err
	}
	s.close = func() { stop(); f.Close() }
	left := bombLimit(l.Size)
	if compressed {
		in = &bounded{in, &left}
	}
	b := bufio.NewReaderSize(in, 64<<10)
	head, err := b.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) && formatOf(l.Path, nil) != formatWARC { // whose reader knows a way on
		return err
	}
	switch kind := formatOf(l.Path, head); {
	case kind == formatWARC && compressed:
		// Its members are compressed one by one, so that each can be found again.
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		s.read.Store(0)
		s.open = &warcRecords{f: l, in: warc.NewReader(s.raw, maxWhole)}
	case kind == formatTar, kind == formatZip && !compressed:
		a := &archive{f: l, raw: s.raw, left: &left}
		if kind == formatTar {
			a.members = newTar(b, l)
		} else if a.members, err = newZip(s.raw, l); err != nil {
			return err
		}
		s.open, s.close = a, func() { a.leave(); stop(); f.Close() }
	case kind == formatParquet && !compressed:
		return s.openParquet(l)
	default:
		s.open = l.records(b, kind)
	}
	return nil
}

func (s *FileSource) openParquet(l *file) error {
	if s.Rows == nil {
		return errNoParquet
	}
	rows, err := s.Rows(s.raw, l.Size, 0)
	if err != nil {
		return err
	}
	stop := s.close
	s.open, s.close = &parquetRows{f: l, in: rows}, func() { rows.Close(); stop() }
	return nil
}

// records reads a stream of one format.
func (f *file) records(b *bufio.Reader, kind format) records {
	switch kind {
	case formatJSONL:
		return &jsonl{f: f, lines: newLines(b)}
	case formatCSV:
		return &csvRows{f: f, in: newCSV(b)}
	case formatWARC:
		return &warcRecords{f: f, in: warc.NewReader(b, maxWhole)}
	}
	return &whole{f: f, in: b, kind: kind}
}
