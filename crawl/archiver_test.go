package crawl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace"
	"millrace/crawl/consent"
	"millrace/internal/warc"
)

// records reads every record of a sequence, each of which must be sound.
func records(t *testing.T, files []warcFile) (out []*warc.Record) {
	t.Helper()
	for _, file := range files {
		err := readMembers(t.Context(), file, 0, func(r *warc.Record) error { out = append(out, r); return nil })
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(file.path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := warc.Verify(f, func(d warc.DamageError) { t.Errorf("%s: %v", file.name, &d) }); err != nil {
			t.Error(err)
		}
		f.Close()
	}
	return out
}

// checkArchive wants each page with its request and metadata, and the site's files in a sequence of their own.
func checkArchive(t *testing.T, dir string, pages int) {
	t.Helper()
	files, err := listWARC(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	var answered string
	for _, r := range records(t, files) {
		kinds = append(kinds, r.Type())
		switch r.Type() {
		case "response":
			answered = r.Get("WARC-Record-ID")
		case "request":
			if r.Get("WARC-Concurrent-To") != answered || !bytes.Contains(r.Block, []byte("\r\nUser-Agent: millbot/1.0")) {
				t.Errorf("request %v\n%s", r.Header, r.Block)
			}
		case "metadata":
			if r.Get("WARC-Refers-To") != answered || !bytes.Contains(r.Block, []byte("consent: ")) {
				t.Errorf("metadata %v\n%s", r.Header, r.Block)
			}
		}
	}
	want := append([]string{"warcinfo"}, slices.Repeat([]string{"response", "request", "metadata"}, pages)...)
	if !slices.Equal(kinds, want) {
		t.Errorf("records %q, want %d pages", kinds, pages)
	}
	site := newArchiver(archiveOptions(dir), 0).site
	if files, err = listFiles(site.folder, site.prefix); err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	robots := 0
	for _, r := range records(t, files)[1:] {
		if r.Type() != "response" {
			t.Errorf("a %s among the site files", r.Type())
		}
		if strings.HasSuffix(r.TargetURI(), "/robots.txt") {
			robots++
		}
	}
	if robots == 0 {
		t.Error("no robots.txt among the site files")
	}
}

func archiveOptions(dir string) *Options {
	return &Options{Dir: dir, Agent: Agent{Token: "millbot"}, Log: slog.New(slog.DiscardHandler)}
}

// answerOf is a capture of a page as a worker makes it.
func answerOf(url string, status int, body string) *capture {
	a, err := parseAddress(url, nil)
	if err != nil {
		panic(err)
	}
	at := time.Date(2026, 11, 2, 3, 4, 5, 6000, time.UTC)
	return &capture{
		task: task{addr: a, id: idOf(a.key), depth: 2, hops: 1}, at: at, robots: "0123abcd:4 allow: /",
		consent: []millrace.Statement{{Source: "header:Content-Usage", Raw: "train-ai=y", Value: millrace.Yes}},
		answer: answer{began: at, ended: at.Add(1500 * time.Millisecond), remote: netip.MustParseAddr("192.0.2.7"), status: status,
			sent:   http.Header{"User-Agent": {"millbot/1.0"}, "Accept": {"text/html"}},
			header: http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}}, body: []byte(body)},
	}
}

