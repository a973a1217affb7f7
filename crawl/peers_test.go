package crawl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"millrace"
	"millrace/crawl/consent"
)

// office is an Exchange in memory, for all workers.
type office struct {
	mu        sync.Mutex
	parts     [][]Handover
	standings []Standing
	news      chan struct{} // closed by the next record
}

func newOffice(workers int) *office {
	return &office{parts: make([][]Handover, workers), news: make(chan struct{})}
}

// desk is a worker's place in it, for one life.
type desk struct {
	*office
	worker int
	dead   atomic.Bool // nothing that it does is heard any more
}

var errDead = errors.New("dead")

func (o *office) add(do func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	do()
	close(o.news)
	o.news = make(chan struct{})
}

// wait calls look until it finds something, for a second at most.
func (o *office) wait(ctx context.Context, look func() bool) error {
	late := time.After(time.Second)
	for {
		o.mu.Lock()
		found, news := look(), o.news
		o.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-news:
		case <-late:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (d *desk) Send(ctx context.Context, to int, links []Handover) error {
	if err := sleep(ctx, 900*time.Millisecond); err != nil || d.dead.Load() {
		return errDead
	}
	d.add(func() { d.parts[to] = append(d.parts[to], links...) })
	return nil
}

func (d *desk) Report(_ context.Context, s Standing) error {
	if d.dead.Load() {
		return errDead
	}
	d.add(func() { d.standings = append(d.standings, s) })
	return nil
}

func (o *office) Ends(context.Context) (ends []int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.parts {
		ends = append(ends, int64(len(p)))
	}
	return ends, nil
}

func (d *desk) Receive(ctx context.Context, from int64) (links []Handover, next int64, err error) {
	err = d.wait(ctx, func() bool {
		links = slices.Clone(d.parts[d.worker][from:])
		return len(links) > 0
	})
	return links, from + int64(len(links)), err
}

func (d *desk) Standings(ctx context.Context, from int64) (all []Standing, next int64, err error) {
	err = d.wait(ctx, func() bool {
		all = slices.Clone(d.standings[from:])
		return len(all) > 0
	})
	return all, from + int64(len(all)), err
}

// TestAllDone lets workers do their work in any order, one step at a time, and one of them watch. What the
// watcher believes to be the end must be one: nobody has work, and no link is on its way.
func TestAllDone(t *testing.T) {
	t.Parallel()
	over := 0
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(t, "workers")
		type worker struct {
			work, inbox, taken int
			reported           bool // since something was done
		}
		workers, newest := make([]worker, n), make([]Standing, n)
		workers[0].work = 1
		links := rapid.IntRange(0, 6).Draw(t, "links") // that are still to be found
		var seen []Standing                            // what the watcher has read, and then the ends
		var ends []int64
		pick := rapid.IntRange(0, n-1)
		t.Repeat(map[string]func(*rapid.T){
			"work": func(t *rapid.T) {
				w := &workers[pick.Draw(t, "who")]
				if w.work == 0 {
					return
				}
				w.reported = false
				if links > 0 && rapid.Bool().Draw(t, "finds a link") {
					links--
					workers[pick.Draw(t, "to")].inbox++
				} else {
					w.work--
				}
			},
			"receive": func(t *rapid.T) {
				if w := &workers[pick.Draw(t, "who")]; w.taken < w.inbox {
					w.taken++
					w.work += rapid.IntRange(0, 2).Draw(t, "work in it")
					w.reported = false
				}
			},
			"report": func(t *rapid.T) {
				i := pick.Draw(t, "who")
				if w := &workers[i]; w.work == 0 && !w.reported {
					newest[i], w.reported = Standing{Worker: i, Idle: true, Next: int64(w.taken)}, true
				}
			},
			"watch": func(t *rapid.T) {
				switch {
				case seen == nil:
					seen = slices.Clone(newest)
				case len(ends) < n:
					ends = append(ends, int64(workers[len(ends)].inbox))
				default:
					if allDone(seen, ends) {
						over++
						for i, w := range workers {
							if w.work > 0 || w.taken < w.inbox {
								t.Fatalf("over, and worker %d has %d to do and %d to receive", i, w.work, w.inbox-w.taken)
							}
						}
					}
					seen, ends = nil, nil
				}
			},
		})
	})
	if over == 0 {
		t.Error("no crawl was ever over")
	}
}

