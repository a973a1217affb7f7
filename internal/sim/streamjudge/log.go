package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// entry is one commit.
type entry struct {
	number int64
	info   commitInfo
	next   map[string]int64 // Positions
	marks  map[string]int64 // of the partitions upstream
	files  []named
	whole  []named // of files, those that were read
	rows   []*row  // in the order of their offsets
	sum    string  // of the entry's own bytes
}

// named is a file as an entry names it.
type named struct {
	path   string // below the corpus
	kept   bool
	rows   int64
	bytes  int64
	first  int64
	last   int64
	sha256 string
}

type commitInfo struct {
	Operation string       `json:"operation"`
	From      int64        `json:"from"`
	To        int64        `json:"to"`
	Gaps      []gap        `json:"gaps"`
	Tally     tally        `json:"tally"`
	Rejects   []rejectFile `json:"rejects"`
	Root      string       `json:"merkle_root"`
	Previous  string       `json:"previous"`
}

type rejectFile struct {
	Path   string `json:"path"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
	SHA256 string `json:"sha256"`
}

type gap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

type tally struct {
	In     int64            `json:"in"`
	Kept   int64            `json:"kept"`
	Stages []stageTally     `json:"stages"`
	Moved  map[string]int64 `json:"moved,omitempty"`
}

type stageTally struct {
	Name    string           `json:"name"`
	In      int64            `json:"in"`
	Kept    int64            `json:"kept"`
	Dropped int64            `json:"dropped"`
	Failed  int64            `json:"failed"`
	Reasons map[string]int64 `json:"reasons"`
}

// action is a line of a Delta log.
type action struct {
	CommitInfo *commitInfo     `json:"commitInfo,omitempty"`
	Add        *addFile        `json:"add,omitempty"`
	Remove     json.RawMessage `json:"remove,omitempty"`
	Txn        *txn            `json:"txn,omitempty"`
}

type addFile struct {
	Path  string            `json:"path"`
	Size  int64             `json:"size"`
	Stats string            `json:"stats"`
	Tags  map[string]string `json:"tags"`
}

type txn struct {
	AppID   string `json:"appId"`
	Version int64  `json:"version"`
}

func logFolder(corpus string) string { return filepath.Join(corpus, "data", "_delta_log") }

func entryName(n int64) string { return fmt.Sprintf("%020d.json", n) }

// readLog reads the entries in order, up to the first number that is not there.
func readLog(corpus string, r *report) ([]*entry, error) {
	var entries []*entry
	for n := int64(0); ; n++ {
		raw, err := os.ReadFile(filepath.Join(logFolder(corpus), entryName(n)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		e, err := readEntry(n, raw)
		if err != nil {
			r.fault(chain, "entry %d: %v", n, err)
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("no entry in %s", logFolder(corpus))
	}
	all, err := os.ReadDir(logFolder(corpus))
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if name := f.Name(); strings.HasSuffix(name, ".json") && name >= entryName(int64(len(entries))) {
			r.fault(chain, "there is %s, and no %s", name, entryName(int64(len(entries))))
		}
	}
	return entries, nil
}

func readEntry(n int64, raw []byte) (*entry, error) {
	e := &entry{number: n, next: map[string]int64{}, marks: map[string]int64{}, sum: sumOf(raw)}
	said := false
	for line := range bytes.Lines(raw) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var a action
		if err := json.Unmarshal(line, &a); err != nil {
			return e, err
		}
		switch {
		case a.CommitInfo != nil && said:
			return e, errors.New("it has two commitInfo")
		case a.CommitInfo != nil:
			e.info, said = *a.CommitInfo, true
			for _, f := range a.CommitInfo.Rejects {
				e.files = append(e.files, named{"rejects/" + f.Path, false, f.Rows, f.Bytes, f.First, f.Last, f.SHA256})
			}
		case a.Add != nil:
			f, err := a.Add.named()
			if err != nil {
				return e, fmt.Errorf("%s: %w", a.Add.Path, err)
			}
			e.files = append(e.files, f)
		case a.Txn != nil:
			if name, isMark := strings.CutPrefix(a.Txn.AppID, "mark:"); isMark {
				e.marks[name] = a.Txn.Version
			} else {
				e.next[name] = a.Txn.Version
			}
		case a.Remove != nil:
			return e, errors.New("it takes files out of the table, which nothing in this world asks for")
		}
	}
	if !said {
		return e, errors.New("it has no commitInfo")
	}
	return e, nil
}

func (a *addFile) named() (f named, err error) {
	f = named{path: "data/" + a.Path, kept: true, bytes: a.Size, sha256: a.Tags["sha256"]}
	var stats struct {
		NumRecords *int64 `json:"numRecords"`
	}
	if err := json.Unmarshal([]byte(a.Stats), &stats); err != nil || stats.NumRecords == nil {
		return f, errors.New("no row count")
	}
	f.rows = *stats.NumRecords
	if _, err := fmt.Sscan(a.Tags["first"]+" "+a.Tags["last"], &f.first, &f.last); err != nil {
		return f, fmt.Errorf("first and last: %w", err)
	}
	return f, nil
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// judgeChain looks at what holds the entries together.
func (r *report) judgeChain(entries []*entry) {
	previous, at := "", int64(0)
	next, marks, files := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for _, e := range entries {
		if e.info.Operation != "WRITE" {
			r.fault(chain, "entry %d: operation %q, which nothing in this world asks for", e.number, e.info.Operation)
		}
		if e.info.Previous != previous {
			r.fault(checksum, "entry %d: the entry before has the checksum %q, not %q", e.number, previous, e.info.Previous)
		}
		if e.info.From != at {
			r.fault(chain, "entry %d begins at offset %d, the one before ended at %d", e.number, e.info.From, at)
		}
		if e.info.To <= e.info.From {
			r.fault(position, "entry %d goes from offset %d to %d", e.number, e.info.From, e.info.To)
		}
		r.judgePositions(e, next, marks)
		for _, f := range e.files {
			if n, ok := files[f.path]; ok {
				r.fault(fileTwice, "%s is named by entries %d and %d", f.path, n, e.number)
			}
			files[f.path] = e.number
		}
		previous, at = e.sum, e.info.To
	}
}

// judgePositions holds an entry's Positions against those before, which it brings up to date.
func (r *report) judgePositions(e *entry, next, marks map[string]int64) {
	if len(e.next) != 1 {
		r.fault(position, "entry %d stands in %d partitions: the mill reads one", e.number, len(e.next))
	}
	for p, n := range e.next {
		if n != e.info.To {
			r.fault(position, "entry %d: its rows end at offset %d, its Position is %s/%d", e.number, e.info.To, p, n)
		}
	}
	neverDown := func(what string, was, is map[string]int64) {
		for _, p := range slices.Sorted(maps.Keys(was)) {
			if n, ok := is[p]; !ok || n < was[p] {
				r.fault(position, "entry %d: the %s of %s was %d and is %d", e.number, what, p, was[p], n)
			}
		}
		maps.Copy(was, is)
	}
	neverDown("Position", next, e.next)
	neverDown("mark", marks, e.marks)
}

// orphans counts the Parquet files that no entry names: what a process wrote that lost a race, or died.
func orphans(corpus string, entries []*entry) (n int, err error) {
	known := map[string]bool{}
	for _, e := range entries {
		for _, f := range e.files {
			known[f.path] = true
		}
	}
	for _, sub := range []string{"data", "rejects"} {
		all, err := os.ReadDir(filepath.Join(corpus, sub))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		for _, f := range all {
			if f.Type().IsRegular() && strings.HasSuffix(f.Name(), ".parquet") && !known[sub+"/"+f.Name()] {
				n++
			}
		}
	}
	return n, nil
}