func fieldsOf(h []millrace.Field) string {
	var b strings.Builder
	for _, f := range h {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	return b.String()
}

// TestRecords shows what a page leaves in the archive.
func TestRecords(t *testing.T) {
	c := answerOf("http://example.org/a?b=c", 200, "<html><body>words")
	header, block := c.record()
	want := `WARC-Type: response
WARC-Record-ID: <urn:uuid:ID>
WARC-Date: 2026-11-02T03:04:05.000006Z
WARC-Target-URI: http://example.org/a?b=c
WARC-IP-Address: 192.0.2.7
Content-Type: application/http;msgtype=response
WARC-Payload-Digest: sha1:KU5SI44K2G2L3ZN6ZYVDYUXCOYPO4VGH
WARC-Identified-Payload-Type: text/html
X-Millrace-SHA256: <hex>
X-Millrace-Hops: 1/2
X-Millrace-Robots: 0123abcd:4 allow: /
X-Millrace-Consent: {"source":"header:Content-Usage","value":"yes","raw":"train-ai=y"}
`
	rec := warc.Record{Header: header}
	id := rec.Get("WARC-Record-ID")
	want = strings.NewReplacer("<urn:uuid:ID>", id, "sha1:KU5SI44K2G2L3ZN6ZYVDYUXCOYPO4VGH", warc.Digest([]byte("<html><body>words")), "<hex>", rec.Get(fieldSHA256)).Replace(want)
	if got := fieldsOf(header); got != want || len(rec.Get(fieldSHA256)) != 64 {
		t.Errorf("response\n%s\nwant\n%s", got, want)
	}
	if got, want := string(block), "HTTP/1.1 200 OK\r\nContent-Length: 17\r\nContent-Type: text/html\r\nX-Archive-Orig-Content-Encoding: gzip\r\n\r\n<html><body>words"; got != want {
		t.Errorf("response %q", got)
	}
	header, block, ok := c.request(id)
	if got, want := string(block), "GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nAccept: text/html\r\nUser-Agent: millbot/1.0\r\n\r\n"; !ok || got != want {
		t.Errorf("request %q", got)
	}
	if rec := (&warc.Record{Header: header}); rec.Type() != "request" || rec.Get("WARC-Concurrent-To") != id || rec.Get("WARC-Record-ID") == id {
		t.Errorf("request\n%s", fieldsOf(header))
	}
	sum := rec.Get(fieldSHA256)
	header, block = c.metadata(id, sum)
	if got, want := string(block), "robots: 0123abcd:4 allow: /\r\nconsent: yes\r\n"+
		`consent-statement: {"source":"header:Content-Usage","value":"yes","raw":"train-ai=y"}`+"\r\ndepth: 2\r\nredirects: 1\r\nfetchTimeMs: 1500\r\nsha-256: "+sum+"\r\n"; got != want {
		t.Errorf("metadata\n%s\nwant\n%s", got, want)
	}
	if rec := (&warc.Record{Header: header}); rec.Type() != "metadata" || rec.Get("WARC-Refers-To") != id {
		t.Errorf("metadata\n%s", fieldsOf(header))
	}
}

// TestRevisits: what brought nothing new is a revisit, and a Document only where it says so.
func TestRevisits(t *testing.T) {
	before := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	digest := warc.Digest([]byte("<p>same"))
	refuses := []millrace.Statement{{Source: "header:Content-Usage", Raw: "train-ai=n", Value: millrace.No}}
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		revisit revisit
		says    []millrace.Statement
		profile string
		digest  string
		verdict millrace.Reason // of the Document; "" is none
	}{
		{"304", 304, "", revisit{at: before, digest: digest}, nil, profileNotModified, digest, ""},
		{"304, digest unknown", 304, "", revisit{at: before}, nil, profileNotModified, "", ""},
		{"same payload", 200, "<p>same", revisit{at: before}, nil, profileIdentical, digest, ""},
		{"304 with a new no", 304, "", revisit{at: before, publish: "consent"}, refuses, profileNotModified, "", millrace.ConsentNoTrain},
		{"same payload with a new no", 200, "<p>same", revisit{at: before, publish: "consent"}, refuses, profileIdentical, digest, millrace.ConsentNoTrain},
		{"no longer a no", 200, "<p>same", revisit{at: before, publish: "consent"}, nil, profileIdentical, digest, millrace.FetchStatus},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := answerOf("http://example.org/a", tt.status, tt.body)
			c.revisit, c.consent = &tt.revisit, tt.says
			p := packOf(c, &warc.Encoder{}, consent.Policy{})
			if p.err != nil {
				t.Fatal(p.err)
			}
			rec, err := warc.ReadAt(bytes.NewReader(p.members), 0, p.first, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if rec.Type() != "revisit" || rec.Get("WARC-Profile") != tt.profile || rec.Get("WARC-Payload-Digest") != tt.digest ||
				rec.Get("WARC-Refers-To-Target-URI") != "http://example.org/a" || rec.Get("WARC-Refers-To-Date") != "2026-10-01T00:00:00.000000Z" ||
				!bytes.HasSuffix(rec.Block, []byte("\r\n\r\n")) {
				t.Errorf("%s\n%s", fieldsOf(rec.Header), rec.Block)
			}
			if (p.doc != nil) != (tt.verdict != "") || published(rec) != (p.doc != nil) {
				t.Fatalf("Document %+v, published %v", p.doc, published(rec))
			}
			if p.doc == nil {
				return
			}
			again, err := document(rec, consent.Policy{})
			if err != nil || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", p.doc) {
				t.Errorf("live   %+v\nreplay %+v, %v", p.doc, again, err)
			}
			if p.doc.Verdict.Reason != tt.verdict || p.doc.Page.Status != tt.status {
				t.Errorf("status %d, verdict %v", p.doc.Page.Status, p.doc.Verdict)
			}
		})
	}
}

// TestRecordIsBound: a payload that is not what was fetched is no Document.
func TestRecordIsBound(t *testing.T) {
	header, block := answerOf("http://example.org/a", 200, "<p>words").record()
	if _, err := document(&warc.Record{Header: header, Block: block}, consent.Policy{}); err != nil {
		t.Fatal(err)
	}
	block[len(block)-1] ^= 1
	if _, err := document(&warc.Record{Header: header, Block: block}, consent.Policy{}); !errors.Is(err, millrace.ErrIntegrity) {
		t.Errorf("another payload: %v", err)
	}
}

