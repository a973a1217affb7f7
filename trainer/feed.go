package trainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"millrace"
)

// Docs gives the kept documents of a corpus, from the first one on, in commit order.
type Docs interface {
	// Next returns the next document, without waiting for a commit. io.EOF says that nothing more
	// is committed; a later call may find more.
	Next(ctx context.Context) (Doc, error)
}

// pollEvery is how many steps pass between two looks at a growing corpus.
const pollEvery = 10

// feed gives each step its version of the corpus: the one in the log, or else a new one.
type feed struct {
	docs   Docs
	store  *store
	log    *feedLog
	follow bool
	idle   time.Duration // with follow: how long to wait for another document; 0: for ever
	now    version
	next   int       // the step at which to look again; -1: never
	fresh  time.Time // when the newest document came
}

// Errors of the documents that Train is given.
var (
	// ErrTooLittle says that they do not hold one row of tokens to train on.
	ErrTooLittle = errors.New("not enough text to train on")
	// ErrChanged says that a model cannot be resumed exactly, because the documents that it was
	// trained on are no longer there as they were: a takedown, a rebuilt table, another corpus.
	ErrChanged = errors.New("the corpus is not the one that the model was trained on")
)

// seek makes the version that covers step the present one. Before the first step of a run there
// is none yet.
func (f *feed) seek(ctx context.Context, step int) error {
	vs := f.log.versions
	i := sort.Search(len(vs), func(i int) bool { return vs[i].Step > step }) - 1
	if i < 0 {
		if step > 0 || len(vs) > 0 {
			return fmt.Errorf("%s does not cover step %d: %w", f.log.f.Name(), step, millrace.ErrIntegrity)
		}
		f.next = 0
		return nil
	}
	return f.take(ctx, i)
}

// take loads version i of the log and checks that the corpus still has it.
func (f *feed) take(ctx context.Context, i int) error {
	v := f.log.versions[i]
	for f.store.docs < v.Docs {
		d, err := f.docs.Next(ctx)
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: there are %d documents, step %d had %d", ErrChanged, f.store.docs, v.Step+1, v.Docs)
		}
		if err != nil {
			return fmt.Errorf("read document %d to train on: %w", f.store.docs+1, err)
		}
		f.store.add(d)
	}
	got := f.store.version(v.Step)
	got.Final = v.Final
	if got != v {
		return fmt.Errorf("%w: among the first %d documents, those of step %d; train anew into another folder", ErrChanged, v.Docs, v.Step+1)
	}
	f.now = v
	switch {
	case i+1 < len(f.log.versions):
		f.next = f.log.versions[i+1].Step
	case v.Final:
		f.next = -1
	default:
		f.next = v.Step + pollEvery
	}
	return nil
}

// at makes the version of step the present one. Before the first step it waits for enough text,
// need tokens.
func (f *feed) at(ctx context.Context, step, need int) error {
	if f.next < 0 || step < f.next {
		return nil
	}
	vs := f.log.versions
	if i := sort.Search(len(vs), func(i int) bool { return vs[i].Step >= step }); i < len(vs) {
		return f.take(ctx, i)
	}
	for {
		if err := f.poll(ctx); err != nil {
			return err
		}
		if len(f.store.train) >= need {
			break
		}
		if !f.follow || f.dry() {
			return fmt.Errorf("%w: %d tokens in %d documents, a row takes %d", ErrTooLittle, len(f.store.train), f.store.docs, need)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	v := f.store.version(step)
	v.Final = !f.follow || f.store.full
	if err := f.log.add(v); err != nil {
		return err
	}
	return f.take(ctx, len(f.log.versions)-1)
}

// poll takes in what has been committed since.
func (f *feed) poll(ctx context.Context) error {
	for !f.store.full {
		d, err := f.docs.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read document %d to train on: %w", f.store.docs+1, err)
		}
		f.store.add(d)
		f.fresh = time.Now()
	}
	return nil
}

// dry reports whether documents came, and then none for too long. It is asked between steps and
// changes nothing but the number of steps.
func (f *feed) dry() bool {
	return f.follow && f.idle > 0 && f.store.docs > 0 && time.Since(f.fresh) > f.idle
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