// towns is a web of several domains whose pages lead to each other, with a sitemap that is found on
// another host only, and lists a page of that one.
func towns(n int) (w *world, seeds, want []string) {
	answers := map[string]reply{}
	w = &world{answer: fixed(answers), names: map[string]string{}, latency: 10 * time.Millisecond}
	base := func(i int) string { return fmt.Sprintf("http://town%d.example", i%n) }
	for i := range n {
		w.names[base(i)[len("http://"):]] = fmt.Sprintf("1.1.1.%d", i+1)
		answers[base(i)+"/robots.txt"] = textPage("User-agent: *\nDisallow: /closed\nSitemap: " + base(i+1) + "/map.xml\n")
		answers[base(i)+"/map.xml"] = textPage("<urlset><url><loc>" + base(i) + "/listed</loc></url><url><loc>" + base(i+n-1) + "/far</loc></url></urlset>")
		answers[base(i)+"/listed"], answers[base(i)+"/far"] = htmlPage("listed"), htmlPage("far")
		answers[base(i)+"/"] = htmlPage("<a href=" + base(i+1) + "/>next</a><a href=" + base(i+1) + "/closed/a>no</a><a href=" + base(i+3) + "/go>go</a>")
		answers[base(i)+"/go"] = moved(base(i+4) + "/target")
		answers[base(i)+"/target"] = htmlPage("<a href=" + base(i+5) + "/leaf>leaf</a>")
		answers[base(i)+"/leaf"] = htmlPage("leaf")
		for _, path := range []string{"/", "/listed", "/far", "/go", "/target", "/leaf"} {
			want = append(want, base(i)+path)
		}
	}
	slices.Sort(want)
	return w, []string{base(0) + "/"}, want
}

// TestWorkersShareTheWeb lets three workers crawl, kills each of them now and then, and looks at what they
// have together: every page once, each by the owner of its domain.
func TestWorkersShareTheWeb(t *testing.T) {
	t.Parallel()
	for kills := range 4 {
		synctest.Test(t, func(t *testing.T) {
			const workers = 3
			w, seeds, want := towns(7)
			dir, office := t.TempDir(), newOffice(workers)
			var group sync.WaitGroup
			for i := range workers {
				group.Go(func() {
					o := optionsFor(dir, seeds...)
					o.Scope, o.Worker, o.Workers = "any", i, workers
					for life := range kills {
						killed(t, w, o, &desk{office: office, worker: i}, time.Duration(life*2+i+1)*1300*time.Millisecond)
					}
					o.Exchange = &desk{office: office, worker: i}
					if _, _, err := w.crawl(t, t.Context(), o); err != nil {
						t.Errorf("worker %d: %v", i, err)
					}
				})
			}
			group.Wait()
			archive := OpenArchive(dir, consent.Policy{})
			if err := archive.Open(t.Context(), millrace.Checkpoint{}); err != nil {
				t.Fatal(err)
			}
			docs, err := readAll(t.Context(), archive)
			if err != nil || !slices.Equal(pageURLs(docs), want) {
				t.Errorf("%d kills: %v, %q, want %q", kills, err, pageURLs(docs), want)
			}
			for _, d := range docs {
				a := mustAddress(t, d.Page.URL)
				if owner := (share{0, workers}).owner(a.host); int(d.Position.Partition.Index) != owner {
					t.Errorf("%s belongs to worker %d, and was fetched by %d", d.Page.URL, owner, d.Position.Partition.Index)
				}
			}
			if c, err := Ledger(dir); err != nil || c.Check() != nil || c.Waiting != 0 || c.Fetched != int64(len(want)) {
				t.Errorf("%d kills: %v, ledger %+v", kills, err, c)
			}
			if f, err := Fate(dir, "http://town3.example/closed/a"); err != nil || f.Reason != millrace.RobotsDisallow {
				t.Errorf("%v, %+v", err, f)
			}
		})
	}
}

// killed runs one life of a worker, and leaves of it what a kill after a while would: what is not written
// by then is lost.
func killed(t *testing.T, w *world, o Options, d *desk, after time.Duration) {
	o.Exchange = d
	folder, left := share{o.Worker, o.Workers}.folder(orDefault(o.Home, o.Dir)), t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	timer := time.AfterFunc(after, func() {
		d.dead.Store(true)
		if err := os.CopyFS(left, os.DirFS(folder)); err != nil {
			t.Error(err)
		}
		stop()
	})
	c := w.start(t, ctx, o)
	_, err := readAll(ctx, c)
	if err2 := c.Close(); err == nil {
		err = err2
	}
	if timer.Stop() {
		if err != nil {
			t.Errorf("worker %d: %v", o.Worker, err)
		}
		return // it was over before
	}
	if err := errors.Join(os.RemoveAll(folder), os.CopyFS(folder, os.DirFS(left))); err != nil {
		t.Error(err)
	}
}
