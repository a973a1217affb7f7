package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"millrace"
	"millrace/internal/durable"
)

// ErrInputChanged says that an input file is no longer what it was when it was first seen. It is an ErrIntegrity.
var ErrInputChanged = fmt.Errorf("an input file has changed: %w", millrace.ErrIntegrity)

// Input is one entry of what to ingest.
type Input struct {
	Name      string // becomes Page.Source
	Glob      string // a file, a folder with all files below it, a pattern, "-" for standard input, a URL, s3://BUCKET/KEY, or "@FILE" with one a line
	TextField string // JSONL, CSV, Parquet: the field with the text; "text" where neither it nor HTMLField is given
	IDField   string // the field with the user's own id; "id" by default
	URLField  string // the field with the page's URL
	HTMLField string // the field with HTML, which counts more than TextField where both are there
	Consent   millrace.Consent
	Buckets   Buckets // for s3:// names; nil where there are none
}

// defaults fills in what is not given.
func (in Input) defaults() Input {
	if in.TextField == "" && in.HTMLField == "" {
		in.TextField = "text"
	}
	if in.IDField == "" {
		in.IDField = "id"
	}
	if in.Name == "" {
		in.Name = "ingest"
	}
	return in
}

// listed is one file, with its number for ever. The list is a file of its own, so that a number never
// changes, whatever is added or deleted later.
type listed struct {
	Input string `json:"input"`
	Path  string `json:"path"` // as the user wrote it
	ID    string `json:"id"`   // relative to the input's folder
	Size  int64  `json:"size"` // when first seen
	MTime int64  `json:"mtime"`

	// Of a file elsewhere: Path, Size and MTime are there when it is here.
	URL    string `json:"url,omitempty"`
	ETag   string `json:"etag,omitempty"`   // of an object in a bucket, when first seen; Size is there, too
	Failed string `json:"failed,omitempty"` // why it is not to be had
	Sum    string `json:"sum,omitempty"`    // of the line without it; "" in lists of earlier versions
}

// sum is a checksum of l and of the number that its line gives it.
func (l listed) sum(line int) string {
	l.Sum = ""
	text, err := json.Marshal(l)
	if err != nil { // a struct of plain values always has a JSON form
		panic(err)
	}
	text = fmt.Append(text, line)
	return fmt.Sprintf("%08x", crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)))
}

func stateDir(dir string) string { return filepath.Join(dir, "state", "ingest") }

// loadList reads the list of dir; the number of a file is its line.
func loadList(dir string) ([]listed, error) {
	name := filepath.Join(stateDir(dir), "files.jsonl")
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []listed
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	for {
		var l listed
		err := dec.Decode(&l)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w: %w", name, err, millrace.ErrIntegrity)
		}
		// A list begins with sums or has none: an earlier version's is read, and gets them with the next file.
		if n := len(all); l.Sum != "" && l.Sum != l.sum(n) || l.Sum == "" && n > 0 && all[0].Sum != "" {
			return nil, fmt.Errorf("read %s: line %d is not what was written: %w", name, n+1, millrace.ErrIntegrity)
		}
		all = append(all, l)
	}
}

func storeList(disk *durable.Disk, dir string, all []listed) error {
	if err := disk.Mkdir("ingest.folder", stateDir(dir)); err != nil {
		return err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, l := range all {
		l.Sum = l.sum(i)
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return disk.Replace("ingest.list", filepath.Join(stateDir(dir), "files.jsonl"), b.Bytes())
}

// fileKey is what a file is known by. The same file may belong to two inputs.
type fileKey struct{ input, path string }

func (l *listed) key() fileKey {
	if l.URL != "" {
		return fileKey{l.Input, l.URL}
	}
	return fileKey{l.Input, l.Path}
}

// discover appends to all the files that are not in it yet, in the order of the inputs, and by path
// within each.
func discover(ctx context.Context, disk *durable.Disk, all []listed, inputs []Input, spool string, stdin io.Reader) ([]listed, error) {
	seen := map[fileKey]string{}
	for _, l := range all {
		seen[l.key()] = l.ETag
	}
	for _, in := range inputs {
		found, err := find(ctx, disk, in, spool, stdin)
		if err != nil {
			return nil, fmt.Errorf("ingest %s: %w", in.Glob, err)
		}
		for _, l := range found {
			if !utf8.ValidString(l.Path) {
				return nil, fmt.Errorf("ingest %s: the name %q is not UTF-8, so no row could hold it; rename the file", in.Glob, l.Path)
			}
			k := l.key()
			etag, known := seen[k]
			if !known {
				seen[k] = l.ETag
				all = append(all, l)
			} else if etag != l.ETag {
				return nil, fmt.Errorf("%s has another ETag than when first seen: %w", l.URL, ErrInputChanged)
			}
		}
	}
	return all, nil
}

// none finds an input that names no file at all, now or earlier.
func none(all []listed, inputs []Input) error {
	for _, in := range inputs {
		if in.Glob != "-" && !slices.ContainsFunc(all, func(l listed) bool { return l.Input == in.Name }) {
			return fmt.Errorf("ingest %s: no such file", in.Glob)
		}
	}
	return nil
}

// find lists what one input names.
func find(ctx context.Context, disk *durable.Disk, in Input, spool string, stdin io.Reader) ([]listed, error) {
	if in.Glob == "-" {
		return spoolStdin(disk, in, spool, stdin)
	}
	if isRemote(in.Glob) {
		return findRemote(ctx, in)
	}
	if info, err := os.Stat(in.Glob); err == nil {
		if info.IsDir() {
			return walk(in, in.Glob, in.Glob)
		}
		return list(in, filepath.Dir(in.Glob), in.Glob, info), nil
	}
	paths, err := filepath.Glob(in.Glob)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	slices.Sort(paths)
	base := in.Glob[:strings.IndexAny(in.Glob+"*", `*?[\`)] // the part without wildcards
	base = filepath.Dir(base + "x")
	var all []listed
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			below, err := walk(in, base, p)
			if err != nil {
				return nil, err
			}
			all = append(all, below...)
			continue
		}
		all = append(all, list(in, base, p, info)...)
	}
	return all, nil
}

// walk lists the regular files below dir. Names that begin with a dot are left out, as a shell does.
func walk(in Input, base, dir string) (all []listed, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && strings.HasPrefix(e.Name(), ".") {
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return nil
		}
		info, err := os.Stat(path) // follows a link
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			all = append(all, list(in, base, path, info)...)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b listed) int { return strings.Compare(a.Path, b.Path) })
	return all, err
}

func list(in Input, base, path string, info fs.FileInfo) []listed {
	id, err := filepath.Rel(base, path)
	if err != nil {
		id = filepath.Base(path)
	}
	return []listed{{Input: in.Name, Path: path, ID: filepath.ToSlash(id), Size: info.Size(), MTime: info.ModTime().UnixMicro()}}
}
