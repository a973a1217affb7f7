package ingest

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"millrace"
)

const (
	// What is inflated may have a thousand times the size of its file, which no text has, and some more.
	bombRatio = 1000
	bombSlack = 64 << 20

	maxDirectory = 64 << 20 // of a zip
	maxName      = 4 << 10  // of a member
)

var errBomb = fmt.Errorf("it holds more than %d times its size", bombRatio)

func bombLimit(size int64) int64 { return bombSlack + bombRatio*size }

// bounded ends in errBomb when more has been read than is left.
type bounded struct {
	in   io.Reader
	left *int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if *b.left < 0 {
		return 0, errBomb
	}
	n, err := b.in.Read(p)
	*b.left -= int64(n)
	return n, err
}

// place is where a member's bytes lie in its archive, written "tar:FIRST:SIZE" or "zip:FIRST:SIZE:METHOD".
// Of a compressed tar, FIRST counts inflated bytes.
type place struct {
	first, size int64
	method      uint16
	zip         bool
}

func (p place) String() string {
	if p.zip {
		return fmt.Sprintf("zip:%d:%d:%d", p.first, p.size, p.method)
	}
	return fmt.Sprintf("tar:%d:%d", p.first, p.size)
}

// parsePlace reads what String writes.
func parsePlace(s string) (p place, err error) {
	part := strings.Split(s, ":")
	p.zip = part[0] == "zip"
	if p.zip && len(part) != 4 || !p.zip && (len(part) != 3 || part[0] != "tar") {
		return p, fmt.Errorf("member %q is at no place", s)
	}
	var n [3]int64
	for i, t := range part[1:] {
		if n[i], err = strconv.ParseInt(t, 10, 64); err != nil || n[i] < 0 {
			return p, fmt.Errorf("member %q is at no place", s)
		}
	}
	p.first, p.size, p.method = n[0], n[1], uint16(n[2])
	return p, nil
}

// member is one file of an archive.
type member struct {
	name  string
	place place
	mtime time.Time
	in    io.Reader // valid until the next member
	what  string    // why it is not read; "" where it is
}

// members gives the files of an archive in their order; io.EOF at the end.
type members interface{ next() (member, error) }

// archive reads the members of a tar or zip one after another: each is a file of its own. Names are only
// names: nothing is written anywhere.
type archive struct {
	f       *file
	raw     *raw
	left    *int64 // bytes that may still be inflated
	members members
	sub     *file
	open    records // of sub; nil where none is open
	stop    func()
	at      int64 // ordinal of the next record
}

func (a *archive) next() (*millrace.Document, error) {
	for {
		if a.open == nil {
			m, err := a.members.next()
			if err != nil {
				return nil, err
			}
			d, err := a.enter(m)
			if d != nil || err != nil {
				return a.count(d), err
			}
			continue
		}
		d, err := a.open.next()
		if err == nil {
			return a.count(d), nil
		}
		a.leave()
		if errors.Is(err, io.EOF) {
			continue
		}
		if a.fatal(err) {
			return nil, err
		}
		return a.damaged(err.Error()), nil
	}
}

// fatal tells what ends the archive from what only ends a member.
func (a *archive) fatal(err error) bool { return a.raw.err != nil || errors.Is(err, errBomb) }

func (a *archive) count(d *millrace.Document) *millrace.Document {
	if d != nil {
		a.at = d.Page.Claim.Record + 1
	}
	return d
}

// damaged is the dead letter for a member, or for what is left of it.
func (a *archive) damaged(what string) *millrace.Document {
	claim := millrace.Claim{File: a.f.Path, Length: a.sub.Size, Record: a.at - a.sub.first, Kind: kindFile}
	return a.count(a.sub.deadLetter(claim, nil, a.sub.where()+": "+what))
}

// enter opens a member. It gives a document where the member cannot be read, and neither where it is no file.
func (a *archive) enter(m member) (*millrace.Document, error) {
	name := memberName(m.name)
	if hidden(name) {
		return nil, nil
	}
	l := a.f.listed
	l.ID, l.Size = l.ID+"!"+name, m.place.size
	if y := m.mtime.Year(); y >= 1970 && y < 3000 && !m.mtime.IsZero() {
		l.MTime = m.mtime.UnixMicro()
	}
	a.sub = &file{listed: l, in: a.f.in, key: a.f.key, bytes: a.f.bytes, name: a.f.where() + "!" + name, member: m.place.String(), first: a.at}
	if m.what != "" {
		return a.damaged(m.what), nil
	}
	in, compressed, stop, err := inflate(m.in)
	if err == nil {
		a.stop = stop
		if compressed || m.place.zip {
			in = &bounded{in, a.left}
		}
		b := bufio.NewReaderSize(in, 64<<10)
		var head []byte
		if head, err = b.Peek(512); err == nil || errors.Is(err, io.EOF) {
			switch kind := formatOf(a.sub.where(), head); kind {
			case formatTar, formatZip, formatPacked:
				err = errors.New("an archive within an archive is not opened")
			case formatParquet:
				err = errors.New("a Parquet file within an archive is not read; unpack it")
			default:
				a.open = a.sub.records(b, kind)
				return nil, nil
			}
		}
	}
	a.leave()
	if a.fatal(err) {
		return nil, err
	}
	return a.damaged(err.Error()), nil
}