// TestArchiver writes groups through the channels and finds each Document where its claim says.
func TestArchiver(t *testing.T) {
	dir := t.TempDir()
	a := newArchiver(archiveOptions(dir), 3)
	in, out := make(chan *capture, 100), make(chan group, 100)
	for i := range 40 {
		c := answerOf(fmt.Sprintf("http://example.org/%d", i), 200, strings.Repeat(fmt.Sprintf("<p>page %d", i), 300))
		if c.site = i%10 == 3; i%10 == 7 {
			c.revisit = &revisit{at: c.at}
		}
		in <- c
	}
	close(in)
	a.run(t.Context(), in, out)
	var done []stored
	site := 0
	for g := range out {
		if g.err != nil {
			t.Fatal(g.err)
		}
		done = append(done, g.done...)
		site += len(g.site)
	}
	files, err := listWARC(dir, 0)
	if err != nil || len(files) != 1 || files[0].seq != 3 {
		t.Fatal(files, err)
	}
	if site != 4 || len(done) != 36 {
		t.Fatalf("%d site files, %d pages", site, len(done))
	}
	last := int64(0)
	for _, s := range done {
		if s.next <= last || s.next>>seqShift != 3 {
			t.Errorf("next %d behind %d", s.next, last)
		}
		if s.doc == nil {
			last = s.next
			continue
		}
		claim := s.doc.Page.Claim
		rec, err := warc.ReadAt(openFile(t, dir, claim.File), claim.Offset, claim.Length, 1<<20)
		if err != nil || rec.TargetURI() != s.task.addr.fetch || s.doc.Position.Offset != 3<<seqShift|claim.Offset || s.doc.Position.Offset < last {
			t.Errorf("%+v: %v", s.doc, err)
		}
		last = s.next
	}
	if info, err := os.Stat(files[0].path); err != nil || last != 3<<seqShift|info.Size() {
		t.Errorf("the last page ends at %d: %v", last, err)
	}
	src := OpenArchive(dir, consent.Policy{})
	if err := src.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	b, err := src.Read(t.Context(), 100)
	if err != nil || len(b.Docs) != 32 {
		t.Errorf("the archive has %d documents, %v", len(b.Docs), err)
	}
	if _, err := src.Read(t.Context(), 1); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// TestRotation: full files are followed by others, each with its index; indexes that are missing are made
// again, and are the same; a record that was being written is cut off.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	run := func(pages int) {
		t.Helper()
		files, err := listWARC(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		a := newArchiver(archiveOptions(dir), int64(len(files)))
		a.pages.full, a.site.full = 4<<10, 2<<10
		in, out := make(chan *capture, 100), make(chan group, 100)
		for i := range pages {
			c := answerOf(fmt.Sprintf("http://example.org/%d", 99-i), 200, fmt.Sprint("page", i))
			c.site = i%5 == 3
			in <- c
		}
		close(in)
		a.run(t.Context(), in, out)
		for g := range out {
			if g.err != nil {
				t.Fatal(g.err)
			}
		}
	}
	indexes := func() (m map[string]string, names []string) {
		m = map[string]string{}
		for _, pattern := range []string{"warc/*.cdxj", "warc/site/*.cdxj"} {
			found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
			if err != nil || len(found) < 2 {
				t.Errorf("%s: %q, %v", pattern, found, err)
			}
			names = append(names, found...)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			m[name] = string(b)
		}
		return m, names
	}
	run(60)
	before, names := indexes()
	last := ""
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		last = strings.TrimSuffix(name, ".cdxj") + ".warc.gz" // of the site files
	}
	whole, err := os.ReadFile(last)
	if err == nil {
		err = os.WriteFile(last, append(whole, whole[:30]...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	run(0)
	if after, _ := indexes(); !maps.Equal(before, after) {
		t.Error("indexes made again differ")
	}
	lines := 0
	for name, index := range before {
		for line := range strings.Lines(index) {
			lines++
			e, err := warc.ParseEntry([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			offset, length, err := e.Place()
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(filepath.Join(filepath.Dir(name), e.Filename))
			if err != nil {
				t.Fatal(err)
			}
			if rec, err := warc.ReadAt(f, offset, length, 1<<20); err != nil || rec.TargetURI() != e.URL || rec.Get("WARC-Payload-Digest") != e.Digest {
				t.Errorf("%s: %v", line, err)
			}
			f.Close()
		}
	}
	if lines != 60 {
		t.Errorf("%d lines for 60 records", lines)
	}
}

// BenchmarkArchiver measures the archiver alone, with pages of 5 KB, fsync included.
func BenchmarkArchiver(b *testing.B) {
	var body strings.Builder
	for i := 0; body.Len() < 5000; i++ {
		fmt.Fprintf(&body, "<p>The %d words of <a href=/p/%d>page</a> %x are not all the same.", i*i, i*7, i*i*31)
	}
	dir := b.TempDir()
	a := newArchiver(archiveOptions(dir), 0)
	in, out := make(chan *capture, 512), make(chan group, 1)
	go a.run(b.Context(), in, out)
	c := answerOf("http://example.org/a/page", 200, body.String()[:5000])
	b.ResetTimer()
	go func() {
		for range b.N {
			in <- c
		}
		close(in)
	}()
	for g := range out {
		if g.err != nil {
			b.Fatal(g.err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}
