package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"millrace"
)

// shopBuckets are the files of a shop as objects: its first folder is the bucket. Their ETag is the shop's.
type shopBuckets struct {
	s      *shop
	base   string
	listed []string
	broken error
}

func openBuckets(t *testing.T, files map[string]string) *shopBuckets {
	s := &shop{files: files, tag: `"v1"`, cut: map[string]int{}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return &shopBuckets{s: s, base: srv.URL}
}

func (b *shopBuckets) List(_ context.Context, bucket, prefix string, yield func(Object) error) error {
	b.listed = append(b.listed, bucket+"/"+prefix)
	var all []Object
	for name, data := range b.s.files {
		if key, ok := strings.CutPrefix(name, "/"+bucket+"/"); ok && strings.HasPrefix(key, prefix) {
			all = append(all, Object{Key: key, Size: int64(len(data)), ETag: strings.Trim(b.s.tag, `"`)})
		}
	}
	slices.SortFunc(all, func(x, y Object) int { return cmp.Compare(x.Key, y.Key) })
	for _, o := range all {
		if err := yield(o); err != nil {
			return err
		}
	}
	return b.broken
}

func (b *shopBuckets) Sign(_ context.Context, bucket, key string) (string, error) {
	return b.base + "/" + bucket + "/" + key, nil
}

// An object, what lies below a name, and what matches a pattern, in the order of the keys.
func TestFindObjects(t *testing.T) {
	b := openBuckets(t, map[string]string{"/b/a.jsonl": "x", "/b/d/1.jsonl": "xx", "/b/d/2.txt": "", "/b/d/e/3.jsonl": "", "/b/d/.hidden": "",
		"/b/d/e/": "", "/b/d-other": "", "/b/e.txt": "", "/b/e.txt/below": "", "/c/x": ""})
	for name, want := range map[string]string{
		"s3://b/a.jsonl":   "a.jsonl=a.jsonl",
		"s3://b/d":         "d/1.jsonl=1.jsonl d/2.txt=2.txt d/e/3.jsonl=e/3.jsonl",
		"s3://b/d/":        "d/1.jsonl=1.jsonl d/2.txt=2.txt d/e/3.jsonl=e/3.jsonl",
		"s3://b/d/*.jsonl": "d/1.jsonl=1.jsonl",
		"s3://b/*/*":       "d/1.jsonl=d/1.jsonl d/2.txt=d/2.txt e.txt/below=e.txt/below",
		"s3://b/e.txt":     "e.txt=e.txt",
		"s3://b/d/.hidden": "d/.hidden=.hidden",
		"s3://c":           "x=x",
		"s3://b/none":      "",
	} {
		all, err := findObjects(t.Context(), Input{Name: "mine", Buckets: b}, name)
		var got []string
		for _, l := range all {
			got = append(got, strings.TrimPrefix(l.URL, name[:6]+"/")+"="+l.ID)
			if l.ETag != "v1" || l.Size != int64(len(b.s.files[strings.TrimPrefix(l.URL, "s3:/")])) {
				t.Errorf("%s: %+v", name, l)
			}
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	b.broken = errors.New("access denied")
	for _, name := range []string{"s3://", "s3:///x", "s3://a@b/x", "s3://b/[", "s3://b/d/"} {
		if all, err := findObjects(t.Context(), Input{Buckets: b}, name); err == nil {
			t.Errorf("%s: %v", name, all)
		}
	}
	if _, err := findObjects(t.Context(), Input{}, "s3://b/x"); !errors.Is(err, errNoBuckets) {
		t.Error(err)
	}
	b = openBuckets(t, map[string]string{"/b/a\nb": ""})
	if all, err := findObjects(t.Context(), Input{Buckets: b}, "s3://b/"); err == nil {
		t.Errorf("%v", all)
	}
	b.s.files, b.s.tag = map[string]string{"/b/x": ""}, ""
	if all, err := findObjects(t.Context(), Input{Buckets: b}, "s3://b/"); err == nil {
		t.Errorf("without an ETag: %v", all)
	}
}

// Objects are fetched in their turn, gone on with where an answer broke off, and never asked for again.
func TestObjectInputs(t *testing.T) {
	long := strings.Repeat(`{"text":"`+strings.Repeat("a line", 80)+`"}`+"\n", 99)
	b := openBuckets(t, map[string]string{"/b/in/a.jsonl": long, "/b/in/b.txt": "text", "/b/in/page#1?.html": "<p>page"})
	b.s.cut["/b/in/a.jsonl"] = 40_000
	b.s.busy = 1
	state, list := t.TempDir(), filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte("s3://b/in/a.jsonl\ns3://b/in/*.txt\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in := Input{Name: "mine", Glob: "@" + list, Buckets: b}
	read := func() []*millrace.Document {
		s := openFiles(t, state, in)
		s.pause = time.Millisecond
		return readFiles(t, s, millrace.Checkpoint{})
	}
	first := read()
	if len(first) != 100 || first[98].Page.URL != "s3://b/in/a.jsonl#98" || first[99].UserID != "b.txt" || first[99].Text != "text" {
		t.Fatalf("%d documents, the last %+v", len(first), first[len(first)-1])
	}
	want := []string{"/b/in/a.jsonl", "/b/in/a.jsonl", "/b/in/a.jsonl bytes=40000-", "/b/in/b.txt"}
	if diff := gocmp.Diff(want, b.s.asked); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff(first, read()); diff != "" || len(b.s.asked) != len(want) {
		t.Errorf("%d requests: %s", len(b.s.asked), diff)
	}
	b.s.tag = `"v2"`
	if s, err := newFiles(t.Context(), nil, state, []Input{in}, strings.NewReader(""), nil); !errors.Is(err, ErrInputChanged) {
		t.Errorf("a changed object is read: %v, %v", s, err)
	}
}

// An object that has changed, or is gone, between the list and its turn is refused; one that may not be read is no dead letter.
func TestObjectChanges(t *testing.T) {
	for name, change := range map[string]func(*shop){
		"changed": func(s *shop) { s.tag = `"v2"` },
		"gone":    func(s *shop) { clear(s.files) },
	} {
		b := openBuckets(t, map[string]string{"/b/x.txt": "text"})
		s := openFiles(t, t.TempDir(), Input{Glob: "s3://b/x.txt", Buckets: b})
		change(b.s)
		if err := s.Open(t.Context(), millrace.Checkpoint{}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(t.Context(), 3); !errors.Is(err, ErrInputChanged) {
			t.Errorf("%s: %v, %v", name, got.Docs, err)
		}
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer srv.Close()
	b := &shopBuckets{base: srv.URL}
	l := listed{URL: "s3://b/x", ETag: "v1"}
	if err := fetchRemote(t.Context(), nil, t.TempDir(), b, time.Millisecond, &l); err == nil || l.Failed != "" {
		t.Errorf("forbidden: %q, %v", l.Failed, err)
	}
}

// What another object of that name has left here is not gone on with.
func TestObjectResumes(t *testing.T) {
	whole := strings.Repeat("0123456789", 10_000)
	for known, want := range map[string]string{"v1": "/b/x bytes=30000-", "v0": "/b/x"} {
		b := openBuckets(t, map[string]string{"/b/x": whole})
		l := listed{URL: "s3://b/x", ETag: "v1"}
		spool := t.TempDir()
		part := filepath.Join(spool, fmt.Sprintf(".part-%x", sum([]byte(l.URL))))
		for name, data := range map[string]string{part: whole[:50_000], part + ".json": fmt.Sprintf(`{"validator":"\"%s\"","have":30000}`, known)} {
			if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := fetchRemote(t.Context(), nil, spool, b, time.Millisecond, &l); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(l.Path); err != nil || string(got) != whole || !slices.Equal(b.s.asked, []string{want}) {
			t.Errorf("%s: %d bytes, %v, asked %q", known, len(got), err, b.s.asked)
		}
	}
}
