package stream

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// probe asks a belt how it is, as Prometheus and whoever starts and stops processes do.
type probe struct{ addr string }

// reading is one answer.
type reading struct {
	up       bool // it answers
	ready    bool
	problems string
	docs     float64 // handed on
	retries  float64
	produced float64 // batches
	took     float64 // seconds for all of them
	lag      float64
	commits  float64
	goal     float64 // bytes of heap at which the next collection begins: twice what lived at the last one
	routines float64
}

const probePatience = 2 * time.Second

// read asks both pages. What does not answer is not up.
func (p probe) read(ctx context.Context) (r reading) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	status, page, err := get(ctx, "http://"+p.addr+"/readyz")
	if err != nil {
		return r
	}
	r.ready, r.problems = status == http.StatusOK, strings.TrimSpace(string(page))
	_, page, err = get(ctx, "http://"+p.addr+"/metrics")
	if err != nil {
		return r
	}
	r.up = true
	for line := range strings.Lines(string(page)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		name, _, _ = strings.Cut(name, "{")
		if to := r.field(name); to != nil {
			*to += n
		}
	}
	return r
}

// field is where a metric goes; those with labels are summed up.
func (r *reading) field(name string) *float64 {
	switch name {
	case "millrace_documents_total":
		return &r.docs
	case "millrace_log_retries_total":
		return &r.retries
	case "millrace_log_produce_seconds_count":
		return &r.produced
	case "millrace_log_produce_seconds_sum":
		return &r.took
	case "millrace_lag_records":
		return &r.lag
	case "millrace_commits":
		return &r.commits
	case "go_memstats_next_gc_bytes":
		return &r.goal
	case "go_goroutines":
		return &r.routines
	}
	return nil
}

func get(ctx context.Context, url string) (status int, page []byte, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	q.Close = true
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, nil, err
	}
	defer a.Body.Close()
	page, err = io.ReadAll(io.LimitReader(a.Body, 4<<20))
	return a.StatusCode, page, err
}

// lateProduce is how long the log may take for a batch on a good network, on average over a few seconds.
const lateProduce = 0.25

// tells says by what a belt tells that something is wrong, since an earlier reading; "" where it does not.
func (r reading) tells(before reading) string {
	switch {
	case !r.up:
		return "it does not answer"
	case r.retries > before.retries:
		return "millrace_log_retries_total"
	case !r.ready:
		return "/readyz"
	}
	return ""
}

// shows is tells, or that everything comes late: a log that is slow to acknowledge, or more than so much lag.
func (r reading) shows(before reading, lag float64) string {
	switch by := r.tells(before); {
	case by != "":
		return by
	case r.produced > before.produced && (r.took-before.took)/(r.produced-before.produced) > lateProduce:
		return "millrace_log_produce_seconds"
	case r.lag > before.lag+lag:
		return "millrace_lag_records"
	}
	return ""
}

// watch notes what the processes have at most.
type watch struct {
	quit chan struct{}
	once sync.Once
	done sync.WaitGroup

	mu   sync.Mutex
	all  []*process
	peak map[string]int64 // resident bytes, by name
	open map[string]int   // files
}

func newWatch() *watch {
	return &watch{quit: make(chan struct{}), peak: map[string]int64{}, open: map[string]int{}}
}

func (w *watch) add(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, p)
}

func (w *watch) start() {
	w.done.Go(func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			w.look()
			select {
			case <-tick.C:
			case <-w.quit:
				return
			}
		}
	})
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.all {
		if k, err := ofKernel(p.pid()); err == nil {
			w.peak[p.name], w.open[p.name] = max(w.peak[p.name], k.peak), max(w.open[p.name], k.files)
		}
	}
}

func (w *watch) stop() {
	w.once.Do(func() { close(w.quit) })
	w.done.Wait()
}

// peaks gives the most that each process had, in MB.
func (w *watch) peaks() map[string]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]int64{}
	for name, n := range w.peak {
		out[name] = n >> 20
	}
	return out
}

// pid is that of the life that goes on; 0 where none does.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life == nil || p.life.over {
		return 0
	}
	return p.life.cmd.Process.Pid
}

// kernel is what the kernel says of a process.
type kernel struct {
	rss, peak int64 // resident bytes: now, and at most
	files     int   // open
}

// ofKernel reads /proc. Elsewhere than on Linux there is none.
func ofKernel(pid int) (k kernel, err error) {
	if pid == 0 {
		return k, fmt.Errorf("it does not run")
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return k, err
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64) // those that are asked for are numbers
		switch f[0] {
		case "VmRSS:":
			k.rss = n << 10
		case "VmHWM:":
			k.peak = n << 10
		}
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	k.files = len(open)
	return k, err
}
