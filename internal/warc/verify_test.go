package warc

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace"
)

func TestVerify(t *testing.T) {
	http := "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"
	record := func(fields, block, end string) string {
		return "WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x>\r\nWARC-Date: 2026-11-02T10:20:30Z\r\nWARC-Target-URI: http://h/\r\n" +
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
		{"revisit", strings.Replace(record("WARC-Profile: x:y\r\nWARC-Payload-Digest: sha1:AAAA\r\n", http, "\r\n\r\n"), "response", "revisit", 1), ""},
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

// pages is an archive of a few pages and a revisit, with its index, as the crawler writes it; at is where the
// records begin.
func pages(t *testing.T) (data []byte, at []int64, index string) {
	t.Helper()
	f := tempFile(t)
	w := newWriter(t, f)
	x := NewIndex(nil, t.TempDir())
	for i, kind := range []string{"warcinfo", "response", "request", "response", "revisit"} {
		header := testHeader(kind, fmt.Sprintf("http://h/%d", i))
		var block []byte
		switch kind {
		case "warcinfo":
			header[4].Value, block = "application/warc-fields", []byte("software: test\r\n")
		case "request":
			block = FormatRequest("GET", "/", nil)
		case "revisit":
			header = append(header, millrace.Field{Name: "WARC-Profile", Value: "http://netpreserve.org/warc/1.1/revisit/server-not-modified"},
				millrace.Field{Name: "WARC-Refers-To-Target-URI", Value: "http://h/1"}, millrace.Field{Name: "WARC-Refers-To-Date", Value: "2026-11-02T10:20:30Z"})
			block = FormatHTTP(304, nil, nil)
		default:
			body := noise(uint64(i), 3000)
			header = append(header, millrace.Field{Name: "WARC-Payload-Digest", Value: Digest(body)})
			block = FormatHTTP(200, nil, body)
		}
		offset, length, err := w.Append(header, block)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, offset)
		if e, ok := NewEntry(&Record{Offset: offset, Length: length, Header: header, Block: block}, "a.warc.gz"); ok {
			if err := x.Add(&e); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "a.cdxj")
	if err := x.Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Name())
	lines, err2 := os.ReadFile(path)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return data, at, string(lines)
}

// noise is text that hardly compresses.
func noise(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(rng.IntN(26))
	}
	return b
}

