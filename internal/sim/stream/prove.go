// Package stream proves that a line of several processes loses nothing and doubles nothing while they are killed:
// a log, a feeder, clean workers and a mill, each with a zombie, which is a second owner of the same part that sleeps
// and wakes up. What comes in are JSONL files, made by a seed; what goes out are figures, and an error when a condition
// does not hold. internal/sim/streamjudge, which knows nothing of millrace, says what the corpora are.
//
// Read in this order: prove.go (what is run and compared), input.go, line.go and process.go (the processes), server.go
// (the log), kill.go, record.go (docs as it came, and played again), judge.go; apart.go and
// machine.go (the same on two machines).
package stream

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace/ingest"
	"millrace/internal/sim"
)

// Options say what is proved.
type Options struct {
	Seed  uint64
	Kills int
	Docs  int    // 0 is enough for the kills
	Input string // a file or folder of JSONL instead
	// Servers makes the log of a line; nil is the embedded broker. Brokers is how many kills are of it, 0 a share.
	Server  func(name string) (Server, error)
	Brokers int
}

// NetworkFlags are those of a command that kills a real Kafka: kills many by default, of which about says more.
func (o *Options) NetworkFlags(f *flag.FlagSet, kills int, about string) {
	f.IntVar(&o.Kills, "kills", kills, about)
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the documents and of who is killed")
	f.IntVar(&o.Docs, "docs", 0, "documents (default: 300 a kill, at least 16,000)")
	f.StringVar(&o.Input, "input", "", "a JSONL file, or a folder of them, instead")
}

// NetworkDocs gives the default for the documents: more than kill-stream has, for Kafka takes seconds to come back.
func (o *Options) NetworkDocs() {
	if o.Docs == 0 {
		o.Docs = max(16_000, 300*o.Kills)
	}
}

// every is the time between two kills.
const every = 450 * time.Millisecond

// docsPerKill is how many documents flow from one to the next: the feeder is held back where it is faster.
const docsPerKill = 100

// Build builds the binaries and makes the input.
func (o *Options) Build(ctx context.Context, dir string) (*World, error) {
	w := &World{Dir: dir, Millrace: filepath.Join(dir, "millrace"), Judge: filepath.Join(dir, "streamjudge")}
	if _, err := sim.Build(ctx, dir); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", w.Judge, "millrace/internal/sim/streamjudge").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the judge: %w\n%s", err, out)
	}
	var err error
	if o.Input != "" {
		w.Input, err = FindInput(o.Input)
	} else {
		if o.Docs == 0 {
			o.Docs = max(100_000, docsPerKill*o.Kills)
		}
		w.Input, err = WriteInput(filepath.Join(dir, "input"), o.Docs, o.Seed)
	}
	if err != nil {
		return nil, err
	}
	if w.lines, err = countLines(w.Input); err != nil {
		return nil, err
	}
	w.recipe = filepath.Join(dir, "recipe.yaml")
	return w, os.WriteFile(w.recipe, []byte(recipe), 0o644)
}

// share of the kills for one kind, at least.
func (o *Options) brokers() int {
	if o.Brokers > 0 {
		return o.Brokers
	}
	return (o.Kills*8 + 99) / 100
}

func (o *Options) server(name string) (Server, error) {
	if o.Server == nil {
		return nil, nil
	}
	return o.Server(name)
}

// barren is how long a mill is given to commit. A Kafka that was killed takes seconds to come back, and clients look for it
// with growing pauses.
func (o *Options) barren() time.Duration {
	if o.Server == nil {
		return maxBarren
	}
	return farBarren
}

// One disturbs a line of one partition and wants the files that an undisturbed one makes.
func (o *Options) One(ctx context.Context, w *World, b *sim.Bar) error {
	part, err := w.Part("one", 8)
	if err != nil {
		return err
	}
	quiet, err := part.newLine("quiet", 1, 0, nil)
	if err != nil {
		return err
	}
	if err := quiet.quiet(ctx); err != nil {
		return err
	}
	want, err := quiet.judge(ctx)
	if err != nil {
		return err
	}
	log, err := o.server("one")
	if err != nil {
		return err
	}
	l, err := part.newLine("killed", 1, 0, log)
	if err != nil {
		return err
	}
	kills := max(5, o.Kills/8)
	k, err := l.disturb(ctx, KillOptions{Kills: kills, Broker: max(1, kills/8), Every: every, Seed: o.Seed, Barren: o.barren()}, nil)
	b.Figures["one_partition"] = k
	if err != nil {
		return fmt.Errorf("one partition: %w", err)
	}
	got, err := l.judge(ctx)
	if err != nil {
		return err
	}
	b.Figures["one_partition_files"], b.Figures["one_partition_ignored"] = len(got.Parts), got.Gaps-want.Gaps
	if err := sameShards(want, got); err != nil {
		return fmt.Errorf("one partition, undisturbed and disturbed: %w", err)
	}
	return nil
}

