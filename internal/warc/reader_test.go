package warc

import (
	"bytes"
	"io"
	"os"
	"testing"

	"millrace"
)

func testHeader(kind, uri string) []millrace.Field {
	return []millrace.Field{
		{Name: "WARC-Type", Value: kind},
		{Name: "WARC-Record-ID", Value: RecordID(kind, uri)},
		{Name: "WARC-Date", Value: "2026-11-02T10:20:30.123456Z"},
		{Name: "WARC-Target-URI", Value: uri},
		{Name: "Content-Type", Value: "application/http;msgtype=response"},
	}
}

func TestWriteThenRead(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "*.warc.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := NewWriter(f, 0)
	bodies := []string{"", "one", string(bytes.Repeat([]byte("many words "), 20000))}
	var at, length []int64
	for _, b := range bodies {
		block := FormatHTTP(200, []millrace.Field{{Name: "Content-Type", Value: "text/plain"}}, []byte(b))
		o, n, err := w.Append(testHeader("response", "http://h/"+b[:min(len(b), 3)]), block)
		if err != nil {
			t.Fatal(err)
		}
		at, length = append(at, o), append(length, n)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	r := NewReader(io.NewSectionReader(f, 0, w.Offset()), 1<<20)
	for i, b := range bodies {
		rec, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if rec.Offset != at[i] || rec.Length != length[i] {
			t.Errorf("record %d at %d+%d, written at %d+%d", i, rec.Offset, rec.Length, at[i], length[i])
		}
		again, err := ReadAt(f, at[i], length[i], 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range []*Record{rec, again} {
			status, header, body, err := ParseHTTP(rec.Block)
			if err != nil || status != 200 || string(body) != b || header[0].Name != "Content-Type" {
				t.Errorf("record %d: %d %v %d bytes, %v", i, status, header, len(body), err)
			}
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("want io.EOF, got %v", err)
	}
	n, err := Verify(io.NewSectionReader(f, 0, w.Offset()), func(d DamageError) { t.Error(d) })
	if n != 3 || err != nil {
		t.Fatalf("verified %d, %v", n, err)
	}
}