// inflate takes the compression off each member.
func inflate(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// damages lists what a Verifier finds in one file.
func damages(t *testing.T, data []byte, index string) (out []string) {
	t.Helper()
	v := Verifier{Report: func(_ string, d DamageError) { out = append(out, fmt.Sprintf("%d: %s", d.Offset, d.What)) }}
	var x *ReadIndex
	if index != "" {
		var err error
		if x, err = OpenIndex(strings.NewReader(index), "a.warc.gz", func(d DamageError) { v.Report("", d) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.File("a.warc.gz", bytes.NewReader(data), x); err != nil {
		t.Fatal(err)
	}
	v.End()
	return out
}

// TestDamagesAreFound: each damage is found where it is, and nothing else.
func TestDamagesAreFound(t *testing.T) {
	data, at, index := pages(t)
	plain := inflate(t, data)
	edit := func(b []byte, old, new string) []byte {
		if bytes.Count(b, []byte(old)) == 0 {
			t.Fatalf("%q is not in the file", old)
		}
		return bytes.Replace(bytes.Clone(b), []byte(old), []byte(new), 1)
	}
	flip := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[i] ^= 0x20
		return b
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	second := strings.Index(string(plain), "WARC-Target-URI: http://h/3")
	at3 := bytes.LastIndex(plain[:second], []byte("WARC/1.1"))
	request := bytes.Index(plain, []byte("WARC-Type: request"))
	at2 := bytes.LastIndex(plain[:request], []byte("WARC/1.1"))
	two := []byte(gzipped(string(inflate(t, data[at[1]:at[3]]))))
	lines := strings.SplitAfter(index, "\n")
	tests := []struct {
		name  string
		data  []byte
		index string
		want  []string // beginnings of what is found
	}{
		{"none", data, index, nil},
		{"none, uncompressed", plain, "", nil},
		{"cut by 40 bytes", data[:len(data)-40], index, []string{fmt.Sprintf("%d: the file ends within the record", at[4]), fmt.Sprintf("%d: the index names a record at byte %[1]d, where none begins", at[4])}},
		{"cut by 40 bytes, uncompressed", plain[:len(plain)-40], "", []string{fmt.Sprintf("%d: the file ends within the record", bytes.LastIndex(plain, []byte("WARC/1.1\r\n")))}},
		{"a byte of compressed data", flip(data, int(at[3])+1500), "", []string{fmt.Sprintf("%d: damaged gzip member", at[3])}},
		{"a byte of a header", edit(plain, "WARC-Date", "WARC-Dave"), "", []string{"0: field WARC-Date is missing"}},
		{"a byte of a block", flip(plain, at3+1000), "", []string{fmt.Sprintf("%d: the block does not have its digest", at3), fmt.Sprintf("%d: the payload does not have its digest", at3)}},
		{"Content-Length too large", join(plain[:at2], edit(plain[at2:], "Content-Length: 18", "Content-Length: 48")), "", []string{fmt.Sprintf("%d: the record does not end with two line ends", at2)}},
		{"Content-Length too small", join(plain[:at2], edit(plain[at2:], "Content-Length: 18", "Content-Length: 11")), "", []string{fmt.Sprintf("%d: the record does not end with two line ends", at2)}},
		{"no CR LF at the end", join(plain[:at3-2], plain[at3:]), "", []string{fmt.Sprintf("%d: the record does not end with two line ends", at2)}},
		{"no CR LF at the end, compressed", join(data[:at[2]], []byte(gzipped(string(plain[at2:at3-2]))), data[at[3]:]), "", []string{fmt.Sprintf("%d: the record does not end with two line ends", at[2])}},
		{"another payload digest", edit(plain, Digest(noise(1, 3000)), Digest([]byte("x"))), "", []string{fmt.Sprintf("%d: the payload does not have its digest", bytes.Index(plain, []byte("\nWARC/1.1"))+1)}},
		{"two records in a member", join(data[:at[1]], two, data[at[3]:]), "", []string{fmt.Sprintf("%d: several records are compressed together", at[1])}},
		{"an index with another offset", data, strings.Replace(index, fmt.Sprintf(`"offset":"%d"`, at[3]), fmt.Sprintf(`"offset":"%d"`, at[2]+9), 1),
			[]string{fmt.Sprintf("%d: the index names a record at byte %d", at[3], at[2]+9), fmt.Sprintf("%d: the index does not name the record", at[3])}},
		{"an index with another length", data, strings.Replace(index, `"length":"`, `"length":"1`, 1), []string{fmt.Sprintf("%d: the index says 1", at[1])}},
		{"an index with another URL", data, strings.Replace(index, `"url":"http://h/1`, `"url":"http://h/9`, 1), []string{fmt.Sprintf("%d: the index names another URL", at[1])}},
		{"an index with another digest", data, strings.Replace(index, Digest(noise(1, 3000)), Digest(nil), 1), []string{fmt.Sprintf("%d: the index has another digest", at[1])}},
		{"an index that lacks a line", data, strings.Join(lines[1:], ""), []string{fmt.Sprintf("%d: the index does not name the record", at[1])}},
		{"an index that is not sorted", data, lines[1] + lines[0] + lines[2], []string{fmt.Sprintf("%d: the index is not sorted", len(lines[1]))}},
		{"an index that is none", data, "x\n" + index, []string{"0: line of the index", "2: the index is not sorted", fmt.Sprintf("%d: the index does not", at[1])}[:2]},
		{"a revisit of what is not there", edit(plain, "WARC-Refers-To-Target-URI: http://h/1", "WARC-Refers-To-Target-URI: http://h/7"), "",
			[]string{fmt.Sprintf("%d: it refers to a visit of http://h/7", bytes.LastIndex(plain, []byte("WARC/1.1\r\n")))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := damages(t, tt.data, tt.index)
			ok := len(got) == len(tt.want)
			for i := 0; ok && i < len(got); i++ {
				ok = strings.HasPrefix(got[i], tt.want[i])
			}
			if !ok {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// TestEveryBitOfAHeader: no byte of the header of an uncompressed file can lose its highest bit unnoticed,
// though nothing but the record's syntax guards it.
func TestEveryBitOfAHeader(t *testing.T) {
	data, _, _ := pages(t)
	plain := inflate(t, data)
	end := bytes.Index(plain, []byte("\r\n\r\n"))
	for i := range end {
		b := bytes.Clone(plain)
		b[i] ^= 0x80
		if len(damages(t, b, "")) == 0 {
			t.Errorf("byte %d, %q: nothing is found", i, plain[i])
		}
	}
}

func FuzzVerify(f *testing.F) {
	data, _ := archive(f, "one page", "two pages")
	f.Add(data, "h)/0 20261102102030 {\"url\":\"http://h/0\",\"length\":\"9\",\"offset\":\"0\",\"filename\":\"a\"}\n")
	f.Add([]byte(foreign), "!meta {}\nx y {\"offset\":\"-1\",\"length\":\"999999999999999999999\"}")
	f.Add([]byte(gzipped(foreign)), "a b c\n\n")
	f.Fuzz(func(t *testing.T, data []byte, index string) {
		found := 0
		v := Verifier{Report: func(_ string, d DamageError) {
			if found++; d.What == "" {
				t.Error("a damage without a name")
			}
		}}
		x, err := OpenIndex(strings.NewReader(index), "a", func(d DamageError) { v.Report("", d) })
		if err != nil && len(index) < maxLine {
			t.Fatal(err)
		}
		sound, err := v.File("a", bytes.NewReader(data), x)
		v.End()
		if err != nil || sound == 0 && len(data) > 0 && found == 0 && len(bytes.Trim(data, "\r\n")) > 0 && !isZstd(data) {
			t.Fatalf("%d sound records, %d damages in %d bytes: %v", sound, found, len(data), err)
		}
	})
}
