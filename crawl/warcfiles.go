package crawl

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"millrace"
	"millrace/internal/atomicfile"
	"millrace/internal/warc"
)

// A position in the archive is a file's sequence number above the byte at which a member begins.
const (
	seqShift   = 40
	maxFile    = 256 << 20
	maxBlock   = 1 << 30
	groupPages = 64
	groupWait  = 25 * time.Millisecond
)

// warcPartition is the partition that positions in the archive belong to.
func warcPartition() millrace.Partition { return millrace.Partition{Topic: "warc"} }

// warcFile is one file of the archive.
type warcFile struct {
	seq  int64
	name string
	path string
}

// listWARC lists the archive's files in order. Two files of one number cannot be told apart by position.
func listWARC(dir string) ([]warcFile, error) {
	pattern := regexp.MustCompile(`^pages-0-([0-9]{8})-[0-9a-f]{8}\.warc\.gz$`)
	entries, err := os.ReadDir(filepath.Join(dir, "warc")) // sorted by name, so by number
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list archive: %w", err)
	}
	var out []warcFile
	for _, e := range entries {
		m := pattern.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		seq, _ := strconv.ParseInt(m[1], 10, 64) // eight digits
		if n := len(out); n > 0 && out[n-1].seq == seq {
			return nil, fmt.Errorf("archive: %s and %s have the same number: %w", out[n-1].name, e.Name(), millrace.ErrIntegrity)
		}
		out = append(out, warcFile{seq: seq, name: e.Name(), path: filepath.Join(dir, "warc", e.Name())})
	}
	return out, nil
}

// archiver writes captures to the archive, a group at a time: one fsync makes a group durable.
type archiver struct {
	dir, policy string
	info        []byte // block of each file's first record
	seq         int64  // of the next file
	name        string
	f           *os.File
	w           *warc.Writer
}

// stored is a capture that is durable.
type stored struct {
	*capture
	doc  *millrace.Document
	next int64 // position behind it
}

// group is what one fsync made durable, or why it did not.
type group struct {
	done []stored
	err  error
}

// run writes what comes in until in is closed. After an error it takes no more in than it must, and
// reports it with each group.
func (a *archiver) run(in <-chan *capture, out chan<- group) {
	defer close(out)
	var failed error
	for c := range in {
		batch := gather(c, in)
		g := group{err: failed}
		if failed == nil {
			g.done, g.err = a.write(batch)
			failed = g.err
		}
		out <- g
	}
	if a.f != nil {
		a.f.Close()
	}
}

// gather takes what comes within groupWait.
func gather(first *capture, in <-chan *capture) []*capture {
	batch := []*capture{first}
	timer := time.NewTimer(groupWait)
	defer timer.Stop()
	for len(batch) < groupPages {
		select {
		case c, ok := <-in:
			if !ok {
				return batch
			}
			batch = append(batch, c)
		case <-timer.C:
			return batch
		}
	}
	return batch
}

func (a *archiver) write(batch []*capture) ([]stored, error) {
	var out []stored
	for _, c := range batch {
		if err := a.rotate(); err != nil {
			return nil, err
		}
		header, block := c.record()
		offset, length, err := a.w.Append(header, block)
		if err != nil {
			return nil, fmt.Errorf("archive %s: %w", c.task.addr.fetch, err)
		}
		rec := &warc.Record{Offset: offset, Length: length, Header: header, Block: block}
		doc, err := placed(rec, warcFile{seq: a.seq - 1, name: a.name}, a.policy)
		if err != nil {
			return nil, err
		}
		out = append(out, stored{capture: c, doc: doc, next: (a.seq-1)<<seqShift | (offset + length)})
	}
	if err := a.w.Sync(); err != nil {
		return nil, err
	}
	return out, nil
}

// placed makes the Document of a record that stands in file.
func placed(rec *warc.Record, file warcFile, policy string) (*millrace.Document, error) {
	claim := millrace.Claim{File: "warc/" + file.name, Offset: rec.Offset, Length: rec.Length, Kind: "warc"}
	d, err := document(rec, claim, policy)
	if err != nil {
		return nil, err
	}
	d.Position = millrace.Position{Partition: warcPartition(), Offset: file.seq<<seqShift | rec.Offset}
	return d, nil
}

