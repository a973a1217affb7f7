package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace"
	"millrace/internal/sim/crashfs"
)

// TestCrashAtSpool crashes while standard input is stored and listed. A file that is listed is whole, and once a life
// has come through, what it was given is listed.
func TestCrashAtSpool(t *testing.T) {
	const piped = `{"text":"piped"}` + "\n"
	x := &crashfs.Trial{Seed: 7, Pairs: 40}
	x.Life = func(ctx context.Context, p crashfs.Place) error {
		s, err := newFiles(ctx, p.Disk, p.Dir, []Input{{Glob: "-"}}, strings.NewReader(piped), nil)
		if err != nil {
			return err
		}
		return s.Close()
	}
	x.Judge = func(dir string) error {
		all, err := loadList(dir)
		if err != nil || len(all) == 0 {
			return fmt.Errorf("%d files are listed: %w", len(all), err)
		}
		for _, l := range all {
			if b, err := os.ReadFile(filepath.Join(stateDir(dir), filepath.Base(l.Path))); err != nil || string(b) != piped {
				return fmt.Errorf("%s holds %q: %w", l.Path, b, err)
			}
		}
		return nil
	}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if r.Points["ingest.spool.link"] == 0 {
		t.Error("nothing was spooled")
	}
}

// TestCrashAtRemote crashes while a file of a list is fetched and listed, of a server that breaks off and is busy, and
// while an object of a bucket is. Once a life has come through, each is here with all of its bytes, and under one number.
func TestCrashAtRemote(t *testing.T) {
	const text = "fetched, in more than one piece"
	var s shop
	srv := httptest.NewServer(&s)
	defer srv.Close()
	var lives sync.Mutex // the shop counts for one at a time
	life := func(ctx context.Context, p crashfs.Place) error {
		lives.Lock()
		defer lives.Unlock()
		s.mu.Lock()
		s.files, s.tag = map[string]string{"/a.txt": text, "/b/b.txt": text + text}, `"v1"`
		s.cut, s.busyAfter = map[string]int{"/a.txt": 9, "/b/b.txt": 20}, 1
		s.mu.Unlock()
		b := &shopBuckets{s: &s, base: srv.URL}
		in := []Input{{Name: "a", Glob: srv.URL + "/a.txt"}, {Name: "b", Glob: "s3://b/b.txt", Buckets: b}}
		f, err := newFiles(ctx, p.Disk, p.Dir, in, strings.NewReader(""), nil)
		if err != nil {
			return err
		}
		defer f.Close()
		f.pause = time.Millisecond
		if err := f.Open(ctx, millrace.Checkpoint{}); err != nil {
			return err
		}
		for i := 0; ; i++ {
			got, err := f.Read(ctx, 1)
			if errors.Is(err, io.EOF) && i == 2 {
				return f.Close()
			}
			if err != nil || i == 2 || got.Docs[0].Text != strings.Repeat(text, i+1) {
				return fmt.Errorf("document %d: %+v, %w", i, got.Docs, err)
			}
		}
	}
	x := &crashfs.Trial{Seed: 8, Each: 2, Pairs: 20, Life: life}
	x.Judge = func(dir string) error {
		all, err := loadList(dir)
		if err != nil || len(all) != 2 {
			return fmt.Errorf("%d files are listed: %w", len(all), err)
		}
		for i, l := range all {
			if b, err := os.ReadFile(filepath.Join(dir, "spool", filepath.Base(l.Path))); err != nil || string(b) != strings.Repeat(text, i+1) || l.Size != int64(len(b)) {
				return fmt.Errorf("%s holds %q: %w", l.Path, b, err)
			}
		}
		if left, err := filepath.Glob(filepath.Join(dir, "spool", ".part*[^n]")); err != nil || len(left) > 0 {
			return fmt.Errorf("the spool holds %q: %w", left, err)
		}
		return nil
	}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	for _, point := range []string{"again", "folder", "known.rename", "rename", "part", "spool", "sync", "tidy", "truncate", "write"} {
		if point = "ingest.remote." + point; r.Points[point] == 0 {
			t.Errorf("%s was not passed: %v", point, r.Points)
		}
	}
}

// TestCrashAtBlob crashes while bytes that no message holds are put into the store: what is published then names an object
// that is there.
func TestCrashAtBlob(t *testing.T) {
	store := &memory{}
	b := []byte("more than a message holds")
	x := &crashfs.Trial{Seed: 9, Pairs: 4}
	x.Life = func(ctx context.Context, p crashfs.Place) error {
		return (&Carrier{Loader: &Loader{Dir: p.Dir}, Store: store, Disk: p.Disk}).put(ctx, objectName(b), b)
	}
	x.Judge = func(string) error {
		if got := store.objects[objectName(b)]; string(got) != string(b) {
			return fmt.Errorf("the object holds %q", got)
		}
		return nil
	}
	if r, err := x.Run(t.Context(), t.TempDir()); err != nil || r.Points["ingest.blob"] == 0 {
		t.Fatal(r, err)
	}
}
