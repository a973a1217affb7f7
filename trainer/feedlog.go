package trainer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"millrace"
	"millrace/internal/atomicfile"
)

// version says which prefix of the corpus the steps from Step on have seen, until the next version.
type version struct {
	Step    int    `json:"step"`
	Docs    int64  `json:"docs"`
	Offset  int64  `json:"offset"`   // of the last document
	Train   int    `json:"train"`    // tokens
	HeldOut int    `json:"held_out"` // tokens
	Hash    string `json:"hash"`     // over the documents, in order
	Final   bool   `json:"final,omitempty"`
}

// feedLog is the file of versions, one JSON line each, appended and synced before the first step
// that uses it. It makes a run over a growing corpus repeatable.
type feedLog struct {
	f        *os.File
	versions []version
}

const feedLogName = "feed.jsonl"

// openFeedLog reads what is there. A last line without its end was never used: it is cut off.
func openFeedLog(dir string) (*feedLog, error) {
	path := filepath.Join(dir, feedLogName)
	data, err := os.ReadFile(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err != nil && !isNew {
		return nil, fmt.Errorf("open the trainer's feed log: %w", err)
	}
	versions, whole, err := parseVersions(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the trainer's feed log: %w", err)
	}
	l := &feedLog{f: f, versions: versions}
	if err := l.settle(int64(whole), isNew, dir); err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return l, nil
}

func (l *feedLog) settle(whole int64, isNew bool, dir string) error {
	if err := l.f.Truncate(whole); err != nil {
		return err
	}
	if _, err := l.f.Seek(whole, 0); err != nil {
		return err
	}
	if isNew {
		return atomicfile.SyncDir(dir)
	}
	return nil
}

// parseVersions returns the versions in data, and the bytes that they take. Steps and documents
// must rise.
func parseVersions(data []byte) (out []version, whole int, err error) {
	for n := 1; ; n++ {
		end := bytes.IndexByte(data[whole:], '\n')
		if end < 0 {
			return out, whole, nil
		}
		var v version
		if err := json.Unmarshal(data[whole:whole+end], &v); err != nil {
			return nil, 0, fmt.Errorf("line %d: %w: %w", n, err, millrace.ErrIntegrity)
		}
		bad := v.Step < 0 || v.Docs < 0 || v.Train < 0 || v.HeldOut < 0
		if n > 1 {
			last := out[n-2]
			bad = bad || v.Step <= last.Step || v.Docs < last.Docs || v.Train < last.Train || v.HeldOut < last.HeldOut
		}
		if bad {
			return nil, 0, fmt.Errorf("line %d does not follow the line before: %w", n, millrace.ErrIntegrity)
		}
		out = append(out, v)
		whole += end + 1
	}
}

// add stores v. When it returns, v may be used.
func (l *feedLog) add(v version) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = l.f.Write(append(line, '\n'))
	}
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", l.f.Name(), err)
	}
	l.versions = append(l.versions, v)
	return nil
}

func (l *feedLog) close() error { return l.f.Close() }
