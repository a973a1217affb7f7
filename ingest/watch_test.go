package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace"
)

// A file joins when it has stood still for two looks, in the order of joining, and keeps its place for ever.
func TestWatch(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	in := []Input{{Name: "mine", Glob: filepath.Join(dir, "*.txt")}}
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".part", []byte(text), 0o644); err != nil {
			t.Error(err)
		}
		if err := os.Rename(path+".part", path); err != nil {
			t.Error(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := Watch(t.Context(), nil, state, in, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Open(t.Context(), millrace.Checkpoint{}); err != nil {
			t.Fatal(err)
		}
		go func() {
			write("m.txt", "first")
			for i := range 5 { // grows for five looks
				time.Sleep(900 * time.Millisecond)
				write("b.txt", fmt.Sprint("growing ", i, strings.Repeat("!", i)))
			}
			time.Sleep(3 * time.Second)
			write("a.txt", "last")
		}()
		began := time.Now()
		var got []string
		for len(got) < 3 {
			b, err := s.Read(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range b.Docs {
				got = append(got, fmt.Sprintf("%s %s %q", d.Position, d.UserID, d.Text))
			}
		}
		want := []string{`files/0/0 m.txt "first"`, `files/0/1099511627776 b.txt "growing 4!!!!"`, `files/0/2199023255552 a.txt "last"`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(began); took < 8*time.Second || took > 12*time.Second {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.Read(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing more comes: %v", err)
		}
	})
	ds := readFiles(t, openFiles(t, state, in[0]), millrace.Checkpoint{}) // without watching, another time
	if len(ds) != 3 || ds[0].UserID != "m.txt" || ds[2].UserID != "a.txt" {
		t.Errorf("%v", briefs(dir, ds))
	}
}

// A link that leads nowhere is said, and not waited for.
func TestWatchGone(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "a.txt")); err != nil {
		t.Skip("this system makes no links:", err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := Watch(t.Context(), nil, "", []Input{{Glob: dir}}, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Open(t.Context(), millrace.Checkpoint{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context(), 1); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v", err)
		}
	})
}
