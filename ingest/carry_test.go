package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace"
	"millrace/internal/warc"
)

// memory is a store. As often as busy says it does not answer.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	busy    int
	denied  error
}

func (m *memory) answers() error {
	if m.busy > 0 {
		m.busy--
		return fmt.Errorf("busy: %w", millrace.ErrTransient)
	}
	return m.denied
}

func (m *memory) PutNew(_ context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.answers(); err != nil {
		return err
	}
	if m.objects[name] != nil {
		return fs.ErrExist
	}
	if m.objects == nil {
		m.objects = map[string][]byte{}
	}
	m.objects[name] = bytes.Clone(data)
	return nil
}

func (m *memory) Get(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.answers(); err != nil {
		return nil, err
	}
	b, ok := m.objects[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	b = b[min(offset, int64(len(b))):]
	if length >= 0 {
		b = b[:min(length, int64(len(b)))]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// carriedTree has a record of every kind, long ones among them, and an archive of the crawl's.
func carriedTree(t *testing.T) (dir, corpus string, archived *millrace.Document) {
	info := "WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Date: 2026-01-02T03:04:05Z\r\nWARC-Record-ID: <urn:uuid:0>\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
	page := httpRecord(t, "https://a.example/", "200 OK\r\nContent-Type: text/html", "<p>hello")
	coded := httpRecord(t, "https://a.example/z", "200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip", gz("<p>zipped"))
	none := httpRecord(t, "https://a.example/none", "404 Not Found\r\nContent-Type: text/html", "<p>none")
	long, longer := strings.Repeat("long ", MaxText/5+1), strings.Repeat("longer ", maxStored/7+1)
	lines := `{"text":"one","id":7,"n":[1]}` + "\n\n" + `{"text":""}` + "\r\n{broken\n" + `{"html":"<p>two","m":"x"}` + "\n" + `{"text":"` + long + `"}` + "\n" + `{"text":"` + longer + `"}`
	csv := "\uFEFFtext,id,html,note\r\n" + "\"a\nb\",1,,n\r\n,2,<p>x,\n" + long + ",3,,\n" + longer + ",4,,\n\"caf\xe9\",5,,\n"
	dir = tree(t, map[string]string{
		"a.jsonl": lines, "b.jsonl.gz": gz(lines), "c.csv": csv, "d.csv.gz": gz(csv),
		"e.txt": "plain ä", "e/empty.txt": "", "e/latin.txt": "caf\xe9", "e/long.txt": long, "e/longer.txt.gz": gz(longer), "f.html": "<p>page", "g.md": "# head",
		"h.warc": info + page + none + wetRecord("https://a.example/w", "wet"), "i.warc.gz": gz(page) + gz(coded) + gz(wetRecord("https://a.example/w", "\uFEFFwet")),
		"j.warc.gz": gz(page + coded + wetRecord("https://a.example/w", long)),
		"k.tar.gz":  gz(tarOf(t, entry{"x.txt", "in a tar"}, entry{"y.jsonl", lines}, entry{"z.html", "<p>" + longer}, entry{"w.warc", page})),
		"l.zip":     zipOf(t, 8, entry{"x.csv", csv}, entry{"y.html", "<p>zip"}),
		"m.parquet": "PAR1" + `{"text":"one","id":1,"tags":["x"]}` + "\n" + `{"html":"<p>row"}` + "\n" + `{"text":"` + longer + `"}`,
	})
	corpus = t.TempDir()
	if err := os.Mkdir(filepath.Join(corpus, "warc"), 0o755); err != nil {
		t.Fatal(err)
	}
	var enc warc.Encoder
	block := warc.FormatHTTP(200, []millrace.Field{{Name: "Content-Type", Value: "text/html"}}, []byte("<p>crawled"))
	member, err := enc.Append(nil, []millrace.Field{{Name: "WARC-Type", Value: "response"}, {Name: "WARC-Record-ID", Value: "<urn:uuid:3>"},
		{Name: "WARC-Target-URI", Value: "https://a.example/c"}, {Name: "WARC-Date", Value: "2026-01-02T03:04:05Z"}, {Name: "Content-Type", Value: "application/http;msgtype=response"}}, block)
	if err == nil {
		err = os.WriteFile(filepath.Join(corpus, "warc", "x.warc.gz"), slices.Concat([]byte("before"), member), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	archived = &millrace.Document{Page: millrace.Page{URL: "https://a.example/c", Source: millrace.SourceCrawl,
		Claim: millrace.Claim{Kind: kindWARC, File: "warc/x.warc.gz", Offset: 6, Length: int64(len(member)), SHA256: sum([]byte("<p>crawled"))}}}
	archived.Position = millrace.Position{Partition: warc0, Offset: 1}
	return dir, corpus, archived
}

// What has travelled through a topic is, on a machine that sees no file, what it would have been beside the files.
func TestCarried(t *testing.T) {
	dir, corpus, archived := carriedTree(t)
	in := Input{Name: "mine", Glob: dir, HTMLField: "html", TextField: "text"}
	files := openFiles(t, t.TempDir(), in)
	files.Rows = openLines
	docs := append(readFiles(t, files, millrace.Checkpoint{}), archived)
	here := &Loader{Dir: corpus, Inputs: []Input{in}, Rows: openLines}
	defer here.Close()
	var want []*millrace.Document
	for _, d := range docs {
		w := *d
		if err := here.load(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
		want = append(want, &w)
	}
	store := &memory{busy: 1}
	topic := newTopic(t)
	topic.Carry = &Carrier{Loader: here, Store: store}
	s, _ := resumed(t, topic, millrace.Checkpoint{})
	if err := s.Write(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	if docs[0].Text != "one" || docs[0].Page.Stored != nil {
		t.Errorf("the feeder's own document has changed: %+v", docs[0])
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	there := &Loader{Dir: t.TempDir(), Inputs: []Input{in}, Store: store}
	defer there.Close()
	got, _, _ := drain(t, topic, millrace.Checkpoint{})
	stored, named := 0, 0
	for i, d := range got {
		d.Position, d.Via = d.Via, millrace.Position{}
		if err := there.load(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", d.Page.URL, err)
		}
		if len(d.Page.Stored) > 0 {
			stored++
		}
		if d.Page.Object != "" {
			named++
		}
		d.Page.Stored, d.Page.Object = nil, ""
		if i < len(want) && want[i].Verdict.Reason == millrace.FailedDecode && len(want[i].Page.Body) == 0 {
			want[i].Page.Body = nil
		}
	}
	same := cmp.Comparer(func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) })
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Error(diff)
	}
	if stored < 30 || named < 8 || len(store.objects) < 4 || len(store.objects) > named {
		t.Errorf("%d carried, %d named, %d objects", stored, named, len(store.objects))
	}
}

// A text that cleaning has made too long for docs goes on as it came.
func TestCarriedTwice(t *testing.T) {
	d := sample()
	d.Verdict, d.Cleaned, d.Page.Stored = millrace.Verdict{}, true, []byte("{}")
	d.Text = strings.Repeat("x", MaxText+1)
	back, err := Decode(Encode(d))
	if err != nil || string(back.Page.Stored) != "{}" || back.Text != "" || back.Cleaned {
		t.Errorf("%+v, %v", back, err)
	}
	d.Text = "short"
	if back, err = Decode(Encode(d)); err != nil || back.Page.Stored != nil || back.Text != "short" {
		t.Errorf("nobody loads it, and it travels: %+v, %v", back, err)
	}
	d.Cleaned, d.Page.Stored = false, []byte{}
	if back, err = Decode(Encode(d)); err != nil || back.Page.Stored == nil {
		t.Errorf("nothing, as stored, is not the same as nothing stored: %+v, %v", back, err)
	}
}

// Nobody is given other bytes than those that the claim is of, wherever they were changed.
func TestCarriedDamage(t *testing.T) {
	_, corpus, d := carriedTree(t)
	l := &Loader{Dir: corpus}
	b, err := l.stored(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		bad := *d
		bad.Page.Stored = bytes.Clone(b)
		bad.Page.Stored[i] ^= 0x10
		if _, err := l.Process(t.Context(), &bad); err == nil && string(bad.Page.Body) != "<p>crawled" || err != nil && !errors.Is(err, millrace.ErrStop) {
			t.Errorf("byte %d changed: %q, %v", i, bad.Page.Body, err)
		}
	}
	m := &memory{}
	c := &Carrier{Loader: l, Store: m}
	if err := c.put(t.Context(), objectName(b), b); err != nil {
		t.Fatal(err)
	}
	named := *d
	named.Page.Object = objectName(b)
	l.Store = m
	if _, err := l.Process(t.Context(), &named); err != nil || string(named.Page.Body) != "<p>crawled" {
		t.Errorf("%q, %v", named.Page.Body, err)
	}
	for name, change := range map[string]func(){
		"another object": func() { m.objects[objectName(b)] = []byte("x") },
		"none":           func() { clear(m.objects) },
		"no store":       func() { l.Store = nil },
	} {
		kept := maps.Clone(m.objects)
		change()
		again := *d
		again.Page.Object = objectName(b)
		if _, err := l.Process(t.Context(), &again); !errors.Is(err, millrace.ErrStop) && !errors.Is(err, millrace.ErrIntegrity) {
			t.Errorf("%s: %v", name, err)
		}
		m.objects, l.Store = kept, m
	}
	m.busy = 1
	again := *d
	again.Page.Object = objectName(b)
	if _, err := l.Process(t.Context(), &again); !errors.Is(err, millrace.ErrTransient) || errors.Is(err, millrace.ErrStop) {
		t.Errorf("a store that is busy: %v", err)
	}
}

// An archive file that is not here is read where its machine has put it.
func TestArchiveElsewhere(t *testing.T) {
	_, corpus, d := carriedTree(t)
	b, err := os.ReadFile(filepath.Join(corpus, "warc", "x.warc.gz"))
	if err != nil {
		t.Fatal(err)
	}
	l := &Loader{Dir: t.TempDir(), Store: &memory{objects: map[string][]byte{"warc/x.warc.gz": b}}}
	if _, err := l.Process(t.Context(), d); err != nil || string(d.Page.Body) != "<p>crawled" {
		t.Errorf("%q, %v", d.Page.Body, err)
	}
	for _, file := range []string{"warc/y.warc.gz", "../warc/x.warc.gz"} {
		d.Page.Body, d.Page.Claim.File = nil, file
		if _, err := l.Process(t.Context(), d); !errors.Is(err, millrace.ErrIntegrity) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// A store that is away is waited for; one that refuses ends the line, and so does the end of the run.
func TestCarryWaits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := (&Carrier{Loader: &Loader{}, Store: &memory{busy: 1 << 30}}).put(ctx, "x", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	denied := errors.New("access denied")
	if err := (&Carrier{Loader: &Loader{}, Store: &memory{denied: denied}}).put(t.Context(), "x", nil); !errors.Is(err, denied) {
		t.Error(err)
	}
	d := sample()
	d.Verdict, d.Page.Claim = millrace.Verdict{}, millrace.Claim{Kind: kindFile, File: filepath.Join(t.TempDir(), "gone")}
	if _, err := (&Carrier{Loader: &Loader{}}).carry(t.Context(), d); !errors.Is(err, millrace.ErrStop) {
		t.Errorf("a file that is gone: %v", err)
	}
}
