package crawl

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"millrace"
)

// view is what can be told of a frontier, in a form that can be compared.
type view struct {
	Counts   Counts
	Next     int64
	Resumed  bool
	States   map[string]state
	Waiting  map[string][]string // by host, in the order in which they are taken
	Hosts    map[string][2]int64 // rules and closed
	Sitemaps map[urlID]int64
	Nested   map[urlID]int64
	Traps    map[string]int64
	Outbox   map[int][]string // links for other workers that are still to be sent
	Received int64
}

// viewOf looks at a frontier and drains it.
func viewOf(t fail, f *frontier, urls []string) view {
	t.Helper()
	v := view{Counts: f.counts, Next: f.next, Resumed: f.resumed, States: map[string]state{}, Waiting: map[string][]string{},
		Hosts: map[string][2]int64{}, Sitemaps: maps.Clone(f.sitemaps), Nested: maps.Clone(f.nested), Traps: maps.Clone(f.traps.count),
		Outbox: map[int][]string{}, Received: f.received}
	for _, u := range urls {
		v.States[u] = f.seen.get(idOf(u))
	}
	for _, h := range f.hosts {
		if h.rules|h.closed != 0 {
			v.Hosts[h.authority] = [2]int64{h.rules, h.closed}
		}
		for {
			task, ok, err := f.take(h)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			v.Waiting[h.authority] = append(v.Waiting[h.authority], task.addr.fetch)
		}
	}
	for {
		p, ok, err := f.nextParcel(0)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		for _, l := range p.links {
			v.Outbox[p.to] = append(v.Outbox[p.to], l.URL)
		}
		f.post(uint64(p.to)).dropBelow(p.next)
	}
	if err := f.counts.Check(); err != nil {
		t.Error(err)
	}
	return v
}

