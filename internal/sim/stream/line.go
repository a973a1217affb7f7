package stream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The kinds of processes.
const (
	kindLog   = "broker"
	kindFeed  = "crawl"
	kindClean = "clean"
	kindMill  = "mill"
)

// World is what all lines of one proof share.
type World struct {
	Dir      string   // for everything that is written
	Millrace string   // the binary
	Judge    string   // the judge's
	Input    []string // JSONL files

	lines  []int64 // of each of them
	recipe string  // a file
}

// Part is a world of its own in a folder below, with the first of so many parts of the input.
func (w *World) Part(name string, of int) (*World, error) {
	p := *w
	p.Dir = filepath.Join(w.Dir, name)
	n := max(1, len(w.Input)/of)
	p.Input, p.lines = w.Input[:n], w.lines[:n]
	return &p, os.MkdirAll(p.Dir, 0o755)
}

// line is one corpus and the processes that make it.
type line struct {
	w      *World
	name   string
	corpus string
	yaml   string
	parts  int
	log    Server
	store  *gateway // nil where the processes share the corpus's folder
	feed   *process
	cleans []*process
	mill   *process
	zombie []*process // second owners of each part
}

// recipe is short, because these proofs are about the stream between the parts.
const recipe = `name: stream
steps:
  - step: extract
    rules:
      - {signal: chars, min: 1, reason: extract.empty, source: a page without text is no document}
  - step: gopher-quality
    rules:
      - {signal: words, min: 50, max: 100000, reason: quality.word_count, source: Gopher section A1.1}
      - {signal: symbol_hash_ratio, max: 0.1, reason: quality.symbols, source: Gopher section A1.1}
`

// newLine prepares a line of so many partitions. flush is the time between two flush marks, 0 for none: they close
// shards, and where they stand depends on the clock. A nil log is the embedded broker.
func (w *World) newLine(name string, parts int, flush time.Duration, log Server) (*line, error) {
	l := &line{w: w, name: name, corpus: filepath.Join(w.Dir, name), yaml: filepath.Join(w.Dir, name+".yaml"), parts: parts, log: log}
	if log == nil {
		var err error
		if l.log, err = newEmbedded(w.Millrace, l.corpus); err != nil {
			return nil, err
		}
	}
	text := fmt.Sprintf("dir: %q\nlog: kafka://%s\nworkers: 1\nclean: {recipe: %q}\nshards: {target_bytes: 384kB, flush_every: %v}\ningest:\n", l.corpus, l.log.Addr(), w.recipe, flush)
	for i, in := range w.Input {
		text += fmt.Sprintf("  - {in: %q, name: in-%d, url_field: no_such_field}\n", in, i) // the judge finds a row by its Position
	}
	if err := os.WriteFile(l.yaml, []byte(text), 0o644); err != nil {
		return nil, err
	}
	l.feed = l.belt(kindFeed, 0)
	for i := range parts {
		l.cleans = append(l.cleans, l.belt(kindClean, i))
	}
	l.mill = l.belt(kindMill, 0)
	for _, p := range append([]*process{l.feed, l.mill}, l.cleans...) {
		z := &process{name: "zombie of " + p.name, kind: p.kind, path: p.path, args: p.args, env: []string{"MILLRACE_TEST_NO_LOCK=1"}}
		l.zombie = append(l.zombie, z)
	}
	return l, nil
}

func (l *line) belt(kind string, worker int) *process {
	p := &process{name: kind, kind: kind, path: l.w.Millrace, args: []string{"run", "--json", "--quiet", "--belt", kind, l.yaml}}
	if kind != kindMill {
		p.name = fmt.Sprintf("%s %d", kind, worker)
		p.args = append(p.args, "--worker", fmt.Sprintf("%d/%d", worker, l.parts))
	}
	return p
}

// belts are the processes but for the log and the zombies.
func (l *line) belts() []*process { return append([]*process{l.feed, l.mill}, l.cleans...) }

// commits counts those of the mill and its zombie, over all lives.
func (l *line) commits() (n int) {
	for _, p := range append(l.belts(), l.zombie...) {
		n += p.commits()
	}
	return n
}

// start starts the log, and then these processes.
func (l *line) start(ctx context.Context, all []*process) error {
	if err := os.MkdirAll(l.corpus, 0o755); err != nil {
		return err
	}
	if err := l.log.Start(ctx); err != nil {
		return err
	}
	for _, p := range all {
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end kills whatever runs.
func (l *line) end() {
	for _, p := range append(l.belts(), l.zombie...) {
		p.kill()
	}
	l.log.Close()
}

// A line that commits nothing for so long hangs.
const finishPatience = 5 * time.Minute

// rest is how long nothing is committed before it is believed that the mill waits.
const rest = 6 * time.Second

// finish lets everybody come to his end. A clean worker that has ended while the mill still waits is started
// again, as whoever runs workers for good would do it: a zombie may have written to pages once more.
func (l *line) finish(ctx context.Context, zombies []*process) (restarts int, err error) {
	all := append(l.belts(), zombies...)
	for _, p := range all {
		p.pause(false)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	commits, since := 0, time.Now()
	for !l.mill.state().over {
		for _, p := range all {
			if err := p.fault(); err != nil {
				return restarts, err
			}
		}
		if now := l.commits(); now != commits {
			commits, since = now, time.Now()
		}
		if time.Since(since) > finishPatience {
			return restarts, fmt.Errorf("the mill does not end, and nothing was committed for %v: %s", finishPatience, l.mill.words())
		}
		for _, p := range l.cleans {
			if s := p.state(); s.over && time.Since(s.ended) > rest && time.Since(since) > rest {
				restarts++
				if err := p.start(ctx); err != nil {
					return restarts, err
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return restarts, ctx.Err()
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, finishPatience, errors.New("the mill has ended long ago"))
	defer cancel()
	for _, p := range all {
		if err := p.awaitEnd(ctx); err != nil {
			return restarts, err
		}
	}
	return restarts, nil
}

// quiet runs the line to its end, undisturbed.
func (l *line) quiet(ctx context.Context) error {
	defer l.end()
	if err := l.start(ctx, l.belts()); err != nil {
		return err
	}
	if _, err := l.finish(ctx, nil); err != nil {
		return fmt.Errorf("undisturbed line %s: %w", l.name, err)
	}
	return l.log.Stop(ctx)
}
