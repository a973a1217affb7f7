package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"millrace/internal/objects"
	"millrace/internal/sim"
	"millrace/internal/sim/s3"
)

// kindStore is the object store, as something that is killed.
const kindStore = "store"

const (
	storeBucket = "corpus"
	storePrefix = "c1"
)

// gateway is a versitygw, started again on the same address and data.
type gateway struct {
	o s3.Options

	mu      sync.Mutex
	s       *s3.Server
	serving bool
	since   time.Time
	commits int
}

func newGateway(dir string) (*gateway, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	g := &gateway{o: s3.Options{Dir: dir}}
	_, err = fmt.Sscanf(addr, "127.0.0.1:%d", &g.o.Port)
	return g, err
}

// start starts it; commits is how many the line has made by then.
func (g *gateway) start(ctx context.Context, commits int) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	s, err := s3.Start(ctx, g.o)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.s, g.serving, g.since, g.commits = s, true, time.Now(), commits
	return nil
}

func (g *gateway) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.s != nil {
		g.s.Kill()
	}
	g.serving = false
}

// used reports whether it may be killed: something was committed since it has come back.
func (g *gateway) used(commits int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.serving && (commits > g.commits || time.Since(g.since) > maxUnused)
}

// store reads what is there.
func (g *gateway) store() (*objects.S3, error) {
	return objects.NewS3(objects.Options{Place: "s3://" + storeBucket + "/" + storePrefix, Endpoint: g.s.Endpoint(), AccessKey: s3.AccessKey, SecretKey: s3.SecretKey})
}

// storeTarget is the object store in the deck.
func (k *killer) storeTarget() *target {
	g := k.l.store
	return &target{kind: kindStore, ready: func() bool { return g.used(k.l.commits()) },
		kill: func() bool { g.kill(); return true },
		revive: func(ctx context.Context) error {
			k.reviving.Go(func() {
				err := g.start(ctx, k.l.commits())
				k.mu.Lock()
				defer k.mu.Unlock()
				k.failed = errors.Join(k.failed, err)
			})
			return nil
		}}
}

// newApart prepares a line whose processes have a folder each, and the log and an object store in common. Feeder, its
// first clean worker and their zombies are on the first machine, the rest on the second.
func (w *World) newApart(name string, parts int, log Server, g *gateway, machines []*machine) (*line, error) {
	l, err := w.newLine(name, parts, 500*time.Millisecond, log)
	if err != nil {
		return nil, err
	}
	l.store = g
	text, err := os.ReadFile(l.yaml)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(text), "\n") // behind its dir
	for _, p := range append(l.belts(), l.zombie...) {
		folder := filepath.Join(w.Dir, name+"-"+strings.ReplaceAll(p.name, " ", "-"))
		if p == l.mill {
			l.corpus = folder
		}
		file := folder + ".yaml"
		if err := os.WriteFile(file, []byte(fmt.Sprintf("dir: %q\n", folder)+rest+g.s.YAML(storeBucket, storePrefix)), 0o644); err != nil {
			return nil, err
		}
		p.args = slices.Clone(p.args)
		p.args[slices.Index(p.args, l.yaml)] = file
		p.env = append(p.env, g.s.Env()...)
		m := machines[1]
		if p.kind == kindFeed || strings.HasSuffix(p.name, kindClean+" 0") {
			m = machines[0]
		}
		m.put(p)
	}
	return l, nil
}

// download copies the table from the store into a folder, where nothing of millrace has been.
func (g *gateway) download(ctx context.Context, dir string) (n int, err error) {
	s, err := g.store()
	if err != nil {
		return 0, err
	}
	for _, prefix := range []string{"data/", "rejects/", "format"} {
		err := s.List(ctx, prefix, func(o objects.Object) error {
			n++
			return copyObject(ctx, s, o, filepath.Join(dir, filepath.FromSlash(o.Name)))
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func copyObject(ctx context.Context, s *objects.S3, o objects.Object, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	r, err := s.Get(ctx, o.Name, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// Apart disturbs a line on two machines: Apache Kafka and versitygw are between them, and nothing else. What is wanted is
// what Many wants, of the table as it comes out of the store.
func (o *Options) Apart(ctx context.Context, w *World, b *sim.Bar) error {
	log, err := o.server("apart")
	if err != nil {
		return err
	}
	g, err := newGateway(filepath.Join(w.Dir, "versitygw"))
	if err != nil {
		return err
	}
	if err := g.start(ctx, 0); err != nil {
		return err
	}
	defer g.kill()
	if err := g.s.NewBucket(storeBucket); err != nil {
		return err
	}
	machines, stop, err := startMachines(ctx, w.Dir, log.Addr(), g.s.Endpoint())
	if err != nil {
		return err
	}
	defer stop()
	b.Figures["machines"], b.Figures["namespaces"] = len(machines), machines[0] != nil
	l, err := w.newApart("apart", 2, log, g, machines)
	if err != nil {
		return err
	}
	file := filepath.Join(w.Dir, "docs.record")
	rec := record(ctx, l.log.Addr(), "docs", file)
	defer rec.cancel()
	k, err := l.disturb(ctx, KillOptions{Kills: o.Kills, Broker: o.brokers(), Store: o.brokers(), Every: every, Seed: o.Seed, Barren: farBarren}, func(ctx context.Context) error {
		n, err := rec.stop(ctx)
		b.Figures["docs_messages"] = n
		return err
	})
	b.Figures["kills"] = k
	if err != nil {
		return err
	}
	if err := o.enough(&k, o.brokers()); err != nil {
		return err
	}
	l.corpus = filepath.Join(w.Dir, "downloaded")
	if b.Figures["objects"], err = g.download(ctx, l.corpus); err != nil {
		return err
	}
	return o.sameAsUndisturbed(ctx, w, l, file, b)
}
