package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/warc"
)

// bz2 is `{"text":"squeezed","id":1}` and a line end, by bzip2; the standard library cannot write it.
const bz2 = "BZh91AY&SY\xe7\x10D\xcf\x00\x00\x0c\xd9\x80\x00\x10\x10\x04 \x10\x06 .Z \x00\"'\xa8\xc9\xa6\x83\xca\x14\xc0\x014Y\xe0\x89Sp\xd5\xb4i\xe0\x84\x13\xb1_\x17rE8P\x90\xe7\x10D\xcf"

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func zst(s string) string {
	w, _ := zstd.NewWriter(nil)
	return string(w.EncodeAll([]byte(s), nil))
}

// tree writes files below a new folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// readFiles reads all of a source from a checkpoint on.
func readFiles(t testing.TB, s *FileSource, c millrace.Checkpoint) (ds []*millrace.Document) {
	t.Helper()
	if err := s.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for {
		b, err := s.Read(t.Context(), 3)
		if errors.Is(err, io.EOF) {
			return ds
		}
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, b.Docs...)
	}
}

func openFiles(t testing.TB, dir string, in ...Input) *FileSource {
	t.Helper()
	s, err := newFiles(t.Context(), nil, dir, in, strings.NewReader(""), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// brief is what a test looks at.
func brief(d *millrace.Document) string {
	text := d.Text
	if d.Page.Body != nil {
		text = "body:" + string(d.Page.Body)
	}
	if !d.Verdict.Kept() {
		text = string(d.Verdict.Reason)
	}
	return fmt.Sprintf("%s|%s|%s|%s", d.UserID, d.Page.MediaType, text, d.Meta)
}

func httpRecord(t testing.TB, url, head, body string) string {
	block := "HTTP/1.1 " + head + "\r\n\r\n" + body
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: %s\r\nWARC-Date: 2026-01-02T03:04:05Z\r\n"+
		"WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n",
		url, len(block), block)
}

func wetRecord(url, text string) string {
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: %s\r\nWARC-Date: 2026-01-02T03:04:05Z\r\n"+
		"WARC-Record-ID: <urn:uuid:2>\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", url, len(text), text)
}

