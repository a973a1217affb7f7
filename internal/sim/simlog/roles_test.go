package simlog

import (
	"context"
	"crypto/sha256"
	"io"
	"strings"
	"time"

	"millrace"
	"millrace/dedup"
	"millrace/ingest"
	"millrace/internal/cli"
	"millrace/internal/run"
	"millrace/shards"
)

// recipe is what is in force: the hashes that the messages of pages and of docs have, and the one of the commits.
type recipe struct{ pages, docs, full string }

// input is one document as its writer has it.
type input struct {
	url, text string
	verdict   millrace.Verdict
}

func (in input) id() millrace.ID { return millrace.NewID(in.url, sha256.Sum256([]byte(in.text))) }

// The partitions: of the archive, of pages and of docs.
func warc(p int) millrace.Partition  { return millrace.Partition{Topic: "warc", Index: int32(p)} }
func pages(p int) millrace.Partition { return millrace.Partition{Topic: "pages", Index: int32(p)} }
func docs() millrace.Partition       { return millrace.Partition{Topic: "docs"} }

// Offsets in the archive have holes.
const hole = 10

// archive is a writer's source. It begins where it is told.
type archive struct {
	part millrace.Partition
	docs []input
	at   int
}

func (s *archive) Open(_ context.Context, c millrace.Checkpoint) error {
	s.at = int(c.Next[s.part]+hole-1) / hole
	return nil
}

func (s *archive) Read(_ context.Context, most int) (b millrace.Batch, err error) {
	for len(b.Docs) < most && s.at < len(s.docs) {
		in := s.docs[s.at]
		d := &millrace.Document{ID: in.id(), Text: in.text, URLKey: in.url, Verdict: in.verdict,
			Position: millrace.Position{Partition: s.part, Offset: int64(hole * s.at)}}
		d.Page.URL, d.Page.Source = in.url, millrace.SourceCrawl
		d.Page.FetchedAt = time.Unix(1_700_000_000+int64(s.at), 0).UTC()
		b.Docs = append(b.Docs, d)
		s.at++
	}
	if len(b.Docs) == 0 {
		return b, io.EOF
	}
	return b, nil
}

// dropWord is in the texts that the clean stage drops.
const dropWord = "spam"

// cleaner is the stage that looks at one document.
type cleaner struct{ cleaned bool }

func (cleaner) Name() string { return "clean" }

func (c cleaner) Process(_ context.Context, d *millrace.Document) (v millrace.Verdict, err error) {
	d.Cleaned = c.cleaned
	if strings.Contains(d.Text, dropWord) {
		v = millrace.Verdict{Reason: millrace.QualityWordCount}
	}
	return v, nil
}

// topic is a partition as an incarnation sees it.
func (i *incarnation) topic(p millrace.Partition) ingest.Topic {
	t := ingest.Topic{Addr: "simulated:1", Name: p.Topic, Partition: p.Index, Recipe: i.recipe.pages, Via: wire{i.w, i}}
	if p == docs() {
		t.Recipe = i.recipe.docs
	}
	return t
}

// newest is what the newest commit says.
func (i *incarnation) newest(context.Context) (millrace.Checkpoint, error) {
	t, err := shards.Open(i.w.dir)
	if err != nil {
		return millrace.Checkpoint{}, err
	}
	return i.w.h.mutant.checkpoint(t.Checkpoint()), nil
}

// writer brings partition p of the archive to pages.
func writer(p int) func(context.Context, *incarnation) error {
	return func(ctx context.Context, i *incarnation) error {
		to := i.topic(pages(p))
		to.Own = warc(p)
		sink := to.Sink(i.newest)
		defer sink.Close()
		b := run.Belt{Name: "crawl", Source: &archive{part: warc(p), docs: i.w.h.inputs[p]}, Sink: sink, Workers: 1, Batch: i.w.h.batch}
		return b.Run(ctx)
	}
}

