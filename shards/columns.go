package shards

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"millrace"
)

// kind is the type of a column.
type kind uint8

const (
	kindString kind = iota
	kindBinary
	kindInt32
	kindInt64
	kindTime // microseconds since 1970, UTC
	kindFloat32
	kindFloat64
	kindEdits // list<struct<kind, count>>
)

// column says how one field of a Row is stored. Exactly one pair of accessors is set, by kind.
type column struct {
	name     string
	kind     kind
	required bool
	dict     bool // few distinct values

	str    func(*Row) string // "" is null
	setStr func(*Row, string) error
	num    func(*Row) (int64, bool) // false is null
	setNum func(*Row, int64)
	flt    func(*Row) (float64, bool)
	setFlt func(*Row, float64)
}

// columnsFor gives the columns of a file, in their order.
func columnsFor(signals []string, rejects bool) []column {
	cols := pageColumns()
	for i, name := range signals {
		cols = append(cols, signalColumn(name, i))
	}
	if rejects {
		cols = append(cols, verdictColumns()...)
	}
	return append(cols,
		column{name: "position", required: true,
			str: func(r *Row) string { return r.Position.String() },
			setStr: func(r *Row, s string) (err error) {
				r.Position, err = millrace.ParsePosition(s)
				r.Offset = r.Position.Offset
				return err
			}},
		column{name: "keys", kind: kindBinary,
			str:    func(r *Row) string { return string(r.Keys) },
			setStr: func(r *Row, s string) error { r.Keys = []byte(s); return nil }})
}

// pageColumns are the columns that describe the page and its text.
func pageColumns() []column {
	return []column{
		required(text("id", func(r *Row) *string { return &r.ID })),
		required(id("mid", func(r *Row) *millrace.ID { return &r.MID })),
		text("url", func(r *Row) *string { return &r.URL }),
		text("url_key", func(r *Row) *string { return &r.URLKey }),
		text("title", func(r *Row) *string { return &r.Title }),
		text("text", func(r *Row) *string { return &r.Text }),
		few(text("lang", func(r *Row) *string { return &r.Lang })),
		{name: "lang_score", kind: kindFloat32,
			flt:    func(r *Row) (float64, bool) { return number(float64(r.LangScore), r.Lang != "") },
			setFlt: func(r *Row, f float64) { r.LangScore = float32(f) }},
		{name: "fetched_at", kind: kindTime,
			num:    func(r *Row) (int64, bool) { return r.FetchedAt.UnixMicro(), !r.FetchedAt.IsZero() },
			setNum: func(r *Row, n int64) { r.FetchedAt = time.UnixMicro(n).UTC() }},
		few(text("source", func(r *Row) *string { return &r.Source })),
		few(text("licence", func(r *Row) *string { return &r.Licence })),
		few(column{name: "consent",
			str:    func(r *Row) string { return r.Consent.String() },
			setStr: func(r *Row, s string) (err error) { r.Consent, err = millrace.ParseConsent(s); return err }}),
		few(text("warc_file", func(r *Row) *string { return &r.WARCFile })),
		integer("warc_offset", func(r *Row) *int64 { return &r.WARCOffset }),
		integer("warc_length", func(r *Row) *int64 { return &r.WARCLength }),
		{name: "sha256", str: digest, setStr: setDigest},
		id("cluster_id", func(r *Row) *millrace.ID { return &r.Cluster }),
		{name: "edits", kind: kindEdits},
		text("meta", func(r *Row) *string { return &r.Meta }),
	}
}

// verdictColumns are those that only rejects have.
func verdictColumns() []column {
	evidence := func(name string, f func(*millrace.Verdict) *float64, there func(*millrace.Verdict) bool) column {
		return column{name: name, kind: kindFloat64,
			flt:    func(r *Row) (float64, bool) { return number(*f(&r.Verdict), there(&r.Verdict)) },
			setFlt: func(r *Row, x float64) { *f(&r.Verdict) = x }}
	}
	measured := func(v *millrace.Verdict) bool { return v.Signal != "" }
	compared := func(v *millrace.Verdict) bool { return v.Method != "" }
	return []column{
		few(column{name: "reason",
			str:    func(r *Row) string { return string(r.Verdict.Reason) },
			setStr: func(r *Row, s string) error { r.Verdict.Reason = millrace.Reason(s); return nil }}),
		few(text("stage", func(r *Row) *string { return &r.Verdict.Stage })),
		few(text("signal", func(r *Row) *string { return &r.Verdict.Signal })),
		evidence("value", func(v *millrace.Verdict) *float64 { return &v.Value }, measured),
		evidence("limit", func(v *millrace.Verdict) *float64 { return &v.Limit }, measured),
		evidence("similarity", func(v *millrace.Verdict) *float64 { return &v.Similarity }, compared),
		{name: "of", str: func(r *Row) string { return twin(&r.Verdict) }, setStr: setTwin},
		few(text("method", func(r *Row) *string { return &r.Verdict.Method })),
		text("err", func(r *Row) *string { return &r.Verdict.Err }),
		{name: "attempts", kind: kindInt32,
			num:    func(r *Row) (int64, bool) { return int64(r.Attempts), true },
			setNum: func(r *Row, n int64) { r.Attempts = int32(n) }},
	}
}

func signalColumn(name string, i int) column {
	return column{name: signalPrefix + name, kind: kindFloat32,
		flt: func(r *Row) (float64, bool) {
			if i >= len(r.Signals) {
				return 0, false
			}
			return number(float64(r.Signals[i]), true)
		},
		setFlt: func(r *Row, f float64) { r.Signals[i] = float32(f) }}
}

// signalPrefix marks the columns of signals.
const signalPrefix = "sig_"

func text(name string, f func(*Row) *string) column {
	return column{name: name,
		str:    func(r *Row) string { return *f(r) },
		setStr: func(r *Row, s string) error { *f(r) = s; return nil }}
}

func id(name string, f func(*Row) *millrace.ID) column {
	return column{name: name,
		str: func(r *Row) string {
			if f(r).IsZero() {
				return ""
			}
			return f(r).String()
		},
		setStr: func(r *Row, s string) (err error) { *f(r), err = millrace.ParseID(s); return err }}
}

// integer is null where the row has no WARC file.
func integer(name string, f func(*Row) *int64) column {
	return column{name: name, kind: kindInt64,
		num:    func(r *Row) (int64, bool) { return *f(r), r.WARCFile != "" },
		setNum: func(r *Row, n int64) { *f(r) = n }}
}

func required(c column) column { c.required = true; return c }

func few(c column) column { c.dict = true; return c }

// number is null where there is none.
func number(f float64, there bool) (float64, bool) { return f, there && !math.IsNaN(f) }

func digest(r *Row) string {
	if r.SHA256 == [32]byte{} {
		return ""
	}
	return hex.EncodeToString(r.SHA256[:])
}

func setDigest(r *Row, s string) error {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(r.SHA256) {
		return fmt.Errorf("sha256 %q: want 64 hex digits", s)
	}
	copy(r.SHA256[:], b)
	return nil
}

// twin names a duplicate's twin as the column id names it.
func twin(v *millrace.Verdict) string {
	switch {
	case v.OfUser != "":
		return v.OfUser
	case !v.Of.IsZero():
		return v.Of.String()
	}
	return ""
}

func setTwin(r *Row, s string) error {
	if of, err := millrace.ParseID(s); err == nil {
		r.Verdict.Of = of
	} else {
		r.Verdict.OfUser = s
	}
	return nil
}
