package shards

import (
	"strings"
	"time"
	"unicode/utf8"

	"millrace"
)

// Row is one document as it is stored. Fields of columns that were not asked for, and fields that
// are null in the file, have their zero value; a signal that was not measured is NaN.
type Row struct {
	ID          string // the user's where the input has one, else MID in hex
	MID         millrace.ID
	URL         string
	URLKey      string
	Title       string
	Text        string
	Lang        string
	LangScore   float32
	FetchedAt   time.Time
	Source      string
	Licence     string
	Consent     millrace.Consent
	WARCFile    string
	WARCOffset  int64
	WARCLength  int64
	SHA256      [32]byte
	Cluster     millrace.ID
	Edits       []millrace.Edit
	Meta        string
	SignalNames []string // the file's signals, shared by its rows
	Signals     []float32
	// Moved says that the row was kept by its own commit and taken out of the corpus since, with Verdict.
	Moved bool
	// Verdict is zero for a kept row. Of is set where the twin is named by its ID, OfUser where it is
	// named by a user's id.
	Verdict  millrace.Verdict
	Attempts int32
	Position millrace.Position
	Keys     []byte

	Offset int64  // Position.Offset: the row's place in the order of the corpus
	File   string // "data/NAME" or "rejects/NAME"
	Number int64  // row number within File
}

// Kept reports whether the row is part of the corpus.
func (r *Row) Kept() bool { return r.Verdict.Kept() }

// UserID is the user's own id, "" where the input has none.
func (r *Row) UserID() string {
	if r.ID == r.MID.String() {
		return ""
	}
	return r.ID
}

// newRow copies what is stored of d. Strings are made valid UTF-8, because other engines refuse a
// whole column for one broken string.
func newRow(d *millrace.Document, names []string) *Row {
	p := &d.Page
	r := &Row{
		ID: valid(d.DisplayID()), MID: d.ID, URL: valid(p.URL), URLKey: valid(d.URLKey), Title: valid(d.Title),
		Text: valid(d.Text), Lang: valid(d.Lang), LangScore: d.LangSure, FetchedAt: p.FetchedAt.UTC().Truncate(time.Microsecond),
		Source: valid(p.Source), Licence: valid(p.Licence), Consent: p.Consent, SHA256: p.Claim.SHA256, Cluster: d.Cluster,
		Meta: valid(d.Meta), SignalNames: names, Signals: d.Signals, Verdict: d.Verdict, Attempts: int32(d.Attempts),
		Position: d.Position, Keys: d.Keys, Offset: d.Position.Offset,
	}
	if p.Claim.Kind == "warc" || p.Claim.Kind == "warcfile" {
		r.WARCFile, r.WARCOffset, r.WARCLength = valid(p.Claim.File), p.Claim.Offset, p.Claim.Length
	}
	for _, e := range d.Edits {
		r.Edits = append(r.Edits, millrace.Edit{Kind: valid(e.Kind), Count: e.Count})
	}
	v := &r.Verdict
	v.Reason, v.Stage, v.Signal = millrace.Reason(valid(string(v.Reason))), valid(v.Stage), valid(v.Signal)
	v.OfUser, v.Method, v.Err = valid(v.OfUser), valid(v.Method), valid(v.Err)
	return r
}

// bytes is the plain size of r: what closes row groups and commits. It is a function of the row alone.
func (r *Row) bytes() int64 {
	n := len(r.ID) + len(r.URL) + len(r.URLKey) + len(r.Title) + len(r.Text) + len(r.Meta) + len(r.Keys) +
		len(r.Licence) + len(r.Source) + len(r.WARCFile) + len(r.Verdict.Err) + 4*len(r.Signals) + rowOverhead
	for _, e := range r.Edits {
		n += len(e.Kind) + 4
	}
	return int64(n)
}

// rowOverhead stands for the fixed columns, so that rows without text count too.
const rowOverhead = 256

func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