// Many disturbs a line of two partitions. An undisturbed mill that reads what that mill has read makes the same
// rows; and an undisturbed line has the same input in its rows, in another order.
func (o *Options) Many(ctx context.Context, w *World, b *sim.Bar) error {
	log, err := o.server("many")
	if err != nil {
		return err
	}
	l, err := w.newLine("many", 2, 500*time.Millisecond, log)
	if err != nil {
		return err
	}
	file := filepath.Join(w.Dir, "docs.record")
	rec := record(ctx, l.log.Addr(), "docs", file)
	defer rec.cancel()
	k, err := l.disturb(ctx, KillOptions{Kills: o.Kills, Broker: o.brokers(), Every: every, Seed: o.Seed, Barren: o.barren()}, func(ctx context.Context) error {
		n, err := rec.stop(ctx)
		b.Figures["docs_messages"] = n
		return err
	})
	b.Figures["kills"] = k
	if err != nil {
		return err
	}
	if err := o.enough(&k, 0); err != nil {
		return err
	}
	return o.sameAsUndisturbed(ctx, w, l, file, b)
}

// sameAsUndisturbed lets the judge look at what a disturbed line has made, and compares it with what undisturbed ones make:
// of the same docs, and of the same input.
func (o *Options) sameAsUndisturbed(ctx context.Context, w *World, l *line, file string, b *sim.Bar) error {
	got, err := l.judge(ctx)
	if err != nil {
		return err
	}
	b.Figures["inputs"], b.Figures["commits"], b.Figures["rows"], b.Figures["rejects"] = got.Inputs, got.Commits, got.Rows, got.Rejects
	b.Figures["dead_letters"], b.Figures["no_row"], b.Figures["orphans"] = got.Failed, got.Gaps, got.Orphans
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.sameReplayed(gctx, l, got, file) })
	g.Go(func() error { return w.sameInput(gctx, got) })
	return g.Wait()
}

// sameReplayed wants an undisturbed mill to make the same of the recorded docs, on a broker of its own.
func (w *World) sameReplayed(ctx context.Context, l *line, got *Verdict, file string) error {
	replayed, err := w.replay(ctx, l, file)
	if err != nil {
		return fmt.Errorf("an undisturbed mill on the recorded docs: %w", err)
	}
	if replayed.Ordered != got.Ordered {
		return fmt.Errorf("an undisturbed mill makes other rows of the recorded docs: compare %s.rows with those of the replay", l.corpus)
	}
	if err := sameFiles(replayed, got); err != nil {
		return fmt.Errorf("an undisturbed mill makes other files of the recorded docs: %w", err)
	}
	return nil
}

// sameInput runs an undisturbed line and wants the same input in its rows.
func (w *World) sameInput(ctx context.Context, got *Verdict) error {
	free, err := w.newLine("free", 2, 500*time.Millisecond, nil)
	if err != nil {
		return err
	}
	if err := free.quiet(ctx); err != nil {
		return err
	}
	other, err := free.judge(ctx)
	if err != nil {
		return err
	}
	if other.IDs != got.IDs {
		return errors.New("two free runs have other IDs in their rows")
	}
	return nil
}

// mostBarren is the share of the mill's lives that may end without a commit; one may in any case.
const mostBarren = 0.2

// enough looks at the kills, of which so many were to be of an object store.
func (o *Options) enough(k *Kills, stores int) error {
	others := (o.Kills - o.brokers() - stores) * 17 / 100
	if k.Kinds[kindStore] < stores {
		return fmt.Errorf("%d kills of the store, %d are wanted", k.Kinds[kindStore], stores)
	}
	for kind, least := range map[string]int{kindLog: min(o.brokers(), max(1, o.Kills/16)), kindFeed: others, kindClean: others, kindMill: others} {
		if k.Kinds[kind] < least {
			return fmt.Errorf("%d kills of the %s, at least %d are wanted", k.Kinds[kind], kind, least)
		}
	}
	if n := k.MillLives - k.Committed; float64(n) > max(1, mostBarren*float64(k.MillLives)) {
		return fmt.Errorf("the mill committed in %d of %d lives", k.Committed, k.MillLives)
	}
	return nil
}

// replay lets an undisturbed mill read a recording, on a broker of its own.
func (w *World) replay(ctx context.Context, of *line, file string) (*Verdict, error) {
	l, err := w.newLine(of.name+"-replayed", of.parts, 0, nil)
	if err != nil {
		return nil, err
	}
	defer l.end()
	if err := l.start(ctx, nil); err != nil {
		return nil, err
	}
	addr := l.log.Addr()
	pages := ingest.Topic{Addr: addr, Name: "pages", Partitions: int32(of.parts)}
	if err := errors.Join(pages.Ensure(ctx), (ingest.Topic{Addr: addr, Name: "docs"}).Ensure(ctx)); err != nil {
		return nil, err
	}
	if err := play(ctx, file, addr, "docs"); err != nil {
		return nil, err
	}
	requests, err := pages.Requests(ctx, -1, of.parts)
	if err != nil {
		return nil, err
	}
	defer requests.Close()
	if err := requests.Report(ctx, ingest.Standing{Kind: ingest.KindFiles, Ended: true}); err != nil { // nobody writes any more
		return nil, err
	}
	if err := l.mill.start(ctx); err != nil {
		return nil, err
	}
	if err := l.mill.awaitEnd(ctx); err != nil {
		return nil, err
	}
	if err := l.log.Stop(ctx); err != nil {
		return nil, err
	}
	return l.judge(ctx)
}
