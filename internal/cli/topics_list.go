package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"millrace"
	"millrace/ingest"
	"millrace/internal/lock"
	"millrace/internal/term"
	"millrace/shards"
)

// noReader is for how long a partition may wait without anybody who reads it.
const noReader = time.Minute

// partitionState is one partition as `topics` tells of it.
type partitionState struct {
	Type      string  `json:"type"`
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Begin     int64   `json:"begin"`
	End       int64   `json:"end"`
	Records   int64   `json:"lag_records"`
	Seconds   float64 `json:"lag_seconds"` // age of the oldest record that no commit covers
	Owner     string  `json:"owner"`       // who reads it; "" is nobody
	Alone     bool    `json:"no_reader"`   // something waits for longer than a minute, and nobody reads
}

func (a *App) runTopics(ctx context.Context) error {
	c, err := a.openCorpus("")
	if err != nil {
		return err
	}
	t, err := shards.Open(c.dir)
	if err != nil {
		return err
	}
	l := &line{a: a, c: c}
	addr, err := l.findLog(ctx, 0)
	if err != nil {
		return err
	}
	if err := l.topics(addr); err != nil {
		return err
	}
	cleans, err := l.docs.Layout(ctx)
	if err != nil {
		return err
	}
	var all []partitionState
	for _, topic := range []ingest.Topic{l.topic, l.docs} {
		n, err := topic.Layout(ctx)
		if err != nil {
			return err
		}
		for p := range n {
			topic.Partition = int32(p)
			s, err := c.partition(ctx, topic, t.Checkpoint(), cleans > 0)
			if err != nil {
				return err
			}
			all = append(all, s)
		}
	}
	if a.json {
		for _, s := range all {
			a.emit(s)
		}
		return nil
	}
	return a.printTopics(all)
}

// partition looks at one: how much of it no commit covers, and who is there to read it.
func (c *corpus) partition(ctx context.Context, t ingest.Topic, at millrace.Checkpoint, parts bool) (partitionState, error) {
	s := partitionState{Type: "partition", Topic: t.Name, Partition: t.Partition}
	var err error
	if s.Begin, s.End, err = t.Ends(ctx); err != nil {
		return s, err
	}
	from := max(s.Begin, ingest.Committed(at, t.At()))
	if s.Records = s.End - from; s.Records > 0 {
		written, err := t.WrittenAt(ctx, from)
		if err != nil {
			return s, err
		}
		s.Seconds = max(0, time.Since(written).Seconds())
	}
	reader := filepath.Join(c.dir, "state", "lock")
	if t.Name != docsTopic && parts {
		reader += fmt.Sprintf("-%s-%d", beltClean, t.Partition)
	}
	if s.Owner, err = holder(reader); err != nil {
		return s, err
	}
	s.Alone = s.Owner == "" && s.Records > 0 && s.Seconds > noReader.Seconds()
	return s, nil
}

// holder says who holds a lock; "" is nobody.
func holder(path string) (string, error) {
	l, err := lock.Acquire(path)
	var held *lock.HeldError
	switch {
	case errors.As(err, &held):
		return fmt.Sprintf("process %d on %s since %s", held.PID, held.Host, held.Start.Format(time.RFC3339)), nil
	case err != nil:
		return "", err
	}
	return "", l.Release()
}

func (a *App) printTopics(all []partitionState) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  topic\tpartition\tbegin\tend\tlag\tread by")
	red, plain := "", ""
	if f, ok := a.Stdout.(*os.File); ok && term.Is(f) && os.Getenv("NO_COLOR") == "" {
		red, plain = "\x1b[31m", "\x1b[0m"
	}
	for _, s := range all {
		lag := "0"
		if s.Records > 0 {
			lag = fmt.Sprintf("%d records, %s", s.Records, time.Duration(s.Seconds*float64(time.Second)).Round(time.Second))
		}
		owner := term.Safe(s.Owner)
		switch {
		case s.Alone:
			owner = red + "nobody, and it waits" + plain
		case owner == "":
			owner = "nobody"
		}
		fmt.Fprintf(w, "  %s\t%d\t%d\t%d\t%s\t%s\n", s.Topic, s.Partition, s.Begin, s.End, lag, owner)
	}
	if len(all) == 0 {
		fmt.Fprintln(w, "  no topic yet")
	}
	if err := w.Flush(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}
