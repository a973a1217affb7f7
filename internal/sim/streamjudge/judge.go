package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
)

// The kinds of faults.
const (
	lost       = "lost"       // an input without a row, or an offset in no row and no gap
	doubled    = "doubled"    // an input, or an offset, with more than one row
	invented   = "invented"   // a row of no input
	idTwice    = "id_twice"   // an ID that stands in data/ twice
	content    = "content"    // a row that is not made of its input's bytes
	chain      = "chain"      // the commit log
	position   = "position"   // Positions that go down, or are not where the rows end
	checksum   = "checksum"   // of a file, an entry or a Merkle tree
	fileTwice  = "file_twice" // a file that two commits name
	tallies    = "tally"      // a ledger that does not say what the rows say
	twin       = "twin"       // a dropped duplicate without a kept row that it resembles
	keptTwins  = "kept_twins" // one text in two kept rows
	unreadable = "unreadable" // a file that cannot be read
)

// fault is one thing that is wrong.
type fault struct {
	Kind string `json:"kind"`
	What string `json:"what"`
}

// part is one file of the corpus by what it holds, wherever it stands: the digest leaves the offsets out.
type part struct {
	Commit int64  `json:"commit"`
	Name   string `json:"name"`
	Rows   int    `json:"rows"`
	Digest string `json:"digest"`
}

// report is what the judge found.
type report struct {
	Type    string         `json:"type"`
	OK      bool           `json:"ok"`
	Inputs  int            `json:"inputs"`
	Commits int            `json:"commits"`
	Rows    int            `json:"rows"` // kept
	Rejects int            `json:"rejects"`
	Failed  int            `json:"failed"`
	Reasons map[string]int `json:"reasons"`
	Gaps    int64          `json:"gaps"`    // offsets that made no row: marks and copies that were ignored
	Orphans int            `json:"orphans"` // files that no commit names
	Ordered string         `json:"ordered"` // digest of all rows with their Positions, in order
	Content string         `json:"content"` // the same without Positions
	IDs     string         `json:"ids"`     // digest of the set of IDs
	Parts   []part         `json:"parts"`
	Faults  []fault        `json:"faults"`
	More    int            `json:"more_faults,omitempty"`

	rows []*row // in order
}

const maxFaults = 100

func (r *report) fault(kind, format string, args ...any) {
	if len(r.Faults) == maxFaults {
		r.More++
		return
	}
	r.Faults = append(r.Faults, fault{kind, fmt.Sprintf(format, args...)})
}

// judge reads everything. An error means that it could not look; what is wrong is in the report.
func judge(corpus string, inputs []string, threshold float64) (*report, error) {
	r := &report{Type: "verdict", Reasons: map[string]int{}, Faults: []fault{}}
	entries, err := readLog(corpus, r)
	if err != nil {
		return nil, err
	}
	r.judgeChain(entries)
	for _, e := range entries {
		e.readFiles(corpus, r)
		e.judgeRows(r)
		r.rows = append(r.rows, e.rows...)
	}
	r.Commits = len(entries)
	r.count()
	if err := r.judgeInputs(inputs); err != nil {
		return nil, err
	}
	r.judgeTwins(corpus, entries, threshold)
	if r.Orphans, err = orphans(corpus, entries); err != nil {
		return nil, err
	}
	r.OK = len(r.Faults) == 0
	return r, nil
}

// count fills the figures.
func (r *report) count() {
	ordered, content := sha256.New(), sha256.New()
	var ids idSet
	for _, x := range r.rows {
		ids.add(x.mid)
		ordered.Write(x.full[:])
		content.Write(x.content[:])
		if x.kept {
			r.Rows++
			continue
		}
		r.Rejects++
		r.Reasons[x.reason]++
		if x.failed() {
			r.Failed++
		}
	}
	r.Ordered, r.Content, r.IDs = sum(ordered), sum(content), ids.digest()
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// writeDigests writes a line for each row, so that two corpora can be laid side by side.
func (r *report) writeDigests(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, x := range r.rows {
		fate := "kept"
		if !x.kept {
			fate = x.reason
		}
		fmt.Fprintf(w, "%s %s %s %x\n", x.position, x.mid, fate, x.content)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