// rotate opens a file where there is none, or where the one at hand is full. The name is taken
// exclusively, so that a process that should be dead writes a file of its own.
func (a *archiver) rotate() error {
	if a.f != nil && a.w.Offset() < maxFile {
		return nil
	}
	if a.f != nil {
		if err := a.w.Sync(); err != nil {
			return err
		}
		if err := a.f.Close(); err != nil {
			return fmt.Errorf("close archive file: %w", err)
		}
		a.f = nil
	}
	if a.seq >= 1e8 {
		return fmt.Errorf("archive: no number left after %d files", a.seq)
	}
	var run [4]byte
	rand.Read(run[:])
	folder := filepath.Join(a.dir, "warc")
	a.name = fmt.Sprintf("pages-0-%08d-%s.warc.gz", a.seq, hex.EncodeToString(run[:]))
	f, err := os.OpenFile(filepath.Join(folder, a.name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("create archive file: %w", err)
	}
	if err := atomicfile.SyncDir(folder); err != nil {
		f.Close()
		return fmt.Errorf("create archive file: %w", err)
	}
	a.f, a.w = f, warc.NewWriter(f, 0)
	a.seq++
	_, _, err = a.w.Append([]millrace.Field{
		{Name: "WARC-Type", Value: "warcinfo"},
		{Name: "WARC-Record-ID", Value: warc.RecordID(a.name)},
		{Name: "WARC-Date", Value: time.Now().UTC().Format(dateFormat)},
		{Name: "WARC-Filename", Value: a.name},
		{Name: "Content-Type", Value: "application/warc-fields"},
	}, a.info)
	return err
}

// warcInfo is the block of a file's first record.
func warcInfo(a Agent) []byte {
	return fmt.Appendf(nil, "software: millrace\r\nformat: WARC File Format 1.1\r\n"+
		"conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n"+
		"robots: RFC 9309\r\nhttp-header-user-agent: %s\r\nhttp-header-from: %s\r\n"+
		"description: header lines in the order of their names, bodies without content encoding\r\n", a.UserAgent(), a.From())
}

// tornError says where a file ends within a member.
type tornError struct{ at int64 }

func (e *tornError) Error() string {
	return fmt.Sprintf("the file ends within the record at byte %d", e.at)
}

// readMembers calls f with each whole member of file from offset on. A torn tail is a *tornError;
// damage with whole members behind it wraps ErrIntegrity.
func readMembers(ctx context.Context, file warcFile, from int64, f func(*warc.Record) error) error {
	m, err := openMembers(file, from)
	if err != nil {
		return err
	}
	defer m.close()
	for {
		rec, err := m.next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(rec); err != nil {
			return err
		}
	}
}

// members reads one file.
type members struct {
	file warcFile
	f    *os.File
	from int64
	r    *warc.Reader
}

func openMembers(file warcFile, from int64) (*members, error) {
	f, err := os.Open(file.path)
	if err != nil {
		return nil, fmt.Errorf("open archive file: %w", err)
	}
	if size, err := f.Seek(0, io.SeekEnd); err != nil || size < from {
		f.Close()
		return nil, errors.Join(err, fmt.Errorf("archive file %s has %d bytes, but %d were known: %w", file.path, size, from, millrace.ErrIntegrity))
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("read archive file: %w", err)
	}
	return &members{file: file, f: f, from: from, r: warc.NewReader(f, maxBlock)}, nil
}

func (m *members) close() { m.f.Close() }

// next returns the next whole member, with its place in the file; io.EOF at the end.
func (m *members) next(ctx context.Context) (*warc.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rec, err := m.r.Next()
	var damage *warc.DamageError
	if errors.As(err, &damage) {
		at := m.from + damage.Offset
		what := damage.What
		for errors.As(err, &damage) { // compressed bytes may look like the beginning of a member
			_, err = m.r.Next()
		}
		if err == io.EOF {
			return nil, &tornError{at}
		}
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("archive file %s, byte %d: %s: %w", m.file.path, at, what, millrace.ErrIntegrity)
	}
	if err != nil {
		return nil, err
	}
	rec.Offset += m.from
	return rec, nil
}
