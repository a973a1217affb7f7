package ingest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millrace"
)

type entry struct{ name, data string }

func tarOf(t testing.TB, entries ...entry) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o600, Size: int64(len(e.data)), ModTime: time.Unix(1_700_000_000, 0)}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zipOf(t testing.TB, method uint16, entries ...entry) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: method, Modified: time.Unix(1_700_000_000, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func manyMembers(t testing.TB) ([]entry, []string) {
	page := httpRecord(t, "https://a.example/", "200 OK\r\nContent-Type: text/html", "<p>hello")
	return []entry{
			{"d/", ""}, {"d/a.jsonl", `{"text":"one","id":1}` + "\n\n{broken\n" + `{"text":"two"}`}, {"b.txt", "plain"},
			{".hidden/x.txt", "no"}, {"__MACOSX/._b.txt", "no"}, {"c.html", "<p>x"}, {"d.jsonl.gz", gz(`{"text":"packed"}` + "\n" + `{"html":"x"}`)},
			{"e.csv", "text,id\ncell,9\n"}, {"latin.txt.zst", zst("caf\xe9")}, {"inner.tar", tarOf(t, entry{"x.txt", "x"})}, {"inner.zip", "PK\x03\x04"},
			{"../../etc/passwd", "traveller\n"}, {`C:\evil.txt`, "evil"}, {"/abs.txt", "absolute"}, {"torn.txt.gz", gz(fmt.Sprint(os.Args, strings.Repeat("word ", 999)))[:30]},
			{"f.warc", page}, {"g.warc.gz", gz(page) + gz(page)}, {"picture.png", "\x89PNG\r\n\x1a\n\x00\x00"}, {"p.parquet", "PAR1"}, {"last.md", "# last"}},
		[]string{
			"1|text/plain; charset=utf-8|one|", "!d/a.jsonl:3:2: invalid character 'b' looking for beginning of object key string",
			"|text/plain; charset=utf-8|two|", "!b.txt|text/plain|plain|", "!c.html|text/html|body:<p>x|", "|text/plain; charset=utf-8|packed|",
			`!d.jsonl.gz:2: field "text" is missing`, "9|text/plain; charset=utf-8|cell|", "!latin.txt.zst|text/plain|body:caf\xe9|",
			"!inner.tar: an archive within an archive is not opened", "!inner.zip: an archive within an archive is not opened",
			"!../../etc/passwd|text/plain|traveller\n|", `!C:\evil.txt|text/plain|evil|`, "!/abs.txt|text/plain|absolute|",
			"!torn.txt.gz: unexpected EOF", "|text/html|body:<p>hello|", "|text/html|body:<p>hello|", "|text/html|body:<p>hello|",
			"!picture.png: neither JSONL, CSV, Parquet, WARC, text nor HTML", "!p.parquet: a Parquet file within an archive is not read; unpack it", "!last.md|text/markdown|# last|"}
}

// Each member of an archive is an input of its own, found again by many workers at once, however it is packed.
func TestArchives(t *testing.T) {
	entries, want := manyMembers(t)
	for name, data := range map[string]string{
		"a.tar": tarOf(t, entries...), "a.tar.gz": gz(tarOf(t, entries...)), "a.tgz": gz(tarOf(t, entries...)), "a.tar.zst": zst(tarOf(t, entries...)),
		"sniffed": tarOf(t, entries...), "a.zip": zipOf(t, zip.Deflate, entries...), "stored.zip": zipOf(t, zip.Store, entries...), "sniffedzip": zipOf(t, zip.Deflate, entries...),
	} {
		dir := tree(t, map[string]string{name: data})
		in := Input{Name: "mine", Glob: filepath.Join(dir, name)}
		ds := readFiles(t, openFiles(t, t.TempDir(), in), millrace.Checkpoint{})
		l := &Loader{Inputs: []Input{in}}
		var wg sync.WaitGroup
		for w := range 3 {
			wg.Go(func() {
				for i := w; i < len(ds); i += 3 {
					d := ds[i]
					if d.Verdict.Kept() {
						text := d.Text
						d.Text, d.Page.Body = "", nil // as if it were long
						if err := l.load(t.Context(), d); err != nil || text != "" && text != d.Text {
							t.Errorf("%s: %v", d.Page.URL, err)
						}
					}
				}
			})
		}
		wg.Wait()
		var got []string
		ids := map[millrace.ID]bool{}
		at := int64(-1)
		for _, d := range ds {
			if d.Position.Offset <= at || ids[d.ID] && d.Page.URL != "https://a.example/" {
				t.Errorf("%s: %s at %s", name, d.Page.URL, d.Position)
			}
			ids[d.ID], at = true, d.Position.Offset
			s := brief(d)
			if !d.Verdict.Kept() {
				s = d.Verdict.Err
			}
			s = strings.ReplaceAll(s, dir+string(filepath.Separator), "")
			got = append(got, strings.TrimPrefix(s, name))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if len(l.streams) > maxStreams {
			t.Errorf("%s: %d streams", name, len(l.streams))
		}
		l.Close()
	}
}

// From whatever record a source starts again, it gives the same documents from there.
func TestResumeInArchive(t *testing.T) {
	entries, _ := manyMembers(t)
	dir := tree(t, map[string]string{"a.tar.gz": gz(tarOf(t, entries...)), "b.zip": zipOf(t, zip.Deflate, entries...)})
	in, state := Input{Name: "mine", Glob: dir}, t.TempDir()
	all := readFiles(t, openFiles(t, state, in), millrace.Checkpoint{})
	rapid.Check(t, func(rt *rapid.T) {
		i := rapid.IntRange(0, len(all)).Draw(rt, "from")
		var c millrace.Checkpoint
		for _, d := range all[:i] {
			c.Take(d)
		}
		if diff := cmp.Diff(all[i:], append([]*millrace.Document{}, readFiles(t, openFiles(t, state, in), c)...)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// Damage costs what is damaged and no more, and lies cost nobody anything.
func TestDamagedArchives(t *testing.T) {
	two := []entry{{"a.txt", "first"}, {"b.txt", "second"}}
	whole := zipOf(t, zip.Deflate, two...)
	lying := []byte(whole)
	dirAt := bytes.Index(lying, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lying[dirAt+24:], 1) // the first member has one byte, it says
	crc := []byte(whole)
	crc[dirAt+16] ^= 1
	encrypted := []byte(whole)
	encrypted[dirAt+8] |= 1
	method := []byte(whole)
	method[dirAt+10] = 99
	beyond := []byte(whole)
	binary.LittleEndian.PutUint32(beyond[dirAt+42:], 1<<30)
	torn := tarOf(t, two...)
	flipped := []byte(tarOf(t, two...))
	flipped[1024] ^= 0xff // in the second header
	for _, c := range []struct {
		name, data string
		want       []string
	}{
		{"lying.zip", string(lying), []string{"lying.zip!a.txt: zip: not a valid zip file", "lying.zip!b.txt|text/plain|second|"}},
		{"crc.zip", string(crc), []string{"crc.zip!a.txt: zip: checksum error", "crc.zip!b.txt|text/plain|second|"}},
		{"encrypted.zip", string(encrypted), []string{"encrypted.zip!a.txt: it is encrypted", "encrypted.zip!b.txt|text/plain|second|"}},
		{"method.zip", string(method), []string{"method.zip!a.txt: zip: unsupported compression algorithm", "method.zip!b.txt|text/plain|second|"}},
		{"torn.zip", whole[:len(whole)-30], []string{"torn.zip: zip: not a valid zip file"}},
		{"none.zip", "text", []string{"none.zip: zip: not a valid zip file"}},
		{"twice.zip.gz", gz(whole), []string{"twice.zip.gz: neither JSONL, CSV, Parquet, WARC, text nor HTML"}},
		{"old.7z", "7z", []string{"old.7z: neither JSONL, CSV, Parquet, WARC, text nor HTML"}},
		{"empty.zip", zipOf(t, zip.Store), nil},
		{"empty.tar", tarOf(t), nil},
		{"nothing.tar", "", []string{"nothing.tar: an empty file is no tar"}},
		{"torn.tar", torn[:1024+300], []string{"torn.tar!a.txt|text/plain|first|", "torn.tar: byte 1324: unexpected EOF"}},
		{"short.tar", torn[:514], []string{"short.tar!a.txt: unexpected EOF", "short.tar: byte 514: unexpected EOF"}},
		{"flipped.tar", string(flipped), []string{"flipped.tar!a.txt|text/plain|first|", "flipped.tar: byte 1536: archive/tar: invalid tar header"}},
		{"torn.tar.gz", gz(torn)[:100], nil},
		{"beyond.zip", string(beyond), nil},
	} {
		dir := tree(t, map[string]string{c.name: c.data, "z.txt": "neighbour"})
		ds := through(t, Input{Glob: filepath.Join(dir, "*")})
		got := briefs(dir, ds)
		if last := got[len(got)-1]; last != "z.txt|text/plain|neighbour|" {
			t.Errorf("%s: the neighbour is %q", c.name, last)
		}
		got = got[:len(got)-1]
		if c.want == nil && strings.HasPrefix(c.name, "empty") {
			if len(got) != 0 {
				t.Errorf("%s: %q", c.name, got)
			}
		} else if c.want == nil { // somewhere in it
			if len(got) == 0 || !strings.HasPrefix(got[0], c.name) {
				t.Errorf("%s: %q", c.name, got)
			}
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// A bomb ends as one dead letter, and not before it has cost more than its due.
func TestBomb(t *testing.T) {
	if bombLimit(1000) != bombSlack+1000*1000 {
		t.Fatal(bombLimit(1000))
	}
	left := int64(10)
	b := &bounded{strings.NewReader(strings.Repeat("x", 100)), &left}
	n := 0
	for p := make([]byte, 4); ; {
		m, err := b.Read(p)
		n += m
		if err != nil {
			if !errors.Is(err, errBomb) || n != 12 {
				t.Fatalf("%d bytes, %v", n, err)
			}
			break
		}
	}
	inner := zst(strings.Repeat(strings.Repeat(" ", 1<<20-1)+"\n", 70))
	dir := tree(t, map[string]string{"a.zip": zipOf(t, zip.Deflate, entry{"ok.txt", "before"}, entry{"a.jsonl.zst", inner}, entry{"b.txt", "behind"}), "z.txt": "neighbour"})
	got := briefs(dir, through(t, Input{Glob: filepath.Join(dir, "*")}))
	want := []string{"a.zip!ok.txt|text/plain|before|", "a.zip: " + errBomb.Error(), "z.txt|text/plain|neighbour|"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestZipDirectoryIsBounded(t *testing.T) {
	z := &zipReaderAt{in: strings.NewReader("abc"), left: 2}
	if n, err := z.ReadAt(make([]byte, 2), 0); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := z.ReadAt(make([]byte, 1), 0); !errors.Is(err, errDirectory) {
		t.Fatal(err)
	}
}

func TestSparseTar(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h := &tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}
	if err := w.WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	w.Close()
	dir := tree(t, map[string]string{"a.tar": b.String()})
	if ds := through(t, Input{Glob: dir}); len(ds) != 0 {
		t.Errorf("a link is a document: %v", briefs(dir, ds))
	}
	if !sparse(&tar.Header{PAXRecords: map[string]string{"GNU.sparse.major": "1"}}) || sparse(&tar.Header{}) {
		t.Error("files with holes")
	}
}

func TestPlaces(t *testing.T) {
	for _, p := range []place{{first: 512, size: 7}, {zip: true, first: 30, size: 1 << 40, method: 8}} {
		if back, err := parsePlace(p.String()); err != nil || back != p {
			t.Errorf("%v: %v, %v", p, back, err)
		}
	}
	for _, s := range []string{"", "tar", "tar:1", "tar:1:2:3", "zip:1:2", "tar:-1:2", "rar:1:2", "zip:a:2:3", "tar:1:9999999999999999999"} {
		if p, err := parsePlace(s); err == nil {
			t.Errorf("%q is %v", s, p)
		}
	}
	if s := memberName(strings.Repeat("ä", maxName)); len(s) > maxName+20 || !strings.Contains(s, "…") {
		t.Errorf("%d bytes", len(s))
	}
}

func FuzzArchive(f *testing.F) {
	entries, _ := manyMembers(f)
	f.Add([]byte(tarOf(f, entries...)), true)
	f.Add([]byte(gz(tarOf(f, entries...))), true)
	f.Add([]byte(zipOf(f, zip.Deflate, entries...)), false)
	f.Add([]byte("PK\x05\x06"+strings.Repeat("\x00", 18)), false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, isTar bool) {
		path := filepath.Join(dir, map[bool]string{true: "x.tar", false: "x.zip"}[isTar])
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		in := Input{Name: "x", Glob: path}
		l := &Loader{Inputs: []Input{in}}
		defer l.Close()
		at := int64(-1)
		for _, d := range readFiles(t, openFiles(t, "", in), millrace.Checkpoint{}) {
			if d.Position.Offset <= at {
				t.Fatalf("%s follows %d", d.Position, at)
			}
			at = d.Position.Offset
			if !d.Verdict.Kept() {
				continue
			}
			text := d.Text
			d.Text, d.Page.Body = "", nil
			if err := l.load(t.Context(), d); err != nil || d.Verdict.Reason == "" && text != "" && d.Text != text {
				t.Fatal(fmt.Errorf("%s: %w", d.Page.URL, err))
			}
		}
	})
}
