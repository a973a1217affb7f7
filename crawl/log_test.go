package crawl

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func sampleEvents() []event {
	return []event{
		{kind: evDiscovered, id: idOf("a"), url: "http://h.example/a", depth: 3, hops: 1, flags: flagAlias, text: "shape\nyear"},
		{kind: evRefused, id: idOf("a"), reason: "robots.disallow", rule: "Disallow: /", line: 7},
		{kind: evFetched, id: idOf("b"), status: 200, next: 1<<seqShift | 99},
		{kind: evFailed, id: idOf("c"), attempts: 4, text: "connection refused"},
		{kind: evRobots, url: "http://h.example:80", status: 200, when: 1_700_000_000, body: "User-agent: *\n"},
		{kind: evSitemap, url: "http://h.example/map.xml"},
		{kind: evClosed, url: "http://h.example:80", when: 1_700_000_009},
		{kind: evNested, url: "http://h.example/2.xml", depth: 1},
	}
}

// FuzzLog: what is read is what was written, whatever stands behind it.
func FuzzLog(f *testing.F) {
	l := &eventLog{buf: []byte(logMagic)}
	for _, e := range sampleEvents() {
		l.add(&e)
	}
	f.Add(l.buf)
	f.Add(l.buf[:len(l.buf)-3])
	f.Add([]byte(logMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		again := &eventLog{buf: []byte(logMagic)}
		front := newFrontier()
		good, err := readEvents(bytes.NewReader(data), func(e *event) error {
			again.add(e)
			front.apply(e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := front.counts.Check(); err != nil {
			t.Error(err)
		}
		read := 0
		if _, err := readEvents(bytes.NewReader(again.buf), func(*event) error { read++; return nil }); err != nil {
			t.Fatal(err)
		}
		var third []event
		readEvents(bytes.NewReader(data[:good]), func(e *event) error { third = append(third, *e); return nil })
		if read != len(third) || good > int64(len(data)) {
			t.Errorf("%d events, read again %d, good %d of %d bytes", len(third), read, good, len(data))
		}
	})
}

func TestLogKeepsEvents(t *testing.T) {
	dir := t.TempDir()
	l, err := openLog(dir, func(*event) error { return errors.New("an event in a new log") })
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range sampleEvents() {
		l.add(&e)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	var got []event
	if err := readLog(dir, func(e *event) error { got = append(got, *e); return nil }); err != nil || !slices.Equal(got, sampleEvents()) {
		t.Errorf("%v, got %+v", err, got)
	}
}
