package warc

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millrace"
	"millrace/internal/durable"
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

func tempFile(t testing.TB) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "*.warc.gz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// newWriter writes to f by a handle of its own.
func newWriter(t testing.TB, f *os.File) *Writer {
	t.Helper()
	own, err := (*durable.Disk)(nil).Open("test", f.Name(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	return NewWriter(own, 0)
}

// archive writes one response a body and returns the file's bytes and where the members begin; the last is the end.
func archive(t testing.TB, bodies ...string) ([]byte, []int64) {
	t.Helper()
	f := tempFile(t)
	w := newWriter(t, f)
	at := []int64{0}
	for i, b := range bodies {
		block := FormatHTTP(200, []millrace.Field{{Name: "Content-Type", Value: "text/plain"}}, []byte(b))
		header := append(testHeader("response", fmt.Sprintf("http://h/%d", i)),
			millrace.Field{Name: "WARC-Payload-Digest", Value: Digest([]byte(b))})
		if _, _, err := w.Append(header, block); err != nil {
			t.Fatal(err)
		}
		at = append(at, w.Offset())
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return data, at
}

// all reads to the end: the target of each record, "damage OFFSET" for each damage.
func all(t testing.TB, r io.Reader, maxBlock int64) []string {
	t.Helper()
	var out []string
	rd := NewReader(r, maxBlock)
	for {
		rec, err := rd.Next()
		var damage *DamageError
		switch {
		case err == io.EOF:
			return out
		case errors.As(err, &damage):
			out = append(out, fmt.Sprintf("damage %d: %s", damage.Offset, damage.What))
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, rec.TargetURI())
		}
	}
}

func TestWriteThenRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type record struct {
			header []millrace.Field
			block  []byte
		}
		name := rapid.StringMatching(`X-[A-Za-z0-9-]{1,10}`)
		value := rapid.Map(rapid.StringMatching(`[^\x00-\x08\x0a-\x1f\x7f]{0,40}`), strings.TrimSpace)
		var records []record
		var at []int64
		f := tempFile(t)
		w := newWriter(t, f)
		for i := range rapid.IntRange(0, 5).Draw(rt, "records") {
			h := testHeader("resource", fmt.Sprintf("urn:%d", i))
			for range rapid.IntRange(0, 4).Draw(rt, "fields") {
				h = append(h, millrace.Field{Name: name.Draw(rt, "name"), Value: value.Draw(rt, "value")})
			}
			rec := record{h, rapid.SliceOf(rapid.Byte()).Draw(rt, "block")}
			o, _, err := w.Append(rec.header, rec.block)
			if err != nil {
				rt.Fatal(err)
			}
			records, at = append(records, rec), append(at, o)
		}
		limit := rapid.Int64Range(0, 40).Draw(rt, "limit")
		r := NewReader(iotest.OneByteReader(io.NewSectionReader(f, 0, w.Offset())), limit)
		for i, want := range records {
			got, err := r.Next()
			if err != nil {
				rt.Fatal(err)
			}
			again, err := ReadAt(f, got.Offset, got.Length, limit)
			if err != nil {
				rt.Fatal(err)
			}
			if d := cmp.Diff(got, again); d != "" {
				rt.Fatalf("ReadAt reads another record than Next:\n%s", d)
			}
			if d := cmp.Diff(want.header, got.Header[:len(want.header)]); d != "" {
				rt.Fatal(d)
			}
			cut := int64(len(want.block)) > limit
			if got.Offset != at[i] || got.Truncated != cut || !bytes.Equal(got.Block, want.block[:min(int64(len(want.block)), limit)]) {
				rt.Fatalf("record %d: %+v", i, got)
			}
		}
		if _, err := r.Next(); err != io.EOF {
			rt.Fatalf("want io.EOF, got %v", err)
		}
		n, err := Verify(io.NewSectionReader(f, 0, w.Offset()), func(d DamageError) { rt.Error(d) })
		if n != int64(len(records)) || err != nil {
			rt.Fatalf("verified %d of %d records, %v", n, len(records), err)
		}
	})
}

