package crawl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"millrace"
	"millrace/internal/warc"
)

// A position in the archive is a file's sequence number above the byte at which a member begins.
const (
	seqShift = 40
	maxBlock = 1 << 30
)

// Partition is the one that positions in the archive of a crawl worker belong to.
func Partition(worker int) millrace.Partition {
	return millrace.Partition{Topic: "warc", Index: int32(worker)}
}

func pagesPrefix(worker int) string { return fmt.Sprintf("pages-%d", worker) }

// warcFile is one file of the archive.
type warcFile struct {
	worker int
	seq    int64
	name   string
	path   string
}

// position is that of the record at offset.
func (f *warcFile) position(offset int64) int64 { return f.seq<<seqShift | offset }

// listWARC lists the files of a worker's archive in order.
func listWARC(dir string, worker int) ([]warcFile, error) {
	files, err := listFiles(filepath.Join(dir, "warc"), pagesPrefix(worker))
	for i := range files {
		files[i].worker = worker
	}
	return files, err
}

// archiveWorkers lists the crawl workers that have an archive.
func archiveWorkers(dir string) ([]int, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "warc", "pages-*.warc.gz"))
	var out []int
	for _, path := range paths {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), "pages-"), "-")
		if n, err := strconv.Atoi(number); err == nil && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, err
}

// listFiles lists a sequence in order. Two files of one number cannot be told apart by position.
func listFiles(folder, prefix string) ([]warcFile, error) {
	pattern := regexp.MustCompile(`^` + regexp.QuoteMeta(prefix) + `-([0-9]{8})-[0-9a-f]{8}\.warc\.gz$`)
	entries, err := os.ReadDir(folder) // sorted by name, so by number
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
		out = append(out, warcFile{seq: seq, name: e.Name(), path: filepath.Join(folder, e.Name())})
	}
	return out, nil
}

// locate tells a Document where its record stands: length bytes at offset of file.
func locate(d *millrace.Document, file warcFile, offset, length int64) {
	d.Page.Claim.File, d.Page.Claim.Offset, d.Page.Claim.Length = "warc/"+file.name, offset, length
	d.Position = millrace.Position{Partition: Partition(file.worker), Offset: file.position(offset)}
}

// tornError says where a file ends within a member.
type tornError struct{ at int64 }

func (e *tornError) Error() string {
	return fmt.Sprintf("the file ends within the record at byte %d", e.at)
}

// holeError is damage with whole members behind it. It wraps ErrIntegrity.
type holeError struct {
	path     string
	from, to int64 // bytes of the file
	what     string
}

func (e *holeError) Error() string {
	return fmt.Sprintf("archive file %s, byte %d: %s", e.path, e.from, e.what)
}

func (e *holeError) Unwrap() error { return millrace.ErrIntegrity }

// unwritten reports whether a sector of the hole holds zeros and nothing else. No record has such a one: the power
// went before the file was synced, and what was written later had reached the disk earlier.
func (e *holeError) unwritten() (bool, error) {
	const sector = 512
	f, err := os.Open(e.path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	buf := make([]byte, sector)
	for at := e.from / sector * sector; at < e.to; at += sector {
		n, err := f.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return false, err
		}
		if part := buf[max(0, e.from-at):min(int64(n), e.to-at)]; len(part) > 16 && len(bytes.Trim(part, "\x00")) == 0 {
			return true, nil
		}
	}
	return false, nil
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
			rec, err = m.r.Next()
		}
		if err == io.EOF {
			return nil, &tornError{at}
		}
		if err != nil {
			return nil, err
		}
		return nil, &holeError{m.file.path, at, m.from + rec.Offset, what}
	}
	if err != nil {
		return nil, err
	}
	rec.Offset += m.from
	return rec, nil
}
