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
	Bytes     int64   `json:"lag_bytes"`   // of their values; about, where there are many
	Seconds   float64 `json:"lag_seconds"` // age of the oldest record that no commit covers
	Owner     string  `json:"owner"`       // who reads it; "" is nobody
	Alone     bool    `json:"no_reader"`   // something waits for longer than a minute, and nobody reads
}

func (a *App) runTopics(ctx context.Context) error {
	c, err := a.openCorpus("")
	if err != nil {
		return err
	}
	if err := a.openStore(c, commandPatience); err != nil {
		return err
	}
	t, err := c.at.Open(ctx)
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
	var all []partitionState
	if err := askLog(ctx, addr, askPatience, func(ctx context.Context) error {
		all, err = l.partitions(ctx, t.Checkpoint())
		return err
	}); err != nil {
		return err
	}
	if a.json {
		for _, s := range all {
			a.emit(s)
		}
		return nil
	}
	return a.printTopics(all)
}

// partitions looks at those of all topics.
func (l *line) partitions(ctx context.Context, at millrace.Checkpoint) (all []partitionState, err error) {
	cleans, err := l.docs.Layout(ctx)
	if err != nil {
		return nil, err
	}
	for _, topic := range []ingest.Topic{l.topic, l.docs} {
		n, err := topic.Layout(ctx)
		if err != nil {
			return nil, err
		}
		for p := range n {
			topic.Partition = int32(p)
			s, err := l.c.partition(ctx, topic, at, cleans > 0)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	return all, nil
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
		lag, err := t.Backlog(ctx, from, s.End)
		if err != nil {
			return s, err
		}
		s.Bytes, s.Seconds = lag.Bytes, max(0, time.Since(lag.Since).Seconds())
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
			lag = fmt.Sprintf("%d records, %s, %s", s.Records, size(s.Bytes), time.Duration(s.Seconds*float64(time.Second)).Round(time.Second))
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
