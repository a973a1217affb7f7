package crawl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"millrace"
	"millrace/crawl/consent"
	"millrace/internal/durable"
)

// together is what the frontiers of a layout know, all in all.
type together struct {
	Counts                        Counts
	States                        map[string]state
	Waiting, Held                 map[string][]string // by host, by shape; in their order
	Rules, Trouble, Files, Nested map[string]string
	Visits                        map[string]string // the ETag of the newest one
	Closed, Traps, Proved, Frozen map[string]int64
	Sitemaps                      map[urlID]int64
	handed                        []event // links, in their order
	next                          []int64
	links                         int // that are still to be sent
	twice                         []string
	knows                         map[string]int // who knows a URL
}

// lookAt loads all frontiers of a layout.
func lookAt(t fail, l Frontiers, urls []string) together {
	t.Helper()
	v := together{knows: map[string]int{}, States: map[string]state{}, Waiting: map[string][]string{}, Held: map[string][]string{}, Rules: map[string]string{}, Trouble: map[string]string{},
		Files: map[string]string{}, Nested: map[string]string{}, Visits: map[string]string{}, Closed: map[string]int64{}, Traps: map[string]int64{},
		Proved: map[string]int64{}, Frozen: map[string]int64{}, Sitemaps: map[urlID]int64{}}
	must := func(e event, err error) event {
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for i := range l.Workers {
		s := share{i, l.Workers}
		f, err := loadFrontier(durable.Watched(hasty{}), l.Home, s, &Recrawl{Min: time.Hour, Max: 2 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if err := (&v.Counts).add(f); err != nil {
			t.Fatal(err)
		}
		v.next = append(v.next, f.next)
		for _, u := range urls {
			if is := f.seen.get(idOf(u)); is != stateUnknown && is != stateHanded {
				if v.States[u] != stateUnknown {
					v.twice = append(v.twice, u)
				}
				v.States[u], v.knows[u] = is, i
			}
		}
		f.loaded()
		for shape, q := range f.traps.held {
			for pos := range q.all() {
				v.Held[shape] = append(v.Held[shape], must(f.at(pos)).url)
			}
		}
		maps.Copy(v.Traps, f.traps.count)
		maps.Copy(v.Proved, f.traps.proved)
		maps.Copy(v.Frozen, f.yields.frozen)
		maps.Copy(v.Sitemaps, f.sitemaps)
		for _, pos := range f.files {
			e := must(f.at(pos))
			v.Files[e.url] = e.body
		}
		for _, pos := range f.nested {
			e := must(f.at(pos))
			v.Nested[e.url] = fmt.Sprint(e.depth)
		}
		for _, h := range f.hosts {
			if r, ok, err := f.rules(h); err != nil {
				t.Fatal(err)
			} else if ok {
				v.Rules[h.authority] = r.body
			}
			if h.closed > 0 {
				v.Closed[h.authority] = h.closed
			}
			if x, err := f.trouble(h); err != nil {
				t.Fatal(err)
			} else if x.Err != "" {
				v.Trouble[h.authority] = x.Err
			}
			for _, d := range h.dues.heap {
				e := must(f.at(d.place()))
				v.Visits[e.url] = e.etag
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
		for _, q := range f.outbox {
			v.links += q.len()
		}
		err = readLog(s.folder(l.Home), func(e *event, _ int64) error {
			if e.kind == evHanded {
				v.handed = append(v.handed, *e)
			}
			return nil
		})
		if err = errors.Join(err, f.log.f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Counts.Check(); err != nil {
		t.Error(err)
	}
	return v
}

// hasty is a disk without fsync, for tests that crash nothing.
type hasty struct{}

func (hasty) Before(s *durable.Step) error {
	if s.Op == durable.OpSync || s.Op == durable.OpSyncDir {
		return durable.ErrSkip
	}
	return nil
}

func (hasty) After(_ *durable.Step, err error) error { return err }

// resplitUrls are on eight domains of two hosts each, in two folders.
func resplitUrls() (urls []string) {
	for i := range 8 {
		for _, host := range []string{"h%d.example", "www.h%d.example"} {
			for _, path := range []string{"/a", "/2024/b", "/p?n=1"} {
				urls = append(urls, "http://"+fmt.Sprintf(host, i)+path)
			}
		}
	}
	return urls
}

// live draws what happens to the frontiers of a layout.
func live(t *rapid.T, fronts []*frontier, urls []string) {
	url, number := rapid.SampledFrom(urls), rapid.Uint64Range(1, 1000)
	owned := func(t *rapid.T) (*frontier, event) {
		u := url.Draw(t, "url")
		f := fronts[(share{0, len(fronts)}).owner(hostOf(u))]
		return f, event{id: idOf(u), url: u}
	}
	about := func(k kind, of func(u string) string) func(*rapid.T) {
		return func(t *rapid.T) {
			f, e := owned(t)
			f.record(event{kind: k, url: of(e.url), when: number.Draw(t, "when"), attempts: number.Draw(t, "n"), status: 200, depth: 1,
				body: fmt.Sprint("body ", number.Draw(t, "body")), text: rapid.SampledFrom([]string{"", "why"}).Draw(t, "text")})
		}
	}
	file := func(u string) string { return originOf(u) + "/file.json" }
	ending := func(k kind, reason string) func(*rapid.T) {
		return func(t *rapid.T) {
			f, e := owned(t)
			e.kind, e.reason = k, reason
			if rapid.Bool().Draw(t, "known before") && k != evFetched {
				e.url = ""
			}
			if k == evFetched {
				e.next, e.when, e.etag = number.Draw(t, "next"), number.Draw(t, "when"), fmt.Sprint(number.Draw(t, "etag"))
			}
			f.record(e)
		}
	}
	shapes := func(u string) string {
		a, err := parseAddress(u, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := append(shapesAround(a), noiseShape+a.authority+"?n", yearShape(a))
		return rapid.SampledFrom(all).Draw(t, "shape")
	}
	t.Repeat(map[string]func(*rapid.T){
		"discover": func(t *rapid.T) {
			f, e := owned(t)
			e.kind, e.depth = evDiscovered, number.Draw(t, "depth")%10
			if rapid.Bool().Draw(t, "counts") {
				a, _ := parseAddress(e.url, nil)
				if e.text, _ = shapeOf(a); rapid.Bool().Draw(t, "held") {
					e.flags = flagHeld
				}
			}
			f.record(e)
		},
		"fetched": ending(evFetched, ""),
		"refused": ending(evRefused, string(millrace.RobotsDisallow)),
		"trapped": ending(evRefused, string(millrace.CrawlTrap)),
		"failed":  ending(evFailed, ""),
		"hand over": func(t *rapid.T) {
			u := url.Draw(t, "to")
			a, err := parseAddress(u, nil)
			f := rapid.SampledFrom(fronts).Draw(t, "from")
			if err == nil && !f.share.mine(a) {
				f.handOver(a, Handover{Depth: 3, Sitemap: rapid.Bool().Draw(t, "sitemap")})
			}
		},
		"send": func(t *rapid.T) {
			f := rapid.SampledFrom(fronts).Draw(t, "from")
			if p, ok, err := f.nextParcel(0); err != nil {
				t.Fatal(err)
			} else if ok {
				f.record(event{kind: evSent, worker: uint64(p.to), next: uint64(p.next)})
			}
		},
		"receive": func(t *rapid.T) {
			rapid.SampledFrom(fronts).Draw(t, "who").record(event{kind: evReceived, next: number.Draw(t, "offset")})
		},
		"robots":  about(evRobots, authorityOf),
		"closed":  about(evClosed, authorityOf),
		"trouble": about(evTrouble, authorityOf),
		"file":    about(evFile, file),
		"sitemap": about(evSitemap, file),
		"nested":  about(evNested, file),
		"frozen":  about(evFrozen, shapes),
		"proved":  about(evProved, shapes),
	})
}

func hostOf(u string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(u, "http://"), "/")
	return host
}

// TestResplit lets frontiers live through random events and writes them for another number of workers. Together they
// know what the old ones knew: where each URL stands, what waits in which order, the rules of hosts, the ledger. Only
// links that were on their way have arrived.
func TestResplit(t *testing.T) {
	t.Parallel()
	urls := resplitUrls()
	arrived := 0
	rapid.Check(t, func(t *rapid.T) {
		dir := mkdir(t)
		defer os.RemoveAll(dir)
		from := Frontiers{dir, rapid.IntRange(1, 4).Draw(t, "workers")}
		to := Frontiers{filepath.Join(dir, "state", "layout-2-00000001"), rapid.IntRange(1, 4).Draw(t, "then")}
		var fronts []*frontier
		for i := range from.Workers {
			f, err := loadFrontier(durable.Watched(hasty{}), dir, share{i, from.Workers}, nil)
			if err != nil {
				t.Fatal(err)
			}
			fronts = append(fronts, f)
		}
		live(t, fronts, urls)
		for _, f := range fronts {
			if err := f.log.close(); err != nil {
				t.Fatal(err)
			}
		}
		old := lookAt(t, from, urls)
		if err := Resplit(t.Context(), durable.Watched(hasty{}), dir, from, to); err != nil {
			t.Fatal(err)
		}
		got := lookAt(t, to, urls)
		if len(got.twice)+len(got.handed)+got.links > 0 {
			t.Fatalf("known to several: %q; handed over %v", got.twice, got.handed)
		}
		for i, next := range got.next {
			if i < from.Workers && next != old.next[i] || i >= from.Workers && next != 0 {
				t.Fatalf("worker %d knows the archive up to %d, before %v", i, next, old.next)
			}
		}
		arrived += old.arrive()
		want := old
		owner := got.knows
		want.handed, want.next, want.links, want.knows, got.next, got.handed, got.knows = nil, nil, 0, nil, nil, nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got\n%+v\nwant\n%+v", got, want)
		}
		for _, u := range urls {
			if want := (share{0, to.Workers}).owner(hostOf(u)); got.States[u] != stateUnknown && owner[u] != want {
				t.Fatalf("%s is known to worker %d, and belongs to %d", u, owner[u], want)
			}
		}
	})
	if arrived == 0 {
		t.Error("no link was on its way")
	}
}

// arrive is what becomes of the links that are on their way, in the frontiers' own words: whoever owns one
// discovers it, unless he knows it or its shape is frozen.
func (v *together) arrive() (n int) {
	y := newYields()
	for shape, links := range v.Frozen {
		y.freeze(shape, links)
	}
	for _, e := range v.handed {
		a, _ := parseAddress(e.url, nil)
		if e.flags&flagSitemap != 0 {
			if _, read := v.Sitemaps[idOf(e.url)]; !read && v.Nested[e.url] == "" {
				v.Nested[e.url] = fmt.Sprint(e.depth)
				n++
			}
			continue
		}
		if v.States[e.url] == stateUnknown && y.stops(a, false) == "" {
			v.States[e.url] = stateWaiting
			v.Waiting[a.authority] = append(v.Waiting[a.authority], e.url)
			v.Counts.Discovered++
			v.Counts.Waiting++
			n++
		}
	}
	return n
}

// TestWorkersAreResized lets workers crawl, kills them, and goes on with fewer and then more: each page is fetched
// once, and all that the archives hold is handed on.
func TestWorkersAreResized(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, seeds, want := towns(9)
		dir := t.TempDir()
		at := Frontiers{dir, 3}
		for n, workers := range []int{2, 4, 1, 0} {
			office := newOffice(at.Workers)
			var group sync.WaitGroup
			for i := range at.Workers {
				o := optionsFor(dir, seeds...)
				o.Home, o.Scope, o.Worker, o.Workers = at.Home, "any", i, at.Workers
				group.Go(func() {
					if workers > 0 {
						killed(t, w, o, &desk{office: office, worker: i}, time.Duration(3+2*n)*time.Second)
						return
					}
					o.Exchange = &desk{office: office, worker: i}
					if _, _, err := w.crawl(t, t.Context(), o); err != nil {
						t.Errorf("worker %d: %v", i, err)
					}
				})
			}
			group.Wait()
			if workers == 0 {
				break
			}
			for i := range at.Workers {
				drain(t, dir, at, i, seeds)
			}
			to := Frontiers{filepath.Join(dir, "state", fmt.Sprintf("layout-%d-00000001", n+2)), workers}
			if err := Resplit(t.Context(), nil, dir, at, to); err != nil {
				t.Fatal(err)
			}
			at = to
		}
		archive := OpenArchive(dir, consent.Policy{})
		if err := archive.Open(t.Context(), millrace.Checkpoint{}); err != nil {
			t.Fatal(err)
		}
		docs, err := readAll(t.Context(), archive)
		if err != nil || !slices.Equal(pageURLs(docs), want) {
			t.Errorf("%v, %q, want %q", err, pageURLs(docs), want)
		}
		if c, err := Ledger(at.Home); err != nil || c.Check() != nil || c.Waiting != 0 || c.Fetched != int64(len(want)) {
			t.Errorf("%v, ledger %+v", err, c)
		}
	})
}

// drain wants a worker to hand on what its archive holds, and to ask for nothing.
func drain(t *testing.T, dir string, at Frontiers, worker int, seeds []string) {
	t.Helper()
	o := optionsFor(dir, seeds...)
	o.Home, o.Scope, o.Worker, o.Workers, o.Drain = at.Home, "any", worker, at.Workers, true
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c.work.fetch = func(context.Context, *exchange) { t.Error("a request") }
	if err := c.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	docs, err := readAll(t.Context(), c)
	files, err2 := listWARC(dir, worker)
	if err = errors.Join(err, err2, c.Close()); err != nil || len(files) > 0 && len(docs) == 0 {
		t.Errorf("%d documents of %d files, %v", len(docs), len(files), err)
	}
}

// TestCaptureOfAnother: what a worker of an earlier layout has put into an archive goes on from there as a document,
// and the frontier leaves the page to its owner.
func TestCaptureOfAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, seeds, want := towns(4)
		dir := t.TempDir()
		o := optionsFor(dir, seeds...)
		o.Scope = "any"
		if _, _, err := w.crawl(t, t.Context(), o); err != nil { // alone, it owns everything
			t.Fatal(err)
		}
		o.Home, o.Workers, o.Drain = filepath.Join(dir, "state", "layout-2-00000001"), 3, true
		c := w.start(t, t.Context(), o)
		docs, err := readAll(t.Context(), c)
		if err = errors.Join(err, c.Close()); err != nil || len(docs) != len(want) {
			t.Errorf("%d documents, %v", len(docs), err)
		}
		counts, err := Ledger(o.Home)
		if err != nil || counts.Fetched == 0 || counts.Fetched == int64(len(want)) {
			t.Fatalf("%+v, %v", counts, err)
		}
		err = ForEach(o.Home, func(s URLState) error {
			if owner := (share{0, 3}).owner(s.Host); owner != 0 {
				t.Errorf("%s belongs to worker %d", s.URL, owner)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkResplit prints how much heap a million URLs of a thousand hosts need, at most, while they are shared out among
// 16 workers.
func BenchmarkResplit(b *testing.B) {
	dir := b.TempDir()
	f := reload(b, dir)
	discoverMany(f, 1_000_000, 1000)
	if err := f.log.close(); err != nil {
		b.Fatal(err)
	}
	f = nil
	b.ResetTimer()
	for i := range b.N {
		runtime.GC()
		stop, most := make(chan struct{}), make(chan uint64)
		go func() {
			var high uint64
			for {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				high = max(high, m.HeapAlloc)
				select {
				case <-stop:
					most <- high
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		}()
		err := Resplit(b.Context(), nil, dir, Frontiers{dir, 1}, Frontiers{filepath.Join(dir, fmt.Sprint(i)), 16})
		close(stop)
		b.ReportMetric(float64(<-most)/1e6, "MB-heap")
		if err != nil {
			b.Fatal(err)
		}
	}
}