func TestEveryFormat(t *testing.T) {
	info := "WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Date: 2026-01-02T03:04:05Z\r\nWARC-Record-ID: <urn:uuid:0>\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
	page := httpRecord(t, "https://a.example/", "200 OK\r\nContent-Type: text/html\r\nX-Robots-Tag: noai", "<p>hello")
	zipped := httpRecord(t, "https://a.example/z", "200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked",
		fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(gz("<p>zipped")), gz("<p>zipped")))
	for _, c := range []struct {
		name, data string
		want       []string
	}{
		{"a.jsonl", `{"text":"one","id":7,"n":[1,{"b":"<>"}]}` + "\r\n\n" + `{"text":"two","id":"x"}`,
			[]string{`7|text/plain; charset=utf-8|one|{"n":[1,{"b":"<>"}]}`, "x|text/plain; charset=utf-8|two|"}},
		{"a.ndjson", "\uFEFF" + `{"text":""}` + "\n", []string{"|text/plain; charset=utf-8|body:|"}},
		{"a.jsonl.gz", gz(`{"text":"one"}` + "\n"), []string{"|text/plain; charset=utf-8|one|"}},
		{"a.jsonl.zst", zst(`{"text":"one"}` + "\n"), []string{"|text/plain; charset=utf-8|one|"}},
		{"a.jsonl.bz2", bz2, []string{"1|text/plain; charset=utf-8|squeezed|"}},
		{"noname", `{"text":"by its first byte"}`, []string{"|text/plain; charset=utf-8|by its first byte|"}},
		{"a.txt", "\uFEFFplain ä", []string{"a.txt|text/plain|plain ä|"}},
		{"empty.txt", "", []string{"empty.txt|text/plain|body:|"}},
		{"latin.txt", "caf\xe9", []string{"latin.txt|text/plain|body:caf\xe9|"}},
		{"b.md.gz", gz("# head"), []string{"b.md.gz|text/markdown|# head|"}},
		{"c.html", "<p>x", []string{"c.html|text/html|body:<p>x|"}},
		{"sniffed", " <!DOCTYPE html><p>x", []string{"sniffed|text/html|body: <!DOCTYPE html><p>x|"}},
		{"picture.png", "\x89PNG\r\n\x1a\n\x00\x00", []string{"picture.png||failed.decode|"}},
		{"d.warc", info + page + zipped, []string{"|text/html|body:<p>hello|", "|text/html|body:<p>zipped|"}},
		{"d.warc.gz", gz(info) + gz(page) + gz(zipped), []string{"|text/html|body:<p>hello|", "|text/html|body:<p>zipped|"}},
		{"whole.warc.gz", gz(info + page + zipped), []string{"|text/html|body:<p>hello|", "|text/html|body:<p>zipped|"}},
		{"two.warc.gz", gz(info) + gz(page+zipped), []string{"|text/html|body:<p>hello|", "|text/html|body:<p>zipped|"}},
		{"d.warc.zst", zst(info) + zst(page) + zst(zipped), []string{"|text/html|body:<p>hello|", "|text/html|body:<p>zipped|"}},
		{"lost.warc.gz", gz(info)[:40] + gz(page+zipped), []string{"||failed.decode|", "||failed.decode|", "||failed.decode|"}},
		{"e.warc.wet.gz", gz(info) + gz(wetRecord("https://a.example/", "text of it")), []string{"|text/plain|text of it|"}},
		{"f.warc", httpRecord(t, "https://a.example/", "404 Not Found", "gone") + httpRecord(t, "https://a.example/", "301 Moved\r\nLocation: /x", "") +
			httpRecord(t, "https://a.example/", "200 OK\r\nContent-Type: image/png", "x") + "garbage\n" + page,
			[]string{"||fetch.status|", "||fetch.redirect|", "|image/png|fetch.media_type|", "||failed.decode|", "|text/html|body:<p>hello|"}},
	} {
		dir := tree(t, map[string]string{c.name: c.data})
		in := Input{Name: "mine", Glob: filepath.Join(dir, c.name)}
		var got []string
		s := openFiles(t, t.TempDir(), in)
		l := &Loader{Inputs: []Input{in}}
		for _, d := range readFiles(t, s, millrace.Checkpoint{}) {
			back, err := Decode(Encode(d)) // the way through the topic
			if err != nil {
				t.Fatal(err)
			}
			if err := l.load(t.Context(), back); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if back.ID.IsZero() || back.Page.URL == "" || back.Page.FetchedAt.IsZero() || back.Page.Source != "mine" {
				t.Errorf("%s: %+v", c.name, back)
			}
			got = append(got, brief(back))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		l.Close()
	}
}