// clean brings partition p of pages to docs.
func clean(p int) func(context.Context, *incarnation) error {
	return func(ctx context.Context, i *incarnation) error {
		source := i.topic(pages(p)).Source(ingest.SourceOptions{Until: i.until})
		defer source.Close()
		sink := i.topic(docs()).Sink(i.newest)
		defer sink.Close()
		b := run.Belt{Name: "clean", Source: i.w.h.mutant.source(i.w, source), Sink: sink, Workers: 1, Batch: i.w.h.batch,
			Stages: []millrace.Stage{cleaner{true}, dedup.Sketch()}}
		return b.Run(ctx)
	}
}

// mill empties its topic into the shards.
func mill(ctx context.Context, i *incarnation) error {
	w := i.w
	var index *dedup.Index
	sink, err := shards.OpenSink(ctx, shards.Options{Dir: w.dir, Recipe: i.recipe.full, Stages: []string{"clean", "sketch", "dedup"},
		TargetBytes: w.h.target, Stale: 2 * time.Second, StaleWithdrawn: time.Second, Disk: i.disk(),
		OnCommit: func(e *shards.Entry) { _ = index.Save(ctx, e.Checkpoint.Next[w.h.feed()]) }})
	if err != nil {
		return err
	}
	defer sink.Close()
	if index, err = cli.OpenIndex(w.dir, dedup.Options{MemTexts: 1 << 20}); err != nil {
		return err
	}
	defer index.Close()
	source := i.topic(w.h.feed()).Source(ingest.SourceOptions{Until: i.until})
	defer source.Close()
	state := w.h.mutant.state(index)
	stages := []millrace.Stage{state}
	if !w.h.parts {
		stages = append([]millrace.Stage{cleaner{}, dedup.Sketch()}, stages...)
	}
	b := run.Belt{Name: "mill", Source: w.h.mutant.source(w, source), Sink: sink, Stages: stages, Input: w.h.feed(), Workers: 1,
		Batch: w.h.batch, Ready: func() { w.checkState(state, sink.Table().Checkpoint().Next[w.h.feed()]) }}
	return b.Run(ctx)
}

// markErrand writes a flush mark, as the mill's process does.
func (w *world) markErrand(ctx context.Context, i *incarnation) error {
	_, err := i.topic(w.h.feed()).Mark(ctx)
	return err
}

// trimErrand deletes what lies behind the newest commit as it is now, which may be an older one when it gets there.
func (w *world) trimErrand(ctx context.Context, i *incarnation) error {
	at, err := i.newest(ctx)
	if err != nil {
		return err
	}
	parts := []millrace.Partition{w.h.feed()}
	if w.h.parts {
		for p := range w.h.inputs {
			parts = append(parts, pages(p))
		}
	}
	for _, p := range parts {
		before := w.h.mutant.trim(ingest.Committed(at, p), w.at(p).end())
		if before == 0 {
			continue
		}
		if err := i.topic(p).Trim(ctx, before); err != nil {
			return err
		}
	}
	return nil
}

// changeRecipe puts another recipe in force. Everybody at work has the old one: he goes on as a zombie, now or, where
// sleep says so, when the others have gone on for a while.
func (w *world) changeRecipe(sleep int) {
	if w.changed {
		return
	}
	w.changed = true
	now := recipe{pages: w.recipe.pages, docs: "c2", full: "r2"}
	if !w.h.parts {
		now.pages = "u2"
	}
	w.start(&role{name: "recipe", run: func(ctx context.Context, i *incarnation) error {
		if err := shards.FromHere(ctx, i.disk(), w.dir, now.full, "two"); err != nil {
			return err
		}
		if t, err := shards.Open(w.dir); err != nil || t.Newest() == nil {
			return err // nothing was committed: there was no recipe to change
		}
		return w.ask(&gate{inc: i, what: "start again", do: func() {
			w.recipe = now
			i.recipe = now
			for _, r := range w.roles {
				if old := r.owner; sleep > 0 && !old.ended && !old.frozen {
					old.frozen = true
					w.wake[old] = w.step + sleep
				}
				w.start(r)
			}
		}})
	}})
}