// What other writers make: warcio's fields, version 1.0, angle brackets, folded lines, LF only, no digests.
const foreign = "WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: <urn:uuid:1>\r\nContent-Type: application/warc-fields\r\nContent-Length: 18\r\n\r\nsoftware: warcio\r\n\r\n\r\n" +
	"WARC/1.0\r\nwarc-type: Response\r\nWARC-Target-URI: <http://example.org/a>\r\nX-Folded: one\r\n  two\r\nno colon here\r\nContent-Length: 46\r\n\r\n" +
	"HTTP/1.1 404 Not Found\r\nserver: x\r\n\r\nbody\r\nx\r\n" + "\r\n\r\n\r\n" +
	"WARC/1.1\nWARC-Type: conversion\nWARC-Target-URI: http://example.org/b\ncontent-length: 5\n\nhello\n\n"

func TestForeignFiles(t *testing.T) {
	var members bytes.Buffer
	for _, rec := range strings.SplitAfter(foreign, "\r\n\r\n\r\n") {
		gz := gzip.NewWriter(&members)
		gz.Name = "with a name"
		gz.Extra = []byte("and an extra field")
		gz.Write([]byte(strings.TrimLeft(rec, "\r\n")))
		gz.Close()
	}
	for name, data := range map[string]string{"plain": foreign, "gzip": members.String()} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(strings.NewReader(data), 1<<20)
			info, err := r.Next()
			if err != nil || info.Type() != "warcinfo" || string(info.Block) != "software: warcio\r\n" {
				t.Fatalf("%+v, %v", info, err)
			}
			page, err := r.Next()
			if err != nil || page.Type() != "response" || page.TargetURI() != "http://example.org/a" || page.Get("x-folded") != "one two" {
				t.Fatalf("%+v, %v", page, err)
			}
			status, header, body, err := ParseHTTP(page.Block)
			if err != nil || status != 404 || string(body) != "body\r\nx\r\n" || header[0] != (millrace.Field{Name: "Server", Value: "x"}) {
				t.Fatalf("%d %v %q, %v", status, header, body, err)
			}
			wet, err := r.Next()
			if err != nil || string(wet.Block) != "hello" || wet.Get("WARC-Block-Digest") != "" {
				t.Fatalf("%+v, %v", wet, err)
			}
			if _, err := r.Next(); err != io.EOF {
				t.Fatalf("want io.EOF, got %v", err)
			}
			for _, rec := range []*Record{info, page, wet} {
				again, err := ReadAt(strings.NewReader(data), rec.Offset, rec.Length, 1<<20)
				if d := cmp.Diff(rec, again); err != nil || d != "" {
					t.Errorf("ReadAt(%d, %d): %v\n%s", rec.Offset, rec.Length, err, d)
				}
			}
		})
	}
}

func gzipped(parts ...string) string {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	for _, p := range parts {
		gz.Write([]byte(p))
	}
	gz.Close()
	return b.String()
}

