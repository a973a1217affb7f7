package crashfs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestPromises writes, links, renames and removes with and without fsync of the file and of its folder, and looks at
// what a disk that keeps nothing more than it has to is left with.
func TestPromises(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	disk, in := r.Disk(), func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	left := func(want ...string) {
		t.Helper()
		got := []string{}
		to := filepath.Join(t.TempDir(), "left")
		must(r.At(len(r.Steps())).Crash(Lost).Write(to))
		list, err := os.ReadDir(to)
		must(err)
		for _, e := range list {
			b, err := os.ReadFile(filepath.Join(to, e.Name()))
			must(err)
			got = append(got, e.Name()+"="+string(b))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("left %q, want %q", got, want)
		}
	}
	f, err := disk.Open("t.open", in("new"), os.O_CREATE, 0o644)
	must(err)
	defer f.Close()
	_, err = f.WriteAt("t.write", []byte("bytes"), 0)
	must(err)
	must(f.Sync("t.sync"))
	left("old=old") // its name is not durable
	must(disk.SyncDir("t.folder", dir))
	left("new=bytes", "old=old")
	_, err = f.WriteAt("t.write", []byte("BYTES and more"), 0)
	must(err)
	left("new=bytes", "old=old")
	must(disk.Rename("t.rename", in("new"), in("old")))
	left("new=bytes", "old=old")
	must(disk.SyncDir("t.folder", dir))
	left("old=bytes") // renamed, and its bytes were never synced
	must(f.Sync("t.sync"))
	left("old=BYTES and more")
	must(disk.Link("t.link", in("old"), in("second")))
	must(disk.Remove("t.remove", in("old")))
	left("old=BYTES and more")
	must(f.Truncate("t.cut", 5))
	must(disk.SyncDir("t.folder", dir))
	left("second=BYTES and more")
	must(f.Sync("t.sync"))
	left("second=BYTES")

	// What a killed process leaves is not durable for the next one either.
	must(disk.Remove("t.remove", in("second")))
	next, err := r.At(len(r.Steps())).Record(filepath.Join(t.TempDir(), "next"))
	must(err)
	to := filepath.Join(t.TempDir(), "left")
	must(next.At(0).Crash(Lost).Write(to))
	if b, err := os.ReadFile(filepath.Join(to, "second")); err != nil || string(b) != "BYTES" {
		t.Fatalf("%q, %v", b, err)
	}
	must(next.At(0).Crash(Kept).Write(filepath.Join(t.TempDir(), "kept")))
}
