package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"millrace"
	"millrace/crawl"
	"millrace/docs"
	"millrace/ingest"
	"millrace/ingest/broker"
	"millrace/internal/obs"
	"millrace/internal/run"
)

// freePort finds a port that nobody listens on: freeport VAR.
func freePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport VAR")
	}
	for port := 28000 + os.Getpid()%2000; port < 32000; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			ts.Setenv(args[0], strconv.Itoa(port))
			return
		}
	}
	ts.Fatalf("no free port")
}

// ask wants an answer from a URL, within half a minute: ask STATUS URL REGEXP...
func ask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ask STATUS URL REGEXP...")
	}
	last := ""
	for range 300 {
		if last = answer(args[1]); strings.HasPrefix(last, args[0]+" ") {
			missing := 0
			for _, re := range args[2:] {
				if !regexp.MustCompile(re).MatchString(last) {
					missing++
				}
			}
			if missing == 0 {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("want %s, got %s", args, last)
}

func answer(url string) string {
	c := http.Client{Timeout: 5 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", r.StatusCode, b)
}

// hold is a stage that stands still, whatever its context says, while the file in HOLD exists.
type hold struct{}

func (hold) Name() string { return "hold" }

func (hold) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	file := os.Getenv("HOLD")
	if !strings.Contains(d.Text, "hold here") || file == "" {
		return millrace.Verdict{}, nil
	}
	if err := os.WriteFile(file+".held", nil, 0o600); err != nil {
		return millrace.Verdict{}, err
	}
	for {
		if _, err := os.Stat(file); err != nil {
			return millrace.Verdict{}, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func holdingMill() {
	a := &App{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Stages: []millrace.Stage{hold{}}}
	os.Exit(a.Main())
}

func newHealth() *health {
	return &health{limit: 10 * time.Minute, a: &App{log: slog.New(slog.DiscardHandler)}, pulses: map[string]*run.Pulse{}, metrics: obs.New("test", obs.Labels{Reasons: docs.Codes()})}
}

// stuckSource gives one document, which the stage never lets go.
type stuckSource struct{ given bool }

func (*stuckSource) Open(context.Context, millrace.Checkpoint) error { return nil }

func (s *stuckSource) Read(ctx context.Context, _ int) (millrace.Batch, error) {
	if s.given {
		<-ctx.Done()
		return millrace.Batch{}, ctx.Err()
	}
	s.given = true
	return millrace.Batch{Docs: []*millrace.Document{{}}}, nil
}

func (*stuckSource) Resume(context.Context) (millrace.Checkpoint, error) {
	return millrace.Checkpoint{}, nil
}
func (*stuckSource) Write(context.Context, []*millrace.Document) error { return nil }
func (*stuckSource) Flush(context.Context, millrace.Position) error    { return nil }

// stuckStage waits until it is interrupted.
type stuckStage struct{}

func (stuckStage) Name() string { return "stuck" }

func (stuckStage) Process(ctx context.Context, _ *millrace.Document) (millrace.Verdict, error) {
	<-ctx.Done()
	return millrace.Verdict{}, ctx.Err()
}

func TestAliveNamesWhatHangs(t *testing.T) {
	for name, tt := range map[string]struct {
		stages []millrace.Stage
		want   string // "" is alive
	}{
		"waits": {nil, ""},
		"hangs": {[]millrace.Stage{stuckStage{}}, "a document in stage stuck since"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHealth()
				ctx, cancel := context.WithCancel(t.Context())
				s := &stuckSource{}
				b := run.Belt{Name: "mill", Source: s, Sink: s, Stages: tt.stages, Workers: 1, Pulse: h.pulse("mill")}
				ended := make(chan error, 1)
				go func() { ended <- b.Run(ctx) }()
				time.Sleep(h.limit - time.Second)
				if p := h.alive(); len(p) > 0 {
					t.Errorf("too early: %v", p)
				}
				time.Sleep(2 * time.Second)
				if p := h.alive(); (len(p) == 1) != (tt.want != "") || len(p) == 1 && (p[0].What != "belt mill" || !strings.Contains(p[0].Why, tt.want)) {
					t.Errorf("problems: %v", p)
				}
				cancel()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		})
	}
}

func TestAliveSeesACrawlThatHangs(t *testing.T) {
	h := newHealth()
	h.crawl.Hosts.InFlight, h.since = 3, time.Now().Add(-hangAfter-time.Minute)
	if p := h.alive(); len(p) != 1 || !strings.Contains(p[0].Why, "3 requests in flight") {
		t.Errorf("problems: %v", p)
	}
	h.crawl = crawl.Counts{}
	if p := h.alive(); len(p) > 0 {
		t.Errorf("a crawl that waits hangs: %v", p)
	}
}

// Each thing that is missing makes it not ready, by its name.
func TestReadyNamesWhatIsMissing(t *testing.T) {
	now, bad := look{at: time.Now()}, errors.New("no way")
	tests := map[string]struct {
		change func(*health)
		want   string
	}{
		"all is well":      {func(*health) {}, ""},
		"ending":           {func(h *health) { h.ending = true }, "run: it is ending"},
		"before the belts": {func(h *health) { h.line = nil }, "belts: they are being restored"},
		"a belt to come":   {func(h *health) { h.line.restoring.Store(1) }, "belts: they are being restored"},
		"belt":             {func(h *health) { h.pulse("crawl") }, "belt crawl: it is being restored"},
		"log":              {func(h *health) { h.log.err = bad }, "log: no way"},
		"log hangs":        {func(h *health) { h.log.at = now.at.Add(-lookStale - time.Second) }, "log: it has not answered since"},
		"a stage waits":    {func(h *health) { h.line.paused.set("mill", &run.Pause{Stage: "load", Err: bad}) }, "stage load: it waits: no way"},
		"sink":             {func(h *health) { h.sink.err = bad }, "sink: no way"},
		"disk":             {func(h *health) { h.disk.err = bad }, "disk: no way"},
	}
	for name, tt := range tests {
		h := newHealth()
		h.line, h.log, h.sink, h.disk = &line{}, now, now, now
		b := run.Belt{Source: &endedSource{}, Sink: &stuckSource{}, Pulse: h.pulse("mill")}
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		tt.change(h)
		got := ""
		for _, p := range h.ready() {
			got += p.What + ": " + p.Why
		}
		if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// endedSource has nothing.
type endedSource struct{ stuckSource }

func (*endedSource) Read(context.Context, int) (millrace.Batch, error) {
	return millrace.Batch{}, io.EOF
}

func TestReadyNeedsLogAndSink(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{Dir: dir + "/log"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	h := newHealth()
	h.dir = dir
	l := &line{c: &corpus{dir: dir}, topic: ingest.Topic{Addr: b.Addr(), Name: "pages"}}
	if err := l.topic.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/state", 0o755); err != nil {
		t.Fatal(err)
	}
	h.lookAround(t.Context(), l)
	if h.log.err != nil || h.sink.err != nil || h.disk.err != nil {
		t.Fatalf("log %v, sink %v, disk %v", h.log.err, h.sink.err, h.disk.err)
	}
	if left, err := os.ReadDir(dir + "/state"); err != nil || len(left) > 0 {
		t.Errorf("the look at the sink left %v, %v", left, err)
	}
	b.Close()
	if err := os.Remove(dir + "/state"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	h.lookAround(ctx, l)
	if h.log.err == nil || h.sink.err == nil {
		t.Errorf("log %v, sink %v: both are gone", h.log.err, h.sink.err)
	}
}
