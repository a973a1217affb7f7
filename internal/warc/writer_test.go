package warc

import (
	"bytes"
	"strings"
	"testing"

	"millrace"
	"millrace/internal/durable"
)

func TestWriterRefusesWhatCannotBeReadBack(t *testing.T) {
	f := tempFile(t)
	w := newWriter(t, f)
	for _, bad := range []millrace.Field{
		{Name: "X-Evil", Value: "a\r\nWARC-Type: warcinfo"},
		{Name: "X-Evil", Value: "a\x00"},
		{Name: "X-Evil", Value: "a\xff"},
		{Name: "X Evil", Value: "a"},
		{Name: "", Value: "a"},
		{Name: "X:Evil", Value: "a"},
		{Name: "content-length", Value: "1"},
		{Name: "X-Big", Value: strings.Repeat("a", maxHeader)},
	} {
		if _, _, err := w.Append(append(testHeader("response", "u"), bad), nil); err == nil {
			t.Errorf("%.40q was written", bad)
		}
	}
	if _, _, err := w.Append(testHeader("response", "u")[1:], nil); err == nil {
		t.Error("a record without a type was written")
	}
	if info, err := f.Stat(); err != nil || info.Size() != 0 || w.Offset() != 0 {
		t.Errorf("%d bytes were written, %v", info.Size(), err)
	}
}

func TestWriterSaysThatItCannotWrite(t *testing.T) {
	name := tempFile(t).Name()
	f, err := durable.OpenToRead(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := NewWriter(f, 0)
	for range 2 {
		if _, _, err := w.Append(testHeader("response", "u"), []byte("x")); err == nil || w.Offset() != 0 {
			t.Fatalf("offset %d, %v", w.Offset(), err)
		}
	}
}

func TestRecordID(t *testing.T) {
	a, b := RecordID("ab", "c"), RecordID("a", "bc")
	if a == b || a != RecordID("ab", "c") || len(a) != len("<urn:uuid:01234567-89ab-8def-8123-456789abcdef>") || a[24] != '8' {
		t.Errorf("%s %s", a, b)
	}
}

func BenchmarkReadAt(b *testing.B) {
	data, at := archive(b, strings.Repeat("the words of a page of common length, ", 1000))
	b.SetBytes(38000)
	for b.Loop() {
		if _, err := ReadAt(bytes.NewReader(data), 0, at[1], 1<<20); err != nil {
			b.Fatal(err)
		}
	}
}
