package cli

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"millrace/shards"
)

// towns serves websites on addresses of their own, so that each is a domain of its own, whose pages lead
// to each other, and writes a pipeline.yaml: towns NUMBER FILE CORPUS. wanttowns CORPUS KILLS judges.
// Of two workers each owns four of the first eight.
type towns struct {
	mu    sync.Mutex
	n     int
	port  int
	asked map[string]int // by URL
}

const townPages = 12

type townsKey struct{}

// ofScript calls f for the towns of the script at hand: scripts run beside each other.
func ofScript(f func(*towns, *testscript.TestScript, bool, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		f(ts.Value(townsKey{}).(*towns), ts, neg, args)
	}
}

func (w *towns) url(town, page int) string {
	return fmt.Sprintf("http://127.0.0.%d:%d/p%d", 15+town%w.n, w.port, page%townPages)
}

func (w *towns) serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: towns NUMBER FILE CORPUS")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	server, err := w.open(n)
	ts.Check(err)
	ts.Defer(func() { server.Close() })
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(w.yaml(args[2])), 0o644))
}

// open serves n towns.
func (w *towns) open(n int) (*http.Server, error) {
	w.n, w.asked = n, map[string]int{} // the towns opened before are of no interest any more
	var listeners []net.Listener
	var err error
	for range 50 {
		w.port = 20000 + rand.IntN(12000)
		if listeners, err = w.listen(); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(w.answer)}
	for _, l := range listeners {
		go server.Serve(l)
	}
	return server, nil
}

func (w *towns) yaml(corpus string) string {
	return fmt.Sprintf("dir: %s\nagent: {token: millbot}\ncrawl: {seeds: ['%s'], scope: any, allow_addr: ['127.0.0.0/8:%d'], delay: 100ms}\nshards: {flush_every: 1s}\n",
		corpus, w.url(0, 0), w.port)
}

// listen opens the port on every address, or on none.
func (w *towns) listen() (all []net.Listener, err error) {
	for i := range w.n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:%d", 15+i, w.port))
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// answer gives a page that leads to the next one of its town, and to two of other towns.
func (w *towns) answer(out http.ResponseWriter, r *http.Request) {
	var town, page, port int
	if n, _ := fmt.Sscanf("http://"+r.Host+r.URL.Path, "http://127.0.0.%d:%d/p%d", &town, &port, &page); n != 3 {
		http.NotFound(out, r)
		return
	}
	town -= 15
	w.mu.Lock()
	w.asked[w.url(town, page)]++
	w.mu.Unlock()
	out.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(out, "<title>Town %d, page %d</title>", town, page)
	for _, to := range []string{w.url(town, page+1), w.url(town+1, page), w.url(town+2, page+5)} {
		fmt.Fprintf(out, "<p>%s <a href=%s>there</a>", strings.Repeat(fmt.Sprintf("word%d ", town*page), 30), to)
	}
}

// want sees to it that each page is a row of the corpus, once, and was asked for at most once more for each kill.
func (w *towns) want(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: wanttowns CORPUS KILLS")
	}
	kills, err := strconv.Atoi(args[1])
	ts.Check(err)
	t, err := shards.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	rows := map[string]int{}
	ts.Check(t.Rows(context.Background(), shards.Select{Kept: true, Rejects: true}, func(r *shards.Row) error {
		rows[r.URL]++
		return nil
	}))
	w.mu.Lock()
	defer w.mu.Unlock()
	for town := range w.n {
		for page := range townPages {
			url := w.url(town, page)
			if rows[url] != 1 || w.asked[url] < 1 || w.asked[url] > 1+kills {
				ts.Fatalf("%s: %d rows, asked for %d times; %d rows in all", url, rows[url], w.asked[url], len(rows))
			}
		}
	}
	if len(rows) != w.n*townPages {
		ts.Fatalf("%d different rows, want %d", len(rows), w.n*townPages)
	}
}

// waitAsked waits until so many pages have been asked for: waitasked NUMBER.
func (w *towns) waitAsked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitasked NUMBER")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		w.mu.Lock()
		n := len(w.asked)
		w.mu.Unlock()
		if n >= want {
			return
		}
	}
	ts.Fatalf("%v: %d pages were not asked for", io.ErrNoProgress, want)
}
