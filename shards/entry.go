package shards

import (
	"fmt"
	"time"

	"millrace"
)

// Entry is one commit: the files that it added, and everything that is stored together with them.
type Entry struct {
	Version    int64
	Operation  string    // "WRITE", "REWRITE", "SET RECIPE" (FromHere), "SET LAYOUT" (Resize) or "REBUILD" (Rebuild)
	Time       time.Time // newest fetched_at of its rows
	Recipe     string    // hash of the recipe in force
	RecipeText string    // only where the recipe is new
	Code       string    // version of millrace
	Checkpoint millrace.Checkpoint
	From, To   int64 // offsets of the mill's input that it covers: From ≤ offset < To
	Gaps       []Gap // offsets among those that made no row
	Tally      millrace.Tally
	Root       string // Merkle root over its rows
	Previous   string // SHA-256 of the entry before, "" for the first
	Signals    []string
	Files      []File  // that it added: of kept rows, in DIR/data
	Rejects    []File  // of dropped and failed rows, in DIR/rejects
	Layout     *Layout // of the line, from here on; nil: as before
	InForce    *Layout // the layout that holds at this entry; nil where an older version wrote it

	hides    []Hide   // rows that it takes out of the corpus, by offset; the table has them once it knows the entry
	hid      bool     // it had some
	schema   bool     // has a metaData action
	table    string   // the table's ID in Delta Lake, where it has
	removed  []string // files in data/ that a rebuild or a rewrite took out of the table
	replaced []string // files in rejects/ that a rewrite took the place of
	checksum string
}

// File is one Parquet file of a commit.
type File struct {
	Name   string
	Rows   int64
	Bytes  int64
	First  int64 // offset of its first row
	Last   int64
	SHA256 string

	version int64 // of the entry that added it
	stats   string
}

// Gap is a range of offsets that made no row, From ≤ offset < To: flush marks, and what was ignored because
// it had come before.
type Gap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Rows counts all rows that the commit wrote.
func (e *Entry) Rows() (kept, rejects int64) {
	for _, f := range e.Files {
		kept += f.Rows
	}
	for _, f := range e.Rejects {
		rejects += f.Rows
	}
	return kept, rejects
}

// Operations of a commit.
const (
	opWrite  = "WRITE"
	opRecipe = "SET RECIPE"
	// opLayout says into how many parts the line is divided from here on.
	opLayout = "SET LAYOUT"
	// opRewrite carries hidden rows out of data/ into rejects/ and changes nothing else.
	opRewrite = "REWRITE"
	// opRebuild takes all files out of the table and starts it anew.
	opRebuild = "REBUILD"
)

// stats are the minima and maxima that let an engine skip a file. The zero value is ready for use.
type stats struct {
	rows, noTime, noLang int64
	minID, maxID         string
	minLang, maxLang     string
	minTime, maxTime     time.Time
}

func (s *stats) add(r *Row) {
	s.rows++
	id := r.MID.String()
	if s.minID == "" || id < s.minID {
		s.minID = id
	}
	s.maxID = max(s.maxID, id)
	if r.Lang == "" {
		s.noLang++
	} else {
		if s.minLang == "" || r.Lang < s.minLang {
			s.minLang = r.Lang
		}
		s.maxLang = max(s.maxLang, r.Lang)
	}
	if r.FetchedAt.IsZero() {
		s.noTime++
		return
	}
	if s.minTime.IsZero() || r.FetchedAt.Before(s.minTime) {
		s.minTime = r.FetchedAt
	}
	if r.FetchedAt.After(s.maxTime) {
		s.maxTime = r.FetchedAt
	}
}

// deltaStats is the content of the stats field of an add action.
type deltaStats struct {
	NumRecords int64            `json:"numRecords"`
	MinValues  deltaBounds      `json:"minValues"`
	MaxValues  deltaBounds      `json:"maxValues"`
	NullCount  map[string]int64 `json:"nullCount"`
}

type deltaBounds struct {
	MID       string `json:"mid"`
	Lang      string `json:"lang,omitempty"`
	FetchedAt string `json:"fetched_at,omitempty"`
}

// delta leaves out a maximum that is too long to be exact: Delta's readers expect prefixes there.
func (s *stats) delta() deltaStats {
	const layout = "2006-01-02T15:04:05.000000Z"
	d := deltaStats{NumRecords: s.rows, MinValues: deltaBounds{MID: s.minID}, MaxValues: deltaBounds{MID: s.maxID},
		NullCount: map[string]int64{"mid": 0, "lang": s.noLang, "fetched_at": s.noTime}}
	if s.minLang != "" && len(s.minLang) <= 32 && len(s.maxLang) <= 32 {
		d.MinValues.Lang, d.MaxValues.Lang = s.minLang, s.maxLang
	}
	if !s.minTime.IsZero() {
		d.MinValues.FetchedAt, d.MaxValues.FetchedAt = s.minTime.Format(layout), s.maxTime.Format(layout)
	}
	return d
}

// conflicts reports whether the commit e stands in the way of somebody who works on top of base: he has to know
// which rows are in the corpus, too.
func (e *Entry) conflicts(base *Entry, recipe string) bool {
	return e.Recipe != recipe || !sameCheckpoint(e.Checkpoint, base.Checkpoint) || len(e.Tally.Moved) > 0
}

func sameCheckpoint(a, b millrace.Checkpoint) bool {
	if len(a.Next) != len(b.Next) || len(a.Marks) != len(b.Marks) {
		return false
	}
	for p, n := range a.Next {
		if m, ok := b.Next[p]; !ok || m != n {
			return false
		}
	}
	for p, n := range a.Marks {
		if m, ok := b.Marks[p]; !ok || m != n {
			return false
		}
	}
	return true
}

// entryName is the name of an entry's file.
func entryName(version int64) string { return fmt.Sprintf("%020d.json", version) }