// waitingIn is the order in which the events of a log let URLs wait: an independent reading of it.
func waitingIn(t fail, dir string) map[string][]string {
	t.Helper()
	type known struct{ waits, trapped bool }
	all := map[urlID]known{}
	var order []event
	err := readLog(frontierDir(dir), func(e *event, _ int64) error {
		k, seen := all[e.id]
		switch {
		case e.kind == evDiscovered && (!seen || k.trapped):
			order = slices.DeleteFunc(order, func(o event) bool { return o.id == e.id })
			order = append(order, *e)
			all[e.id] = known{waits: true}
		case e.kind > evDiscovered && e.kind <= evFailed && (k.waits || !seen && e.url != ""):
			all[e.id] = known{trapped: e.reason == string(millrace.CrawlTrap)}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, e := range order {
		if all[e.id].waits {
			h := authorityOf(e.url)
			out[h] = append(out[h], e.url)
		}
	}
	return out
}

// unsentIn is what a log hands over and has not sent, by worker.
func unsentIn(t fail, dir string) map[int][]string {
	t.Helper()
	sent, out := map[int]int64{}, map[int][]string{}
	for range 2 { // first to see up to where it is sent
		clear(out)
		err := readLog(frontierDir(dir), func(e *event, pos int64) error {
			to := int(e.worker)
			if e.kind == evSent {
				sent[to] = max(sent[to], int64(e.next))
			} else if e.kind == evHanded && pos >= sent[to] {
				out[to] = append(out[to], e.url)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestSnapshotIsOnlyACache lets a frontier live through random events, snapshots, restarts and crashes that
// cut its log anywhere. What is loaded must be what the log alone says.
func TestSnapshotIsOnlyACache(t *testing.T) {
	t.Parallel()
	var urls []string
	for i := range 8 {
		urls = append(urls, fmt.Sprintf("http://h%d.example/%d", i%2, i))
	}
	url := rapid.SampledFrom(urls)
	number := rapid.Uint64Range(0, 1000)
	rapid.Check(t, func(t *rapid.T) {
		dir, alone := mkdir(t), mkdir(t)
		defer os.RemoveAll(dir)
		defer os.RemoveAll(alone)
		f := reload(t, dir)
		name := func() event {
			u := url.Draw(t, "url")
			return event{id: idOf(u), url: u}
		}
		ending := func(k kind, reason string) func(*rapid.T) {
			return func(t *rapid.T) {
				e := name()
				if _, out := f.taken[e.id]; k == evRefused && f.seen.get(e.id) == stateWaiting && !out {
					return // only whoever has taken a URL refuses it
				}
				e.kind, e.reason, e.next = k, reason, number.Draw(t, "next")
				if rapid.Bool().Draw(t, "known before") {
					e.url = ""
				}
				f.record(e)
			}
		}
		ofHost := func(k kind) func(*rapid.T) {
			return func(t *rapid.T) {
				f.record(event{kind: k, url: authorityOf(url.Draw(t, "host")), when: number.Draw(t, "when")})
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"discover": func(t *rapid.T) {
				e := name()
				e.kind, e.text = evDiscovered, rapid.SampledFrom([]string{"", "a", "a\nb"}).Draw(t, "shapes")
				f.record(e)
			},
			"take": func(t *rapid.T) {
				if len(f.hosts) > 0 {
					if _, _, err := f.take(rapid.SampledFrom(f.hosts).Draw(t, "host")); err != nil {
						t.Fatal(err)
					}
				}
			},
			"fetched": ending(evFetched, ""),
			"refused": ending(evRefused, string(millrace.RobotsDisallow)),
			"trapped": ending(evRefused, string(millrace.CrawlTrap)),
			"failed":  ending(evFailed, ""),
			"hand over": func(t *rapid.T) {
				f.share = share{3, 3} // none of the domains is its own
				n := rapid.IntRange(0, 20).Draw(t, "page")
				a, err := parseAddress(fmt.Sprintf("http://far%d.example/%d", n%4, n), nil)
				if err != nil {
					t.Fatal(err)
				}
				f.handOver(a, Handover{Depth: n, Sitemap: n%5 == 0})
			},
			"send": func(t *rapid.T) {
				if p, ok, err := f.nextParcel(0); err != nil {
					t.Fatal(err)
				} else if ok {
					f.record(event{kind: evSent, worker: uint64(p.to), next: uint64(p.next)})
				}
			},
			"receive": func(t *rapid.T) { f.record(event{kind: evReceived, next: number.Draw(t, "offset")}) },
			"robots":  ofHost(evRobots),
			"closed":  ofHost(evClosed),
			"sitemap": ofHost(evSitemap),
			"nested":  ofHost(evNested),
			"snapshot": func(t *rapid.T) {
				if err := f.log.sync(); err != nil {
					t.Fatal(err)
				}
				if err := f.saveSnapshot(); err != nil {
					t.Fatal(err)
				}
			},
			"restart": func(t *rapid.T) {
				if err := f.close(); err != nil {
					t.Fatal(err)
				}
				f = reload(t, dir)
			},
			"crash": func(t *rapid.T) {
				f.log.flush()
				f.log.f.Close()
				shorten(t, "log", filepath.Join(frontierDir(dir), logName), 0)
				f = reload(t, dir)
			},
			"damage": func(t *rapid.T) { // of the snapshot: one bit
				path := filepath.Join(frontierDir(dir), snapshotName)
				if b, err := os.ReadFile(path); err == nil {
					b[rapid.IntRange(0, len(b)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
					os.WriteFile(path, b, 0o644)
				}
			},
		})
		if err := f.log.flush(); err != nil {
			t.Fatal(err)
		}
		f.log.f.Close()
		copyFile(t, filepath.Join(frontierDir(dir), logName), filepath.Join(frontierDir(alone), logName))
		a, b := reload(t, dir), reload(t, alone)
		defer a.log.f.Close()
		defer b.log.f.Close()
		want, unsent := waitingIn(t, dir), unsentIn(t, dir)
		va, vb := viewOf(t, a, urls), viewOf(t, b, urls)
		if !reflect.DeepEqual(va, vb) {
			t.Fatalf("with the snapshot\n%+v\nfrom the log alone\n%+v", va, vb)
		}
		if !reflect.DeepEqual(va.Waiting, want) {
			t.Fatalf("waiting %v, want %v", va.Waiting, want)
		}
		if !reflect.DeepEqual(va.Outbox, unsent) {
			t.Fatalf("to be sent %v, want %v", va.Outbox, unsent)
		}
	})
}

func mkdir(t fail) string {
	dir, err := os.MkdirTemp("", "frontier")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(frontierDir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func reload(t fail, dir string) *frontier {
	t.Helper()
	f, err := loadFrontier(nil, dir, share{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func copyFile(t fail, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
