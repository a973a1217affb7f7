package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millrace/ingest"
)

// writer is one that fills pages.
type writer struct {
	kind   string
	worker int
}

// writers are those that a line of n workers has.
func (l *line) writers(n int) (all []writer) {
	if len(l.c.seeds) > 0 {
		for i := range n {
			all = append(all, writer{worker: i})
		}
	}
	if len(l.c.cfg.Ingest) > 0 {
		all = append(all, writer{kind: ingest.KindFiles})
	}
	return all
}

// rollCall finds out whether a line has come to its end, from what its workers say of themselves in the topic
// requests.
type rollCall struct {
	requests *ingest.Requests
	writers  []writer
}

// await returns when the newest word of every writer is that it has ended, and ends, given all standings of
// clean workers, has nothing left either. It says so only after a while: a worker that is being started again
// has to have the time to say it.
func (r *rollCall) await(ctx context.Context, ends func(ctx context.Context, cleaned map[int]int64) (bool, error)) error {
	began := time.Now()
	ended, cleaned := map[writer]bool{}, map[int]int64{}
	for next := int64(0); ; {
		all, after, err := r.requests.Standings(ctx, next)
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.Kind == ingest.KindClean {
				cleaned[s.Worker] = max(cleaned[s.Worker], s.Next)
			} else {
				ended[writer{s.Kind, s.Worker}] = s.Ended
			}
		}
		if after > next { // an old standing decides nothing
			next = after
			continue
		}
		over := time.Since(began) > endPatience
		for _, w := range r.writers {
			over = over && ended[w]
		}
		if over && ends != nil {
			if over, err = ends(ctx, cleaned); err != nil {
				return err
			}
		}
		if over {
			return nil
		}
	}
}

// awaitCleaned returns when all of pages stands in docs, and nobody will write more.
func (l *line) awaitCleaned(ctx context.Context) error {
	n, err := l.awaitLayout(ctx)
	if err != nil {
		return err
	}
	requests, err := l.topic.Requests(ctx, -1, n)
	if err != nil {
		return openLayout(err)
	}
	defer requests.Close()
	r := rollCall{requests: requests, writers: l.writers(n)}
	said := time.Now()
	return r.await(ctx, func(ctx context.Context, cleaned map[int]int64) (bool, error) {
		for p := range n {
			t := l.topic
			t.Partition = int32(p)
			_, end, err := t.Ends(ctx)
			if err == nil && cleaned[p] < end && time.Since(said) > logPatience {
				l.a.log.Warn("all writers have ended, and what is in pages is not in docs yet", "partition", p, "records", end-cleaned[p],
					"try", fmt.Sprintf("millrace run --belt clean --worker %d/%d, if none runs", p, n))
				said = time.Now()
			}
			if err != nil || cleaned[p] < end {
				return false, err
			}
		}
		return true, nil
	})
}

// awaitLayout waits until the first worker has made the topic pages, and gives the number of its partitions.
func (l *line) awaitLayout(ctx context.Context) (int, error) {
	for said := time.Now(); ; {
		n, err := l.topic.Layout(ctx)
		if err != nil || n > 0 {
			l.layout.Store(int64(n))
			return n, err
		}
		if time.Since(said) > logPatience {
			l.a.log.Warn("no worker has come yet", "try", "millrace run --belt crawl and --belt clean, beside this")
			said = time.Now()
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// trim deletes what lies behind the newest commit, in the topic that the mill reads and upstream of it.
func (l *line) trim(ctx context.Context) error {
	at := *l.checkpoint.Load()
	errs := []error{l.input.Trim(ctx, at.Next[l.input.At()])}
	if l.input.Name == docsTopic {
		for p := range l.layout.Load() {
			t := l.topic
			t.Partition = int32(p)
			if mark, ok := at.Marks[t.At()]; ok {
				errs = append(errs, t.Trim(ctx, mark+1))
			}
		}
	}
	return errors.Join(errs...)
}
