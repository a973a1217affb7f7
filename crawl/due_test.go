package crawl

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func reloadDue(t fail, dir string) *frontier {
	t.Helper()
	r := &Recrawl{}
	if err := r.fill(); err != nil {
		t.Fatal(err)
	}
	f, err := loadFrontier(nil, dir, share{}, r)
	if err != nil {
		t.Fatal(err)
	}
	f.loaded()
	return f
}

// placesOf takes every known page of f, and tells where its latest visit stands.
func placesOf(t fail, f *frontier) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, h := range f.hosts {
		for n := h.dues.Len(); n > 0; n-- {
			at, top := h.dues.heap[0].time(), h.dues.heap[0].place()
			for _, d := range h.dues.heap {
				if d.time().Before(at) {
					t.Error("the page on top is not the one due first")
				}
			}
			task, ok, err := f.takeDue(h, time.Unix(1<<32-1, 0))
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if _, twice := out[task.addr.fetch]; twice {
				t.Error(task.addr.fetch, "is known twice")
			}
			out[task.addr.fetch] = top
		}
	}
	return out
}

// TestDuesAreAFunctionOfTheLog: visits, restarts, crashes and snapshots at random. What is to be visited
// again is the latest visit of each page that the log tells of, no more and no less.
func TestDuesAreAFunctionOfTheLog(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir := mkdir(t)
		defer os.RemoveAll(dir)
		f := reloadDue(t, dir)
		page := func() string {
			return fmt.Sprintf("http://h%d.example/%d", rapid.IntRange(0, 1).Draw(t, "host"), rapid.IntRange(0, 5).Draw(t, "page"))
		}
		visit := func(t *rapid.T, url string) {
			e := event{kind: evFetched, id: idOf(url), url: url, status: 200, flags: flagThere, when: rapid.Uint64Range(1e9, 2e9).Draw(t, "when")}
			if rapid.Bool().Draw(t, "dated") {
				e.flags |= flagDated
				e.body = string(history("").add(time.Hour, rapid.Bool().Draw(t, "changed")))
			}
			f.record(e)
		}
		t.Repeat(map[string]func(*rapid.T){
			"fetch": func(t *rapid.T) {
				if url := page(); f.seen.get(idOf(url)) == stateUnknown {
					visit(t, url)
				}
			},
			"visit": func(t *rapid.T) {
				if len(f.hosts) == 0 {
					return
				}
				task, ok, err := f.takeDue(rapid.SampledFrom(f.hosts).Draw(t, "of"), time.Unix(rapid.Int64Range(1e9, 3e9).Draw(t, "now"), 0))
				switch {
				case err != nil:
					t.Fatal(err)
				case !ok:
				case rapid.Bool().Draw(t, "put off"):
					f.putOff(task.id, time.Unix(rapid.Int64Range(1e9, 3e9).Draw(t, "until"), 0))
				case rapid.Bool().Draw(t, "finish"): // else it is under way for good
					visit(t, task.addr.fetch)
				}
			},
			"snapshot": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "seldom") > 0 {
					return
				}
				if err := f.log.flush(); err != nil {
					t.Fatal(err)
				}
				if err := f.saveSnapshot(); err != nil {
					t.Fatal(err)
				}
			},
			"restart": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "seldom") > 0 {
					return
				}
				if err := f.close(); err != nil {
					t.Fatal(err)
				}
				f = reloadDue(t, dir)
			},
			"crash": func(t *rapid.T) {
				f.log.flush()
				f.log.f.Close()
				shorten(t, "log", filepath.Join(frontierDir(dir), logName), 0)
				f = reloadDue(t, dir)
			},
		})
		if err := f.log.sync(); err != nil {
			t.Fatal(err)
		}
		f.log.f.Close()
		want, trust := map[string]int64{}, map[string]faith{}
		if err := readLog(frontierDir(dir), func(e *event, pos int64) error {
			want[e.url] = pos
			if host := authorityOf(e.url); e.flags&flagDated != 0 {
				f := trust[host]
				f.judge(history(e.body).list()[0].changed, int64(e.when))
				trust[host] = f
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		f = reloadDue(t, dir)
		defer f.log.f.Close()
		for _, h := range f.hosts {
			if h.faith != trust[h.authority] {
				t.Fatalf("%s: faith %v, want %v", h.authority, h.faith, trust[h.authority])
			}
		}
		if got := placesOf(t, f); !maps.Equal(got, want) {
			t.Fatalf("known %v, want %v", got, want)
		}
	})
}

// TestSnapshotOfOtherSettings: what was due by other settings is not believed, and without re-crawling
// nothing is kept.
func TestSnapshotOfOtherSettings(t *testing.T) {
	dir := t.TempDir()
	f := reloadDue(t, dir)
	const url = "http://h.example/"
	f.record(event{kind: evFetched, id: idOf(url), url: url, status: 200, when: 1e9})
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Recrawl{{Min: time.Second, Max: time.Minute}, nil, {Min: time.Hour, Max: 90 * day}} {
		f, err := loadFrontier(nil, dir, share{}, r)
		if err != nil {
			t.Fatal(err)
		}
		f.loaded()
		h := f.host("http://h.example:80")
		if r == nil {
			if h.dues.Len() != 0 {
				t.Error("pages are kept for nothing")
			}
		} else if want := time.Unix(1e9, 0).Add(min(firstGap, r.Max)); h.dues.Len() != 1 || !h.dues.heap[0].time().Equal(want) {
			t.Errorf("due %v, want %v", h.dues.heap, want)
		}
		if f.seen.get(idOf(url)) != stateFetched {
			t.Error("the page is not known")
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDueIsSmall bounds what a page costs in memory that is to be visited again.
func TestDueIsSmall(t *testing.T) {
	if size := int(reflect.TypeFor[due]().Size()); size != 16 {
		t.Errorf("%d bytes a page", size)
	}
	const pages = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var q dues
	for i := range pages {
		q.note(newDue(idOf(fmt.Sprint(i)), time.Unix(int64(i), 0), int64(i)))
		q.note(newDue(idOf(fmt.Sprint(i/2)), time.Unix(int64(i), 0), int64(i)))
	}
	q.ready()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if q.Len() != pages {
		t.Fatalf("%d pages, want %d", q.Len(), pages)
	}
	if perPage := float64(after.HeapAlloc-before.HeapAlloc) / pages; perPage > 20 {
		t.Errorf("%.1f bytes a page", perPage)
	} else {
		t.Logf("%.1f bytes a page", perPage)
	}
	runtime.KeepAlive(q)
}