// Broken lines are dead letters with their place and their bytes; the lines around them live.
func TestBrokenLines(t *testing.T) {
	long := `{"text":"` + strings.Repeat("x", maxLine) + `"}`
	dir := tree(t, map[string]string{"a.jsonl": strings.Join([]string{
		`{"text":"good"}`, `{"text":"cut`, `[1]`, `null`, `{"txt":"no text"}`, `{"text":7}`, `{"text":"a","text":"b"}`, long,
		`{"id":"` + strings.Repeat("i", maxField+1) + `","text":"x"}`, strings.Repeat("[", 20000), "\xff\xfe", `{"text":"bad \ud800 rune` + "\xff" + `"}`, "   ", `{"text":"last"}`,
	}, "\n")})
	s := openFiles(t, t.TempDir(), Input{Glob: filepath.Join(dir, "*.jsonl")})
	var got []string
	for _, d := range readFiles(t, s, millrace.Checkpoint{}) {
		if d.Verdict.Kept() {
			got = append(got, d.Text)
			continue
		}
		if d.Verdict.Reason != millrace.FailedDecode || len(d.Page.Body) == 0 || len(d.Page.Body) > MaxRaw {
			t.Errorf("%s: %d raw bytes, %+v", d.Position, len(d.Page.Body), d.Verdict)
		}
		got = append(got, strings.TrimPrefix(d.Verdict.Err, filepath.Join(dir, "a.jsonl")))
	}
	want := []string{"good", ":2:12: unexpected end of JSON input", ":3:1: not a JSON object", ":4:1: null is not a JSON object",
		`:5: field "text" is missing`, `:6: field "text" is not a string`, "b",
		fmt.Sprintf(":8: line of %d bytes, at most %d are read", len(long), maxLine),
		":9: an id or URL of more than 65536 bytes", ":10:10001: invalid character '[' exceeded max depth", ":11:1: invalid character 'ÿ' looking for beginning of value",
		"bad \uFFFD rune\uFFFD", "last"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func manyFiles(t testing.TB) string {
	files := map[string]string{"sub/b.txt": "text", "c.html": "<p>html", ".hidden/x.txt": "no", "d.jsonl": ""}
	for f := range 3 {
		var b strings.Builder
		for i := range 20 {
			fmt.Fprintf(&b, `{"text":"file %d line %d","id":%d}`+"\n", f, i, i)
			if i%7 == 3 {
				b.WriteString("\n{broken\n")
			}
		}
		name, data := fmt.Sprintf("a%d.jsonl", f), b.String()
		if f == 1 {
			name, data = name+".gz", gz(data)[:120] // torn
		}
		files[name] = data
	}
	return tree(t, files)
}

// From whatever position a source starts again, it gives the same documents from there.
func TestResumeAnywhere(t *testing.T) {
	in := Input{Name: "mine", Glob: manyFiles(t), Consent: millrace.Yes}
	state := t.TempDir()
	all := readFiles(t, openFiles(t, state, in), millrace.Checkpoint{})
	if len(all) < 45 {
		t.Fatalf("%d documents", len(all))
	}
	torn := 0
	for i, d := range all {
		if i > 0 && d.Position.Offset <= all[i-1].Position.Offset {
			t.Fatalf("position %v follows %v", d.Position, all[i-1].Position)
		}
		if strings.Contains(d.Verdict.Err, "unexpected EOF") {
			torn++
		}
	}
	if torn != 1 {
		t.Errorf("%d dead letters for the torn file, want 1", torn)
	}
	rapid.Check(t, func(rt *rapid.T) {
		i := rapid.IntRange(0, len(all)).Draw(rt, "from")
		var c millrace.Checkpoint
		for _, d := range all[:i] {
			c.Take(d)
		}
		rest := readFiles(t, openFiles(t, state, in), c)
		if diff := cmp.Diff(all[i:], append([]*millrace.Document{}, rest...)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// Numbers stay what they are when files come and go; what has changed is an integrity error.
func TestFileList(t *testing.T) {
	dir, state := tree(t, map[string]string{"b.txt": "b", "d.txt": "d"}), t.TempDir()
	in := Input{Glob: dir}
	first := readFiles(t, openFiles(t, state, in), millrace.Checkpoint{})
	for name, data := range map[string]string{"a.txt": "a", "c.txt": "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	again := readFiles(t, openFiles(t, state, in), millrace.Checkpoint{})
	var got []string
	for _, d := range again {
		got = append(got, fmt.Sprint(d.Position.Offset>>recordBits, d.UserID))
	}
	if diff := cmp.Diff([]string{"0b.txt", "1d.txt", "2a.txt", "3c.txt"}, got); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(first, again[:2]); diff != "" {
		t.Fatal(diff)
	}
	if err := os.Remove(filepath.Join(dir, "b.txt")); err != nil {
		t.Fatal(err)
	}
	s := openFiles(t, state, in)
	var c millrace.Checkpoint
	c.Take(again[1])
	if rest := readFiles(t, s, c); len(rest) != 2 { // what is stored may go
		t.Fatalf("%d documents, want 2", len(rest))
	}
	lost := openFiles(t, t.TempDir(), in) // another list
	c.Take(&millrace.Document{Position: millrace.Position{Partition: filesPartition(), Offset: 7 << recordBits}})
	if err := lost.Open(t.Context(), c); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("a position in a file that is not listed: %v", err)
	}
	if err := s.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), 1); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("a missing file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.txt"), []byte("longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), 1); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("a changed file: %v", err)
	}
}

func TestInputErrors(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a"})
	for _, in := range [][]Input{
		{{Glob: filepath.Join(dir, "nothing*")}},
		{{Glob: filepath.Join(dir, "a.txt/x")}},
		{{Glob: "[" + dir}},
		{{Name: "n", Glob: dir}, {Name: "n", Glob: dir}},
	} {
		if s, err := Files(t.Context(), nil, t.TempDir(), in); err == nil {
			s.Close()
			t.Errorf("%+v is accepted", in)
		}
	}
}

func TestStdinIsSpooled(t *testing.T) {
	state := t.TempDir()
	in := []Input{{Glob: "-"}}
	piped := func(stdin string) (ds []*millrace.Document) {
		t.Helper()
		s, err := newFiles(t.Context(), nil, state, in, strings.NewReader(stdin), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return readFiles(t, s, millrace.Checkpoint{})
	}
	const line = `{"text":"piped"}` + "\n"
	first := piped(line)
	if len(first) != 1 {
		t.Fatalf("%d documents", len(first))
	}
	for _, again := range []string{"", line} { // after a crash nothing comes from the pipe, or the same
		if diff := cmp.Diff(first, piped(again)); diff != "" {
			t.Fatal(diff)
		}
	}
	if err := os.Remove(filepath.Join(stateDir(state), "files.jsonl")); err != nil { // a crash before the list was stored
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, piped("")); diff != "" {
		t.Fatal(diff)
	}
	if got := piped(gz(httpRecord(t, "https://a.example/", "200 OK\r\nContent-Type: text/html", "<p>warc"))); len(got) != 2 || got[1].Page.URL != "https://a.example/" {
		t.Errorf("a WARC: %v", briefs(state, got))
	}
	if _, err := newFiles(t.Context(), nil, t.TempDir(), []Input{{Name: "a", Glob: "-"}, {Name: "b", Glob: "-"}}, strings.NewReader(""), nil); err == nil {
		t.Error("standard input is read twice")
	}
}

func TestProgress(t *testing.T) {
	s := openFiles(t, t.TempDir(), Input{Glob: manyFiles(t)})
	readFiles(t, s, millrace.Checkpoint{})
	if p := s.Progress(); p.Files != 6 || p.FilesDone != 6 || p.Bytes != p.BytesDone || p.Bytes == 0 {
		t.Fatalf("%+v", p)
	}
}

// Long rows and HTML rows are loaded again, by many workers at once, plain or compressed.
func TestLoadRows(t *testing.T) {
	var b strings.Builder
	for i := range 40 {
		long := ""
		if i%3 == 0 {
			long = strings.Repeat("long ", MaxText/5+1)
		}
		fmt.Fprintf(&b, `{"body":"row %d %s","html":"<p>%d","n":%d}`+"\n", i, long, i, i)
	}
	dir := tree(t, map[string]string{"a.jsonl": b.String(), "b.jsonl.gz": gz(b.String())})
	for _, in := range []Input{
		{Name: "text", Glob: dir, TextField: "body"},
		{Name: "html", Glob: dir, HTMLField: "html"},
	} {
		ds := readFiles(t, openFiles(t, t.TempDir(), in), millrace.Checkpoint{})
		l := &Loader{Inputs: []Input{in}}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := w; i < len(ds); i += 4 {
					if _, err := l.Process(t.Context(), ds[i]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for i, d := range ds {
			want := fmt.Sprintf("row %d ", i%40)
			got := d.Text
			if in.Name == "html" {
				want, got = fmt.Sprintf("<p>%d", i%40), string(d.Page.Body)
			}
			if !strings.HasPrefix(got, want) || !strings.Contains(d.Meta, fmt.Sprintf(`"n":%d`, i%40)) {
				t.Errorf("%s %d: %.20q with %.40s", in.Name, i, got, d.Meta)
			}
		}
		if len(l.streams) > maxStreams {
			t.Errorf("%d streams are open", len(l.streams))
		}
		l.Close()
	}
}

// A file that changed after it was read ends the line.
func TestLoadChanged(t *testing.T) {
	dir := tree(t, map[string]string{"a.html": "<p>a", "b.jsonl": `{"html":"<p>b"}`, "c.warc": httpRecord(t, "https://a.example/", "200 OK", "c")})
	in := Input{Glob: dir, HTMLField: "html"}
	ds := readFiles(t, openFiles(t, t.TempDir(), in), millrace.Checkpoint{})
	if len(ds) != 3 {
		t.Fatalf("%d documents", len(ds))
	}
	l := &Loader{Inputs: []Input{in}}
	for _, damage := range []func(path string) error{
		func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, bytes.Replace(b, []byte("<p>"), []byte("<q>"), 1), 0o644)
		},
		func(path string) error { return os.Truncate(path, 3) },
		os.Remove,
	} {
		for i, d := range ds {
			if err := damage(d.Page.Claim.File); err != nil {
				t.Fatal(err)
			}
			if i == 2 && len(d.Page.Claim.File) > 0 { // the WARC has no <p>
				continue
			}
			if _, err := l.Process(t.Context(), d); !errors.Is(err, millrace.ErrIntegrity) || !errors.Is(err, millrace.ErrStop) {
				t.Errorf("%s: %v", d.Page.Claim.File, err)
			}
		}
	}
	if _, err := l.Process(t.Context(), ds[2]); !errors.Is(err, millrace.ErrIntegrity) {
		t.Errorf("WARC: %v", err)
	}
}

func TestLoadArchive(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "warc"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := (*durable.Disk)(nil).Open("test", filepath.Join(dir, "warc", "a.warc.gz"), os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := warc.NewWriter(f, 0)
	body := []byte("<p>archived")
	off, n, err := w.Append([]millrace.Field{{Name: "WARC-Type", Value: "response"}, {Name: "WARC-Record-ID", Value: warc.RecordID("a")},
		{Name: "WARC-Date", Value: "2026-01-02T03:04:05Z"}, {Name: "Content-Type", Value: "application/http; msgtype=response"}},
		warc.FormatHTTP(200, nil, body))
	if err != nil {
		t.Fatal(err)
	}
	d := &millrace.Document{Page: millrace.Page{Claim: millrace.Claim{File: "warc/a.warc.gz", Offset: off, Length: n, Kind: kindWARC, SHA256: sum(body)}}}
	l := &Loader{Dir: dir}
	if _, err := l.Process(t.Context(), d); err != nil || !bytes.Equal(d.Page.Body, body) {
		t.Fatalf("%q, %v", d.Page.Body, err)
	}
	for _, c := range []millrace.Claim{
		{File: "../a.warc.gz", Length: n, Kind: kindWARC},
		{File: "/etc/passwd", Length: 1, Kind: kindWARC},
		{File: "warc/a.warc.gz", Offset: 1, Length: n, Kind: kindWARC, SHA256: sum(body)},
		{File: "warc/a.warc.gz", Offset: -1, Length: 1 << 60, Kind: kindWARC, SHA256: sum(body)},
		{File: "warc/a.warc.gz", Length: n, Kind: kindWARC},
	} {
		d := &millrace.Document{Page: millrace.Page{Claim: c}}
		if _, err := l.Process(t.Context(), d); !errors.Is(err, millrace.ErrIntegrity) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestReadInputs(t *testing.T) {
	dir := tree(t, map[string]string{"a.html": "<p>a", "b.jsonl": `{"text":"b"}` + "\n{", "c.txt": "c"})
	var got []string
	err := ReadInputs(t.Context(), []Input{{Glob: dir}}, func(d *millrace.Document) error {
		got = append(got, brief(d))
		return nil
	})
	want := []string{"a.html|text/html|body:<p>a|", "|text/plain; charset=utf-8|b|", "||failed.decode|", "c.txt|text/plain|c|"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("%v %s", err, diff)
	}
}

func FuzzRow(f *testing.F) {
	f.Add([]byte(`{"text":"x","id":1,"url":"https://a.example/","more":{"a":[null]}}`))
	f.Add([]byte(`{"html":"<p>","id":"\ud800"}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := Input{TextField: "text", HTMLField: "html", IDField: "id", URLField: "url"}
		r, err := parseRow(b, in)
		if err != nil {
			return
		}
		if r.meta != "" {
			if _, err := parseRow([]byte(r.meta), Input{TextField: "no such field"}); err != nil && !strings.Contains(err.Error(), "missing") {
				t.Fatalf("meta %q is not JSON: %v", r.meta, err)
			}
		}
	})
}

func FuzzFile(f *testing.F) {
	for _, s := range []string{"{\"text\":\"a\"}\n{", gz("{\"text\":\"a\"}\n"), zst("x"), "WARC/1.0\r\n", "<html>", "", bz2,
		httpRecord(f, "u", "200 OK", "x") + "y"} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "x")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Files(t.Context(), nil, "", []Input{{Glob: path}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		l := &Loader{Inputs: []Input{{Glob: path}}}
		defer l.Close()
		for i, d := range readFiles(t, s, millrace.Checkpoint{}) {
			if err := l.load(t.Context(), d); err != nil {
				t.Fatalf("document %d: %v", i, err)
			}
		}
	})
}

func sum(b []byte) [32]byte { return undecodable("", "", b, io.EOF).Page.Claim.SHA256 }
