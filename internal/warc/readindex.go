package warc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"
)

// maxLine bounds a line of an index.
const maxLine = 1 << 20

// ReadIndex is an index as Verifier compares it with its file. Of each line it keeps 40 bytes.
type ReadIndex struct {
	name  string    // of the file
	lines []indexed // by offset
	next  int
	ours  bool // the file says that millrace wrote it: then its lines are what millrace would write
}

// indexed is what a line says.
type indexed struct {
	offset, length int64
	url, digest    uint64 // hashes; digest is 0 where the line has none
	line           uint64 // of all of it
}

// OpenIndex reads the lines of an index that are about the file path. What is wrong with the index itself
// goes to report.
func OpenIndex(r io.Reader, path string, report func(DamageError)) (*ReadIndex, error) {
	x := &ReadIndex{name: filepath.Base(path)}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var before []byte
	at := int64(0)
	for ; lines.Scan(); at += int64(len(lines.Bytes())) + 1 {
		line := lines.Bytes()
		if bytes.HasPrefix(line, []byte("!meta")) || len(line) == 0 {
			continue
		}
		if bytes.Compare(line, before) < 0 {
			report(DamageError{Offset: at, What: "the index is not sorted"})
		}
		before = append(before[:0], line...)
		e, err := ParseEntry(line)
		offset, length, err2 := e.Place()
		if err = errors.Join(err, err2); err != nil {
			report(DamageError{Offset: at, What: fmt.Sprintf("line of the index: %v", err)})
			continue
		}
		if e.Filename != "" && filepath.Base(e.Filename) != filepath.Base(path) {
			continue
		}
		x.lines = append(x.lines, indexed{offset, length, xxh3.HashString(e.URL), digestKey(e.Digest), xxh3.Hash(line)})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	slices.SortFunc(x.lines, func(a, b indexed) int { return int(max(-1, min(1, a.offset-b.offset))) })
	return x, nil
}

// digestKey is a hash of a digest, 0 where there is none. Some indexes leave out which kind it is.
func digestKey(s string) uint64 {
	if s == "" || s == "-" {
		return 0
	}
	return xxh3.HashString(s[strings.IndexByte(s, ':')+1:])
}

// check compares the record with its line.
func (x *ReadIndex) check(rec *Record) (out []string) {
	if x == nil || rec.Shared {
		return nil
	}
	if rec.Type() == "warcinfo" && bytes.Contains(rec.Block, []byte("software: millrace\r\n")) {
		x.ours = true
	}
	for x.next < len(x.lines) && x.lines[x.next].offset < rec.Offset {
		out = append(out, x.skip())
	}
	named := x.next < len(x.lines) && x.lines[x.next].offset == rec.Offset
	e, ok := NewEntry(rec, x.name)
	if ok && !named {
		return append(out, "the index does not name the record")
	}
	if !named {
		return out
	}
	line := x.lines[x.next]
	x.next++
	if line.length != rec.Length {
		out = append(out, fmt.Sprintf("the index says %d bytes, it has %d", line.length, rec.Length))
	}
	if line.url != xxh3.HashString(rec.TargetURI()) {
		out = append(out, "the index names another URL")
	}
	if d := digestKey(rec.Get("WARC-Payload-Digest")); line.digest != 0 && d != 0 && line.digest != d {
		out = append(out, "the index has another digest")
	}
	if x.ours && ok && len(out) == 0 {
		if want, err := e.Line(); err == nil && line.line != xxh3.Hash(bytes.TrimSuffix(want, []byte("\n"))) {
			out = append(out, "the index has another line than the record makes")
		}
	}
	return out
}

// skip passes over a line for which there is no record.
func (x *ReadIndex) skip() string {
	x.next++
	return fmt.Sprintf("the index names a record at byte %d, where none begins", x.lines[x.next-1].offset)
}

// rest reports the lines behind the last record.
func (x *ReadIndex) rest(report func(at int64, what string)) {
	for x != nil && x.next < len(x.lines) {
		at := x.lines[x.next].offset
		report(at, x.skip())
	}
}