func TestDamage(t *testing.T) {
	text := func(seed uint64) string { // badly compressible, so that a byte stands for few letters
		rng := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 5000)
		for i := range b {
			b[i] = 'a' + byte(rng.IntN(26))
		}
		return string(b)
	}
	data, at := archive(t, text(1), text(2), text(3))
	whole := []string{"http://h/0", "http://h/1", "http://h/2"}
	with := func(i int64, b byte) []byte {
		d := bytes.Clone(data)
		d[i] = b
		return d
	}
	second := fmt.Sprintf("damage %d", at[1])
	tests := []struct {
		name string
		data []byte
		want []string // prefixes
	}{
		{"none", data, whole},
		{"empty file", nil, nil},
		{"torn tail", data[:at[3]-40], []string{whole[0], whole[1], fmt.Sprintf("damage %d: the file ends", at[2])}},
		{"torn in the first bytes of a member", data[:at[2]+3], []string{whole[0], whole[1], fmt.Sprintf("damage %d: ", at[2])}},
		{"bit rot in a block", with(at[1]+1500, data[at[1]+1500]^0x55), []string{whole[0], second, whole[2]}},
		{"wrong checksum", with(at[2]-6, data[at[2]-6]^1), []string{whole[0], second, whole[2]}},
		{"magic lost", with(at[1], 0), []string{whole[0], second + ": neither", whole[2]}},
		{"bytes lost within", append(bytes.Clone(data[:at[1]+1000]), data[at[2]:]...), []string{whole[0], second, whole[2]}},
		{"zeros at the tail", append(bytes.Clone(data), make([]byte, 4096)...), append(whole[:3:3], fmt.Sprintf("damage %d: neither", at[3]))},
		{"not WARC at all", []byte("<html>"), []string{"damage 0: neither"}},
		{"gzip of something else", []byte(gzipped("<html>\r\n\r\n")), []string{"damage 0: neither"}},
		{"no length", []byte("WARC/1.0\r\nWARC-Type: x\r\n\r\nWARC/1.0\r\nWARC-Type: metadata\r\nWARC-Record-ID: <x:y>\r\nWARC-Date: 2026\r\nWARC-Target-URI: b\r\nContent-Length: 0\r\n\r\n\r\n\r\n"), []string{"damage 0: no valid Content-Length", "b"}},
		{"two lengths", []byte("WARC/1.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), []string{"damage 0: no valid Content-Length"}},
		{"negative length", []byte("WARC/1.0\r\nContent-Length: -1\r\n\r\n"), []string{"damage 0: no valid Content-Length"}},
		{"huge length", []byte("WARC/1.0\r\nContent-Length: 4000000000000000000\r\n\r\nab"), []string{"damage 0: the file ends"}},
		{"length beyond the member", []byte(gzipped("WARC/1.0\r\nContent-Length: 5\r\n\r\nab")), []string{"damage 0: the block is shorter"}},
		{"bytes behind the block", []byte(gzipped("WARC/1.0\r\nContent-Length: 2\r\n\r\nabc\r\n\r\n")), []string{"damage 0: the record does not end where"}},
		{"endless header", []byte("WARC/1.0\r\n" + strings.Repeat("a: b\r\n", maxHeader/6+1)), []string{"damage 0: the header has no end"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := all(t, bytes.NewReader(tt.data), 1<<20)
			ok := len(got) == len(tt.want)
			for i := 0; ok && i < len(got); i++ {
				ok = strings.HasPrefix(got[i], tt.want[i])
			}
			if !ok {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			n, err := Verify(bytes.NewReader(tt.data), func(DamageError) {})
			if sound := len(tt.want) - strings.Count(strings.Join(tt.want, "\n"), "damage"); err != nil || n != int64(sound) {
				t.Errorf("Verify: %d sound records, want %d; %v", n, sound, err)
			}
		})
	}
}

// A cut anywhere loses the member it is in, and no other.
func TestCutAnywhere(t *testing.T) {
	data, at := archive(t, "one page", "another page", strings.Repeat("a long page ", 200))
	for cut := range data {
		n, whole := 0, 0
		for whole+1 < len(at) && at[whole+1] <= int64(cut) {
			whole++
		}
		var damage []DamageError
		rd := NewReader(bytes.NewReader(data[:cut]), 1<<20)
		for {
			_, err := rd.Next()
			if err == io.EOF {
				break
			}
			if d := (*DamageError)(nil); errors.As(err, &d) {
				damage = append(damage, *d)
				continue
			}
			n++
		}
		torn := int64(cut) != at[whole]
		if n != whole || torn != (len(damage) == 1) || torn && damage[0].Offset != at[whole] {
			t.Fatalf("cut at %d: %d records of %d, %v", cut, n, whole, damage)
		}
	}
}

func TestFileErrorIsNoDamage(t *testing.T) {
	data, _ := archive(t, "one", "two")
	broken := errors.New("the disk is gone")
	r := NewReader(io.MultiReader(bytes.NewReader(data[:len(data)-30]), iotest.ErrReader(broken)), 1<<20)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, broken) {
			t.Fatalf("want the file's error, got %v", err)
		}
	}
}

func TestReadAtTellsWrongPlaces(t *testing.T) {
	data, at := archive(t, "one", "two")
	for _, place := range [][2]int64{{at[0], at[1] - 1}, {at[0], at[2]}, {at[0] + 1, at[1] - 1}, {at[2], 10}, {at[0], 0}} {
		var damage *DamageError
		if rec, err := ReadAt(bytes.NewReader(data), place[0], place[1], 1<<20); !errors.As(err, &damage) || damage.Offset != place[0] && place[0] != 1 {
			t.Errorf("ReadAt(%d, %d) = %+v, %v", place[0], place[1], rec, err)
		}
	}
}

