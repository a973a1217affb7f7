package shards

import (
	"fmt"
	"testing"

	"millrace"
)

// BenchmarkWrite writes rows of about 3 KB; B/s counts their plain bytes.
func BenchmarkWrite(b *testing.B) {
	docs := testDocs(1, 1000)
	for _, d := range docs {
		d.Text = fmt.Sprintf("%s %s %s", d.Text, d.Title, d.Text)
	}
	o := testOptions(b.TempDir())
	o.TargetBytes = 0
	s, err := OpenSink(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var bytes int64
	for _, d := range docs {
		bytes += newRow(d, testSignals).bytes()
	}
	b.SetBytes(bytes)
	b.ReportAllocs()
	next := int64(0)
	for b.Loop() {
		for _, d := range docs {
			d.Position.Offset, next = next, next+1
			d.Via = millrace.Position{}
		}
		if err := s.Write(b.Context(), docs); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Flush(b.Context(), millrace.Position{}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkScan reads all columns of all rows.
func BenchmarkScan(b *testing.B) {
	dir, docs := b.TempDir(), testDocs(1, 5000)
	o := testOptions(dir)
	o.TargetBytes = 0
	s, err := OpenSink(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := fill(b.Context(), s, docs, 1000); err != nil {
		b.Fatal(err)
	}
	var bytes int64
	for _, d := range docs {
		bytes += newRow(d, testSignals).bytes()
	}
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Table().Rows(b.Context(), Select{Kept: true, Rejects: true}, func(*Row) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
