package warc

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"millrace"
)

func TestWriterRefusesWhatCannotBeReadBack(t *testing.T) {
	f := tempFile(t)
	w := NewWriter(f, 0)
	for _, bad := range []millrace.Field{
		{Name: "X-Evil", Value: "a\r\nWARC-Type: warcinfo"},
		{Name: "X-Evil", Value: "a\x00"},
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
	f, err := os.Open(name) // read only
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

func TestVerify(t *testing.T) {
	http := "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"
	record := func(fields, block, end string) string {
		return "WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x>\r\nWARC-Date: 2026-11-02T10:20:30Z\r\n" +
			"Content-Type: application/http\r\nContent-Length: 29\r\n" + fields + "\r\n" + block + end
	}
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	tests := []struct{ name, data, what string }{
		{"sound", record("", http, "\r\n\r\n"), ""},
		{"sha1 in base32", record("WARC-Payload-Digest: sha1:AIED6RLZ4CFGCJBFYDA2C7XEPLOXQO4U\r\n", http, "\r\n\r\n"), ""},
		{"sha256 in hex", record("WARC-Payload-Digest: sha256:230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5\r\n", http, "\r\n\r\n"), ""},
		{"of an unknown kind", record("WARC-Payload-Digest: blake9:x\r\n", http, "\r\n\r\n"), ""},
		{"another payload", record("WARC-Payload-Digest: "+Digest([]byte("Body"))+"\r\n", http, "\r\n\r\n"), "payload does not"},
		{"another block", record("WARC-Block-Digest: "+Digest([]byte("Body"))+"\r\n", http, "\r\n\r\n"), "block does not"},
		{"no end", record("", http, ""), "two line ends"},
		{"chunked", strings.Replace(record("WARC-Payload-Digest: sha1:AAAA\r\n", chunked, "\r\n\r\n"), ": 29", ": 52", 1), ""},
		{"no date", strings.Replace(record("", http, "\r\n\r\n"), "WARC-Date", "X-Date", 1), "WARC-Date is missing"},
		{"revisit", strings.Replace(record("WARC-Payload-Digest: sha1:AAAA\r\n", http, "\r\n\r\n"), "response", "revisit", 1), ""},
	}
	for _, tt := range tests {
		for kind, data := range map[string]string{"plain": tt.data, "gzip": gzipped(tt.data)} {
			var got []string
			n, err := Verify(strings.NewReader(data), func(d DamageError) { got = append(got, d.What) })
			what := strings.Join(got, "; ")
			if err != nil || (n == 1) != (tt.what == "") || (what == "") != (tt.what == "") || !strings.Contains(what, tt.what) {
				t.Errorf("%s, %s: %d records, %q, %v; want %q", tt.name, kind, n, what, err, tt.what)
			}
		}
	}
}

// A digest does not depend on how the block comes in.
func TestDigestsInPieces(t *testing.T) {
	body := strings.Repeat("words\r\n\r\nand more ", 300)
	block := FormatHTTP(200, []millrace.Field{{Name: "A", Value: "b"}}, []byte(body))
	for _, size := range []int{1, 2, 3, 7, 100, len(block)} {
		d := newDigests(&Record{Header: append(testHeader("response", "u"),
			millrace.Field{Name: "WARC-Payload-Digest", Value: Digest([]byte(body))},
			millrace.Field{Name: "WARC-Block-Digest", Value: Digest(block)})})
		for rest := block; len(rest) > 0; {
			n, _ := d.Write(rest[:min(size, len(rest))])
			rest = rest[n:]
		}
		if p := d.problems(); len(p) > 0 || !d.inBody {
			t.Errorf("in pieces of %d: %q", size, p)
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
