package crawl

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// sampleEvents has every kind of event.
func sampleEvents() []event {
	return []event{
		{kind: evDiscovered, id: idOf("a"), url: "http://h.example/a", depth: 3, hops: 1, flags: flagAlias, text: "shape"},
		{kind: evDiscovered, id: idOf("d"), url: "http://h.example/d"},
		{kind: evRefused, id: idOf("a"), reason: "robots.disallow", rule: "Disallow: /", line: 7},
		{kind: evRefused, id: idOf("t"), url: "http://h.example/t", reason: "crawl.trap", rule: "too deep"},
		{kind: evFetched, id: idOf("b"), status: 200, next: 1<<seqShift | 99},
		{kind: evFailed, id: idOf("c"), attempts: 4, text: "connection refused"},
		{kind: evRobots, url: "http://h.example:80", status: 200, when: 1_700_000_000, until: 1_700_009_999, body: "User-agent: *\n", text: "truncated"},
		{kind: evSitemap, url: "http://h.example/map.xml"},
		{kind: evClosed, url: "http://h.example:80", when: 1_700_000_009},
		{kind: evNested, url: "http://h.example/2.xml", depth: 1},
		{kind: evFrozen, url: "http://h.example:80/cal/", attempts: 12},
		{kind: evProved, url: "http://h.example:80/p#"},
		{kind: evTrouble, url: "http://h.example:80", when: 1_700_000_010, attempts: 3, text: "connection refused"},
		{kind: evHanded, id: idOf("h"), url: "http://other.example/", depth: 2, worker: 1},
		{kind: evHanded, id: idOf("i"), url: "http://other.example/i", depth: 2, worker: 1},
		{kind: evSent, worker: 1, next: 400},
		{kind: evReceived, next: 17},
		{kind: evArchived, next: 1<<seqShift | 200},
		{kind: evFile, url: "http://h.example:80/.well-known/tdmrep.json", status: 200, when: 1_700_000_010, until: 1_700_009_999, body: "[]"},
	}
}

func TestEveryKindIsSampled(t *testing.T) {
	for k := evDiscovered; k < evEnd; k++ {
		if !slices.ContainsFunc(sampleEvents(), func(e event) bool { return e.kind == k }) {
			t.Errorf("kind %d is not among sampleEvents, and so in none of the tests of the log and the snapshot", k)
		}
	}
}

// logOf is a log as it stands on disk.
func logOf(events ...event) []byte {
	b := append([]byte(logMagic), make([]byte, len(logID{}))...)
	for _, e := range events {
		b = e.frame(b)
	}
	return b
}

// FuzzLog: whatever is read can be written and read again, and makes a ledger that balances.
func FuzzLog(f *testing.F) {
	whole := logOf(sampleEvents()...)
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(logOf())
	f.Fuzz(func(t *testing.T, data []byte) {
		front := newFrontier()
		var events []event
		_, good, err := scanLog(bytes.NewReader(data), 0, func(e *event, pos int64) error {
			front.apply(e, pos)
			events = append(events, *e)
			return nil
		})
		if err != nil && !errors.Is(err, errOtherVersion) {
			t.Fatal(err)
		}
		if err := front.counts.Check(); err != nil {
			t.Error(err)
		}
		if good > int64(len(data)) {
			t.Errorf("good %d of %d bytes", good, len(data))
		}
		var again []event
		if _, _, err := scanLog(bytes.NewReader(logOf(events...)), 0, func(e *event, _ int64) error {
			again = append(again, *e)
			return nil
		}); err != nil || !slices.Equal(again, events) {
			t.Errorf("%v, %d events, read again %d", err, len(events), len(again))
		}
	})
}

// TestLogKeepsEvents reads events back in order and from their places, flushed or not.
func TestLogKeepsEvents(t *testing.T) {
	dir := t.TempDir()
	l, err := openLog(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.mend(0); err != nil {
		t.Fatal(err)
	}
	events := append(sampleEvents(), event{kind: evRobots, url: "http://big.example:80", body: string(make([]byte, maxBuffer/3))})
	var places []int64
	for _, e := range events {
		places = append(places, l.add(&e))
	}
	check := func() {
		t.Helper()
		for i, pos := range places {
			if e, err := l.at(pos); err != nil || e != events[i] {
				t.Errorf("event %d: %v, %+v", i, err, e)
			}
		}
	}
	check()
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	check()
	if e, err := l.at(l.size()); !errors.Is(err, errDamaged) {
		t.Errorf("behind the end: %v, %+v", err, e)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	var got []event
	if err := readLog(dir, func(e *event, _ int64) error { got = append(got, *e); return nil }); err != nil || !slices.Equal(got, events) {
		t.Errorf("%v, got %d events", err, len(got))
	}
}

// TestLogOfAnotherVersion: a log that cannot be understood is never cut.
func TestLogOfAnotherVersion(t *testing.T) {
	unknown := event{kind: evEnd, url: "http://h.example/"}
	for label, b := range map[string][]byte{
		"kind": logOf(unknown),
		"head": append([]byte("millrace frontier 9\n"), make([]byte, 30)...),
	} {
		dir := t.TempDir()
		path := filepath.Join(frontierDir(dir), logName)
		os.MkdirAll(frontierDir(dir), 0o755)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := loadFrontier(nil, dir, share{}, nil); !errors.Is(err, errOtherVersion) {
			t.Errorf("%s: %v", label, err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) {
			t.Errorf("%s: %v, the log was changed", label, err)
		}
	}
}