// An attacker who plants starts of records cannot make the reader go back again and again: it reads
// no byte more than twice, beyond one window.
func TestDamageIsLinearWork(t *testing.T) {
	stored := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x00\xff\xff\x00\x00" // a gzip member whose first 64 KiB are stored
	for _, evil := range []string{stored, "\x1f\x8b\x08\x00", "\nWARC/1.0\r\n", "\nWARC/1.0\r\nContent-Length: 900000000\r\n\r\n"} {
		data := strings.Repeat(evil, 4<<20/len(evil))
		r := NewReader(strings.NewReader(data), 1<<20)
		var work int64
		for {
			_, err := r.Next()
			if err == io.EOF {
				break
			}
			var damage *DamageError
			if !errors.As(err, &damage) {
				t.Fatalf("%q: %v", evil, err)
			}
			work += r.in.offset() - damage.Offset
		}
		if limit := int64(2*len(data) + 2*window); work > limit {
			t.Errorf("%q: %d bytes of work for %d bytes", evil, work, len(data))
		}
	}
}

func FuzzReader(f *testing.F) {
	data, at := archive(f, "one page", "two pages")
	f.Add(data, int64(100))
	f.Add(data[:at[1]+20], int64(3))
	f.Add([]byte(foreign), int64(10))
	f.Add([]byte(gzipped(foreign)), int64(0))
	f.Add([]byte(gzipped(foreign)+gzipped("WARC/1.0\r\nContent-Length: 2\r\n\r\nab")+foreign), int64(9))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00\x61\x00\x00WARC/1.0\n\n"), int64(9))
	f.Add([]byte("\x5d\x2a\x4d\x18\x02\x00\x00\x00ab\x28\xb5\x2f\xfd"), int64(9))
	f.Fuzz(func(t *testing.T, data []byte, maxBlock int64) {
		maxBlock = max(0, min(maxBlock, 1<<16))
		r := NewReader(bytes.NewReader(data), maxBlock)
		var end int64
		for range 1 << 20 { // as much as a seed may inflate to
			rec, err := r.Next()
			var damage *DamageError
			switch {
			case err == io.EOF:
				return
			case errors.As(err, &damage):
				if damage.Offset < end || damage.Offset >= int64(len(data)) {
					t.Fatalf("damage at %d of %d, behind %d", damage.Offset, len(data), end)
				}
				if end = damage.Offset; r.shared == nil {
					end++
				}
			case err != nil:
				t.Fatal(err)
			default:
				if rec.Offset < end || rec.Length <= 0 != rec.Shared || int64(len(rec.Block)) > maxBlock {
					t.Fatalf("record at %d+%d of %d bytes, behind %d", rec.Offset, rec.Length, len(rec.Block), end)
				}
				if end = rec.Offset + rec.Length; rec.Shared {
					continue
				}
				if _, err := ReadAt(bytes.NewReader(data), rec.Offset, rec.Length, maxBlock); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Fatal("the reader does not come to an end")
	})
}

// The same within what is compressed together: no byte that comes out is worked on more than twice.
func TestSharedDamageIsLinearWork(t *testing.T) {
	for _, evil := range []string{"\r\nWARC/1.0\r\n", "\r\nWARC/1.0\r\nContent-Length: 900000000\r\n\r\n", "\r\nWARC/1.0\r\nContent-Length: 99999\r\n\r\n"} {
		plain := "WARC/1.0\r\nContent-Length: 0\r\n\r\n\r\n" + strings.Repeat(evil, 4<<20/len(evil))
		r := NewReader(strings.NewReader(gzipped(plain)), 1<<20)
		var work int64
		r.tap = func(*Record) io.Writer { return count{&work} }
		for {
			_, err := r.Next()
			if err == io.EOF {
				break
			}
			if damage := (*DamageError)(nil); err != nil && !errors.As(err, &damage) {
				t.Fatalf("%q: %v", evil, err)
			}
		}
		if limit := int64(2*len(plain) + 2*window); work > limit {
			t.Errorf("%q: %d bytes of work for %d bytes", evil, work, len(plain))
		}
	}
}

// count counts what is written.
type count struct{ n *int64 }

func (c count) Write(p []byte) (int, error) {
	*c.n += int64(len(p))
	return len(p), nil
}

func FuzzParseHTTP(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\nbody"))
	f.Add([]byte("HTTP/1.0 404\n\n"))
	f.Add([]byte("HTTP/2 200 \nx"))
	f.Fuzz(func(t *testing.T, block []byte) {
		status, header, body, err := ParseHTTP(block)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(block, body) {
			t.Fatal("the body is no part of the block")
		}
		s2, h2, b2, err := ParseHTTP(FormatHTTP(status, header, body))
		if err != nil || s2 != status || !bytes.Equal(b2, body) || len(h2) != len(header) {
			t.Fatalf("after FormatHTTP: %d %v, %v; before: %d %v", s2, h2, err, status, header)
		}
	})
}
