package stream

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"millrace/internal/sim/proxy"
)

// rig is a line whose belts reach the log through a proxy each, whose input grows while it runs, and which is
// watched from outside: by its metrics and by what the kernel says of its processes.
type rig struct {
	*line
	parts []*part // feeder, clean workers, mill
	pour  *pour
	watch *watch
}

// part is one belt of a rig.
type part struct {
	*process
	p      *proxy.Proxy
	probe  probe
	second *process // another owner, which does not run before it is wanted
	sight  probe    // of it
}

// rigOptions say how a line is put up.
type rigOptions struct {
	name   string
	log    Server // nil is the embedded broker
	seed   uint64
	docs   int    // a second
	memory string // each belt's cap
	corpus string // "" is a folder of its own
	shards string // when a commit is made
}

// newRig prepares two clean workers between a feeder and a mill.
func (w *World) newRig(ctx context.Context, o rigOptions) (*rig, error) {
	own := *w
	l := &line{w: &own, name: o.name, corpus: o.corpus, parts: 2, log: o.log}
	if l.corpus == "" {
		l.corpus = filepath.Join(w.Dir, o.name)
	}
	own.Input = nil
	if o.shards == "" {
		o.shards = "target_bytes: 384kB, flush_every: 500ms"
	}
	if err := os.MkdirAll(l.corpus, 0o755); err != nil {
		return nil, err
	}
	if l.log == nil {
		var err error
		if l.log, err = newEmbedded(w.Millrace, l.corpus); err != nil {
			return nil, err
		}
	}
	in := filepath.Join(w.Dir, o.name+"-input")
	r := &rig{line: l, pour: newPour(in, o.docs, o.seed), watch: newWatch()}
	if err := os.MkdirAll(in, 0o755); err != nil {
		return nil, err
	}
	for i, kind := range []string{kindFeed, kindClean, kindClean, kindMill} {
		pt, err := r.part(ctx, o, kind, max(0, i-1))
		if err != nil {
			r.end()
			return nil, err
		}
		r.parts = append(r.parts, pt)
	}
	l.feed, l.cleans, l.mill = r.parts[0].process, []*process{r.parts[1].process, r.parts[2].process}, r.parts[3].process
	return r, nil
}

// part prepares one belt: its proxy, its configuration, and a second owner.
func (r *rig) part(ctx context.Context, o rigOptions, kind string, worker int) (*part, error) {
	if kind == kindMill {
		worker = 0
	}
	listen, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := proxy.Start(ctx, proxy.Options{Listen: listen, Target: r.log.Addr(), Kafka: true, Seed: o.seed + uint64(len(r.parts))})
	if err != nil {
		return nil, err
	}
	pt := &part{p: p}
	name := fmt.Sprintf("%s-%s-%d.yaml", r.name, kind, worker)
	text := fmt.Sprintf("dir: %q\nlog: kafka://%s\nworkers: 1\nclean: {recipe: %q}\nshards: {%s}\nlimits: {memory: %s}\ningest:\n  - {in: %q, name: in, url_field: no_such_field}\n",
		r.corpus, p.Addr(), r.w.recipe, o.shards, o.memory, filepath.Join(r.pour.dir, "in-*.jsonl"))
	yaml := filepath.Join(r.w.Dir, name)
	if err := os.WriteFile(yaml, []byte(text), 0o644); err != nil {
		p.Close()
		return nil, err
	}
	r.yaml = yaml
	pt.process = r.belt(kind, worker)
	var addrs [2]string
	for i := range addrs {
		if addrs[i], err = freeAddr(); err != nil {
			p.Close()
			return nil, err
		}
		time.Sleep(time.Millisecond) // the next address is found from another place on
	}
	if kind == kindFeed {
		pt.args = append(pt.args, "--follow")
	}
	pt.second = &process{name: "second " + pt.name, kind: kind, path: pt.path, env: []string{"MILLRACE_TEST_NO_LOCK=1"},
		args: append(append([]string{}, pt.args...), "--metrics", addrs[1])}
	pt.args = append(pt.args, "--metrics", addrs[0])
	pt.probe, pt.sight = probe{addrs[0]}, probe{addrs[1]}
	return pt, nil
}

// upPatience is how long the first commit may take.
const upPatience = 3 * time.Minute

