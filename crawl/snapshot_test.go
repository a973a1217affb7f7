package crawl

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"millrace"
)

// snapshotOf is a frontier's folder with a log of all kinds of events and a snapshot of it.
func snapshotOf(t fail) (dir string) {
	dir = mkdir(t)
	f := reload(t, dir)
	for _, e := range sampleEvents() {
		f.record(e)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// FuzzSnapshot: a snapshot whose checksum is right may still say anything.
func FuzzSnapshot(f *testing.F) {
	dir := snapshotOf(f)
	f.Cleanup(func() { os.RemoveAll(dir) })
	good, err := os.ReadFile(filepath.Join(frontierDir(dir), snapshotName))
	if err != nil {
		f.Fatal(err)
	}
	l, err := openLog(nil, frontierDir(dir))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.f.Close() })
	head := len(snapshotMagic) + len(l.name)
	f.Add(good[head : len(good)-crc32.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append(append([]byte(nil), good[:head]...), body...)
		data = binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli()))
		front, err := readSnapshot(bytes.NewReader(data), l)
		if err != nil {
			t.Fatal(err)
		}
		if front == nil {
			return
		}
		front.log = l
		for _, h := range front.hosts {
			for ok := true; ok && err == nil; {
				_, ok, err = front.take(h)
			}
		}
	})
}

// TestSnapshotOfAnotherLog: a snapshot is of one log, and of one that is as long.
func TestSnapshotOfAnotherLog(t *testing.T) {
	dir, other := snapshotOf(t), snapshotOf(t)
	defer os.RemoveAll(dir)
	defer os.RemoveAll(other)
	copyFile(t, filepath.Join(frontierDir(other), snapshotName), filepath.Join(frontierDir(dir), snapshotName))
	f := reload(t, dir)
	if err := f.log.close(); err != nil || f.covered != 0 || f.counts.Discovered != 3 {
		t.Errorf("%v; %d bytes are covered, counts %+v", err, f.covered, f.counts)
	}
	if _, err := os.Stat(f.log.snapshotPath()); !errors.Is(err, os.ErrNotExist) {
		t.Error("the snapshot of another log was kept")
	}
}

// TestDamageUnderTheSnapshot: what a snapshot covers is not read at the start, so damage there comes to
// light when a URL's turn comes. The start after that mends the log.
func TestDamageUnderTheSnapshot(t *testing.T) {
	dir := mkdir(t)
	defer os.RemoveAll(dir)
	f := reload(t, dir)
	first := f.record(event{kind: evDiscovered, id: idOf("a"), url: "http://h.example/a"})
	second := f.record(event{kind: evDiscovered, id: idOf("b"), url: "http://h.example/b"})
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(frontierDir(dir), logName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[second+frameHead+5] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	f = reload(t, dir)
	h := f.host("http://h.example:80")
	if task, ok, err := f.take(h); err != nil || !ok || task.addr.fetch != "http://h.example/a" {
		t.Errorf("what stands at %d: %v, %v, %+v", first, err, ok, task)
	}
	if _, _, err := f.take(h); !errors.Is(err, millrace.ErrIntegrity) {
		t.Errorf("the damage: %v", err)
	}
	f.log.f.Close()
	f = reload(t, dir)
	if f.counts.Waiting != 1 || f.log.size() != second {
		t.Errorf("after mending: counts %+v, %d bytes", f.counts, f.log.size())
	}
	f.log.f.Close()
}

// TestLedger reads what a running frontier has written, and leaves no trace.
func TestLedger(t *testing.T) {
	dir := snapshotOf(t)
	defer os.RemoveAll(dir)
	f := reload(t, dir)
	defer f.log.f.Close()
	f.record(event{kind: evDiscovered, id: idOf("z"), url: "http://h.example/z"})
	if err := f.log.flush(); err != nil {
		t.Fatal(err)
	}
	want := f.counts
	want.Frozen, want.Unfollowed = 1, 12
	if c, err := Ledger(dir); err != nil || c != want || c.Discovered != 4 {
		t.Errorf("%v, %+v, want %+v", err, c, want)
	}
	if c, err := Ledger(t.TempDir()); err != nil || c != (Counts{}) {
		t.Errorf("no frontier: %v, %+v", err, c)
	}
}