// leave closes the open member.
func (a *archive) leave() {
	if a.stop != nil {
		a.stop()
	}
	a.open, a.stop = nil, nil
}

// memberName makes a name one that a row can hold.
func memberName(s string) string {
	valid := strings.ToValidUTF8(s, "\uFFFD")
	if len(valid) > maxName {
		sum := sha256.Sum256([]byte(s))
		valid = fmt.Sprintf("%s…%x", strings.ToValidUTF8(valid[:maxName], ""), sum[:4])
	}
	return valid
}

// hidden reports whether a name, or a folder in it, begins with a dot. In folders such files are left out too.
func hidden(name string) bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		if strings.HasPrefix(part, ".") && part != "." && part != ".." {
			return true
		}
	}
	return strings.HasPrefix(name, "__MACOSX/")
}

// tarMembers reads a tar.
type tarMembers struct {
	count countReader
	tar   *tar.Reader
	f     *file
}

// countReader knows how far it has come. tar.Reader reads no byte ahead.
type countReader struct {
	in io.Reader
	n  int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

func newTar(in io.Reader, f *file) *tarMembers {
	t := &tarMembers{count: countReader{in: in}, f: f}
	t.tar = tar.NewReader(&t.count)
	return t
}

func (t *tarMembers) next() (member, error) {
	for {
		h, err := t.tar.Next()
		if errors.Is(err, io.EOF) {
			if t.count.n == 0 {
				return member{}, errors.New("an empty file is no tar")
			}
			return member{}, io.EOF
		}
		if err != nil {
			return member{}, fmt.Errorf("byte %d: %w", t.count.n, err)
		}
		m := member{name: h.Name, mtime: h.ModTime, in: t.tar, place: place{first: t.count.n, size: h.Size}}
		switch {
		case h.Typeflag == tar.TypeGNUSparse, sparse(h):
			m.what = "a sparse file is not read"
		case h.Typeflag != tar.TypeReg:
			continue // a folder or a link: no bytes of its own
		}
		return m, nil
	}
}

// sparse finds the files with holes of newer tars.
func sparse(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// zipMembers reads a zip by its directory.
type zipMembers struct {
	files []*zip.File
	open  io.ReadCloser
}

// zipReaderAt bounds what is read before limit is lifted: all of a zip's directory is held in memory.
type zipReaderAt struct {
	in   io.ReaderAt
	left int64 // < 0: no limit
}

var errDirectory = fmt.Errorf("a zip with a directory of more than %d bytes", maxDirectory)

func (z *zipReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := z.in.ReadAt(p, off)
	if z.left >= 0 {
		if z.left -= int64(n); z.left < 0 {
			z.left = 0
			return 0, errDirectory
		}
	}
	return n, err
}

func newZip(in io.ReaderAt, f *file) (*zipMembers, error) {
	at := &zipReaderAt{in: in, left: maxDirectory}
	z, err := zip.NewReader(at, f.Size)
	at.left = -1
	if err != nil {
		return nil, err
	}
	return &zipMembers{files: z.File}, nil
}

func (z *zipMembers) next() (member, error) {
	if z.open != nil {
		z.open.Close()
		z.open = nil
	}
	for len(z.files) > 0 {
		f := z.files[0]
		z.files = z.files[1:]
		if strings.HasSuffix(f.Name, "/") || !f.Mode().IsRegular() {
			continue // a folder or a link
		}
		m := member{name: f.Name, mtime: f.Modified, place: place{zip: true, size: int64(f.CompressedSize64), method: f.Method}}
		first, err := f.DataOffset()
		m.place.first = first
		switch {
		case err == nil && f.Flags&1 != 0:
			err = errors.New("it is encrypted")
		case err == nil:
			z.open, err = f.Open()
			m.in = z.open
		}
		if err != nil {
			m.what, m.in = err.Error(), nil
		}
		return m, nil
	}
	return member{}, io.EOF
}

// ReadAt makes a file's random access known to the same counter as its reading.
func (r *raw) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.f.ReadAt(b, off)
	r.count.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// headOf gives the first bytes of a file.
func headOf(f *os.File) ([]byte, error) {
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return bytes.Clone(head[:n]), nil
}
