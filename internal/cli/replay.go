package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/crawl"
	"millrace/ingest"
	"millrace/internal/lock"
	"millrace/shards"
)

func (a *App) replayCommand() *cobra.Command {
	return &cobra.Command{
		Use: "replay", Short: "Send the dead letters through again, after a mend", Args: noArgs,
		Long: `Send every document that failed, and was not replayed yet, through the mill again as a new input. What
fails again is a dead letter again, with a row of its own; the next replay tries it once more. Where the corpus is
made by belts in processes of their own, they do the rest: run them beside it, or after it.` + exitHelp,
		RunE: func(c *cobra.Command, _ []string) error { return a.runReplay(c.Context()) },
	}
}

// replayPartition numbers the replayed dead letters by their offset in the mill's input: it rises, so
// the mark in the newest commit says which have been replayed.
var replayPartition = millrace.Partition{Topic: "replay"}

func (a *App) runReplay(ctx context.Context) error {
	c, err := a.openCorpus("")
	if err != nil {
		return err
	}
	if err := a.openStore(c, runPatience); err != nil {
		return err
	}
	t, err := c.at.Open(ctx)
	if err != nil {
		return err
	}
	parts := fedBy(t) == docsTopic
	path := filepath.Join(c.dir, "state", "lock")
	if parts { // the mill may have the other one
		path += "-replay"
	}
	l, err := lock.Acquire(path)
	if err != nil {
		return err
	}
	defer l.Release()
	if err := a.settleRecipe(ctx, c, runOptions{}); err != nil {
		return err
	}
	n, err := unsettled(ctx, t)
	if err != nil {
		return err
	}
	if n == 0 {
		a.say("No dead letter is left to replay.")
		return nil
	}
	a.say("Replaying %d dead letters.", n)
	if parts {
		return a.replayIntoParts(ctx, c, t)
	}
	c.cfg.Train.Preset = "none"
	return a.runLine(ctx, c, runOptions{replay: true})
}

// replayIntoParts sends the dead letters to the clean worker 0. Those that were sent before and are not committed
// yet are passed over.
func (a *App) replayIntoParts(ctx context.Context, c *corpus, t *shards.Table) error {
	l := &line{a: a, c: c, ready: func() {}}
	addr, err := l.findLog(ctx, logPatience)
	if err != nil {
		return err
	}
	if err := l.topics(addr); err != nil {
		return err
	}
	l.topic.Carry = l.carrier()
	from := &deadLetterSource{c: c, t: t}
	for _, next := range t.Checkpoint().Next {
		from.to = next
	}
	if err := l.publish(ctx, "replay", from, l.topic.Sink(l.newest)); err != nil {
		return l.explain(err)
	}
	a.say("%d were sent; the clean and mill belts take them from there.", l.published.Load())
	return nil
}

// unsettled counts the dead letters that were not replayed.
func unsettled(ctx context.Context, t *shards.Table) (n int64, err error) {
	err = deadLetters(ctx, t, replayedTo(t), func(*shards.Row) error { n++; return nil })
	return n, err
}

// replayedTo is the offset of the first row that was not looked at by a replay.
func replayedTo(t *shards.Table) int64 {
	if mark, ok := t.Checkpoint().Marks[replayPartition]; ok {
		return mark + 1
	}
	return 0
}

// deadLetters hands over the failed rows from an offset on.
func deadLetters(ctx context.Context, t *shards.Table, from int64, yield func(*shards.Row) error) error {
	return t.Rows(ctx, shards.Select{From: from, Rejects: true}, func(r *shards.Row) error {
		if !r.Verdict.Failed() {
			return nil
		}
		return yield(r)
	})
}

// deadLetterSource reads dead letters as new inputs. It is a millrace.Source.
type deadLetterSource struct {
	c    *corpus
	t    *shards.Table
	to   int64 // rows of this run are for the next replay
	docs []*millrace.Document
}

// Open is millrace.Source.
func (s *deadLetterSource) Open(ctx context.Context, at millrace.Checkpoint) error {
	s.docs = nil
	var rows []*shards.Row
	files := map[millrace.ID]*millrace.Document{} // asked for; filled in one pass over the files
	err := deadLetters(ctx, s.t, at.Next[replayPartition], func(r *shards.Row) error {
		if r.Offset < s.to {
			rows = append(rows, r)
			if r.WARCFile == "" {
				files[r.MID] = nil
			}
		}
		return nil
	})
	if err == nil && len(files) > 0 {
		err = s.c.recallFiles(ctx, files)
	}
	if err != nil {
		return err
	}
	for _, r := range rows {
		d := files[r.MID]
		if r.WARCFile != "" {
			if d, err = s.c.recall(ctx, r); err != nil {
				return fmt.Errorf("dead letter at %s: %w", r.Position, err)
			}
		}
		if d == nil {
			return fmt.Errorf("dead letter at %s: %s is no longer in its file: %w", r.Position, r.URL, millrace.ErrIntegrity)
		}
		again := *d
		again.Position = millrace.Position{Partition: replayPartition, Offset: r.Offset}
		again.Settles, again.Attempts = r.Position, int(r.Attempts)
		s.docs = append(s.docs, &again)
	}
	return nil
}

// Read is millrace.Source.
func (s *deadLetterSource) Read(_ context.Context, most int) (millrace.Batch, error) {
	if len(s.docs) == 0 {
		return millrace.Batch{}, io.EOF
	}
	n := min(most, len(s.docs))
	b := millrace.Batch{Docs: s.docs[:n]}
	s.docs = s.docs[n:]
	return b, nil
}

// recall makes a page's document anew from the archive: from this folder, else from the store.
func (c *corpus) recall(ctx context.Context, r *shards.Row) (*millrace.Document, error) {
	from := ingest.Loader{Dir: c.dir}
	if c.at.Store != nil {
		from.Store = c.at.Store
	}
	member, err := from.Archived(ctx, millrace.Claim{Kind: "warc", File: r.WARCFile, Offset: r.WARCOffset, Length: r.WARCLength})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Exit: Integrity, Err: err, Means: "nothing was sent; the archive file is neither in " + c.dir + " nor in a store",
			Try: "the same command in the folder of the machine that crawled the page; or there millrace run, with store: in pipeline.yaml, which uploads its archive"}
	}
	if err != nil {
		return nil, err
	}
	d, err := crawl.Recall(r.WARCFile, r.WARCOffset, member, c.policy)
	if err == nil && d.ID != r.MID {
		err = fmt.Errorf("%s has another page at byte %d: %w", r.WARCFile, r.WARCOffset, millrace.ErrIntegrity)
	}
	return d, err
}

// recallFiles reads the input files once and fills the documents that are asked for.
func (c *corpus) recallFiles(ctx context.Context, want map[millrace.ID]*millrace.Document) error {
	files, err := parquetToo(ingest.Files(ctx, c.disk, c.dir, c.inputs()))
	if errors.Is(err, ingest.ErrInputChanged) {
		return inputChanged(err)
	}
	if err != nil {
		return &Error{Exit: Failure, Err: err, Means: "nothing was sent; the dead letters are of files that are not here",
			Try: "the same command on the machine that reads the files: the one of --belt crawl --worker 0"}
	}
	defer files.Close()
	if err := files.Open(ctx, millrace.Checkpoint{}); err != nil {
		return err
	}
	for {
		b, err := files.Read(ctx, 64)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, d := range b.Docs {
			if _, ok := want[d.ID]; ok {
				want[d.ID] = d
			}
		}
	}
}
