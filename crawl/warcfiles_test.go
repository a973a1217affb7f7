package crawl

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millrace"
	"millrace/internal/warc"
)

// TestTornArchive cuts an archive file whose torn record holds what looks like the beginning of another.
func TestTornArchive(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "torn.warc.gz")
	torn := append([]byte(packed("WARC/1.1\r\nContent-Length: 99\r\n\r\nx"))[:25], "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff not a member"...)
	if err := os.WriteFile(name, torn, 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := openMembers(warcFile{path: name}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	var cut *tornError
	if _, err := m.next(t.Context()); !errors.As(err, &cut) || cut.at != 0 {
		t.Errorf("got %v", err)
	}
}

// TestUnwrittenHole: sectors that never reached the disk end the newest file, and flipped bits do not.
func TestUnwrittenHole(t *testing.T) {
	s := newSite(t, 2, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<p>%s<a href=/%d>x</a>", strings.Repeat(r.URL.Path, 300), len(r.URL.Path))
	})
	o := options(t.TempDir(), s)
	if _, _, err := crawlAll(t, o); err != nil {
		t.Fatal(err)
	}
	files, err := listWARC(o.Dir, 0)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	whole, err := os.ReadFile(files[0].path)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		spoil func(b []byte)
		torn  bool
	}{
		"the first sector":  {func(b []byte) { clear(b[:512]) }, true},
		"the second sector": {func(b []byte) { clear(b[512:1024]) }, true},
		"a bit":             {func(b []byte) { b[100] ^= 4 }, false},
	} {
		b := slices.Clone(whole)
		tt.spoil(b)
		if err := os.WriteFile(files[0].path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		err := tornByHole(readMembers(t.Context(), files[0], 0, func(*warc.Record) error { return nil }))
		if torn := errors.As(err, new(*tornError)); torn != tt.torn || !torn && !errors.Is(err, millrace.ErrIntegrity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