// up starts everything, and returns when the first commit is there.
func (r *rig) up(ctx context.Context) error {
	if err := r.pour.start(); err != nil {
		return err
	}
	var all []*process
	for _, pt := range r.parts {
		all = append(all, pt.process)
		r.watch.add(pt.process)
		r.watch.add(pt.second)
	}
	if e, ok := r.log.(*embedded); ok {
		r.watch.add(e.p)
	}
	r.watch.start()
	if err := r.start(ctx, all); err != nil {
		return err
	}
	for began := time.Now(); r.commits() == 0; {
		if err := r.broken(); err != nil {
			return err
		}
		if time.Since(began) > upPatience {
			return fmt.Errorf("line %s commits nothing: %s", r.name, r.mill.words())
		}
		if err := rest1(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// broken tells who has ended as he should not.
func (r *rig) broken() error {
	for _, pt := range r.parts {
		for _, p := range []*process{pt.process, pt.second} {
			if err := p.fault(); err != nil {
				return err
			}
		}
	}
	return r.pour.fault()
}

// down lets the line come to its end: the input stops to grow, and the feeder reads what there is.
func (r *rig) down(ctx context.Context) error {
	defer r.end()
	for _, pt := range r.parts {
		pt.p.Set(proxy.Fault{})
	}
	r.w.Input = r.pour.stop()
	feed := r.parts[0]
	feed.kill()
	for i, a := range feed.args {
		if a == "--follow" {
			feed.args = append(feed.args[:i:i], feed.args[i+1:]...)
			break
		}
	}
	if err := r.pour.fault(); err != nil {
		return err
	}
	if err := feed.start(ctx); err != nil {
		return err
	}
	if _, err := r.finish(ctx, nil); err != nil {
		return fmt.Errorf("line %s does not come to its end: %w", r.name, err)
	}
	return r.log.Stop(ctx)
}

// end ends whatever runs.
func (r *rig) end() {
	r.pour.stop()
	for _, pt := range r.parts {
		pt.kill()
		pt.second.kill()
		pt.p.Close()
	}
	r.log.Close()
	r.watch.stop()
}

// rest1 waits, unless ctx ends.
func rest1(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pour lets a folder grow by a file of so many documents, each second or whenever there is room.
type pour struct {
	room  func(made int) bool // whether one more is wanted, of so many files; nil: one a second
	old   func() int          // files that nobody needs any more; nil: none
	bytes atomic.Int64        // written

	gone int // files that were removed

	dir  string
	docs int
	w    *writer
	quit chan struct{}
	done sync.WaitGroup
	once sync.Once

	mu    sync.Mutex
	files []string
	made  int
	err   error
}

func newPour(dir string, docs int, seed uint64) *pour {
	w := newWriter(seed)
	return &pour{dir: dir, docs: docs, w: w, quit: make(chan struct{})}
}

// start begins to pour; the first file is there when it returns.
func (p *pour) start() error {
	if err := p.next(); err != nil {
		return err
	}
	p.done.Go(func() {
		every := time.Second
		if p.room != nil {
			every = 50 * time.Millisecond
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-p.quit:
				return
			}
			err := p.drop()
			if err == nil && (p.room == nil || p.room(len(p.files))) {
				err = p.next()
			}
			if err != nil {
				p.mu.Lock()
				p.err = fmt.Errorf("make more input: %w", err)
				p.mu.Unlock()
				return
			}
		}
	})
	return nil
}

// drop removes the files that nobody needs any more.
func (p *pour) drop() error {
	if p.old == nil {
		return nil
	}
	for n := p.old(); p.gone < n; p.gone++ {
		if err := os.Remove(p.files[p.gone]); err != nil {
			return err
		}
	}
	return nil
}

// next makes a file. It gets its name when it is whole.
func (p *pour) next() error {
	p.mu.Lock()
	n, from := len(p.files), p.made
	p.mu.Unlock()
	name, temp := filepath.Join(p.dir, fmt.Sprintf("in-%06d.jsonl", n)), filepath.Join(p.dir, ".next")
	if err := p.w.file(temp, from, from+p.docs); err != nil {
		return err
	}
	info, err := os.Stat(temp)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, name); err != nil {
		return err
	}
	p.bytes.Add(info.Size())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files, p.made = append(p.files, name), from+p.docs
	return nil
}

// stop ends it, and gives the files, in order.
func (p *pour) stop() []string {
	p.once.Do(func() { close(p.quit) })
	p.done.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.files
}

func (p *pour) fault() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}
