package crawl

import (
	"slices"
	"testing"
	"time"
)

// TestLook: what a survey says is what the events say.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	f := reload(t, dir)
	for _, e := range []event{
		{kind: evRobots, url: "http://a.example", status: 200, body: "User-agent: *\nDisallow: /x\n"},
		{kind: evRobots, url: "http://b.example", status: 404},
		{kind: evRobots, url: "http://c.example", status: 403},
		{kind: evDiscovered, id: idOf("http://d.example/"), url: "http://d.example/"},
		{kind: evRefused, id: idOf("1"), url: "http://a.example/x", reason: "robots.disallow"},
		{kind: evRefused, id: idOf("2"), url: "http://a.example/y", reason: "crawl.trap"},
	} {
		f.record(e)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	s, err := Look(dir)
	want := Survey{Hosts: 4, Robots: Rules{Rules: 1, None: 1, Closed: 1, Unknown: 1}, Trapped: 1}
	if err != nil || s != want {
		t.Errorf("%+v, %v; want %+v", s, err, want)
	}
}

// TestNextTurns: of all hosts that wait, those whose turns come first, in that order.
func TestNextTurns(t *testing.T) {
	s := newSchedule(time.Second, -1, budget{})
	now := time.Now()
	for i := range 100 {
		a, err := parseAddress("http://h"+string(rune('a'+i%26))+string(rune('a'+i/26))+".example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		h, _ := s.host(a)
		s.sleep(h, now.Add(time.Duration((i*37)%100)*time.Second))
	}
	all := s.next()
	if len(all) != maxNext || !slices.IsSortedFunc(all, func(a, b HostTime) int { return a.At.Compare(b.At) }) ||
		all[maxNext-1].At.Sub(now) > (maxNext-1)*time.Second {
		t.Errorf("%v", all)
	}
}
