package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"millrace"
	"millrace/shards"
)

const (
	samplesName  = "samples.jsonl" // of a folder, a few rejects of each reason
	perReason    = 20
	maxReasons   = 500 // of which samples are kept
	sampledChars = 1000
	sampleSeed   = 1
)

// bottom keeps the documents with the smallest hashes of their IDs: a uniform sample that depends on which documents there are, not on their
// order. So samples of parts join to that of the whole, and a document that comes again changes nothing.
type bottom[T any] struct{ list []drawn[T] }

type drawn[T any] struct {
	key   uint64
	id    millrace.ID
	value T
}

// offer draws a document if it is among the n. keep gives what is kept of it.
func (b *bottom[T]) offer(n int, seed uint64, id millrace.ID, keep func() (T, error)) error {
	d := drawn[T]{key: mix(binary.LittleEndian.Uint64(id[:8]) ^ mix(seed)), id: id}
	i, found := slices.BinarySearchFunc(b.list, d, func(a, b drawn[T]) int {
		return cmp.Or(cmp.Compare(a.key, b.key), bytes.Compare(a.id[:], b.id[:]))
	})
	if found || i >= n {
		return nil
	}
	var err error
	if d.value, err = keep(); err != nil {
		return err
	}
	if len(b.list) == n {
		b.list = slices.Delete(b.list, n-1, n)
	}
	b.list = slices.Insert(b.list, i, d)
	return nil
}

// values gives what was kept, in the order of the hashes.
func (b *bottom[T]) values() []T {
	var list []T
	for _, d := range b.list {
		list = append(list, d.value)
	}
	return list
}

// samples are a few rejects of each reason.
type samples[T any] map[millrace.Reason]*bottom[T]

func (s samples[T]) offer(id millrace.ID, why millrace.Reason, keep func() (T, error)) error {
	b := s[why]
	if b == nil {
		if len(s) >= maxReasons {
			return nil
		}
		b = &bottom[T]{}
		s[why] = b
	}
	return b.offer(perReason, sampleSeed, id, keep)
}

// values gives what was kept, by reason.
func (s samples[T]) values() []T {
	var list []T
	for _, why := range slices.Sorted(maps.Keys(s)) {
		list = append(list, s[why].values()...)
	}
	return list
}

// sampleLine is a line of samples.jsonl: that of rejects.jsonl with the text's beginning alone, and without the input's other fields.
func sampleLine(d *millrace.Document, signals []string) ([]byte, error) {
	one := *d
	if one.Text == "" && one.Verdict.Failed() {
		one.Text = beginning(string(one.Page.Body[:min(len(one.Page.Body), 4*sampledChars)]), sampledChars)
	}
	one.Text, one.Title, one.Meta = beginning(one.Text, sampledChars), beginning(one.Title, sampledChars), ""
	return appendDocument(nil, &one, signals)
}

// beginning is the first n characters of a text.
func beginning(text string, n int) string {
	for i := range text {
		if n--; n < 0 {
			return text[:i]
		}
	}
	return text
}

// writeSamples leaves samples of the table's rejects beside it. They follow from the rows, so that they survive what the rows survive.
func (c *corpus) writeSamples(ctx context.Context, t *shards.Table) error {
	picked := samples[int64]{}
	err := t.Rows(ctx, shards.Select{Rejects: true, Columns: []string{"reason"}}, func(r *shards.Row) error {
		return picked.offer(r.MID, r.Verdict.Reason, func() (int64, error) { return r.Offset, nil })
	})
	if err != nil {
		return err
	}
	lines := map[int64][]byte{}
	offsets := picked.values()
	err = rowsAt(ctx, t, shards.Select{Rejects: true}, offsets, func(r *shards.Row) error {
		var err error
		lines[r.Offset], err = sampleLine(documentOf(r), r.SignalNames)
		return err
	})
	if err != nil {
		return err
	}
	var all []byte
	for _, at := range offsets {
		all = append(all, lines[at]...)
	}
	return c.disk.Replace("cli.samples", filepath.Join(c.dir, samplesName), all)
}

// documentOf is as much of a row's document as a sample shows.
func documentOf(r *shards.Row) *millrace.Document {
	d := &millrace.Document{ID: r.MID, UserID: r.UserID(), Title: r.Title, Text: r.Text, Lang: r.Lang, LangSure: r.LangScore, Extract: "none",
		Edits: r.Edits, Signals: r.Signals, Verdict: r.Verdict}
	d.Page.URL = r.URL
	return d
}

// rowsAt reads single rows of those that sel names, in the order of their offsets. Those that lie near to each other are read together: a row costs its row group.
func rowsAt(ctx context.Context, t *shards.Table, sel shards.Select, offsets []int64, yield func(*shards.Row) error) error {
	const near = 10_000
	at := slices.Sorted(slices.Values(offsets))
	for len(at) > 0 {
		n := 1
		for n < len(at) && at[n]-at[n-1] <= near {
			n++
		}
		sel.From, sel.To = at[0], at[n-1]+1
		err := t.Rows(ctx, sel, func(r *shards.Row) error {
			if _, wanted := slices.BinarySearch(at[:n], r.Offset); !wanted {
				return nil
			}
			return yield(r)
		})
		if err != nil {
			return err
		}
		at = at[n:]
	}
	return nil
}

// verdictLine is the verdict of a line that a step over files has written.
type verdictLine struct {
	Reason     string   `json:"reason"`
	Stage      string   `json:"stage"`
	Signal     string   `json:"signal"`
	Value      *float64 `json:"value"`
	Limit      *float64 `json:"limit"`
	Of         string   `json:"of"`
	Similarity float64  `json:"similarity"`
	Method     string   `json:"method"`
	Err        string   `json:"err"`
}

func (l *verdictLine) verdict() millrace.Verdict {
	v := millrace.Verdict{Reason: millrace.Reason(l.Reason), Stage: l.Stage, Signal: l.Signal, Value: math.NaN(), Limit: math.NaN(),
		OfUser: l.Of, Similarity: l.Similarity, Method: l.Method, Err: l.Err}
	if id, err := millrace.ParseID(l.Of); err == nil {
		v.Of = id
	}
	if l.Value != nil {
		v.Value = *l.Value
	}
	if l.Limit != nil {
		v.Limit = *l.Limit
	}
	return v
}
