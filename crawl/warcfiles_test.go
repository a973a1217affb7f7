package crawl

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
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
